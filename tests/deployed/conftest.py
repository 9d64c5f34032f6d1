"""Fixtures of the deployed stack: one MiniStack, one deployment and one gateway for a whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.client import BaseClient
from ecr_http import client
from gateway import Gateway
from ministack import ACCOUNT, MiniStack
from stack import Stack

# Where the second of two stacks stands.
OTHER_REGION = "eu-west-1"
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


@pytest.fixture(scope="session")
def regions(aws: MiniStack) -> Iterator[tuple[Stack, Stack]]:
    """Two stacks: the first replicates to the second, set up as docs/deploying.md says."""
    with Stack(aws, name="berth-home") as home:
        sources = {"SourceRoleArns": home.outputs["ReplicateRoleArn"]}
        with Stack(aws, name="berth-away", region=OTHER_REGION, parameters=sources) as away:
            peers = {
                "Peers": away.outputs["AsPeer"],
                "PeerRoleArns": away.outputs["PeerRoleArn"],
            }
            home.update(peers)
            yield home, away


@pytest.fixture(scope="session")
def home(regions: tuple[Stack, Stack]) -> Stack:
    """The stack that is pushed to."""
    return regions[0]


@pytest.fixture(scope="session")
def away(regions: tuple[Stack, Stack]) -> Stack:
    """The stack that is replicated to."""
    return regions[1]


@pytest.fixture(scope="session")
def home_ecr(home: Stack, away: Stack) -> BaseClient:
    """A client of the first registry, which replicates all to the second."""
    ecr = client(home)
    destination = {"region": away.region, "registryId": ACCOUNT}
    ecr.put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [destination]}]}
    )
    return ecr


@pytest.fixture(scope="session")
def away_ecr(away: Stack) -> BaseClient:
    """A client of the second registry."""
    return client(away, region_name=away.region)
