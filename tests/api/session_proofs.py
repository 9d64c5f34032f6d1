"""Proofs of AWS principals, and the registry that takes them."""

from __future__ import annotations

import contextlib
import datetime
import json
import secrets
from collections.abc import Iterator
from typing import Any
from unittest import mock

import requests
from berth_server import BerthServer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ecr_http import ACCOUNT
from sts_stand_in import StsStandIn
from test_users import administer, allow, done, policy

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-7"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
BODY = "Action=GetCallerIdentity&Version=2011-06-15"
SECRET = "aws/secret+key"
UNKNOWN, INVALID = "UnrecognizedClientException", "InvalidParameterException"

Proof = dict[str, Any]


@contextlib.contextmanager
def trusting(sts: StsStandIn) -> Iterator[BerthServer]:
    """A registry that trusts the role `ci`, whose sessions may do everything."""
    with BerthServer(env={"BERTH_STS_ENDPOINT": sts.url}) as server:
        done(administer(server, "CreateTrust", trustName="ci", principals=[ROLE]))
        names = {"trustName": "ci", "policyName": "all"}
        text = policy(allow("ecr:*"))
        done(administer(server, "PutTrustPolicy", policyDocument=text, **names))
        yield server


@contextlib.contextmanager
def role(sts: StsStandIn) -> Iterator[Credentials]:
    """AWS credentials of the trusted role; AWS behaves again at the end."""
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
