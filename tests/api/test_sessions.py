"""Sessions: AWS principals prove themselves to the registry, and call it for a while."""

from __future__ import annotations

import base64
import datetime
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import boto3
import pytest
import requests
from berth_server import BerthServer, berth_binary
from botocore.client import BaseClient
from botocore.credentials import Credentials
from ecr_http import ACCOUNT, check_error, client, refused
from session_proofs import (
    INVALID,
    ROLE,
    SECRET,
    SESSION,
    check_refused,
    exchange,
    keys,
    proof,
    trusting,
)
from sts_stand_in import StsStandIn
from test_commands import run
from test_users import administer, allow, done, policy

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def berth(sts: StsStandIn) -> Iterator[BerthServer]:
    with trusting(sts) as server:
        yield server


def test_a_session_calls_the_registry(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    answer = exchange(berth, proof(berth, sts, ci))
    given = keys(answer)
    assert given["aws_access_key_id"].startswith("ASIA")
    assert (answer.json()["principalArn"], answer.json()["trustName"]) == (SESSION, "ci")
    ends = datetime.datetime.fromisoformat(answer.json()["credentials"]["expiration"])
    left = (ends - datetime.datetime.now(datetime.UTC)).total_seconds()
    assert 3500 < left <= 3600
    ecr = client(berth, **given)
    ecr.create_repository(repositoryName="team/app")
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert abs((data["expiresAt"] - ends).total_seconds()) < 2
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    listed = requests.get(f"{berth.url}/v2/_catalog", auth=(user, password), timeout=30)
    assert "team/app" in listed.json()["repositories"]
    # What it may not do, it is told as AWS would.
    message = refused(ecr.describe_repositories, "RepositoryNotFoundException", **NONE)
    assert "team/none" in message
    for wrong, code in (
        ({"aws_secret_access_key": "x" * 40}, "InvalidSignatureException"),
        ({"aws_session_token": "none"}, "UnrecognizedClientException"),
        ({"aws_session_token": None}, "UnrecognizedClientException"),
        ({"aws_access_key_id": "ASIAOTHEROTHEROTHER2"}, "UnrecognizedClientException"),
    ):
        refused(client(berth, **(given | wrong)).describe_repositories, code)


NONE = {"repositoryNames": ["team/none"]}


def test_a_session_is_asked_for_by_its_policies(
    berth: BerthServer, sts: StsStandIn, ci: Credentials
) -> None:
    names = {"trustName": "few", "policyName": "p"}
    done(administer(berth, "CreateTrust", trustName="few", principals=[ROLE]))
    text = policy(allow("ecr:GetAuthorizationToken"))
    done(administer(berth, "PutTrustPolicy", policyDocument=text, **names))
    given = keys(exchange(berth, proof(berth, sts, ci) | {"trustName": "few"}))
    ecr = client(berth, **given)
    assert ecr.get_authorization_token()
    message = refused(ecr.create_repository, "AccessDeniedException", repositoryName="team/no")
    assert message.startswith(f"User: {SESSION} is not authorized to perform: ecr:CreateRepository")
    done(administer(berth, "DeleteTrust", trustName="few"))
    refused(ecr.get_authorization_token, "UnrecognizedClientException")


def test_who_is_not_trusted(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    assert ci
    for number, arn in enumerate(
        (
            f"arn:aws:iam::{ACCOUNT}:user/ci",
            f"arn:aws:iam::{ACCOUNT}:root",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/ci2/run-7",
            "arn:aws:sts::111122223333:assumed-role/ci/run-7",
        )
    ):
        stranger = sts.know(f"AKIASTRANGER{number}", SECRET, arn)
        answer = exchange(berth, proof(berth, sts, stranger))
        check_refused(answer, 403, "AccessDeniedException", f"User: {arn} is not authorized")
    named = proof(berth, sts, ci) | {"trustName": "none"}
    check_refused(exchange(berth, named), 403, "AccessDeniedException", "no trust lets it in")


def test_trusts_have_wildcards(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    assert ci
    patterns = ["arn:aws:iam::111122223333:role/deploy-*", "444455556666"]
    done(administer(berth, "CreateTrust", trustName="wild", principals=patterns))
    for number, (arn, status) in enumerate(
        {
            "arn:aws:sts::111122223333:assumed-role/deploy-a/1": 200,
            "arn:aws:sts::111122223333:assumed-role/build/1": 403,
            "arn:aws:iam::444455556666:user/kim": 200,
            "arn:aws:iam::444455556666:root": 200,
        }.items()
    ):
        who = sts.know(f"AKIAWILD{number}", SECRET, arn)
        assert exchange(berth, proof(berth, sts, who)).status_code == status, arn
    for pattern in ("*", "arn:aws:iam::*:role/ci", "arn:aws:iam::111122223333:*"):
        answer = administer(berth, "CreateTrust", trustName="all", principals=[pattern])
        check_error(answer, "InvalidParameterException", "'principals'")
    done(administer(berth, "DeleteTrust", trustName="wild"))


def test_how_long_a_session_lasts(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    def asked(seconds: object) -> requests.Response:
        return exchange(berth, proof(berth, sts, ci) | {"durationSeconds": seconds})

    keys(asked(900))
    check_refused(asked(899), 400, INVALID, "900 to 3600 seconds")
    check_refused(asked(3601), 400, INVALID, "900 to 3600 seconds")
    check_refused(asked("long"), 400, "SerializationException")


def credential_process(
    berth: BerthServer, env: dict[str, str], *args: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    command = [str(berth_binary()), "credential-process", "--registry", berth.url, *args]
    return run(command, env, code)


def test_credential_process(
    berth: BerthServer, sts: StsStandIn, ci: Credentials, tmp_path: Path
) -> None:
    files = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "BERTH_STS_ENDPOINT": sts.url,
    }
    (tmp_path / "credentials").write_text(
        f"[work]\naws_access_key_id = {ci.access_key}\naws_secret_access_key = {ci.secret_key}\n"
        f"aws_session_token = {ci.token}\n"
    )
    given = json.loads(credential_process(berth, files, "--profile", "work").stdout)
    assert set(given) == {
        "Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"
    }  # fmt: skip
    assert given["Version"] == 1
    # As AWS's clients use it.
    process = f"{berth_binary()} credential-process --registry {berth.url} --profile work"
    (tmp_path / "config").write_text(f"[profile berth]\ncredential_process = {process}\n")
    ecr = profile_client(berth, files, "berth")
    assert ecr.describe_repositories()
    environment = {
        "AWS_ACCESS_KEY_ID": ci.access_key,
        "AWS_SECRET_ACCESS_KEY": ci.secret_key,
        "AWS_SESSION_TOKEN": str(ci.token),
    }
    credential_process(berth, files | environment, "--trust", "ci", "--duration-seconds", "900")
    lost = credential_process(berth, files | environment, "--trust", "none", code=1)
    assert "(AccessDeniedException)" in lost.stderr
    assert lost.stdout == ""
    lost = credential_process(berth, files, "--profile", "none", code=1)
    assert "export-credentials" in lost.stderr


def profile_client(berth: BerthServer, env: dict[str, str], profile: str) -> BaseClient:
    """Returns a client that runs the profile's `credential_process`."""
    with mock.patch.dict("os.environ", env):
        session = boto3.session.Session(profile_name=profile)
        ecr = session.client("ecr", endpoint_url=berth.url, region_name="us-east-1")
        ecr.describe_repositories()
    return ecr


def test_commands(fresh_berth: BerthServer, tmp_path: Path) -> None:
    env = {
        "BERTH_ENDPOINT_URL": fresh_berth.url,
        "BERTH_ROOT_ACCESS_KEY_ID": fresh_berth.access_key,
        "BERTH_ROOT_SECRET_ACCESS_KEY": fresh_berth.secret_key,
    }

    def federation(*args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return run([str(berth_binary()), "federation", *args], env, code=code)

    trusted = federation("trust", "ci", ROLE, "111122223333", "--max-session", "7200")
    assert trusted.stdout == f"arn:aws:iam::{ACCOUNT}:trust/ci\n"
    assert federation("list").stdout == f"ci {ROLE} 111122223333\n"
    file = tmp_path / "policy.json"
    file.write_text(policy(allow("ecr:*")))
    federation("attach", "ci", "all", str(file))
    assert federation("policies", "ci").stdout == "all\n"
    federation("detach", "ci", "all")
    assert federation("policies", "ci").stdout == ""
    assert "already exists" in federation("trust", "ci", ROLE, code=1).stderr
    assert "'principals'" in federation("trust", "all", "*", code=1).stderr
    federation("distrust", "ci")
    assert federation("list").stdout == ""
    assert "cannot be found" in federation("distrust", "ci", code=1).stderr
