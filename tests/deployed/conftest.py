"""Fixtures of the deployed stack: one MiniStack, one deployment and one gateway for a whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gateway import Gateway
from ministack import MiniStack
from stack import Stack

# Whom Go's programs, OpenSSL and requests trust.
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")


@pytest.fixture(scope="session")
def aws() -> Iterator[MiniStack]:
    """A running MiniStack. Every program that a test starts trusts its certificates."""
    with MiniStack() as running, pytest.MonkeyPatch.context() as patch:
        for name in TRUST:
            patch.setenv(name, str(running.ca_file))
        yield running


@pytest.fixture(scope="session")
def repository_key(aws: MiniStack) -> str:
    """The ARN of a KMS key that repositories may be encrypted with."""
    return aws.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="session")
def stack(aws: MiniStack, repository_key: str) -> Iterator[Stack]:
    """The deployed stack, with the functions of `make build-functions`.

    Sparse indexes are allowed, as the conformance suite wants, and one key of the account's owner.
    """
    parameters = {"AllowSparseIndex": "true", "RepositoryKeyArns": repository_key}
    with Stack(aws, parameters=parameters) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def gateway(stack: Stack) -> Gateway:
    """The stand-in for API Gateway that is before the stack."""
    return stack.gateway
