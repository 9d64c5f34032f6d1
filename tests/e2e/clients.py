"""Runs client programs, and speaks to the registry by HTTP where a test needs to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from berth_server import ROOT, BerthServer
from images import INDEX, MANIFEST, Manifest, sha256

ACCEPT = ", ".join(
    [
        MANIFEST,
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)
CLIENT_SECONDS = 600


def program(name: str) -> str:
    """Returns the path of a program that `make tools` installs; a missing one is a failure."""
    places = [str(ROOT / ".tools" / "bin"), str(ROOT / ".venv" / "bin"), "/usr/bin", "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    assert found, f"`{name}` is not installed: run `make tools`"
    return found


def run(
    *command: str | Path,
    stdin: str | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Runs a client, fails with all that it printed if it fails, and returns its stdout."""
    name, *arguments = map(str, command)
    done = subprocess.run(
        [program(name), *arguments],
        input=stdin if stdin is not None else "",
        env=os.environ | (env or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=CLIENT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (
        f"{' '.join([name, *arguments])} exited with {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


class Registry:
    """The distribution API of a running server, as a test's own client sees it."""

    def __init__(self, server: BerthServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.auth = server.auth

    def url(self, path: str) -> str:
        """Returns the absolute URL of a path such as `/v2/`, or of a `Location`."""
        parts = urlsplit(urljoin(self.server.url, path))
        # After a restart the server has another port than the one in an older `Location`.
        own = urlsplit(self.server.url)
        return urlunsplit(parts._replace(scheme=own.scheme, netloc=own.netloc))

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        """Sends one request; `path` may be a `Location`."""
        options.setdefault("timeout", 120)
        return self.session.request(method, self.url(path), **options)

    def start_upload(self, repository: str) -> str:
        """Opens an upload session and returns its location."""
        answer = self.request("POST", f"/v2/{repository}/blobs/uploads/")
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def finish_upload(self, location: str, digest: str, data: bytes = b"") -> requests.Response:
        """Sends the PUT that ends an upload."""
        mark = "&" if "?" in location else "?"
        return self.request(
            "PUT",
            f"{location}{mark}digest={digest}",
            data=data,
            headers={"Content-Type": "application/octet-stream"},
        )

    def push_blob(self, repository: str, data: bytes) -> str:
        """Pushes a blob with POST and PUT, and returns its digest."""
        digest = sha256(data)
        answer = self.finish_upload(self.start_upload(repository), digest, data)
        assert answer.status_code == 201, answer.text
        return digest

    def put_manifest(
        self, repository: str, reference: str, manifest: Manifest
    ) -> requests.Response:
        """Sends the PUT of one manifest."""
        return self.request(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            data=manifest.data,
            headers={"Content-Type": manifest.media_type},
        )

    def push(self, repository: str, reference: str, manifest: Manifest) -> str:
        """Pushes a manifest and all that it names, and returns its digest."""
        for blob in manifest.blobs:
            self.push_blob(repository, blob)
        for child in manifest.children:
            self.push(repository, child.digest, child)
        answer = self.put_manifest(repository, reference, manifest)
        assert answer.status_code == 201, answer.text
        return manifest.digest

    def get_manifest(self, repository: str, reference: str) -> requests.Response:
        """Gets a manifest of any kind."""
        return self.request(
            "GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ACCEPT}
        )

    def get_blob(self, repository: str, digest: str) -> requests.Response:
        """Gets a whole blob."""
        return self.request("GET", f"/v2/{repository}/blobs/{digest}")

    def digest_of(self, repository: str, reference: str) -> str:
        """Returns the digest that the registry holds under a reference, computed here."""
        answer = self.get_manifest(repository, reference)
        assert answer.status_code == 200, answer.text
        digest = sha256(answer.content)
        assert answer.headers["Docker-Content-Digest"] == digest
        return digest

    def assert_whole(self, repository: str, reference: str) -> None:
        """Gets a manifest and everything that it names, and checks each digest."""
        answer = self.get_manifest(repository, reference)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        for child in document.get("manifests", []):
            assert self.digest_of(repository, child["digest"]) == child["digest"]
            self.assert_whole(repository, child["digest"])
        for part in [*document.get("layers", []), *filter(None, [document.get("config")])]:
            blob = self.get_blob(repository, part["digest"])
            assert blob.status_code == 200, f"{part['digest']}: {blob.text[:500]}"
            assert sha256(blob.content) == part["digest"]


def error_codes(answer: requests.Response) -> Sequence[str]:
    """Returns the codes of an OCI error document."""
    return [error["code"] for error in answer.json()["errors"]]
