"""Rules of pull-through caches, as documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, REGION, call, client, refused
from ecr_model import misfits, operation_model

INVALID = "InvalidParameterException"
MISSING = "PullThroughCacheRuleNotFoundException"
EXISTS = "PullThroughCacheRuleAlreadyExistsException"
UNSUPPORTED = "UnsupportedUpstreamRegistryException"
SECRET_MISSING = "SecretNotFoundException"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ecr-pullthroughcache/hub-AbCdEf"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/cache"
QUAY = {"upstreamRegistryUrl": "quay.io"}
HUB = {"upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET}
ECR = {
    "upstreamRegistryUrl": "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    "customRoleArn": ROLE,
}


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry that has no rules, before and after."""
    ecr = client(berth)
    yield ecr
    for rule in described(ecr):
        ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix=rule["ecrRepositoryPrefix"])


def described(ecr: BaseClient, **members: Any) -> list[dict[str, Any]]:
    pages = ecr.get_paginator("describe_pull_through_cache_rules").paginate(**members)
    return [rule for page in pages for rule in page["pullThroughCacheRules"]]


def fitting(berth: BerthServer, operation: str, **members: Any) -> dict[str, Any]:
    answer = call(berth, operation, **members)
    assert not misfits(operation_model("ecr", operation).output_shape, answer)
    return answer


@pytest.mark.parametrize(
    ("url", "upstream", "more"),
    [
        ("public.ecr.aws", "ecr-public", {}),
        ("quay.io", "quay", {"upstreamRepositoryPrefix": "team"}),
        ("registry.k8s.io", "k8s", {}),
        ("registry-1.docker.io", "docker-hub", {"credentialArn": SECRET}),
        ("ghcr.io", "github-container-registry", {"credentialArn": SECRET}),
        ("registry.gitlab.com", "gitlab-container-registry", {"credentialArn": SECRET}),
        ("myteam.azurecr.io", "azure-container-registry", {"credentialArn": SECRET}),
        ("cgr.dev", "chainguard", {"credentialArn": SECRET}),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "ecr", {"customRoleArn": ROLE}),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", "ecr", {}),
    ],
)
def test_rules_come_and_go(
    berth: BerthServer, ecr: BaseClient, url: str, upstream: str, more: dict[str, str]
) -> None:
    prefix = {"ecrRepositoryPrefix": "cache/a"}
    given = prefix | {"upstreamRegistryUrl": url} | more
    common = {"registryId": ACCOUNT} | given
    create = ecr.create_pull_through_cache_rule
    made = fitting(berth, "CreatePullThroughCacheRule", **given)
    created_at = made.pop("createdAt")
    assert made == common | {"upstreamRegistry": upstream}
    message = refused(create, EXISTS, upstreamRegistry=upstream, **given)
    assert message == (
        "The pull through cache rule with prefix 'cache/a' already exists in the registry with id "
        f"'{ACCOUNT}'"
    )
    answer = fitting(berth, "DescribePullThroughCacheRules", ecrRepositoryPrefixes=["cache/a"])
    times = {"createdAt": created_at, "updatedAt": created_at}
    assert answer == {"pullThroughCacheRules": [made | times]}
    deleted = fitting(berth, "DeletePullThroughCacheRule", **prefix)
    assert deleted == common | {"createdAt": created_at}
    for operation in ("delete", "update"):
        change = getattr(ecr, f"{operation}_pull_through_cache_rule")
        refused(change, MISSING, **prefix)
        refused(change, INVALID, ecrRepositoryPrefix="A")
    message = refused(
        ecr.describe_pull_through_cache_rules, MISSING, ecrRepositoryPrefixes=["cache/a"]
    )
    assert "with prefix 'cache/a' does not exist" in message


@pytest.mark.parametrize(
    ("code", "members"),
    [
        (INVALID, {"ecrRepositoryPrefix": None}),
        (INVALID, {"ecrRepositoryPrefix": "a"}),
        (INVALID, {"ecrRepositoryPrefix": "a" * 31}),
        (INVALID, {"ecrRepositoryPrefix": "Hub"}),
        (INVALID, {"upstreamRegistryUrl": None}),
        (INVALID, {"registryId": "000000000000"}),
        (INVALID, {"upstreamRegistry": "docker-hub"}),
        (INVALID, {"upstreamRegistry": "harbor"}),
        (INVALID, {"upstreamRepositoryPrefix": "A"}),
        (INVALID, {"ecrRepositoryPrefix": "ROOT", "upstreamRepositoryPrefix": "team"}),
        (INVALID, {"credentialArn": "arn:aws:secretsmanager:a:b:secret:other/name-with-a-length"}),
        (INVALID, {"credentialArn": "short"}),
        (INVALID, {"customRoleArn": "arn:aws:iam::000000000000:role/cache"}),
        (INVALID, HUB | {"credentialArn": None}),
        (INVALID, {"upstreamRegistryUrl": "ghcr.io"}),
        (INVALID, ECR | {"customRoleArn": None}),
        (SECRET_MISSING, {"credentialArn": SECRET.replace(ACCOUNT, "000000000000")}),
        (SECRET_MISSING, {"credentialArn": SECRET.replace(REGION, "eu-west-1")}),
        (UNSUPPORTED, {"upstreamRegistryUrl": "registry.example.com"}),
        (UNSUPPORTED, {"upstreamRegistryUrl": "https://quay.io"}),
        (UNSUPPORTED, {"upstreamRegistryUrl": ""}),
    ],
)
def test_rules_are_checked(ecr: BaseClient, code: str, members: dict[str, Any]) -> None:
    given = {"ecrRepositoryPrefix": "cache"} | QUAY | members
    given = {name: value for name, value in given.items() if value is not None}
    refused(ecr.create_pull_through_cache_rule, code, **given)
    assert described(ecr) == []


def test_what_is_needed_upstream_changes(berth: BerthServer, ecr: BaseClient) -> None:
    prefix = {"ecrRepositoryPrefix": "hub"}
    made = ecr.create_pull_through_cache_rule(**prefix, **HUB)
    other = {"credentialArn": SECRET.replace("hub", "other")}
    for given, wanted in (
        ({}, {"credentialArn": SECRET}),
        (other, other),
        ({"customRoleArn": ROLE}, other | {"customRoleArn": ROLE}),
    ):
        updated = fitting(berth, "UpdatePullThroughCacheRule", **prefix, **given)
        assert updated.pop("updatedAt") >= made["createdAt"].timestamp()
        assert updated == prefix | {"registryId": ACCOUNT} | wanted
        (rule,) = described(ecr)
        assert rule["createdAt"] == made["createdAt"] <= rule["updatedAt"]
        assert wanted.items() <= rule.items()
    update = ecr.update_pull_through_cache_rule
    foreign = SECRET.replace(ACCOUNT, "000000000000")
    refused(update, SECRET_MISSING, credentialArn=foreign, **prefix)
    refused(update, INVALID, credentialArn="a", **prefix)
    refused(update, INVALID, registryId="000000000000", **prefix)
    refused(update, INVALID)


def test_rules_are_listed_in_pages(ecr: BaseClient) -> None:
    names = [f"cache-{number:02}" for number in range(25)]
    for name in reversed(names):
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=name, **QUAY)
    for size in (1, 7, 25, 1000):
        rules = described(ecr, PaginationConfig={"PageSize": size})
        assert [rule["ecrRepositoryPrefix"] for rule in rules] == names, size
    named = described(ecr, ecrRepositoryPrefixes=["cache-07", "cache-02"])
    assert [rule["ecrRepositoryPrefix"] for rule in named] == ["cache-07", "cache-02"]
    for members in (
        {"maxResults": 0},
        {"maxResults": 1001},
        {"nextToken": "%"},
        {"ecrRepositoryPrefixes": []},
        {"ecrRepositoryPrefixes": ["a"]},
        {"ecrRepositoryPrefixes": ["ab"] * 101},
        {"registryId": "000000000000"},
    ):
        refused(ecr.describe_pull_through_cache_rules, INVALID, **members)


def test_a_registry_has_fifty(ecr: BaseClient) -> None:
    create = ecr.create_pull_through_cache_rule
    for number in range(50):
        create(ecrRepositoryPrefix=f"cache-{number}", **QUAY)
    refused(create, "LimitExceededException", ecrRepositoryPrefix="one-more", **QUAY)
    refused(create, EXISTS, ecrRepositoryPrefix="cache-0", **QUAY)
