"""What `berth serve` itself offers: its start, its root, TLS, HTTP/2, metrics, logs."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import time
from pathlib import Path

import images
import pytest
from berth_server import BerthServer, berth_binary
from clients import Registry, error_codes, run


def failing(*arguments: str | Path) -> str:
    """Runs `berth` with arguments that it must refuse, and returns its stderr."""
    done = subprocess.run(
        [berth_binary(), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode > 0, done
    return done.stderr


def test_the_root_is_made_once_and_kept() -> None:
    with BerthServer(access_key="", secret_key="") as server:
        told = "\n".join(server.stdout_lines)
        access_key = re.search(r"^ *id +(\S+)$", told, re.MULTILINE)
        secret = re.search(r"^ *secret +(\S+)$", told, re.MULTILINE)
        assert access_key
        assert secret
        kept = [path for path in server.data_dir.rglob("*") if path.is_file()]
        holders = [path for path in kept if secret[1].encode() in path.read_bytes()]
        assert len(holders) == 1
        assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
        assert secret[1] not in server.log

        server.stdout_lines.clear()
        server.restart()
        assert secret[1] not in "\n".join(server.stdout_lines)
        registry = Registry(server)
        registry.session.auth = (access_key[1], secret[1])
        assert registry.request("GET", "/v2/").status_code == 200


def test_the_welcome_says_what_to_do(fresh_berth: BerthServer) -> None:
    wait_for_line(fresh_berth, "docker pull")
    told = "\n".join(fresh_berth.stdout_lines)
    assert fresh_berth.url in told
    assert str(fresh_berth.data_dir) in told
    assert f"docker login -u {fresh_berth.access_key} {fresh_berth.host}" in told
    assert fresh_berth.secret_key not in told + fresh_berth.log


def test_open_lets_anyone_in_on_loopback_only(tmp_path: Path) -> None:
    with BerthServer(args=["--open"]) as server:
        registry = Registry(server)
        registry.session.auth = None
        digest = registry.push_blob("open/app", b"anyone's")
        assert registry.get_blob("open/app", digest).content == b"anyone's"
    stderr = failing("serve", "--open", "--listen", "0.0.0.0:0", "--data-dir", tmp_path / "data")
    assert "loopback" in stderr


def test_flags_variables_and_file_agree(tmp_path: Path) -> None:
    settings = tmp_path / "berth.toml"
    settings.write_text(
        'account = "111111111111"\nregion = "eu-west-1"\nno-create-on-push = true\n'
    )
    with BerthServer(
        args=["--config", str(settings), "--region", "ap-south-1"],
        env={"BERTH_ACCOUNT": "222222222222", "BERTH_REGION": "us-west-2"},
    ) as server:
        told = "\n".join(server.stdout_lines)
        # The flag wins over the variable, the variable over the file.
        assert "222222222222" in told
        assert "ap-south-1" in told
        answer = Registry(server).request("POST", "/v2/not/there/blobs/uploads/")
        assert answer.status_code == 404
        assert error_codes(answer) == ["NAME_UNKNOWN"]
    settings.write_text('acount = "111111111111"\n')
    assert "acount" in failing("serve", "--config", settings)


def test_strangers_are_challenged_and_slowed(berth: BerthServer) -> None:
    registry = Registry(berth)
    registry.session.auth = None
    answer = registry.request("GET", "/v2/some/app/manifests/v1")
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert f'realm="{berth.url}/token"' in challenge
    assert 'scope="repository:some/app:pull"' in challenge
    registry.session.auth = (berth.access_key, "wrong")
    started = time.monotonic()
    assert registry.request("GET", "/v2/").status_code == 401
    assert time.monotonic() - started > 0.5


def test_health_metrics_and_request_ids(fresh_berth: BerthServer) -> None:
    registry = Registry(fresh_berth)
    registry.push_blob("metrics/app", bytes(1000))
    stranger = Registry(fresh_berth)
    stranger.session.auth = None
    assert stranger.request("GET", "/healthz").status_code == 200
    metrics = stranger.request("GET", "/metrics")
    assert metrics.status_code == 200
    for name in (
        "berth_requests_total",
        "berth_received_bytes_total",
        "berth_sent_bytes_total",
        "berth_request_duration_seconds_bucket",
        "berth_uploads_in_flight",
    ):
        assert re.search(rf"^{name}\b", metrics.text, re.MULTILINE), name
    assert re.search(r"^berth_received_bytes_total [1-9]\d{3}", metrics.text, re.MULTILINE)
    answers = [registry.request("GET", path) for path in ("/v2/", "/v2/no/app/tags/list", "/x")]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == 3


def test_json_logs_name_the_request() -> None:
    with BerthServer(args=["--log-format", "json"]) as server:
        registry = Registry(server)
        answer = registry.request("GET", "/v2/logs/app/tags/list")
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.log.splitlines()]
    request_id = answer.headers["X-Request-Id"]
    assert any(request_id in json.dumps(line) for line in lines)
    assert server.secret_key not in json.dumps(lines)


def test_http_2_without_tls(berth: BerthServer, tmp_path: Path) -> None:
    blob = images.random_bytes("h2c", 3 * images.MIB)
    digest = Registry(berth).push_blob("h2c/app", blob)
    pulled = tmp_path / "blob"
    version = run(
        "curl",
        "--silent",
        "--fail",
        "--http2-prior-knowledge",
        *("--user", ":".join(berth.auth)),
        *("--output", pulled),
        *("--write-out", "%{http_version}"),
        f"{berth.url}/v2/h2c/app/blobs/{digest}",
    )
    assert version == "2"
    assert pulled.read_bytes() == blob


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    run(
        "openssl",
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "2", "-subj", "/CN=berth", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-out", files[0], "-keyout", files[1]),
    )
    return files


def test_tls(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = certificate
    options = ["--tls-cert", str(cert), "--tls-key", str(key)]
    with BerthServer(args=options, ca_file=cert) as server:
        assert server.url.startswith("https://")
        image = images.image("tls", layer_size=5 * images.MIB)
        layout = images.write_layout(tmp_path / "layout", {"v1": image})
        # skopeo insists on TLS, where crane and Docker try without at a loopback address.
        trust = tmp_path / "trust"
        trust.mkdir()
        (trust / "ca.crt").write_bytes(cert.read_bytes())
        user, password = server.auth
        name = f"docker://{server.host}/tls/app:v1"
        credentials = f"{user}:{password}"
        push = ["--dest-creds", credentials, "--dest-cert-dir", trust, "--preserve-digests"]
        run("skopeo", "copy", *push, f"oci:{layout}:v1", name)
        pull = ["--src-creds", credentials, "--src-cert-dir", trust, "--preserve-digests"]
        run("skopeo", "copy", *pull, name, f"oci:{tmp_path / 'pulled'}")
        assert images.read_layout(tmp_path / "pulled") == [image.digest]
        version = run(
            "curl",
            *("--silent", "--cacert", cert, "--output", os.devnull),
            *("--write-out", "%{http_version} %{response_code}"),
            f"{server.url}/healthz",
        )
        assert version == "2 200"


def test_the_command_line_keeps_repositories(fresh_berth: BerthServer) -> None:
    where = ["--endpoint-url", fresh_berth.url]
    user, password = fresh_berth.auth
    keys = ["--access-key-id", user, "--secret-access-key", password]

    def repository(command: str, *arguments: str) -> str:
        return run(berth_binary(), "repository", command, *where, *keys, *arguments)

    repository("create", "cli/app")
    assert "cli/app" in repository("list")
    Registry(fresh_berth).push("cli/app", "v1", images.image("cli"))
    with pytest.raises(AssertionError, match="RepositoryNotEmptyException"):
        repository("delete", "cli/app")
    repository("delete", "cli/app", "--force")
    assert "cli/app" not in repository("list")
    answer = Registry(fresh_berth).request("GET", "/v2/cli/app/tags/list")
    assert answer.status_code == 404


def test_several_registries_have_a_port_a_folder_and_a_root_each(tmp_path: Path) -> None:
    names = ["111122223333/eu-west-1", "111122223333/us-east-1", "444455556666/us-east-1"]
    with BerthServer(access_key="", secret_key="", registries=names) as server:
        wait_for_line(server, "Stop with")
        told = "\n".join(server.stdout_lines)
        keys = re.findall(r"user of (\d+), .*\n *id +(\S+)\n *secret +(\S+)$", told, re.MULTILINE)
        assert [account for account, _, _ in keys] == ["111122223333", "444455556666"]
        roots = {account: (access_key, secret) for account, access_key, secret in keys}
        digests = {}
        for name in names:
            hosted = server.hosted(name)
            assert f"docker login -u {roots[hosted.account][0]} {hosted.host}" in told
            registry = Registry(hosted)
            registry.session.auth = roots["444455556666"]
            foreign = registry.request("GET", "/v2/").status_code
            assert foreign == (200 if hosted.account == "444455556666" else 401)
            registry.session.auth = roots[hosted.account]
            digests[name] = registry.push_blob("team/app", name.encode())
            metrics = registry.request("GET", "/metrics").text
            counted = 'berth_requests_total{method="PUT",route="upload",status="201"} 1'
            assert counted in metrics
            assert registry.request("GET", "/healthz").text == "ok\n"
            assert (hosted.data_dir / "table.sqlite").exists()
        for name in names:
            registry = Registry(server.hosted(name))
            registry.session.auth = roots[name.split("/")[0]]
            found = {other for other in names if has_blob(registry, digests[other])}
            assert found == {name}

        # The folder of several is not that of one, and back.
        server.stop()
        stderr = failing("serve", "--listen", "127.0.0.1:0", "--data-dir", server.data_dir)
        assert "holds several registries" in stderr
        alone = server.data_dir / "registries" / names[0]
        with BerthServer(data_dir=alone) as one:
            assert has_blob(Registry(one), digests[names[0]])
        option = f"--registry={names[0]}=127.0.0.1:0"
        assert "a single registry" in failing("serve", option, "--data-dir", alone)
        both = failing("serve", option, "--region", "us-east-1", "--data-dir", tmp_path / "data")
        assert "--registry says it all" in both


def wait_for_line(server: BerthServer, text: str) -> None:
    """Waits until the server has printed a line with `text`."""
    deadline = time.monotonic() + 10
    while not any(text in line for line in server.stdout_lines):
        assert time.monotonic() < deadline, server.stdout_lines
        time.sleep(0.01)


def has_blob(registry: Registry, digest: str) -> bool:
    """Returns whether `team/app` has a blob."""
    return registry.request("HEAD", f"/v2/team/app/blobs/{digest}").status_code == 200
