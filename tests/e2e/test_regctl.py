"""regctl pushes in one PUT or in chunks, and knows referrers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, run

Regctl = Callable[..., str]


@pytest.fixture
def regctl(berth: BerthServer, tmp_path: Path) -> Regctl:
    """Runs regctl with a configuration that knows the server."""
    env = {
        "REGCTL_CONFIG": str(tmp_path / "regctl.json"),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
    }
    run("regctl", "registry", "set", "--tls=disabled", berth.host, "--skip-check", env=env)
    user, password = berth.auth
    run(
        "regctl",
        "registry",
        "login",
        berth.host,
        "-u",
        user,
        "--pass-stdin",
        stdin=password,
        env=env,
    )
    return lambda *arguments, **options: run("regctl", *arguments, env=env, **options)


def patches(berth: BerthServer) -> int:
    """Returns how many chunks the server has accepted."""
    metrics = Registry(berth).request("GET", "/metrics").text
    line = r'^berth_requests_total{method="PATCH",[^}]*status="202"} (\d+)$'
    return sum(map(int, re.findall(line, metrics, re.MULTILINE)))


@pytest.mark.parametrize("chunk", [None, images.MIB], ids=["whole", "chunked"])
def test_image(berth: BerthServer, regctl: Regctl, tmp_path: Path, chunk: int | None) -> None:
    if chunk:
        limits = [f"--blob-chunk={chunk}", f"--blob-max={chunk}"]
        regctl("registry", "set", berth.host, "--skip-check", *limits)
    before = patches(berth)
    image = images.image(f"regctl-{chunk}", layer_size=9 * images.MIB + 1)
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{berth.host}/regctl/app-{'chunked' if chunk else 'whole'}"
    regctl("image", "copy", f"ocidir://{layout}:v1", f"{name}:v1")
    assert regctl("image", "digest", f"{name}:v1").strip() == image.digest
    for number, reference in enumerate((f"{name}:v1", f"{name}@{image.digest}")):
        pulled = tmp_path / f"pulled-{number}"
        regctl("image", "copy", reference, f"ocidir://{pulled}:v1")
        assert images.read_layout(pulled) == [image.digest]
    Registry(berth).assert_whole(name.partition("/")[2], "v1")
    # Two layers of a little more than 9 MiB each, in chunks of 1 MiB.
    assert patches(berth) - before >= (2 * 10 if chunk else 0)


def test_index(berth: BerthServer, regctl: Regctl, tmp_path: Path) -> None:
    index = images.index("regctl-index")
    layout = images.write_layout(tmp_path / "layout", {"v1": index})
    name = f"{berth.host}/regctl/multi"
    regctl("image", "copy", f"ocidir://{layout}:v1", f"{name}:v1")
    for number, reference in enumerate((f"{name}:v1", f"{name}@{index.digest}")):
        pulled = tmp_path / f"pulled-{number}"
        regctl("image", "copy", reference, f"ocidir://{pulled}:v1")
        assert images.read_layout(pulled) == [index.digest]


def test_artifact_with_subject(berth: BerthServer, regctl: Regctl, tmp_path: Path) -> None:
    image = images.image("regctl-subject")
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{berth.host}/regctl/artifacts"
    regctl("image", "copy", f"ocidir://{layout}:v1", f"{name}:v1")
    for kind in ("sbom", "signature"):
        put = ["artifact", "put", "--artifact-type", f"application/vnd.example.{kind}"]
        regctl(*put, "--subject", f"{name}:v1", stdin=f"the {kind}")
    listed = json.loads(regctl("artifact", "list", f"{name}:v1", "--format", "{{json .}}"))
    types = sorted(entry["artifactType"] for entry in listed["descriptors"])
    assert types == ["application/vnd.example.sbom", "application/vnd.example.signature"]
    get = ["artifact", "get", "--subject", f"{name}:v1"]
    got = regctl(*get, "--filter-artifact-type", "application/vnd.example.sbom")
    assert got == "the sbom"
    # With the referrers API regctl keeps no list of its own under a tag.
    assert regctl("tag", "list", name).split() == ["v1"]


def test_tags_and_delete(berth: BerthServer, regctl: Regctl, tmp_path: Path) -> None:
    image = images.image("regctl-tags")
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{berth.host}/regctl/tags"
    for tag in ("v1", "v2", "v3"):
        regctl("image", "copy", f"ocidir://{layout}:v1", f"{name}:{tag}")
    assert regctl("tag", "list", name).split() == ["v1", "v2", "v3"]
    assert "regctl/tags" in regctl("repo", "list", berth.host).split()
    regctl("tag", "delete", f"{name}:v2")
    assert regctl("tag", "list", name).split() == ["v1", "v3"]
    regctl("manifest", "delete", f"{name}@{image.digest}")
    assert regctl("tag", "list", name).split() == []
