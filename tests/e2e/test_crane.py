"""crane pushes with POST, PATCH and PUT, and mounts across repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, run


@pytest.fixture
def env(berth: BerthServer, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Docker configuration into which crane has logged in."""
    env = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    user, password = berth.auth
    run("crane", "auth", "login", berth.host, "-u", user, "-p", password, env=env)
    return env


def test_image(berth: BerthServer, env: dict[str, str], tmp_path: Path) -> None:
    image = images.image("crane", layer_size=9 * images.MIB)
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{berth.host}/crane/app"
    pushed = run("crane", "push", layout, f"{name}:v1", env=env).strip()
    assert pushed == f"{name}@{image.digest}"
    assert run("crane", "digest", f"{name}:v1", env=env).strip() == image.digest
    for number, reference in enumerate((f"{name}:v1", f"{name}@{image.digest}")):
        pulled = tmp_path / f"pulled-{number}"
        run("crane", "pull", "--format=oci", reference, pulled, env=env)
        assert images.read_layout(pulled) == [image.digest]
    run("crane", "validate", "--remote", f"{name}:v1", env=env)


def test_index(berth: BerthServer, env: dict[str, str], tmp_path: Path) -> None:
    index = images.index("crane-index", ["amd64", "arm64", "riscv64"])
    layout = images.write_layout(tmp_path / "layout", {"v1": index})
    # crane pushes the layout's own index, so that becomes the image's.
    (layout / "index.json").write_bytes(index.data)
    name = f"{berth.host}/crane/multi"
    run("crane", "push", "--index", layout, f"{name}:v1", env=env)
    for number, reference in enumerate((f"{name}:v1", f"{name}@{index.digest}")):
        pulled = tmp_path / f"pulled-{number}"
        run("crane", "pull", "--format=oci", reference, pulled, env=env)
        assert images.read_layout(pulled) == [index.digest]
    arm = run("crane", "digest", "--platform", "linux/arm64", f"{name}:v1", env=env).strip()
    assert arm == index.children[1].digest


def test_copy_mounts_the_layers(berth: BerthServer, env: dict[str, str], tmp_path: Path) -> None:
    image = images.image("crane-copy")
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    run("crane", "push", layout, f"{berth.host}/crane/source:v1", env=env)
    run("crane", "copy", f"{berth.host}/crane/source:v1", f"{berth.host}/crane/copy:v1", env=env)
    Registry(berth).assert_whole("crane/copy", image.digest)


def test_tags_catalog_and_delete(berth: BerthServer, env: dict[str, str], tmp_path: Path) -> None:
    image = images.image("crane-tags")
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{berth.host}/crane/tags"
    run("crane", "push", layout, f"{name}:v1", env=env)
    run("crane", "tag", f"{name}:v1", "v2", env=env)
    assert run("crane", "ls", name, env=env).split() == ["v1", "v2"]
    assert "crane/tags" in run("crane", "catalog", berth.host, env=env).split()
    run("crane", "delete", f"{name}@{image.digest}", env=env)
    assert run("crane", "ls", name, env=env).split() == []
