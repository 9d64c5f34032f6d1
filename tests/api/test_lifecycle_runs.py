"""Lifecycle policies act by themselves: nobody runs them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import images
import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import client
from ecr_images import push, referrer, small_image
from test_lifecycle_policies import policy, rule
from test_users import administer, done

NAME = "runs/app"
ANY_STATUS = {"imageStatus": "ANY"}
KEEP_ONE = policy(rule(countNumber=1))


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry that has one repository."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME)
    yield ecr
    ecr.delete_repository(repositoryName=NAME, force=True)


def digests(ecr: BaseClient, **filters: str) -> set[str]:
    pages = ecr.get_paginator("list_images").paginate(repositoryName=NAME, filter=filters)
    return {image["imageDigest"] for page in pages for image in page["imageIds"]}


def eventually(holds: Callable[[], bool]) -> None:
    """Waits until something holds, which takes moments."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def put(ecr: BaseClient, text: str) -> None:
    """Gives the repository a policy, and waits until it was evaluated."""
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)

    def is_evaluated() -> bool:
        found = ecr.get_lifecycle_policy(repositoryName=NAME)
        return found["lastEvaluatedAt"].timestamp() > 0

    eventually(is_evaluated)


def berth_rule(action: str, **selection: Any) -> str:
    """Returns a policy that says more than ECR's."""
    of_berth = rule(**selection)
    of_berth["action"] = {"type": action}
    return policy(of_berth, dialect="berth")


def test_a_policy_acts(berth: BerthServer, ecr: BaseClient) -> None:
    old = [push(berth, NAME, small_image(f"run-{i}"), f"v{i}") for i in range(3)]
    untagged = push(berth, NAME, small_image("run-untagged"))
    kept = push(berth, NAME, small_image("run-kept"), "kept")
    put(ecr, KEEP_ONE)
    assert digests(ecr) == {kept}
    assert {*old, untagged}.isdisjoint(digests(ecr, **ANY_STATUS))
    tags = requests.get(f"{berth.url}/v2/{NAME}/tags/list", auth=berth.auth, timeout=30).json()
    assert tags["tags"] == ["kept"]


def test_children_go_after_their_list(berth: BerthServer, ecr: BaseClient) -> None:
    listed = images.index("run-index")
    push(berth, NAME, listed, "multi")
    kept = push(berth, NAME, small_image("run-kept-2"), "kept")
    assert len(digests(ecr)) == 2 + len(listed.children)
    put(ecr, KEEP_ONE)
    eventually(lambda: digests(ecr) == {kept})


def test_referrers_follow_their_subject(berth: BerthServer, ecr: BaseClient) -> None:
    subject, other = small_image("run-subject"), small_image("run-other")
    for image, tag in ((subject, "v1"), (other, "v2")):
        push(berth, NAME, image, tag)
        push(berth, NAME, referrer(f"signature of {tag}", image, "application/x-signature"))
    # A policy that does nothing itself: a client deletes the subject.
    put(ecr, policy(rule(countNumber=100)))
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": subject.digest}])
    eventually(lambda: len(digests(ecr)) == 2)
    assert other.digest in digests(ecr)
    # The policy deletes the other's subject.
    kept = push(berth, NAME, small_image("run-kept-3"), "kept")
    put(ecr, KEEP_ONE)
    eventually(lambda: digests(ecr) == {kept})


def test_tags_go_and_images_stay(berth: BerthServer, ecr: BaseClient) -> None:
    digest = push(berth, NAME, small_image("run-tags"), "dev-1", "dev-2", "v1")
    push(berth, NAME, small_image("run-tags-2"), "dev-3")
    selection = {"tagStatus": "tagged", "tagPatternList": ["dev-*"], "countNumber": 1}
    put(ecr, berth_rule("untag", **selection))
    found = ecr.describe_images(repositoryName=NAME, imageIds=[{"imageDigest": digest}])
    assert found["imageDetails"][0]["imageTags"] == ["v1"]
    assert len(digests(ecr)) == 2


def test_what_is_retained_stays(berth: BerthServer, ecr: BaseClient) -> None:
    kept = push(berth, NAME, small_image("run-retained"), "keep-me")
    push(berth, NAME, small_image("run-gone"), "v1")
    young = push(berth, NAME, small_image("run-young"), "v2")
    retain = rule(1, tagStatus="tagged", tagPatternList=["keep-*"])
    del retain["selection"]["countType"], retain["selection"]["countNumber"]
    retain["action"] = {"type": "retain"}
    put(ecr, policy(retain, rule(2, countNumber=1), dialect="berth"))
    assert digests(ecr) == {kept, young}


def test_what_acts_does_what_a_preview_says(berth: BerthServer, ecr: BaseClient) -> None:
    for i in range(6):
        push(berth, NAME, small_image(f"run-preview-{i}"), f"v{i}")
    before = digests(ecr)
    ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=KEEP_ONE)
    wait = ecr.get_waiter("lifecycle_policy_preview_complete").wait
    wait(repositoryName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    preview = ecr.get_lifecycle_policy_preview(repositoryName=NAME)["previewResults"]
    put(ecr, KEEP_ONE)
    assert before - digests(ecr) == {result["imageDigest"] for result in preview}


def test_a_preview_tells_why(berth: BerthServer, ecr: BaseClient) -> None:
    """By the operation of Berth's own: reasons, figures and bytes."""
    first = push(berth, NAME, small_image("why-1"), "dev-1", "v1")
    push(berth, NAME, small_image("why-2"), "v2")
    text = json.dumps(json.loads(KEEP_ONE))
    ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=text)
    report: dict[str, Any] = {}

    def is_complete() -> bool:
        answer = administer(berth, "GetLifecyclePolicyPreviewReport", repositoryName=NAME)
        report.update(done(answer))
        return report["status"] == "COMPLETE"

    eventually(is_complete)
    summary = report["summary"]
    [rule_figures] = summary.pop("rules")
    size = report["results"][0]["imageSizeInBytes"]
    assert summary == {
        "imageCount": 2,
        "expiringImageCount": 1,
        "archivedImageCount": 0,
        "untaggedImageCount": 0,
        "freedLayerSizeInBytes": size,
    }
    assert rule_figures == {
        "rulePriority": 1,
        "matchingImageCount": 2,
        "selectedImageCount": 1,
        "actedImageCount": 1,
        "expiringImageSizeInBytes": size,
    }
    [result] = report["results"]
    assert (result["imageDigest"], result["imageTags"]) == (first, ["dev-1", "v1"])
    assert (result["action"], result["appliedRulePriority"]) == ("EXPIRE", 1)
    assert result["reason"] == "rule 1 expires it: number 2 by age, more than 1"
