"""`aws ecr` and `berth repository`, as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from berth_server import BerthServer, berth_binary
from ecr_http import ACCOUNT, REGION
from ecr_images import push, small_image
from test_lifecycle_policies import policy, rule

AWS = Path(sys.executable).parent / "aws"


def run(command: list[str], env: dict[str, str], code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs a command in an environment without AWS's and Berth's settings."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BERTH_"))}
    done = subprocess.run(
        command, env=outside | env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def aws(berth: BerthServer, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    env = {
        "AWS_ACCESS_KEY_ID": berth.access_key,
        "AWS_SECRET_ACCESS_KEY": berth.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [sys.executable, str(AWS), "ecr", *args, "--endpoint-url", berth.url]
    return run(command, env, code)


def repository(berth: BerthServer, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    return command_line(berth, "repository", *args, code=code)


def command_line(berth: BerthServer, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs `berth` as the root."""
    env = {
        "BERTH_ENDPOINT_URL": berth.url,
        "BERTH_ROOT_ACCESS_KEY_ID": berth.access_key,
        "BERTH_ROOT_SECRET_ACCESS_KEY": berth.secret_key,
    }
    return run([str(berth_binary()), *args], env, code)


def test_aws_makes_lists_and_deletes(fresh_berth: BerthServer) -> None:
    berth = fresh_berth
    made = aws(berth, "create-repository", "--repository-name", "team/app")
    assert json.loads(made.stdout)["repository"]["repositoryUri"] == f"{berth.host}/team/app"
    again = aws(berth, "create-repository", "--repository-name", "team/app", code=255)
    assert "(RepositoryAlreadyExistsException)" in again.stderr
    query = ["--query", "repositories[].repositoryName", "--output", "text"]
    assert aws(berth, "describe-repositories", *query).stdout == "team/app\n"
    aws(berth, "delete-repository", "--repository-name", "team/app")
    assert aws(berth, "describe-repositories", *query).stdout.strip() in ("", "None")


def test_aws_gets_a_password(berth: BerthServer) -> None:
    password = aws(berth, "get-login-password").stdout.strip()
    answer = requests.get(berth.url + "/v2/", auth=("AWS", password), timeout=30)
    assert answer.status_code == 200


def test_berth_makes_lists_and_deletes(fresh_berth: BerthServer) -> None:
    berth = fresh_berth
    assert repository(berth, "list").stdout == ""
    assert repository(berth, "create", "team/app").stdout == f"{berth.host}/team/app\n"
    immutable = ["--tag-mutability", "immutable", "--exclude-tag", "dev-*", "--scan-on-push"]
    repository(berth, "create", "team/base", *immutable)
    assert repository(berth, "list").stdout == "team/app\nteam/base\n"
    described = json.loads(
        aws(berth, "describe-repositories", "--repository-names", "team/base").stdout
    )["repositories"][0]
    assert described["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert described["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository(berth, "delete", "team/app").stdout == "deleted team/app\n"
    assert repository(berth, "list").stdout == "team/base\n"
    missing = repository(berth, "delete", "team/app", code=1)
    assert missing.stderr.startswith(
        "Error: The repository with name 'team/app' does not exist in the registry with id "
        f"'{ACCOUNT}'"
    )


def test_berth_reads_the_key_of_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "secrets").mkdir(parents=True)
    with BerthServer() as berth:
        key = {"accessKeyId": berth.access_key, "secretAccessKey": berth.secret_key}
        (data / "secrets" / "root").write_text(json.dumps(key))
        command = [str(berth_binary()), "repository", "list", "--endpoint-url", berth.url]
        run([*command, "--data-dir", str(data)], {})
        lost = run([*command, "--data-dir", str(tmp_path / "none")], {}, code=1)
        assert "--access-key-id" in lost.stderr


def test_berth_says_when_nobody_listens(berth: BerthServer) -> None:
    key = ["--access-key-id", berth.access_key, "--secret-access-key", berth.secret_key]
    command = [str(berth_binary()), "repository", "list", "--endpoint-url", "http://127.0.0.1:9"]
    lost = run([*command, *key], {}, code=1)
    assert "is `berth serve` running there?" in lost.stderr


@pytest.mark.parametrize("url", ["nonsense", "/path", "ftp://127.0.0.1"])
def test_berth_wants_a_url(berth: BerthServer, url: str) -> None:
    done = run([str(berth_binary()), "repository", "list", "--endpoint-url", url], {}, code=1)
    assert done.stderr


def test_berth_previews_lifecycle_policies(fresh_berth: BerthServer, tmp_path: Path) -> None:
    berth = fresh_berth
    old, kept = small_image("command-old"), small_image("command-kept")
    push(berth, "team/app", old, "v1", "first")
    push(berth, "team/app", kept, "v2")
    repository(berth, "create", "team/empty")
    file = tmp_path / "policy.json"
    file.write_text(policy(rule(countNumber=1)))
    size = sum(len(blob) for blob in old.blobs)
    expected = [
        "team/app: 2 images",
        f"  rule 1: matches 2, selects 1, acts on 1; deletes {size} B of images",
        f"    delete {old.digest} first v1, {size} B: "
        "rule 1 expires it: number 2 by age, more than 1",
        f"  1 deleted, 0 archived, 0 untagged; {size} B freed",
    ]
    preview = ["lifecycle", "preview", str(file)]
    one = command_line(berth, *preview, "--repository", "team/app")
    assert one.stdout.splitlines() == expected
    every = command_line(berth, *preview).stdout.splitlines()
    assert every[: len(expected)] == expected
    assert every[len(expected)] == "team/empty: 0 images"
    file.write_text(policy(rule(0)))
    refused = command_line(berth, *preview, code=1)
    assert "(InvalidParameterException)" in refused.stderr


def test_an_error_is_one_line(tmp_path: Path) -> None:
    """With its causes, whatever Rust is asked to print."""
    file = tmp_path / "berth.toml"
    file.write_text("open = true\nlistn = 1\n")
    serve = [str(berth_binary()), "serve", "--data-dir", str(tmp_path / "data")]
    told = {
        ("BERTH_SCHEDULE_PERIOD", "8760h"): "--schedule-period: must be 24 seconds to 30 days",
        ("BERTH_ACCOUNT", "12"): "--account: registry id must be 12 digits",
        ("BERTH_CONFIG", str(file)): f"{file}, line 2: unknown field `listn`, expected one of ",
        ("BERTH_LISTEN", "192.0.2.1:1"): "listen on 192.0.2.1:1: Cannot assign requested address",
    }
    for (variable, value), expected in told.items():
        done = run(serve, {variable: value, "RUST_BACKTRACE": "1"}, code=1)
        assert done.stderr.startswith(f"Error: {expected}"), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stdout == ""
    unknown = run([str(berth_binary()), "job", "lists"], {"RUST_BACKTRACE": "1"}, code=2)
    assert "unrecognized subcommand 'lists'" in unknown.stderr
