"""Who may call: SigV4 with the root's key, and what everyone else is told."""

from __future__ import annotations

import base64
import datetime
import time
from collections.abc import Callable

import botocore.auth
import pytest
import requests
from berth_server import BerthServer
from botocore.exceptions import ClientError
from ecr_http import ACCOUNT, REGION, call, check_error, client, presigned, request, send

DESCRIBE = "DescribeRepositories"
LONGEST = datetime.timedelta(minutes=15)


@pytest.fixture
def shift_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime.timedelta], None]:
    """Lets a test sign as a client would whose clock is wrong."""
    get_current_datetime = botocore.auth.get_current_datetime

    def shift(by: datetime.timedelta) -> None:
        def shifted(*args: object, **options: object) -> datetime.datetime:
            return get_current_datetime(*args, **options) + by

        monkeypatch.setattr(botocore.auth, "get_current_datetime", shifted)

    return shift


def test_the_roots_signature_is_taken(berth: BerthServer) -> None:
    assert send(request(berth, DESCRIBE)).status_code == 200
    assert send(presigned(berth, DESCRIBE)).status_code == 200


def test_unsigned_requests_are_refused(berth: BerthServer) -> None:
    unsigned = request(berth, DESCRIBE)
    del unsigned.headers["Authorization"]
    answer = send(unsigned)
    check_error(answer, "MissingAuthenticationTokenException", "Missing Authentication Token")


def test_wrong_keys_are_refused(berth: BerthServer) -> None:
    for options, code, text in (
        (
            {"aws_access_key_id": "AKIAOTHER"},
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            {"aws_secret_access_key": "wrong"},
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        ),
        (
            {"aws_session_token": "none"},
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            {"region_name": "xx-none-1"},
            "InvalidSignatureException",
            "Credential should be scoped to a valid region, not 'xx-none-1'",
        ),
    ):
        with pytest.raises(ClientError) as caught:
            client(berth, **options).describe_repositories()
        error = caught.value.response["Error"]
        assert error["Code"] == code
        assert error["Message"].startswith(text)


def test_failed_log_ins_are_slow(berth: BerthServer) -> None:
    started = time.monotonic()
    with pytest.raises(ClientError):
        client(berth, aws_secret_access_key="wrong").describe_repositories()
    assert time.monotonic() - started > 0.5


def test_the_service_must_fit(berth: BerthServer) -> None:
    answer = send(request(berth, DESCRIBE, scope=(REGION, "s3")))
    check_error(answer, "InvalidSignatureException", "correct service: 'ecr'")
    answer = send(request(berth, DESCRIBE, service="ecr-public", scope=(REGION, "ecr")))
    check_error(answer, "InvalidSignatureException", "correct service: 'ecr-public'")


def test_what_was_signed_can_not_be_changed(berth: BerthServer) -> None:
    signed = request(berth, "CreateRepository", '{"repositoryName":"app"}')
    signed.data = '{"repositoryName":"apq"}'
    check_error(send(signed), "InvalidSignatureException", "does not match")
    signed = request(berth, DESCRIBE)
    target = signed.headers["X-Amz-Target"].replace("Describe", "Delete")
    signed.headers.replace_header("X-Amz-Target", target.replace("Repositories", "Repository"))
    check_error(send(signed), "InvalidSignatureException", "does not match")
    signed = request(berth, DESCRIBE)
    signed.url += "?a=b"
    check_error(send(signed), "InvalidSignatureException", "does not match")


@pytest.mark.parametrize("minutes", [14, -14])
def test_clocks_may_differ_a_little(
    berth: BerthServer, shift_clock: Callable[[datetime.timedelta], None], minutes: int
) -> None:
    shift_clock(datetime.timedelta(minutes=minutes))
    assert send(request(berth, DESCRIBE)).status_code == 200


@pytest.mark.parametrize(
    ("minutes", "text"), [(16, "Signature not yet current: "), (-16, "Signature expired: ")]
)
def test_wrong_clocks_are_refused(
    berth: BerthServer,
    shift_clock: Callable[[datetime.timedelta], None],
    minutes: int,
    text: str,
) -> None:
    shift_clock(datetime.timedelta(minutes=minutes))
    check_error(send(request(berth, DESCRIBE)), "InvalidSignatureException", text)


def test_signed_queries_end(
    berth: BerthServer, shift_clock: Callable[[datetime.timedelta], None]
) -> None:
    shift_clock(datetime.timedelta(seconds=-30))
    assert send(presigned(berth, DESCRIBE, expires=60)).status_code == 200
    check_error(send(presigned(berth, DESCRIBE, expires=10)), "InvalidSignatureException")


def test_half_signatures_are_refused(berth: BerthServer) -> None:
    for old, new in (("Signature=", "S="), ("AWS4-HMAC-SHA256", "AWS4-X"), ("/ecr/", "/")):
        broken = request(berth, DESCRIBE)
        header = broken.headers["Authorization"].replace(old, new)
        broken.headers.replace_header("Authorization", header)
        check_error(send(broken), "IncompleteSignatureException")


def test_a_token_opens_the_registry(berth: BerthServer) -> None:
    before = time.time()
    data = call(berth, "GetAuthorizationToken")["authorizationData"][0]
    assert data["proxyEndpoint"] == berth.url
    assert before + 11 * 3600 < data["expiresAt"] < time.time() + 12 * 3600 + 1
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    assert user == "AWS"
    url = berth.url + "/v2/"
    assert requests.get(url, auth=(user, password), timeout=30).status_code == 200
    assert requests.get(url, auth=(user, password + "x"), timeout=30).status_code == 401


def test_registry_ids_of_tokens_are_checked(berth: BerthServer) -> None:
    ecr = client(berth)
    assert len(ecr.get_authorization_token(registryIds=[ACCOUNT])["authorizationData"]) == 1
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.get_authorization_token(registryIds=["000000000000"])


@pytest.mark.local
def test_an_open_registry_asks_nobody() -> None:
    with BerthServer(args=["--open"]) as berth:
        unsigned = request(berth, DESCRIBE)
        del unsigned.headers["Authorization"]
        assert send(unsigned).json() == {"repositories": []}
        assert client(berth, aws_secret_access_key="any").describe_repositories()
