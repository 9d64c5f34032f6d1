"""CreateRepository, DescribeRepositories, DeleteRepository through boto3 and raw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, REGION, call, check_error, client, refused, request, send


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client; what a test made is deleted after it."""
    ecr = client(berth)
    before = set(listed(ecr))
    yield ecr
    for name in set(listed(ecr)) - before:
        ecr.delete_repository(repositoryName=name, force=True)


def listed(ecr: BaseClient, size: int = 1000) -> list[str]:
    """Returns the names of all repositories, by pages of a size."""
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": size})
    found = [page["repositories"] for page in pages]
    assert all(len(page) <= size for page in found)
    return [repository["repositoryName"] for page in found for repository in page]


def test_a_repository_is_made_described_and_deleted(berth: BerthServer, ecr: BaseClient) -> None:
    before = time.time()
    made = ecr.create_repository(repositoryName="team/app")["repository"]
    assert before - 1 <= made["createdAt"].timestamp() <= time.time() + 1
    assert made | {"createdAt": None} == {
        "repositoryArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app",
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": f"{berth.host}/team/app",
        "createdAt": None,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    described = ecr.describe_repositories(repositoryNames=["team/app"])["repositories"]
    assert described == [made]
    assert ecr.delete_repository(repositoryName="team/app")["repository"] == made
    message = refused(
        ecr.describe_repositories, "RepositoryNotFoundException", repositoryNames=["team/app"]
    )
    assert message == (
        f"The repository with name 'team/app' does not exist in the registry with id '{ACCOUNT}'"
    )


def test_settings_are_kept(ecr: BaseClient) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    ecr.create_repository(
        registryId=ACCOUNT,
        repositoryName="app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "AES256"},
        tags=[{"Key": "team", "Value": "platform"}],
    )
    named = {"registryId": ACCOUNT, "repositoryNames": ["app"]}
    described = ecr.describe_repositories(**named)["repositories"][0]
    assert described["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert described["imageTagMutabilityExclusionFilters"] == filters
    assert described["imageScanningConfiguration"] == {"scanOnPush": True}


def test_pages_hold_every_repository_once(ecr: BaseClient) -> None:
    names = [f"team-{i % 3}/app-{i:03}" for i in range(105)]
    others = listed(ecr)
    for name in names:
        ecr.create_repository(repositoryName=name)
    first = ecr.describe_repositories()
    assert len(first["repositories"]) == 100
    assert first["nextToken"]
    for size in (1000, 10, 1):
        assert listed(ecr, size) == sorted(names + others)
    by_name = ecr.describe_repositories(repositoryNames=[names[7], names[3]])
    assert [r["repositoryName"] for r in by_name["repositories"]] == [names[7], names[3]]


def test_what_is_there_or_not_is_said(ecr: BaseClient) -> None:
    ecr.create_repository(repositoryName="app")
    message = refused(
        ecr.create_repository, "RepositoryAlreadyExistsException", repositoryName="app"
    )
    assert message == (
        f"The repository with name 'app' already exists in the registry with id '{ACCOUNT}'"
    )
    refused(ecr.delete_repository, "RepositoryNotFoundException", repositoryName="other")
    elsewhere = {"registryId": "000000000000", "repositoryName": "app"}
    message = refused(ecr.delete_repository, "RepositoryNotFoundException", **elsewhere)
    assert "'000000000000'" in message
    refused(ecr.create_repository, "InvalidParameterException", **elsewhere)


BAD_CREATIONS = [
    ({}, "'repositoryName' failed to satisfy constraint: 'must not be null'"),
    ({"repositoryName": "a"}, "must have length greater than or equal to 2"),
    ({"repositoryName": "a" * 257}, "must have length less than or equal to 256"),
    ({"repositoryName": "Team/App"}, "must satisfy regular expression"),
    ({"repositoryName": "../etc"}, "must satisfy regular expression"),
    ({"registryId": "1"}, "'registryId'"),
    ({"imageTagMutability": "SOMETIMES"}, "must satisfy enum value set"),
    ({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}, "ExclusionFilters"),
    ({"encryptionConfiguration": {"encryptionType": "NONE"}}, "must satisfy enum value set"),
    ({"tags": [{"Value": "v"}]}, "'tags.1.member.key'"),
]


@pytest.mark.parametrize(("members", "text"), BAD_CREATIONS)
def test_bad_creations_are_refused(ecr: BaseClient, members: dict[str, Any], text: str) -> None:
    if members and "repositoryName" not in members:
        members = members | {"repositoryName": "app"}
    assert text in refused(ecr.create_repository, "InvalidParameterException", **members)
    assert members.get("repositoryName") not in listed(ecr)


def test_bad_tags_are_refused(ecr: BaseClient) -> None:
    many = [{"Key": f"k{i}", "Value": ""} for i in range(51)]
    refused(ecr.create_repository, "TooManyTagsException", repositoryName="app", tags=many)
    reserved = [{"Key": "aws:k", "Value": ""}]
    refused(
        ecr.create_repository, "InvalidTagParameterException", repositoryName="app", tags=reserved
    )


BAD_QUERIES = [
    ({"maxResults": 0}, "'maxResults'"),
    ({"maxResults": 1001}, "'maxResults'"),
    ({"nextToken": "made-up"}, "'nextToken'"),
    ({"repositoryNames": []}, "'repositoryNames'"),
    ({"repositoryNames": ["app"] * 101}, "'repositoryNames'"),
    ({"repositoryNames": ["app"], "maxResults": 1}, "'maxResults'"),
    ({"repositoryNames": ["app"], "nextToken": "t"}, "'nextToken'"),
    ({"registryId": "000000000000"}, "'registryId'"),
]


@pytest.mark.parametrize(("members", "text"), BAD_QUERIES)
def test_bad_queries_are_refused(ecr: BaseClient, members: dict[str, Any], text: str) -> None:
    assert text in refused(ecr.describe_repositories, "InvalidParameterException", **members)


@pytest.mark.parametrize(
    "body", ["[]", "{", '{"repositoryName":7}', '{"tags":{}}', '{"repositoryName":"a\\ud800"}']
)
def test_bodies_that_do_not_fit_are_refused(berth: BerthServer, body: str) -> None:
    check_error(send(request(berth, "CreateRepository", body)), "SerializationException")


def test_unknown_members_and_nulls_are_ignored(berth: BerthServer, ecr: BaseClient) -> None:
    answer = call(berth, "CreateRepository", repositoryName="app", tags=None, later={"a": 1})
    assert answer["repository"]["repositoryName"] == "app"
