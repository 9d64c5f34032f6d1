"""oras, by its library (see oras/main.go): artifacts, subjects and referrers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, run

SBOM = "application/vnd.example.sbom"
SIGNATURE = "application/vnd.example.signature"

Oras = Callable[..., str]


@pytest.fixture
def oras(berth: BerthServer) -> Oras:
    """Runs the client as the registry's root."""
    user, password = berth.auth
    env = {"ORAS_USERNAME": user, "ORAS_PASSWORD": password}
    return lambda *arguments: run("oras-client", *arguments, env=env).strip()


def test_artifact(berth: BerthServer, oras: Oras, tmp_path: Path) -> None:
    data = images.random_bytes("oras", 3 * images.MIB)
    (tmp_path / "model.bin").write_bytes(data)
    name = f"{berth.host}/oras/artifact"
    digest = oras("push", f"{name}:v1", "application/vnd.example.model", tmp_path / "model.bin")
    assert Registry(berth).digest_of("oras/artifact", "v1") == digest
    for number, reference in enumerate((f"{name}:v1", f"{name}@{digest}")):
        folder = tmp_path / f"pulled-{number}"
        assert oras("pull", reference, folder) == digest
        assert (folder / "model.bin").read_bytes() == data


def test_referrers(berth: BerthServer, oras: Oras, tmp_path: Path) -> None:
    image = images.image("oras-subject")
    Registry(berth).push("oras/referrers", "v1", image)
    name = f"{berth.host}/oras/referrers"
    attached = {}
    for kind in (SBOM, SIGNATURE):
        path = tmp_path / kind.rpartition(".")[2]
        path.write_text(f"the {kind}")
        attached[kind] = oras("attach", f"{name}:v1", kind, path)

    found = json.loads(oras("discover", f"{name}:v1"))
    assert {entry["artifactType"]: entry["digest"] for entry in found} == attached
    (only,) = json.loads(oras("discover", f"{name}@{image.digest}", SBOM))
    assert only["digest"] == attached[SBOM]
    oras("pull", f"{name}@{attached[SIGNATURE]}", tmp_path / "pulled")
    assert (tmp_path / "pulled" / "signature").read_text() == f"the {SIGNATURE}"
