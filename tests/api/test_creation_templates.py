"""Templates of repositories: made, read, changed, deleted, and what a push makes by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, call, client, refused
from ecr_model import misfits, operation_model

INVALID = "InvalidParameterException"
MISSING = "TemplateNotFoundException"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecr"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d"
ON_PUSH = {"appliedFor": ["CREATE_ON_PUSH"]}
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"},
    }
)
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": "keep nine images and no more of them than that",
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": 9,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
FILTER = {"filterType": "WILDCARD", "filter": "dev-*"}
ALL = {
    "description": "what production needs",
    "encryptionConfiguration": {"encryptionType": "AES256"},
    "resourceTags": [{"Key": "stage", "Value": "prod"}, {"Key": "team", "Value": ""}],
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [FILTER],
    "repositoryPolicy": POLICY,
    "lifecyclePolicy": LIFECYCLE,
    "appliedFor": ["REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"],
    "customRoleArn": ROLE,
}
LEAST = {
    "encryptionConfiguration": {"encryptionType": "AES256"},
    "resourceTags": [],
    "imageTagMutability": "MUTABLE",
}


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry that has no templates, before and after."""
    ecr = client(berth)
    yield ecr
    for template in described(ecr):
        ecr.delete_repository_creation_template(prefix=template["prefix"])


def described(ecr: BaseClient, **members: Any) -> list[dict[str, Any]]:
    paginator = ecr.get_paginator("describe_repository_creation_templates")
    pages = list(paginator.paginate(**members))
    assert all(page["registryId"] == ACCOUNT for page in pages)
    return [found for page in pages for found in page["repositoryCreationTemplates"]]


def fitting(berth: BerthServer, operation: str, **members: Any) -> dict[str, Any]:
    """Calls an operation on one template, and returns it without the times."""
    answer = call(berth, operation, **members)
    assert not misfits(operation_model("ecr", operation).output_shape, answer)
    assert answer["registryId"] == ACCOUNT
    template = answer["repositoryCreationTemplate"]
    assert template.pop("createdAt") <= template.pop("updatedAt")
    return template


@pytest.mark.parametrize(
    ("prefix", "given", "wanted"),
    [
        ("prod/team", ALL, ALL),
        ("p", ON_PUSH, ON_PUSH | LEAST),
        ("ROOT", ON_PUSH, ON_PUSH | LEAST),
        (
            "keys",
            ON_PUSH | {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY}},
            ON_PUSH | LEAST | {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY}},
        ),
    ],
)
def test_templates_come_and_go(
    berth: BerthServer, ecr: BaseClient, prefix: str, given: Any, wanted: Any
) -> None:
    wanted = {"prefix": prefix} | wanted
    create = "CreateRepositoryCreationTemplate"
    assert fitting(berth, create, prefix=prefix, **given) == wanted
    (found,) = described(ecr, prefixes=[prefix])
    assert found.pop("createdAt") == found.pop("updatedAt")
    assert found == wanted
    message = refused(
        ecr.create_repository_creation_template,
        "TemplateAlreadyExistsException",
        prefix=prefix,
        **given,
    )
    assert message == (
        f"The repository creation template with prefix '{prefix}' already exists in the registry "
        f"with id '{ACCOUNT}'"
    )
    assert fitting(berth, "DeleteRepositoryCreationTemplate", prefix=prefix) == wanted
    delete = ecr.delete_repository_creation_template
    assert f"with prefix '{prefix}' does not exist" in refused(delete, MISSING, prefix=prefix)
    update = ecr.update_repository_creation_template
    refused(update, MISSING, prefix=prefix)
    for change in (update, delete):
        refused(change, INVALID, prefix="UPPER")
    assert described(ecr, prefixes=[prefix]) == []


def test_what_is_given_changes(berth: BerthServer, ecr: BaseClient) -> None:
    update = "UpdateRepositoryCreationTemplate"
    ecr.create_repository_creation_template(prefix="prod", **ON_PUSH)
    wanted = {"prefix": "prod"} | LEAST | ON_PUSH
    for member, value in ALL.items():
        if member == "imageTagMutabilityExclusionFilters":
            continue
        given = {member: value}
        if member == "imageTagMutability":
            given["imageTagMutabilityExclusionFilters"] = [FILTER]
        wanted |= given
        assert fitting(berth, update, prefix="prod", **given) == wanted
    other = [FILTER | {"filter": "test-*"}]
    wanted |= {"imageTagMutabilityExclusionFilters": other}
    given = {"imageTagMutabilityExclusionFilters": other}
    assert fitting(berth, update, prefix="prod", **given) == wanted
    assert fitting(berth, update, prefix="prod") == wanted
    for member in ("description", "repositoryPolicy", "lifecyclePolicy", "customRoleArn"):
        del wanted[member]
        assert fitting(berth, update, prefix="prod", **{member: ""}) == wanted
    del wanted["imageTagMutabilityExclusionFilters"]
    wanted |= {"imageTagMutability": "IMMUTABLE", "resourceTags": []}
    given = {"imageTagMutability": "IMMUTABLE", "resourceTags": []}
    assert fitting(berth, update, prefix="prod/", **given) == wanted
    (found,) = described(ecr)
    assert found["createdAt"] < found["updatedAt"]


def test_a_slash_at_the_end_is_meant_in_any_case(ecr: BaseClient) -> None:
    create = ecr.create_repository_creation_template
    answer = create(prefix="prod/", **ON_PUSH)
    assert answer["repositoryCreationTemplate"]["prefix"] == "prod/"
    refused(create, "TemplateAlreadyExistsException", prefix="prod", **ON_PUSH)
    assert [found["prefix"] for found in described(ecr, prefixes=["prod", "prod/"])] == ["prod/"]


def test_templates_are_listed_in_pages(ecr: BaseClient) -> None:
    names = [f"team-{number:02}" for number in range(25)]
    for name in reversed(names):
        ecr.create_repository_creation_template(prefix=name, **ON_PUSH)
    for size in (1, 7, 25, 1000):
        pages = described(ecr, PaginationConfig={"PageSize": size})
        assert [found["prefix"] for found in pages] == names, size
    first = ecr.describe_repository_creation_templates(maxResults=20)
    assert len(first["repositoryCreationTemplates"]) == 20
    rest = ecr.describe_repository_creation_templates(nextToken=first["nextToken"])
    assert len(rest["repositoryCreationTemplates"]) == 5
    assert "nextToken" not in rest
    named = described(ecr, prefixes=["team-03", "none", "team-01"])
    assert [found["prefix"] for found in named] == ["team-03", "team-01"]
    describe = ecr.describe_repository_creation_templates
    for members in (
        {"maxResults": 0},
        {"maxResults": 1001},
        {"nextToken": "%"},
        {"prefixes": ["UPPER"]},
        {"prefixes": ["a"] * 101},
    ):
        refused(describe, INVALID, **members)


def test_a_registry_has_fifty(ecr: BaseClient) -> None:
    create = ecr.create_repository_creation_template
    for number in range(50):
        create(prefix=f"team-{number}", **ON_PUSH)
    refused(create, "LimitExceededException", prefix="one-more", **ON_PUSH)
    refused(create, "TemplateAlreadyExistsException", prefix="team-0", **ON_PUSH)


@pytest.mark.parametrize(
    "members",
    [
        {"prefix": None},
        {"prefix": ""},
        {"prefix": "UPPER"},
        {"prefix": "a" * 257},
        {"appliedFor": None},
        {"appliedFor": []},
        {"appliedFor": ["PUSH"]},
        {"description": "a" * 257},
        {"encryptionConfiguration": {}},
        {"encryptionConfiguration": {"encryptionType": "ROT13"}},
        {"resourceTags": [{"Key": "aws:stage", "Value": "prod"}]},
        {"resourceTags": [{"Key": "stage", "Value": "a"}, {"Key": "stage", "Value": "b"}]},
        {"resourceTags": [{"Key": f"{number}", "Value": ""} for number in range(51)]},
        {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/key"}},
        {"encryptionConfiguration": {"encryptionType": "AES256", "kmsKey": KEY}},
        {"imageTagMutability": "MAYBE"},
        {"imageTagMutability": "IMMUTABLE", "imageTagMutabilityExclusionFilters": [FILTER]},
        {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"},
        {"imageTagMutabilityExclusionFilters": [FILTER]},
        {"repositoryPolicy": "{}"},
        {"repositoryPolicy": "a" * 10_241},
        {"repositoryPolicy": POLICY.replace('"Action"', '"Resource": "*", "Action"')},
        {"lifecyclePolicy": "{}"},
        {"lifecyclePolicy": LIFECYCLE.ljust(30_721)},
        {"customRoleArn": "arn:aws:iam::000000000000:role/ecr"},
        {"customRoleArn": "ecr"},
    ],
)
def test_templates_are_checked(ecr: BaseClient, members: dict[str, Any]) -> None:
    given = {"prefix": "prod"} | ON_PUSH | members
    given = {name: value for name, value in given.items() if value is not None}
    refused(ecr.create_repository_creation_template, INVALID, **given)
    assert described(ecr) == []


def test_a_push_makes_what_the_template_says(fresh_berth: BerthServer) -> None:
    ecr = client(fresh_berth)
    ecr.create_repository_creation_template(prefix="prod", **ALL)
    ecr.create_repository_creation_template(prefix="ROOT", **ON_PUSH)
    for name in ("prod/app", "app"):
        url = f"{fresh_berth.url}/v2/{name}/blobs/uploads/"
        requests.post(url, auth=fresh_berth.auth, timeout=10).raise_for_status()
    app, prod = ecr.describe_repositories()["repositories"]
    assert prod["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert prod["imageTagMutabilityExclusionFilters"] == [FILTER]
    tags = ecr.list_tags_for_resource(resourceArn=prod["repositoryArn"])["tags"]
    assert sorted(tags, key=lambda tag: tag["Key"]) == ALL["resourceTags"]
    name = {"repositoryName": "prod/app"}
    assert ecr.get_repository_policy(**name)["policyText"] == POLICY
    assert ecr.get_lifecycle_policy(**name)["lifecyclePolicyText"] == LIFECYCLE
    assert app["imageTagMutability"] == "MUTABLE"
    assert ecr.list_tags_for_resource(resourceArn=app["repositoryArn"])["tags"] == []
