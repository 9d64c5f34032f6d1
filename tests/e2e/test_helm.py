"""helm pushes and pulls a chart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, run

Helm = Callable[..., str]
CHART = """apiVersion: v2
name: hello
description: A chart of the test
version: 0.1.0
"""


@pytest.fixture
def helm(berth: BerthServer, tmp_path: Path) -> Helm:
    """Runs helm with a home of its own, logged in."""
    env = {
        "HELM_CONFIG_HOME": str(tmp_path / "config"),
        "HELM_CACHE_HOME": str(tmp_path / "cache"),
        "HELM_DATA_HOME": str(tmp_path / "data"),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
    }
    user, password = berth.auth
    login = ["registry", "login", berth.host, "--plain-http", "-u", user, "--password-stdin"]
    run("helm", *login, stdin=password, env=env)
    return lambda *arguments: run("helm", *arguments, env=env, cwd=tmp_path)


def test_chart(berth: BerthServer, helm: Helm, tmp_path: Path) -> None:
    chart = tmp_path / "hello"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(CHART)
    # Something that does not compress to nothing.
    notes = images.random_bytes("helm", 512 * images.KIB).hex()
    (chart / "README.md").write_text(notes)
    helm("package", chart)
    packed = tmp_path / "hello-0.1.0.tgz"

    repository = f"oci://{berth.host}/charts"
    helm("push", packed, repository, "--plain-http")
    digest = Registry(berth).digest_of("charts/hello", "0.1.0")
    Registry(berth).assert_whole("charts/hello", "0.1.0")

    for reference in (f"{repository}/hello", f"{repository}/hello@{digest}"):
        pulled = tmp_path / "pulled"
        pulled.mkdir()
        version = [] if "@" in reference else ["--version", "0.1.0"]
        helm("pull", reference, "--plain-http", *version, "--destination", pulled)
        (archive,) = pulled.iterdir()
        assert archive.read_bytes() == packed.read_bytes()
        shutil.rmtree(pulled)
    assert "A chart of the test" in helm("show", "chart", f"{repository}/hello", "--plain-http")
