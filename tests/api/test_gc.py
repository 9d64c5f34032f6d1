"""`berth gc` on the data folder of a server that is stopped."""

from __future__ import annotations

import subprocess
from pathlib import Path

import images
import pytest
import requests
from berth_server import BerthServer, berth_binary
from ecr_images import push, push_blob, small_image

pytestmark = pytest.mark.local


def gc(data: Path, *args: str, code: int = 0) -> list[str]:
    """Runs the command, and returns the lines that it prints."""
    command = [str(berth_binary()), "gc", "--data-dir", str(data), *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return (done.stdout if code == 0 else done.stderr).splitlines()


def files(data: Path) -> list[Path]:
    return sorted(path for path in (data / "objects").rglob("*") if path.is_file())


def test_what_no_image_uses_goes_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    used = small_image("used")
    with BerthServer(data_dir=data) as berth:
        push(berth, "team/app", used, "v1")
        unused = images.random_bytes("unused", 5000)
        digest = push_blob(berth, "team/app", unused)
        refused, *_ = gc(data, "--dry-run", code=1)
        assert "another process uses the data folder" in refused

    before = files(data)
    expected = [f"blob\t5000\t{digest}"]
    *listed, total = gc(data, "--dry-run")
    assert listed == expected
    assert total == "would free 5000 bytes in 1 objects, and 0 unfinished uploads"
    assert files(data) == before
    *listed, total = gc(data)
    assert listed == expected
    assert total == "freed 5000 bytes in 1 objects, and 0 unfinished uploads"
    assert len(files(data)) == len(before) - 1
    assert gc(data) == ["freed 0 bytes in 0 objects, and 0 unfinished uploads"]

    with BerthServer(data_dir=data) as berth:
        for blob in used.all_blobs():
            url = f"{berth.url}/v2/team/app/blobs/{images.sha256(blob)}"
            assert requests.get(url, auth=berth.auth, timeout=30).content == blob


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_that_is_none_is_left_alone(tmp_path: Path, made: bool) -> None:
    data = tmp_path / "data"
    if made:
        data.mkdir()
    refused, *_ = gc(data, code=1)
    assert "is not the data folder of a registry" in refused
    assert data.exists() == made
    assert not (made and list(data.iterdir()))
