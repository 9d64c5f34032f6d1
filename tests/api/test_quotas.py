"""Quotas, by a registry that has few of each thing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import images
import pytest
import requests
from berth_server import BerthServer, ServerError
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from ecr_http import ACCOUNT, client
from ecr_images import push, push_blob, small_image

pytestmark = pytest.mark.local  # The quotas are those of this server.

QUOTAS = {
    "repositories": 2,
    "images-per-repository": 2,
    "tags-per-image": 3,
    "rules-per-lifecycle-policy": 2,
    "lifecycle-policy-length": 600,
    "repository-policy-length": 300,
    "registry-policy-length": 400,
    "replication-rules": 2,
    "replication-destinations": 2,
    "pull-time-exclusions": 2,
    "creation-templates": 1,
    "pull-through-cache-rules": 1,
}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/builder"


@pytest.fixture(scope="module")
def small() -> Iterator[BerthServer]:
    """A registry with small quotas."""
    text = ",".join(f"{name}={number}" for name, number in QUOTAS.items())
    with BerthServer(args=("--quotas", text)) as server:
        yield server


@pytest.fixture
def ecr(small: BerthServer) -> Iterator[BaseClient]:
    """A client of it, with the empty repository `app`."""
    ecr = client(small)
    made(ecr, "app")
    yield ecr
    for repository in ecr.describe_repositories()["repositories"]:
        ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)


def made(ecr: BaseClient, name: str) -> None:
    """Makes a repository, which may take until a refusal is forgotten."""
    soon(lambda: ecr.create_repository(repositoryName=name))


def soon(call: Callable[[], object]) -> None:
    """Calls until there is room, some seconds at most."""
    deadline = time.monotonic() + 15
    while True:
        try:
            call()
            return
        except ClientError as error:
            is_full = error.response["Error"]["Code"] == "LimitExceededException"
            if not is_full or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def refused(call: Callable[..., Any], code: str, **members: Any) -> str:
    """Checks that a call is refused with `code`, and returns the message."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Message"]


def put_image(berth: BerthServer, ecr: BaseClient, seed: str, tag: str) -> dict[str, str]:
    """Returns the members of a PutImage whose layers are there."""
    manifest = small_image(seed)
    for blob in manifest.blobs:
        push_blob(berth, "app", blob)
    return {
        "repositoryName": "app",
        "imageManifest": manifest.data.decode(),
        "imageTag": tag,
    }


def test_repositories(small: BerthServer, ecr: BaseClient) -> None:
    made(ecr, "team/app")
    message = refused(ecr.create_repository, "LimitExceededException", repositoryName="team/other")
    assert message == (
        f"The registry with id '{ACCOUNT}' already has the maximum allowed number of "
        "repositories which is '2'"
    )
    refused(ecr.create_repository, "RepositoryAlreadyExistsException", repositoryName="app")
    answer = requests.post(f"{small.url}/v2/team/other/blobs/uploads/", auth=small.auth, timeout=30)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "DENIED"
    ecr.delete_repository(repositoryName="team/app")
    made(ecr, "team/other")


def test_images_of_a_repository(small: BerthServer, ecr: BaseClient) -> None:
    first = push(small, "app", small_image("first"), "v1")
    push(small, "app", small_image("second"), "v2")
    third = put_image(small, ecr, "third", "v3")
    message = refused(ecr.put_image, "LimitExceededException", **third)
    assert message == (
        f"The repository with name 'app' in registry with id '{ACCOUNT}' already has the maximum "
        "allowed number of images which is '2'"
    )
    answer = requests.put(
        f"{small.url}/v2/app/manifests/v3",
        data=third["imageManifest"],
        headers={"Content-Type": images.MANIFEST},
        auth=small.auth,
        timeout=30,
    )
    assert answer.status_code == 403
    error = answer.json()["errors"][0]
    assert error["code"] == "DENIED"
    assert "maximum allowed number of images, which is 2" in error["message"]
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": first}])
    soon(lambda: ecr.put_image(**third))


def test_tags_of_an_image(small: BerthServer, ecr: BaseClient) -> None:
    push(small, "app", small_image("tagged"), "v1", "v2", "v3")
    fourth = put_image(small, ecr, "tagged", "v4")
    message = refused(ecr.put_image, "LimitExceededException", **fourth)
    assert message == (
        f"Adding tag 'v4' to an image in the repository with name 'app' in registry with id "
        f"'{ACCOUNT}' exceeds the maximum allowed number of tags per image which is '3'"
    )
    refused(ecr.put_image, "ImageAlreadyExistsException", **fourth | {"imageTag": "v3"})
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    soon(lambda: ecr.put_image(**fourth))


def rule(priority: int, **selection: Any) -> dict[str, Any]:
    """Returns a lifecycle rule."""
    selection |= {"countType": "imageCountMoreThan", "countNumber": 5}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def test_lifecycle_policies(ecr: BaseClient) -> None:
    put, bad = ecr.put_lifecycle_policy, "InvalidParameterException"
    rules = [
        rule(1, tagStatus="untagged"),
        rule(3, tagStatus="any"),
        rule(2, tagStatus="tagged", tagPrefixList=["dev"]),
    ]
    text = json.dumps({"rules": rules[:2]})
    put(repositoryName="app", lifecyclePolicyText=text)
    three = json.dumps({"rules": rules})
    message = refused(put, bad, repositoryName="app", lifecyclePolicyText=three)
    assert "must have at most 2 elements but instance has 3 elements" in message
    long = text + " " * (601 - len(text))
    message = refused(put, bad, repositoryName="app", lifecyclePolicyText=long)
    assert "must have length less than or equal to 600" in message


def test_policies(ecr: BaseClient) -> None:
    statement = {"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(repositoryName="app", policyText=text)
    long = text + " " * (301 - len(text))
    message = refused(
        ecr.set_repository_policy,
        "InvalidParameterException",
        repositoryName="app",
        policyText=long,
    )
    assert "must have length less than or equal to 300" in message
    message = refused(
        ecr.put_registry_policy, "InvalidParameterException", policyText=text + " " * 400
    )
    assert "must have length less than or equal to 400" in message


def destinations(*regions: str) -> dict[str, Any]:
    """Returns a replication rule."""
    return {"destinations": [{"region": r, "registryId": ACCOUNT} for r in regions]}


def test_replication(ecr: BaseClient) -> None:
    put = ecr.put_replication_configuration
    east, west, south = "eu-east-1", "eu-west-1", "eu-south-1"
    two = [destinations(east, west), destinations(west)]
    put(replicationConfiguration={"rules": two})
    for rules, words in (
        ([*two, destinations(east)], "must have length less than or equal to 2"),
        ([destinations(east, west), destinations(south)], "at most 2 different destinations"),
    ):
        message = refused(
            put, "InvalidParameterException", replicationConfiguration={"rules": rules}
        )
        assert words in message
    put(replicationConfiguration={"rules": []})


def test_pull_time_exclusions(ecr: BaseClient) -> None:
    names = [f"{ROLE}{n}" for n in range(2)]
    for name in names:
        ecr.register_pull_time_update_exclusion(principalArn=name)
    refused(ecr.register_pull_time_update_exclusion, "LimitExceededException", principalArn=ROLE)
    for name in names:
        ecr.deregister_pull_time_update_exclusion(principalArn=name)


@pytest.mark.parametrize("text", ["images=5", "repositories", "repositories=0"])
def test_other_quotas_are_refused(text: str) -> None:
    with (
        pytest.raises(ServerError, match="quota"),
        BerthServer(args=("--quotas", text), env={"RUST_BACKTRACE": "0"}),
    ):
        pass


def test_templates_and_cache_rules(ecr: BaseClient) -> None:
    create = ecr.create_repository_creation_template
    create(prefix="a", appliedFor=["CREATE_ON_PUSH"])
    refused(create, "LimitExceededException", prefix="b", appliedFor=["CREATE_ON_PUSH"])
    ecr.delete_repository_creation_template(prefix="a")
    create = ecr.create_pull_through_cache_rule
    quay = {"upstreamRegistryUrl": "quay.io"}
    create(ecrRepositoryPrefix="aa", **quay)
    refused(create, "LimitExceededException", ecrRepositoryPrefix="bb", **quay)
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="aa")
