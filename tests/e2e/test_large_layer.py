"""A layer over 1 GiB, pushed and pulled by crane."""

from __future__ import annotations

import hashlib
from pathlib import Path

import images
from berth_server import BerthServer
from clients import run

SIZE = images.GIB + 12_345


def write_large_image(layout: Path) -> str:
    """Writes a layout with one image of one large layer, and returns the image's digest."""
    layer = layout / "layer"
    digest = hashlib.sha256()
    images.write_layout(layout, {})
    with layer.open("wb") as file:
        for block in images.random_blocks("large", SIZE):
            digest.update(block)
            file.write(block)
    config = images.to_json(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest.hexdigest()}"]},
        }
    )
    document = {
        "schemaVersion": 2,
        "mediaType": images.MANIFEST,
        "config": images.descriptor(images.CONFIG, config),
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": f"sha256:{digest.hexdigest()}",
                "size": SIZE,
            }
        ],
    }
    image = images.Manifest(images.to_json(document), images.MANIFEST, [config])
    images.write_layout(layout, {"v1": image})
    layer.rename(layout / "blobs" / "sha256" / digest.hexdigest())
    return image.digest


def test_a_layer_over_one_gib(berth: BerthServer, tmp_path: Path) -> None:
    env = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    user, password = berth.auth
    run("crane", "auth", "login", berth.host, "-u", user, "-p", password, env=env)
    digest = write_large_image(tmp_path / "layout")
    name = f"{berth.host}/large/app"
    run("crane", "push", tmp_path / "layout", f"{name}:v1", env=env)
    for number, reference in enumerate((f"{name}:v1", f"{name}@{digest}")):
        pulled = tmp_path / f"pulled-{number}"
        run("crane", "pull", "--format=oci", reference, pulled, env=env)
        assert images.read_layout(pulled) == [digest]
