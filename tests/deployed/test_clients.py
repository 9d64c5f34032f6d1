"""Clients push and pull through the gateway: layers that fit a request, and longer ones in chunks.

What a client is told to do is what its user would do; that it reached the functions and S3, and
how, is read off the gateway's own record.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import images
import pytest
from clients import Registry, run
from stack import Stack

LAYER = 3 * images.MIB
LONG_LAYER = 50 * images.MIB
CHUNK = 1_466_000


def pulled(folder: Path, digest: str) -> None:
    """Asserts that a layout holds the image of that digest, whole."""
    assert images.read_layout(folder) == [digest]


def test_skopeo(stack: Stack, tmp_path: Path) -> None:
    auth = f"--authfile={tmp_path / 'auth.json'}"
    user, password = stack.auth
    login = ["--tls-verify=false", "--username", user, "--password-stdin", stack.host]
    run("skopeo", "login", auth, *login, stdin=password)
    index = images.index("deployed-skopeo")
    layout = images.write_layout(tmp_path / "layout", {"v1": index})
    name = f"docker://{stack.host}/deployed/skopeo"
    copy = ["skopeo", "copy", auth, "--src-tls-verify=false", "--dest-tls-verify=false"]
    copy += ["--all", "--preserve-digests"]
    run(*copy, f"oci:{layout}:v1", f"{name}:v1")
    for number, reference in enumerate((f"{name}:v1", f"{name}@{index.digest}")):
        run(*copy, reference, f"oci:{tmp_path / f'pulled-{number}'}")
        pulled(tmp_path / f"pulled-{number}", index.digest)
    run("skopeo", "delete", auth, "--tls-verify=false", f"{name}:v1")
    assert Registry(stack).get_manifest("deployed/skopeo", "v1").status_code == 404


def test_crane(stack: Stack, tmp_path: Path) -> None:
    env = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    user, password = stack.auth
    run("crane", "auth", "login", stack.host, "-u", user, "-p", password, env=env)
    image = images.image("deployed-crane", layer_size=LAYER)
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{stack.host}/deployed/crane"
    assert run("crane", "push", layout, f"{name}:v1", env=env).strip() == f"{name}@{image.digest}"
    run("crane", "pull", "--format=oci", f"{name}:v1", tmp_path / "pulled", env=env)
    pulled(tmp_path / "pulled", image.digest)
    run("crane", "validate", "--remote", f"{name}:v1", env=env)
    # The layers are mounted, not sent again.
    run("crane", "copy", f"{name}:v1", f"{stack.host}/deployed/crane-copy:v1", env=env)
    Registry(stack).assert_whole("deployed/crane-copy", image.digest)
    assert "v1" in run("crane", "ls", name, env=env).split()


def test_oras(stack: Stack, tmp_path: Path) -> None:
    user, password = stack.auth
    env = {"ORAS_USERNAME": user, "ORAS_PASSWORD": password, "ORAS_TLS": "yes"}
    data = images.random_bytes("deployed-oras", LAYER)
    (tmp_path / "model.bin").write_bytes(data)
    (tmp_path / "sbom.json").write_text("{}")
    name = f"{stack.host}/deployed/oras"
    kind = "application/vnd.example.model"
    digest = run("oras-client", "push", f"{name}:v1", kind, tmp_path / "model.bin", env=env)
    sbom = "application/vnd.example.sbom"
    attached = run("oras-client", "attach", f"{name}:v1", sbom, tmp_path / "sbom.json", env=env)
    assert attached.strip() in run("oras-client", "discover", f"{name}:v1", sbom, env=env)
    run("oras-client", "pull", f"{name}@{digest.strip()}", tmp_path / "pulled", env=env)
    assert (tmp_path / "pulled" / "model.bin").read_bytes() == data


@pytest.fixture
def regctl(stack: Stack, tmp_path: Path) -> Callable[..., str]:
    """Runs regctl with a configuration that knows the registry."""
    env = {"REGCTL_CONFIG": str(tmp_path / "regctl.json"), "DOCKER_CONFIG": str(tmp_path)}
    run("regctl", "registry", "set", "--tls=enabled", stack.host, "--skip-check", env=env)
    user, password = stack.auth
    login = ["regctl", "registry", "login", stack.host, "-u", user, "--pass-stdin"]
    run(*login, stdin=password, env=env)
    return lambda *arguments: run("regctl", *arguments, env=env)


def test_regctl(stack: Stack, regctl: Callable[..., str], tmp_path: Path) -> None:
    image = images.image("deployed-regctl", layer_size=LAYER)
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{stack.host}/deployed/regctl"
    regctl("image", "copy", f"ocidir://{layout}:v1", f"{name}:v1")
    regctl("image", "copy", f"{name}@{image.digest}", f"ocidir://{tmp_path / 'pulled'}:v1")
    pulled(tmp_path / "pulled", image.digest)


def test_regctl_pushes_a_long_layer_in_chunks(
    stack: Stack, regctl: Callable[..., str], tmp_path: Path
) -> None:
    image = images.image("deployed-chunks", layers=1, layer_size=LONG_LAYER)
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"{stack.host}/deployed/chunks"
    before = stack.gateway.answers("PATCH", 202)
    refused = stack.gateway.answers("PUT", 413)
    regctl("image", "copy", f"ocidir://{layout}:v1", f"{name}:v1")
    # The gateway refuses the whole layer; regctl then sends chunks as long as it was told.
    assert stack.gateway.answers("PUT", 413) > refused
    assert stack.gateway.answers("PATCH", 202) - before >= LONG_LAYER // CHUNK
    regctl("image", "copy", f"{name}:v1", f"ocidir://{tmp_path / 'pulled'}:v1")
    pulled(tmp_path / "pulled", image.digest)


def test_a_body_over_the_limit_is_told_the_remedy(stack: Stack) -> None:
    registry = Registry(stack)
    blob = images.random_bytes("deployed-limit", 4_500_000)
    location = registry.start_upload("deployed/limit")
    answer = registry.finish_upload(location, images.sha256(blob), blob)
    assert answer.status_code == 413
    (error,) = answer.json()["errors"]
    assert error["code"] == "SIZE_INVALID"
    assert "4400000" in error["message"]
    # Nothing of it was stored, and the upload goes on.
    half = len(blob) // 2
    for start, part in ((0, blob[:half]), (half, blob[half:])):
        headers = {"Content-Range": f"{start}-{start + len(part) - 1}"}
        sent = registry.request("PATCH", location, data=part, headers=headers)
        assert sent.status_code == 202, sent.text
    finished = registry.finish_upload(sent.headers["Location"], images.sha256(blob))
    assert finished.status_code == 201, finished.text
    assert images.sha256(registry.get_blob("deployed/limit", images.sha256(blob)).content) == (
        images.sha256(blob)
    )
