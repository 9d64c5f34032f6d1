"""skopeo pushes with POST, PATCH and PUT, and checks every digest itself."""

from __future__ import annotations

from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import run


@pytest.fixture
def auth(berth: BerthServer, tmp_path: Path) -> str:
    """Options with a file of credentials into which skopeo has logged in."""
    option = f"--authfile={tmp_path / 'auth.json'}"
    user, password = berth.auth
    login = ["--tls-verify=false", "--username", user, "--password-stdin", berth.host]
    run("skopeo", "login", option, *login, stdin=password)
    return option


def copy(auth: str, source: str, destination: str) -> None:
    """Copies all platforms without changing a byte."""
    tls = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    run("skopeo", "copy", auth, *tls, "--all", "--preserve-digests", source, destination)


def test_image(berth: BerthServer, auth: str, tmp_path: Path) -> None:
    image = images.image("skopeo", layer_size=9 * images.MIB)
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"docker://{berth.host}/skopeo/app"
    copy(auth, f"oci:{layout}:v1", f"{name}:v1")
    for number, reference in enumerate((f"{name}:v1", f"{name}@{image.digest}")):
        pulled = tmp_path / f"pulled-{number}"
        copy(auth, reference, f"oci:{pulled}")
        assert images.read_layout(pulled) == [image.digest]


def test_index(berth: BerthServer, auth: str, tmp_path: Path) -> None:
    index = images.index("skopeo-index")
    layout = images.write_layout(tmp_path / "layout", {"v1": index})
    name = f"docker://{berth.host}/skopeo/multi"
    copy(auth, f"oci:{layout}:v1", f"{name}:v1")
    for number, reference in enumerate((f"{name}:v1", f"{name}@{index.digest}")):
        pulled = tmp_path / f"pulled-{number}"
        copy(auth, reference, f"oci:{pulled}")
        assert images.read_layout(pulled) == [index.digest]


def test_docker_schema_2(berth: BerthServer, auth: str, tmp_path: Path) -> None:
    image = images.image("skopeo-docker")
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"docker://{berth.host}/skopeo/schema2"
    tls = "--dest-tls-verify=false"
    run("skopeo", "copy", auth, tls, "--format=v2s2", f"oci:{layout}:v1", f"{name}:v1")
    raw = run("skopeo", "inspect", auth, "--tls-verify=false", "--raw", f"{name}:v1")
    assert images.DOCKER_MANIFEST in raw
    digest = images.sha256(raw.encode())
    copy(auth, f"{name}@{digest}", f"dir:{tmp_path / 'pulled'}")
    assert (tmp_path / "pulled" / "manifest.json").read_text() == raw


def test_tags_and_delete(berth: BerthServer, auth: str, tmp_path: Path) -> None:
    layout = images.write_layout(tmp_path / "layout", {"v1": images.image("skopeo-tags")})
    name = f"docker://{berth.host}/skopeo/tags"
    for tag in ("v1", "v2"):
        copy(auth, f"oci:{layout}:v1", f"{name}:{tag}")
    listed = run("skopeo", "list-tags", auth, "--tls-verify=false", name)
    assert '"v1",\n        "v2"' in listed
    run("skopeo", "delete", auth, "--tls-verify=false", f"{name}:v1")
