"""Lifecycle policies as documents: put, read, replaced, deleted, checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, call, client, refused

NAME = "lifecycle/app"
MISSING = (
    f"Lifecycle policy does not exist for the repository with name '{NAME}' "
    f"in the registry with id '{ACCOUNT}'"
)


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry that has one repository."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME)
    yield ecr
    ecr.delete_repository(repositoryName=NAME, force=True)


def rule(priority: int = 1, **selection: Any) -> dict[str, Any]:
    base = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}
    return {
        "rulePriority": priority,
        "description": "keep a few of the youngest images",
        "selection": base | selection,
        "action": {"type": "expire"},
    }


def policy(*rules: dict[str, Any], **more: Any) -> str:
    return json.dumps({"rules": list(rules)} | more, indent=1)


def test_put_get_replace_delete(berth: BerthServer, ecr: BaseClient) -> None:
    missing = "LifecyclePolicyNotFoundException"
    assert refused(ecr.get_lifecycle_policy, missing, repositoryName=NAME) == MISSING
    assert refused(ecr.delete_lifecycle_policy, missing, repositoryName=NAME) == MISSING
    for text in (policy(rule()), policy(rule(2, tagStatus="untagged"), rule(7))):
        expected = {"registryId": ACCOUNT, "repositoryName": NAME, "lifecyclePolicyText": text}
        members = {"repositoryName": NAME, "registryId": ACCOUNT}
        put = call(berth, "PutLifecyclePolicy", lifecyclePolicyText=text, **members)
        assert put == expected
        read = call(berth, "GetLifecyclePolicy", **members)
        # 0 until it is evaluated for the first time, which is soon.
        assert read.pop("lastEvaluatedAt") >= 0
        assert read == expected
    deleted = call(berth, "DeleteLifecyclePolicy", repositoryName=NAME)
    assert deleted.pop("lastEvaluatedAt") >= 0
    assert deleted == expected
    assert refused(ecr.get_lifecycle_policy, missing, repositoryName=NAME) == MISSING


def test_a_new_repository_has_no_old_policy(ecr: BaseClient) -> None:
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=policy(rule()))
    ecr.delete_repository(repositoryName=NAME)
    ecr.create_repository(repositoryName=NAME)
    refused(ecr.get_lifecycle_policy, "LifecyclePolicyNotFoundException", repositoryName=NAME)


def test_repositories_must_exist(ecr: BaseClient) -> None:
    code = "RepositoryNotFoundException"
    for where in (
        {"repositoryName": "lifecycle/none"},
        {"repositoryName": NAME, "registryId": "000000000000"},
    ):
        refused(ecr.put_lifecycle_policy, code, lifecyclePolicyText=policy(rule()), **where)
        refused(ecr.get_lifecycle_policy, code, **where)
        refused(ecr.delete_lifecycle_policy, code, **where)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 100, "Could not map policyString into LifecyclePolicy."),
        (policy(rule(), x=1), 'not allowed by the schema: (["x"])'),
        (policy(rule(0)), "lower than the required minimum (minimum: 1, found: 0)"),
        (policy(rule(tagStatus="some")), 'instance value ("some") not found in enum'),
        (policy(rule(countUnit="days")), "instance failed to match exactly one schema"),
        (policy(rule(tagStatus="tagged")), "Must specify tagPrefixList or tagPatternList"),
        (policy(rule(1), rule(2, tagStatus="untagged")), "must have the lowest priority"),
    ],
)
def test_policies_are_checked(ecr: BaseClient, text: str, reason: str) -> None:
    put, code = ecr.put_lifecycle_policy, "InvalidParameterException"
    message = refused(put, code, repositoryName=NAME, lifecyclePolicyText=text)
    begin = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    assert message.startswith(begin + "'Lifecycle policy validation failure: ")
    assert reason in message
    refused(ecr.get_lifecycle_policy, "LifecyclePolicyNotFoundException", repositoryName=NAME)


def test_texts_have_a_length(ecr: BaseClient) -> None:
    put, code = ecr.put_lifecycle_policy, "InvalidParameterException"
    for text, reason in ((" " * 99, "than or equal to 100"), (" " * 30721, "or equal to 30720")):
        message = refused(put, code, repositoryName=NAME, lifecyclePolicyText=text)
        assert "'lifecyclePolicyText'" in message
        assert reason in message
