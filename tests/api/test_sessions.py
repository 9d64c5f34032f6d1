"""Sessions: AWS principals prove themselves to the registry, and call it for a while."""

from __future__ import annotations

import base64
import datetime
import json
import random
import secrets
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import requests
from berth_server import BerthServer, berth_binary
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.credentials import Credentials
from ecr_http import ACCOUNT, check_error, client, refused
from sts_stand_in import StsStandIn, refusal
from test_commands import run
from test_users import administer, allow, done, policy

pytestmark = pytest.mark.local

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-7"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
BODY = "Action=GetCallerIdentity&Version=2011-06-15"
SECRET = "aws/secret+key"

Proof = dict[str, Any]


@pytest.fixture(scope="module")
def sts() -> Iterator[StsStandIn]:
    with StsStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def berth(sts: StsStandIn) -> Iterator[BerthServer]:
    """A registry that trusts the role `ci`, whose sessions may do everything."""
    with BerthServer(env={"BERTH_STS_ENDPOINT": sts.url}) as server:
        done(administer(server, "CreateTrust", trustName="ci", principals=[ROLE]))
        names = {"trustName": "ci", "policyName": "all"}
        text = policy(allow("ecr:*"))
        done(administer(server, "PutTrustPolicy", policyDocument=text, **names))
        yield server


@pytest.fixture
def ci(sts: StsStandIn) -> Iterator[Credentials]:
    """AWS credentials of the trusted role; AWS behaves again when the test has ended."""
    yield sts.know("ASIACI", SECRET, SESSION, token="aws-token")
    sts.delay, sts.instead = 0, None


def proof(
    berth: BerthServer,
    sts: StsStandIn,
    credentials: Credentials,
    *,
    registry: str | None = None,
    minutes: float = 0,
) -> Proof:
    """Returns a proof of who has the credentials, signed so many minutes from now."""
    headers = {
        "Content-Type": FORM,
        "X-Berth-Nonce": secrets.token_hex(16),
        "X-Berth-Registry": registry or berth.host,
    }
    request = AWSRequest("POST", sts.url + "/", data=BODY, headers=headers)
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(credentials, "sts", "us-east-1").add_auth(request)
    return {"headers": dict(request.headers) | {"Host": sts.host}, "body": BODY}


def exchange(berth: BerthServer, body: Proof | bytes) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(berth.url + "/session", data=data, timeout=30)


def check_refused(answer: requests.Response, status: int, code: str, text: str = "") -> None:
    assert (answer.status_code, answer.json()["__type"]) == (status, code), answer.text
    assert text in answer.json()["message"]
    assert answer.headers["Content-Type"] == "application/json"


def keys(answer: requests.Response) -> dict[str, str]:
    """Returns a session's credentials as boto3 takes them."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    given = answer.json()["credentials"]
    return {
        "aws_access_key_id": given["accessKeyId"],
        "aws_secret_access_key": given["secretAccessKey"],
        "aws_session_token": given["sessionToken"],
    }


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


def test_a_proof_is_good_once(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    used = proof(berth, sts, ci)
    answers: list[requests.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(exchange(berth, used))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 5
    asked = len(sts.requests)
    check_refused(exchange(berth, used), 403, "InvalidSignatureException", "used before")
    assert len(sts.requests) == asked


def test_a_proof_is_fresh(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    def at(minutes: float) -> requests.Response:
        return exchange(berth, proof(berth, sts, ci, minutes=minutes))

    code = "InvalidSignatureException"
    check_refused(at(-5.1), 403, code, "Signature expired")
    check_refused(at(1.1), 403, code, "Signature not yet current")
    check_refused(at(-60 * 24), 403, code, "Signature expired")
    keys(at(-4.9))
    keys(at(0.9))


def test_a_proof_is_for_one_registry(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    asked = len(sts.requests)
    other = proof(berth, sts, ci, registry="registry.example.com")
    check_refused(exchange(berth, other), 403, "AccessDeniedException", "'registry.example.com'")
    # What a client says of the host counts for this machine's own names alone.
    answer = requests.post(
        berth.url + "/session",
        json=other,
        headers={"Host": "registry.example.com"},
        timeout=30,
    )
    check_refused(answer, 403, "AccessDeniedException", "--public-url")
    renamed = proof(berth, sts, ci, registry="registry.example.com")
    renamed["headers"]["X-Berth-Registry"] = berth.host
    assert len(sts.requests) == asked
    check_refused(exchange(berth, renamed), 403, "UnrecognizedClientException", "SignatureDoesNot")


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NamedServer(BerthServer):
    """A registry that is told its own name."""

    def command(self) -> list[str]:
        """Returns the command line, on the port that the name has."""
        return [f"127.0.0.1:{PORT}" if arg == "127.0.0.1:0" else arg for arg in super().command()]


PORT = free_port()


def test_a_named_registry_believes_no_client(sts: StsStandIn, ci: Credentials) -> None:
    name = f"127.0.0.1:{PORT}"
    env = {"BERTH_STS_ENDPOINT": sts.url, "BERTH_PUBLIC_URL": f"http://{name}"}
    with NamedServer(env=env) as berth:
        url, code = berth.url + "/session", "AccessDeniedException"
        own, other = proof(berth, sts, ci), proof(berth, sts, ci, registry="localhost:5001")
        for headers in ({}, {"Host": "localhost:5001"}):
            answer = requests.post(url, json=own, headers=headers, timeout=30)
            check_refused(answer, 403, code, "no trust lets it in")
            answer = requests.post(url, json=other, headers=headers, timeout=30)
            check_refused(answer, 403, code, "'localhost:5001'")


def change(name: str, value: str | None) -> Callable[[Proof], None]:
    """Returns what alters, adds or takes away a header."""

    def alter(proof: Proof) -> None:
        if value is None:
            del proof["headers"][name]
        else:
            proof["headers"][name] = value

    return alter


def sign_less(name: str) -> Callable[[Proof], None]:
    def alter(proof: Proof) -> None:
        header = proof["headers"]["Authorization"]
        proof["headers"]["Authorization"] = header.replace(f"{name};", "").replace(f";{name}", "")

    return alter


def another_body(proof: Proof) -> None:
    proof["body"] = "Action=GetSessionToken&Version=2011-06-15"


UNKNOWN, INVALID = "UnrecognizedClientException", "InvalidParameterException"
INCOMPLETE = "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("alter", "status", "code"),
    [
        (another_body, 400, INVALID),
        (change("Host", "sts.amazonaws.com"), 400, INVALID),
        (change("Host", "169.254.169.254"), 400, INVALID),
        (change("Content-Type", "application/json"), 400, INVALID),
        (change("X-Amz-Security-Token", "other"), 403, UNKNOWN),
        (change("X-Amz-Security-Token", None), 400, INVALID),
        (change("X-Amz-Date", "20200101T000000Z"), 403, "InvalidSignatureException"),
        (change("X-Amz-Date", None), 400, INVALID),
        (change("X-Berth-Registry", None), 400, INVALID),
        (change("X-Berth-Nonce", "other"), 403, UNKNOWN),
        (change("X-Berth-Nonce", None), 400, INVALID),
        (change("Authorization", None), 400, INVALID),
        (change("Authorization", "Basic YTpi"), 400, INCOMPLETE),
        (change("X-Amz-Target", "more"), 400, INVALID),
        (change("X-Forwarded-For", "10.0.0.1"), 400, INVALID),
        (sign_less("x-berth-registry"), 400, INVALID),
        (sign_less("x-amz-security-token"), 400, INVALID),
    ],
)
def test_altered_proofs_are_refused(
    berth: BerthServer,
    sts: StsStandIn,
    ci: Credentials,
    alter: Callable[[Proof], None],
    status: int,
    code: str,
) -> None:
    altered = proof(berth, sts, ci)
    alter(altered)
    check_refused(exchange(berth, altered), status, code)


def test_proofs_that_aws_refuses(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    forged = Credentials("ASIACI", "guessed", "aws-token")
    check_refused(exchange(berth, proof(berth, sts, forged)), 403, UNKNOWN, "SignatureDoesNotMatch")
    strange = Credentials("AKIANOBODY", SECRET)
    check_refused(exchange(berth, proof(berth, sts, strange)), 403, UNKNOWN, "InvalidClientTokenId")
    ended = sts.know("ASIAENDED", SECRET, SESSION, token="t", expired=True)
    check_refused(exchange(berth, proof(berth, sts, ended)), 403, "ExpiredTokenException")
    assert ci


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


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"x" * 1_000_000),
        (200, b"<GetCallerIdentityResponse/>"),
        (200, b"{}"),
        (302, b""),
        (500, b""),
        (503, refusal("ServiceUnavailable")[1]),
        refusal("Throttling"),
    ],
)
def test_an_aws_that_fails_lets_nobody_in(
    berth: BerthServer, sts: StsStandIn, ci: Credentials, answer: tuple[int, bytes]
) -> None:
    sts.instead = answer
    refused_proof = proof(berth, sts, ci)
    check_refused(exchange(berth, refused_proof), 503, "ServerException", "STS")
    # The proof was not used up.
    sts.instead = None
    keys(exchange(berth, refused_proof))


def test_an_aws_that_is_slow_or_down(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    sts.delay = 6
    answer = exchange(berth, proof(berth, sts, ci))
    check_refused(answer, 503, "ServerException", "STS")
    assert 4 < answer.elapsed.total_seconds() < 6
    with BerthServer(env={"BERTH_STS_ENDPOINT": "http://127.0.0.1:9"}) as lonely:
        lost = proof(lonely, sts, ci)
        lost["headers"]["Host"] = "127.0.0.1:9"
        check_refused(exchange(lonely, lost), 503, "ServerException", "STS")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"headers": []}', 400),
        (b'{"headers": {"Host": 1}, "body": ""}', 400),
        (b"\xff", 400),
        (b" " * 20_000, 413),
    ],
)
def test_other_bodies(berth: BerthServer, body: bytes, status: int) -> None:
    check_refused(exchange(berth, body), status, "SerializationException")


def test_random_bodies(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    """Bytes of chance, and proofs that chance has cut, are refused in the right form."""
    chance = random.Random(20261121)
    good = json.dumps(proof(berth, sts, ci)).encode()
    asked = len(sts.requests)
    with requests.Session() as session:
        for number in range(2000):
            if number % 2:
                body = chance.randbytes(chance.randrange(200))
            else:
                start = chance.randrange(1, len(good))
                body = good[:start] + chance.randbytes(chance.randrange(8))
            answer = session.post(berth.url + "/session", data=body, timeout=30)
            assert answer.status_code == 400, (body, answer.text)
            assert answer.json()["__type"].endswith("Exception")
    assert len(sts.requests) == asked


def test_the_registry_asks_aws_alone(ci: Credentials, sts: StsStandIn) -> None:
    with BerthServer() as berth:
        answer = exchange(berth, proof(berth, sts, ci))
        check_refused(answer, 400, INVALID, "none of the hosts of AWS STS")


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
    import boto3

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
