"""Previews of lifecycle policies: begun, waited for, read by page, image and tag status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from ecr_http import ACCOUNT, call, client, refused
from ecr_images import push, small_image
from test_lifecycle_policies import policy, rule

NAME = "previews/app"
IN_PROGRESS = "LifecyclePolicyPreviewInProgressException"
NOT_FOUND = "LifecyclePolicyPreviewNotFoundException"
NO_REPOSITORY = "RepositoryNotFoundException"
KEEP_ONE = policy(rule(3, countNumber=1))


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry that has one repository."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME)
    yield ecr
    ecr.delete_repository(repositoryName=NAME, force=True)


def start(ecr: BaseClient, **members: Any) -> None:
    """Begins a preview, and waits for it."""
    begun = ecr.start_lifecycle_policy_preview(repositoryName=NAME, **members)
    assert begun["status"] == "IN_PROGRESS"
    wait = ecr.get_waiter("lifecycle_policy_preview_complete").wait
    wait(repositoryName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_a_preview_tells_what_would_go(berth: BerthServer, ecr: BaseClient) -> None:
    missing = (
        f"Lifecycle policy preview does not exist for the repository with name '{NAME}' "
        f"in the registry with id '{ACCOUNT}'"
    )
    assert refused(ecr.get_lifecycle_policy_preview, NOT_FOUND, repositoryName=NAME) == missing
    digests = [push(berth, NAME, small_image(f"preview-{i}"), f"v{i}") for i in range(3)]
    push(berth, NAME, small_image("preview-0"), "first")
    begun = call(
        berth,
        "StartLifecyclePolicyPreview",
        repositoryName=NAME,
        registryId=ACCOUNT,
        lifecyclePolicyText=KEEP_ONE,
    )
    named = {"registryId": ACCOUNT, "repositoryName": NAME, "lifecyclePolicyText": KEEP_ONE}
    assert begun == named | {"status": "IN_PROGRESS"}
    wait = ecr.get_waiter("lifecycle_policy_preview_complete").wait
    wait(repositoryName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    found = call(berth, "GetLifecyclePolicyPreview", repositoryName=NAME)
    results = {result.pop("imageDigest"): result for result in found.pop("previewResults")}
    assert found == named | {"status": "COMPLETE", "summary": {"expiringImageTotalCount": 2}}
    assert set(results) == set(digests[:2])
    pushed_at = results[digests[0]].pop("imagePushedAt")
    assert pushed_at > 1.7e9
    expected = {"action": {"type": "EXPIRE"}, "appliedRulePriority": 3, "storageClass": "STANDARD"}
    assert results[digests[0]] == expected | {"imageTags": ["first", "v0"]}
    described = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert len(described) == 3, "a preview deletes nothing"


def test_results_are_filtered(berth: BerthServer, ecr: BaseClient) -> None:
    tagged = push(berth, NAME, small_image("tagged"), "v1")
    untagged = push(berth, NAME, small_image("untagged"))
    kept = push(berth, NAME, small_image("kept"), "v2")
    start(ecr, lifecyclePolicyText=KEEP_ONE)

    def find(**members: Any) -> list[str]:
        found = ecr.get_lifecycle_policy_preview(repositoryName=NAME, **members)
        assert found["summary"]["expiringImageTotalCount"] == 2
        return [result["imageDigest"] for result in found["previewResults"]]

    for status, expected in (
        ("TAGGED", {tagged}),
        ("UNTAGGED", {untagged}),
        ("ANY", {tagged, untagged}),
    ):
        assert set(find(filter={"tagStatus": status})) == expected
    ids = [{"imageTag": "v1"}, {"imageDigest": untagged}, {"imageTag": "v2"}, {"imageTag": "none"}]
    assert set(find(imageIds=ids)) == {tagged, untagged}
    assert find(imageIds=ids, filter={"tagStatus": "TAGGED"}) == [tagged]
    assert find(imageIds=[{"imageDigest": kept}]) == []


def test_the_repositorys_own_policy_is_previewed(ecr: BaseClient) -> None:
    begin = ecr.start_lifecycle_policy_preview
    refused(begin, "LifecyclePolicyNotFoundException", repositoryName=NAME)
    text = policy(rule(9))
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    start(ecr)
    found = ecr.get_lifecycle_policy_preview(repositoryName=NAME)
    assert (found["lifecyclePolicyText"], found["previewResults"]) == (text, [])


def test_one_preview_is_worked_out_at_a_time(ecr: BaseClient) -> None:
    def begin(_: int) -> str:
        try:
            ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=KEEP_ONE)
        except ClientError as error:
            return str(error)
        return ""

    answers: set[str] = set()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            answers |= set(pool.map(begin, range(8)))
            if len(answers) > 1:
                break
    others = answers - {""}
    assert len(others) == 1
    assert all(IN_PROGRESS in text and "has not completed" in text for text in others)


@pytest.mark.parametrize("where", [{"repositoryName": "previews/none"}, {"registryId": "0" * 12}])
def test_repositories_must_exist(ecr: BaseClient, where: dict[str, str]) -> None:
    where = {"repositoryName": NAME} | where
    refused(ecr.get_lifecycle_policy_preview, NO_REPOSITORY, **where)
    begin = ecr.start_lifecycle_policy_preview
    refused(begin, NO_REPOSITORY, lifecyclePolicyText=KEEP_ONE, **where)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"maxResults": 0}, "'maxResults' failed"),
        ({"maxResults": 101}, "must have value less than or equal to 100"),
        ({"nextToken": "!"}, "must be a token that GetLifecyclePolicyPreview returned"),
        ({"filter": {"tagStatus": "SOME"}}, "[TAGGED, UNTAGGED, ANY]"),
        ({"imageIds": []}, "'imageIds' failed"),
        ({"imageIds": [{}]}, "must have imageDigest or imageTag"),
        ({"imageIds": [{"imageTag": "v1"}], "maxResults": 1}, "'maxResults' failed"),
        ({"imageIds": [{"imageTag": "v1"}], "nextToken": "a"}, "'nextToken' failed"),
    ],
)
def test_inputs_are_checked(ecr: BaseClient, members: dict[str, Any], reason: str) -> None:
    get, code = ecr.get_lifecycle_policy_preview, "InvalidParameterException"
    assert reason in refused(get, code, repositoryName=NAME, **members)


def test_policies_are_checked(ecr: BaseClient) -> None:
    begin, code = ecr.start_lifecycle_policy_preview, "InvalidParameterException"
    for text, reason in (
        (policy(rule(0)), "lower than the required minimum (minimum: 1, found: 0)"),
        (" " * 99, "'lifecyclePolicyText' failed"),
        (json.dumps({"rules": []}).ljust(100), "Lifecycle policy validation failure"),
    ):
        message = refused(begin, code, repositoryName=NAME, lifecyclePolicyText=text)
        assert reason in message
    refused(ecr.get_lifecycle_policy_preview, NOT_FOUND, repositoryName=NAME)
