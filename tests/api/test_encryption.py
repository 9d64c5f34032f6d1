"""`encryptionConfiguration` of CreateRepository, on a registry without KMS."""

from __future__ import annotations

from typing import Any

import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from ecr_http import client

pytestmark = pytest.mark.local  # A registry in AWS has KMS.


@pytest.fixture
def ecr(berth: BerthServer) -> BaseClient:
    """A client."""
    return client(berth)


def refusal(ecr: BaseClient, configuration: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer that refuses a repository of this encryption, of which nothing is made."""
    with pytest.raises(ClientError) as caught:
        ecr.create_repository(repositoryName="app", encryptionConfiguration=configuration)
    assert ecr.describe_repositories()["repositories"] == []
    return caught.value.response


@pytest.mark.parametrize("kind", ["KMS", "KMS_DSSE"])
@pytest.mark.parametrize("key", [None, "alias/images", "arn:aws:kms:us-east-1:123456789012:key/k"])
def test_keys_are_refused_without_kms(ecr: BaseClient, kind: str, key: str | None) -> None:
    configuration = {"encryptionType": kind} | ({} if key is None else {"kmsKey": key})
    answer = refusal(ecr, configuration)
    assert answer["Error"]["Code"] == "KmsException"
    assert "runs without AWS KMS" in answer["Error"]["Message"]
    assert answer["kmsError"] == "UnsupportedOperationException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        ({"encryptionType": "NONE"}, "must satisfy enum value set: [AES256, KMS, KMS_DSSE]"),
        (
            {"encryptionType": "AES256", "kmsKey": "alias/images"},
            "'encryptionConfiguration.kmsKey'",
        ),
        ({"encryptionType": "KMS", "kmsKey": "k" * 2049}, "less than or equal to 2048"),
    ],
)
def test_bad_configurations_are_refused(
    ecr: BaseClient, configuration: dict[str, Any], text: str
) -> None:
    error = refusal(ecr, configuration)["Error"]
    assert error["Code"] == "InvalidParameterException"
    assert text in error["Message"]
