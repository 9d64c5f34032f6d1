"""Errors that an operation documents and that no other test of this folder provokes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from berth_server import BerthServer
from botocore import xform_name
from botocore.client import BaseClient
from ecr_http import ACCOUNT, REGION, client, refused

NAME = "errors/app"
NONE = "errors/none"
ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{NAME}"
INVALID = "InvalidParameterException"
NO_REPOSITORY = "RepositoryNotFoundException"
STATEMENT = '{"Effect":"Allow","Principal":"*","Action":"ecr:ListImages"}'
POLICY = f'{{"Version":"2012-10-17","Statement":[{STATEMENT}]}}'
SCAN = {"imageScanningConfiguration": {"scanOnPush": True}}
TAGS = [{"Key": "team", "Value": "one"}]


@pytest.fixture(scope="module")
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with one empty repository, which nothing changes."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME)
    yield ecr
    ecr.delete_repository(repositoryName=NAME)


ERRORS: list[tuple[str, str, dict[str, Any]]] = [
    ("DeleteLifecyclePolicy", INVALID, {"repositoryName": "E"}),
    ("DeleteRepository", INVALID, {"repositoryName": "E"}),
    ("DeleteRepositoryPolicy", INVALID, {"repositoryName": "E"}),
    ("DeleteRepositoryPolicy", NO_REPOSITORY, {"repositoryName": NONE}),
    ("GetLifecyclePolicy", INVALID, {"repositoryName": "E"}),
    ("GetRepositoryPolicy", INVALID, {"repositoryName": "E"}),
    ("GetRepositoryPolicy", NO_REPOSITORY, {"repositoryName": NONE}),
    ("PutImageScanningConfiguration", INVALID, {"repositoryName": NAME}),
    ("PutImageScanningConfiguration", NO_REPOSITORY, {"repositoryName": NONE} | SCAN),
    ("SetRepositoryPolicy", NO_REPOSITORY, {"repositoryName": NONE, "policyText": POLICY}),
    ("TagResource", INVALID, {"resourceArn": ARN}),
    ("TagResource", NO_REPOSITORY, {"resourceArn": ARN + "-none", "tags": TAGS}),
    ("UntagResource", INVALID, {"resourceArn": ARN}),
    ("UntagResource", "InvalidTagParameterException", {"resourceArn": ARN, "tagKeys": ["aws:a"]}),
]


@pytest.mark.parametrize(("operation", "error", "members"), ERRORS)
def test_errors_are_answered(
    ecr: BaseClient, operation: str, error: str, members: dict[str, Any]
) -> None:
    refused(getattr(ecr, xform_name(operation)), error, **members)
