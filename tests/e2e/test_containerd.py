"""containerd asks with HEAD and pushes with one PUT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, program, run

Ctr = Callable[..., str]


@pytest.fixture(scope="module")
def ctr(
    berth: BerthServer,
    tmp_path_factory: pytest.TempPathFactory,
    daemons: Callable[..., None],
) -> Ctr:
    """A containerd of its own, and the client that runs against it."""
    folder = tmp_path_factory.mktemp("containerd")
    socket = str(folder / "c.sock")
    settings = folder / "config.toml"
    settings.write_text(
        f"""version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
"""
    )

    def ctr(*arguments: str | Path) -> str:
        return run("ctr", "--address", socket, *arguments)

    daemons([program("containerd"), "--config", str(settings)], lambda: ctr("version"))
    return ctr


def remote(berth: BerthServer) -> list[str]:
    """Options for a registry without TLS."""
    return ["--plain-http", "--user", ":".join(berth.auth)]


def imported(ctr: Ctr, folder: Path, image: images.Manifest, name: str) -> None:
    """Brings an image into containerd under `name`."""
    layout = images.write_layout(folder / "layout", {name: image})
    archive = folder / "image.tar"
    run("tar", "-C", layout, "-cf", archive, ".")
    ctr("images", "import", "--all-platforms", "--no-unpack", archive)


@pytest.mark.parametrize("kind", ["image", "index"])
def test_push_and_pull(berth: BerthServer, ctr: Ctr, tmp_path: Path, kind: str) -> None:
    image = images.image("ctr", layer_size=9 * images.MIB) if kind == "image" else images.index(1)
    repository = f"{berth.host}/containerd/{kind}"
    imported(ctr, tmp_path, image, f"{repository}:v1")
    ctr("images", "push", *remote(berth), f"{repository}:v1")
    assert Registry(berth).digest_of(f"containerd/{kind}", "v1") == image.digest
    Registry(berth).assert_whole(f"containerd/{kind}", "v1")

    for reference in (f"{repository}:v1", f"{repository}@{image.digest}"):
        listed = ctr("images", "list", "--quiet").split()
        ctr("images", "remove", "--sync", *listed)
        assert not ctr("content", "list", "--quiet").split()
        ctr("content", "fetch", *remote(berth), "--all-platforms", reference)
        held = ctr("content", "list", "--quiet").split()
        expected = [image.digest, *map(images.sha256, image.all_blobs())]
        assert set(expected) <= set(held)
        listed = ctr("images", "list", f"name=={reference}")
        assert image.digest in listed
