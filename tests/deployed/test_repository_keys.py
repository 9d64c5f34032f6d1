"""Repositories with their owner's KMS keys: those that the stack's roles may use, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import images
import pytest
import requests
from botocore.client import BaseClient
from clients import Registry
from ecr_http import client, refused
from stack import Stack

NAME = "deployed/keys"


@pytest.fixture
def ecr(stack: Stack) -> BaseClient:
    """A client of ECR's API with the root's access key."""
    return client(stack)


@pytest.fixture
def make(ecr: BaseClient) -> Iterator[Callable[[str], None]]:
    """Makes a repository that is encrypted by a key."""

    def make(key: str) -> None:
        encryption = {"encryptionType": "KMS", "kmsKey": key}
        ecr.create_repository(repositoryName=NAME, encryptionConfiguration=encryption)

    yield make
    for each in ecr.describe_repositories()["repositories"]:
        if each["repositoryName"] == NAME:
            ecr.delete_repository(repositoryName=NAME, force=True)


def test_layers_are_encrypted_by_the_repositorys_key(
    stack: Stack, ecr: BaseClient, make: Callable[[str], None], repository_key: str
) -> None:
    make(repository_key)
    (told,) = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert told["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": repository_key}
    registry = Registry(stack)
    layer = images.random_bytes("deployed-keys", images.MIB)
    digest = images.sha256(layer)
    registry.finish_upload(registry.start_upload(NAME), digest, layer)
    answer = registry.request("GET", f"/v2/{NAME}/blobs/{digest}", allow_redirects=False)
    stored = requests.get(answer.headers["location"], timeout=60)
    assert images.sha256(stored.content) == digest
    assert stored.headers["x-amz-server-side-encryption-aws-kms-key-id"] == repository_key


def test_a_key_that_the_roles_may_not_use_is_refused(
    stack: Stack, ecr: BaseClient, make: Callable[[str], None]
) -> None:
    another = stack.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"encryptionType": "KMS", "kmsKey": another}
    more = {"repositoryName": NAME, "encryptionConfiguration": encryption}
    refused(ecr.create_repository, "KmsException", **more)
