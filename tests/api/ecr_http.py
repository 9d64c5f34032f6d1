"""Requests to `POST /`, signed by botocore but otherwise raw, and boto3's clients."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import requests
from berth_server import BerthServer
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from calls import watch
from ecr_model import misfits, operation_model, service_model
from remote_registry import RemoteRegistry, note_names

REGION = os.environ.get("BERTH_TEST_REGION", "us-east-1")
ACCOUNT = os.environ.get("BERTH_TEST_ACCOUNT_ID", "123456789012")
JSON_1_1 = "application/x-amz-json-1.1"


def client(berth: BerthServer, service: str = "ecr", **options: Any) -> BaseClient:
    """Returns a boto3 client of the running registry, with the root's key unless told otherwise.

    Each of its answers is compared with the model.
    """
    settings = {
        "endpoint_url": berth.url,
        "region_name": REGION,
        "aws_access_key_id": berth.access_key,
        "aws_secret_access_key": berth.secret_key,
        "config": Config(retries={"max_attempts": 1}, parameter_validation=False),
    }
    made = watch(boto3.session.Session().client(service, **(settings | options)))
    if isinstance(berth, RemoteRegistry):
        note_names(made)
    return made


def request(
    berth: BerthServer,
    operation: str,
    body: str | bytes = "{}",
    *,
    service: str = "ecr",
    scope: tuple[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> AWSRequest:
    """Returns a signed request for an operation. `scope` is the region and the signing name."""
    target = service_model(service).metadata["targetPrefix"] + "." + operation
    base = {"Content-Type": JSON_1_1, "X-Amz-Target": target}
    aws_request = AWSRequest(
        method="POST", url=berth.url + "/", data=body, headers=base | (headers or {})
    )
    region, name = scope or (REGION, service)
    SigV4Auth(Credentials(*berth.auth), name, region).add_auth(aws_request)
    return aws_request


def presigned(berth: BerthServer, operation: str, expires: int = 60) -> AWSRequest:
    """Returns a request without a body, signed in its query."""
    target = service_model("ecr").metadata["targetPrefix"] + "." + operation
    headers = {"Content-Type": JSON_1_1, "X-Amz-Target": target}
    aws_request = AWSRequest(method="POST", url=berth.url + "/", data="", headers=headers)
    SigV4QueryAuth(Credentials(*berth.auth), "ecr", REGION, expires).add_auth(aws_request)
    return aws_request


def send(aws_request: AWSRequest) -> requests.Response:
    """Sends a request as it was signed."""
    prepared = aws_request.prepare()
    return requests.post(
        prepared.url, data=prepared.body, headers=dict(prepared.headers), timeout=30
    )


def call(berth: BerthServer, operation: str, **members: Any) -> dict[str, Any]:
    """Calls an operation of ECR, checks its answer against the model, and returns it as it came."""
    answer = send(request(berth, operation, json.dumps(members)))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == JSON_1_1
    assert misfits(operation_model("ecr", operation).output_shape, answer.json()) == []
    return answer.json()


def check_error(answer: requests.Response, code: str, text: str = "", status: int = 400) -> None:
    """Checks that an answer is this error."""
    assert (answer.status_code, answer.json()["__type"]) == (status, code), answer.text
    assert text in answer.json()["message"]
    assert answer.headers["Content-Type"] == JSON_1_1
    assert answer.headers["x-amzn-RequestId"]


def refused(call: Callable[..., Any], code: str, **members: Any) -> str:
    """Checks that a call is refused with `code`, and returns the message."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response
    assert error["Error"]["Code"] == code, error
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert type(caught.value).__name__ in (code, "ClientError")
    return error["Error"]["Message"]
