"""buildah builds an image without a network, pushes it and pulls it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, run

Buildah = Callable[..., str]


@pytest.fixture
def buildah(berth: BerthServer, tmp_path: Path) -> Buildah:
    """Runs buildah on a store of its own, logged in."""
    folders = ["--root", tmp_path / "root", "--runroot", tmp_path / "run"]
    store = [*folders, "--storage-driver", "vfs"]
    env = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}

    def buildah(*arguments: str | Path, stdin: str | None = None) -> str:
        return run("buildah", *store, *arguments, stdin=stdin, env=env)

    user, password = berth.auth
    login = ["--tls-verify=false", "--username", user, "--password-stdin", berth.host]
    buildah("login", *login, stdin=password)
    return buildah


def test_build_push_and_pull(berth: BerthServer, buildah: Buildah, tmp_path: Path) -> None:
    data = images.random_bytes("buildah", 5 * images.MIB)
    (tmp_path / "data").write_bytes(data)
    container = buildah("from", "scratch").strip()
    buildah("add", container, tmp_path / "data", "/data")
    buildah("config", "--label", "made-by=test", container)
    buildah("commit", "--quiet", container, "built")
    buildah("rm", container)

    name = f"{berth.host}/buildah/app"
    digest_file = tmp_path / "digest"
    push = ["push", "--tls-verify=false", "--digestfile", digest_file]
    buildah(*push, "built", f"docker://{name}:v1")
    digest = digest_file.read_text().strip()
    assert Registry(berth).digest_of("buildah/app", "v1") == digest
    Registry(berth).assert_whole("buildah/app", "v1")

    for reference in (f"{name}:v1", f"{name}@{digest}"):
        buildah("rmi", "--all", "--force")
        buildah("pull", "--tls-verify=false", f"docker://{reference}")
        container = buildah("from", "--pull-never", reference).strip()
        mounted = Path(buildah("mount", container).strip())
        assert (mounted / "data").read_bytes() == data
        buildah("rm", container)


def test_manifest_list(berth: BerthServer, buildah: Buildah, tmp_path: Path) -> None:
    for number, child in enumerate(images.index("buildah-index").children):
        images.write_layout(tmp_path / f"child-{number}", {"v1": child})
    buildah("manifest", "create", "multi")
    for number in range(2):
        buildah("manifest", "add", "multi", f"oci:{tmp_path / f'child-{number}'}:v1")
    name = f"{berth.host}/buildah/multi:v1"
    push = ["manifest", "push", "--all", "--tls-verify=false"]
    buildah(*push, "multi", f"docker://{name}")
    answer = Registry(berth).get_manifest("buildah/multi", "v1")
    assert len(answer.json()["manifests"]) == 2
    Registry(berth).assert_whole("buildah/multi", "v1")
