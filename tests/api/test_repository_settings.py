"""What changes of a repository that is there: mutability, scanning, resource tags."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, REGION, client, refused

NAME = "settings/app"
ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{NAME}"


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry that has one repository."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "team", "Value": "one"}])
    yield ecr
    ecr.delete_repository(repositoryName=NAME, force=True)


def described(ecr: BaseClient) -> dict[str, object]:
    (repository,) = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    return repository


def tags(ecr: BaseClient) -> dict[str, str]:
    listed = ecr.list_tags_for_resource(resourceArn=ARN)["tags"]
    return {tag["Key"]: tag["Value"] for tag in listed}


def test_tag_mutability(ecr: BaseClient) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    for setting, more in (
        ("IMMUTABLE", {}),
        ("IMMUTABLE_WITH_EXCLUSION", {"imageTagMutabilityExclusionFilters": filters}),
        ("MUTABLE", {}),
    ):
        answer = ecr.put_image_tag_mutability(
            repositoryName=NAME, imageTagMutability=setting, **more
        )
        del answer["ResponseMetadata"]
        expected = {"imageTagMutability": setting, **more}
        assert answer == {"registryId": ACCOUNT, "repositoryName": NAME, **expected}
        repository = described(ecr)
        assert {key: repository[key] for key in expected} == expected
        assert ("imageTagMutabilityExclusionFilters" in repository) == bool(more)


def test_tag_mutability_is_checked(ecr: BaseClient) -> None:
    change, code = ecr.put_image_tag_mutability, "InvalidParameterException"
    refused(change, code, repositoryName=NAME, imageTagMutability="IMMUTABLE_WITH_EXCLUSION")
    refused(change, code, repositoryName=NAME, imageTagMutability="SOMETIMES")
    known = {"imageTagMutability": "MUTABLE"}
    refused(change, "RepositoryNotFoundException", repositoryName="settings/none", **known)
    elsewhere = {"registryId": "000000000000", "repositoryName": NAME, **known}
    refused(change, "RepositoryNotFoundException", **elsewhere)


def test_scanning(ecr: BaseClient) -> None:
    for scan in (True, False):
        configuration = {"scanOnPush": scan}
        answer = ecr.put_image_scanning_configuration(
            repositoryName=NAME, imageScanningConfiguration=configuration
        )
        assert answer["imageScanningConfiguration"] == configuration
        assert described(ecr)["imageScanningConfiguration"] == configuration


def test_resource_tags(ecr: BaseClient) -> None:
    assert tags(ecr) == {"team": "one"}
    more = [{"Key": "team", "Value": "two"}, {"Key": "cost", "Value": ""}]
    ecr.tag_resource(resourceArn=ARN, tags=more)
    assert tags(ecr) == {"team": "two", "cost": ""}
    ecr.untag_resource(resourceArn=ARN, tagKeys=["team", "never-there"])
    assert tags(ecr) == {"cost": ""}


def test_a_repository_has_fifty_resource_tags(ecr: BaseClient) -> None:
    many = [{"Key": f"key-{n}", "Value": "v"} for n in range(49)]
    ecr.tag_resource(resourceArn=ARN, tags=many)
    one_more = [{"Key": "another", "Value": "v"}]
    refused(ecr.tag_resource, "TooManyTagsException", resourceArn=ARN, tags=one_more)
    assert len(tags(ecr)) == 50
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": "key-1", "Value": "new"}])
    assert tags(ecr)["key-1"] == "new"


def test_resource_tags_are_checked(ecr: BaseClient) -> None:
    reserved = [{"Key": "aws:team", "Value": "v"}]
    refused(ecr.tag_resource, "InvalidTagParameterException", resourceArn=ARN, tags=reserved)
    for arn in ("team", ARN.replace("repository/", ""), ARN.replace(REGION, "ap-south-1")):
        refused(ecr.list_tags_for_resource, "InvalidParameterException", resourceArn=arn)
    missing = "RepositoryNotFoundException"
    for arn in (ARN + "-none", ARN.replace(ACCOUNT, "000000000000")):
        refused(ecr.list_tags_for_resource, missing, resourceArn=arn)
        refused(ecr.untag_resource, missing, resourceArn=arn, tagKeys=["team"])
