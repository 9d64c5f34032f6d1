"""Storage figures of a running registry, and a look at its folder when it has ended."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import images
from berth_server import BerthServer, berth_binary
from ecr_http import client
from ecr_images import push, small_image
from test_commands import run
from test_users import administer, done


def figures_of(*pushed: images.Manifest) -> dict[str, int]:
    blobs = [blob for image in pushed for blob in image.blobs]
    return {
        "imageCount": len(pushed),
        "manifestSizeInBytes": sum(len(image.data) for image in pushed),
        "imageSizeInBytes": sum(len(blob) for blob in blobs),
    }


def wait_for(berth: BerthServer, expected: dict[str, int]) -> dict[str, Any]:
    """Waits until the registry's figures are these: they follow pushes by a moment."""
    for _ in range(100):
        output = done(administer(berth, "GetStorageFigures"))
        if output["registry"] == expected:
            return output
        time.sleep(0.1)
    raise AssertionError(f"{output['registry']} instead of {expected}")


def command(berth: BerthServer, *args: str) -> str:
    env = {
        "BERTH_ENDPOINT_URL": berth.url,
        "BERTH_ROOT_ACCESS_KEY_ID": berth.access_key,
        "BERTH_ROOT_SECRET_ACCESS_KEY": berth.secret_key,
    }
    return run([str(berth_binary()), "figures", *args], env).stdout


def test_figures_follow_what_is_pushed_and_deleted(fresh_berth: BerthServer) -> None:
    berth, ecr = fresh_berth, client(fresh_berth)
    one, two = small_image("one"), small_image("two")
    for name, image, tag in [("a/one", one, "v1"), ("a/one", two, "v2"), ("b/two", two, "v1")]:
        if tag == "v1":
            ecr.create_repository(repositoryName=name)
        push(berth, name, image, tag)
    output = wait_for(berth, figures_of(one, two, two))
    all_images = {"extent": "ALL_IMAGES"}
    first = figures_of(one, two) | all_images | {"repositoryName": "a/one"}
    second = figures_of(two) | all_images | {"repositoryName": "b/two"}
    assert output["repositories"] == [first, second]
    page = done(administer(berth, "GetStorageFigures", maxResults=1))
    assert page["repositories"] == [first]
    rest = done(administer(berth, "GetStorageFigures", maxResults=1, nextToken=page["nextToken"]))
    assert rest["repositories"] == [second]
    assert "nextToken" not in rest
    only = done(administer(berth, "GetRepositoryStorageFigures", repositoryName="b/two"))
    assert only == {"repository": second}

    lines = [line.split() for line in command(berth).splitlines()]
    assert [line[3:] for line in lines[1:]] == [["a/one"], ["b/two"], ["all", "repositories"]]
    assert [int(number) for number in lines[1][:3]] == list(figures_of(one, two).values())
    assert "b/two" in command(berth, "--repository", "b/two")

    ecr.delete_repository(repositoryName="a/one", force=True)
    wait_for(berth, figures_of(two))


def verify(folder: Path, *args: str, code: int = 0) -> str:
    arguments = [str(berth_binary()), "verify", "--data-dir", str(folder), *args]
    done = run(arguments, {}, code)
    return done.stdout + done.stderr


def test_verify_tells_what_is_damaged(tmp_path: Path) -> None:
    assert "is not the data folder" in verify(tmp_path, code=1)
    berth = BerthServer(data_dir=tmp_path / "data")
    try:
        client(berth).create_repository(repositoryName="app")
        push(berth, "app", small_image("one"), "v1")
        assert "another process uses the data folder" in verify(berth.data_dir, code=1)
        assert berth.stop() == 0
        sound = verify(berth.data_dir)
        assert "1 repositories, 1 images" in sound
        assert "0 damages, 0 counters mended, 0 objects left over" in sound
        objects = [path for path in (berth.data_dir / "objects").rglob("*") if path.is_file()]
        (berth.data_dir / "objects" / "0" / "blobs_stray").write_bytes(b"nobody's")
        damaged = bytearray(objects[0].read_bytes())
        damaged[0] ^= 1
        objects[0].write_bytes(bytes(damaged))
        told = verify(berth.data_dir, "--repair", code=1)
        assert "damage: app: layer sha256:" in told
        assert "has bytes of another digest, sha256:" in told
        assert "left over: object blobs_stray is nobody's" in told
        assert "1 damages, 0 counters mended, 1 objects left over" in told
    finally:
        berth.close()
