"""Eight pushes at a time of images that share layers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, run

PUSHES = 8


@pytest.mark.parametrize("repositories", [1, PUSHES], ids=["one-repository", "eight-repositories"])
def test_images_that_share_layers(berth: BerthServer, tmp_path: Path, repositories: int) -> None:
    env = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    user, password = berth.auth
    run("crane", "auth", "login", berth.host, "-u", user, "-p", password, env=env)
    made = [
        images.image(
            f"concurrent-{number}",
            layers=1,
            layer_size=3 * images.MIB,
            shared=["base", "runtime", "libraries"],
        )
        for number in range(PUSHES)
    ]

    def place(number: int) -> tuple[str, str]:
        return f"concurrent/{repositories}-{number % repositories}", f"v{number}"

    def push(number: int) -> None:
        repository, tag = place(number)
        layout = images.write_layout(tmp_path / f"layout-{number}", {tag: made[number]})
        run("crane", "push", layout, f"{berth.host}/{repository}:{tag}", env=env)

    with ThreadPoolExecutor(PUSHES) as pool:
        list(pool.map(push, range(PUSHES)))

    registry = Registry(berth)
    for number, image in enumerate(made):
        repository, tag = place(number)
        assert registry.digest_of(repository, tag) == image.digest
        registry.assert_whole(repository, image.digest)
