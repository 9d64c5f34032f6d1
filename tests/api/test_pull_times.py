"""The time of an image's last pull, and the principals whose pulls don't count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import images
import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from ecr_http import ACCOUNT, client
from ecr_images import fitting, push, small_image
from test_users import administer, allow, done, policy

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/builder"


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with the empty repository `app`."""
    ecr = client(berth)
    ecr.create_repository(repositoryName="app")
    yield ecr
    ecr.delete_repository(repositoryName="app", force=True)


def refused(call: Callable[..., Any], code: str, **members: Any) -> str:
    """Checks that a call is refused with `code`, and returns the message."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


def pull_times(berth: BerthServer) -> dict[str, float | None]:
    """Returns the last pull of each image, by digest."""
    described = fitting(berth, "DescribeImages", repositoryName="app")["imageDetails"]
    return {image["imageDigest"]: image.get("lastRecordedPullTime") for image in described}


def recorded(berth: BerthServer, pulled: set[str]) -> dict[str, float | None]:
    """Returns the last pull of each image once those of `pulled` are recorded, beside answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        times = pull_times(berth)
        if all(times[digest] is not None for digest in pulled):
            return times
        time.sleep(0.05)
    raise AssertionError(f"not all of {pulled} are recorded: {times}")


def test_pulls_are_recorded(berth: BerthServer, ecr: BaseClient) -> None:
    by_docker, by_api, index = small_image("docker"), small_image("api"), images.index("multi")
    for tag, manifest in (("docker", by_docker), ("api", by_api), ("multi", index)):
        push(berth, "app", manifest, tag)
    url = f"{berth.url}/v2/app/manifests/docker"
    assert requests.head(url, auth=berth.auth, timeout=30).status_code == 200
    assert set(pull_times(berth).values()) == {None}
    before = time.time()
    assert requests.get(url, auth=berth.auth, timeout=30).status_code == 200
    ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "api"}])
    pulled = {by_docker.digest, by_api.digest}
    first = recorded(berth, pulled)
    assert {digest for digest, moment in first.items() if moment is not None} == pulled
    for digest in pulled:
        assert before - 1 <= first[digest] <= time.time() + 1
    assert requests.get(url, auth=berth.auth, timeout=30).status_code == 200
    assert pull_times(berth) == first


def test_principals_are_excluded(berth: BerthServer, ecr: BaseClient) -> None:
    before = time.time()
    answer = fitting(berth, "RegisterPullTimeUpdateExclusion", principalArn=ROLE)
    assert before - 1 <= answer.pop("createdAt") <= time.time() + 1
    assert answer == {"principalArn": ROLE}
    refused(
        ecr.register_pull_time_update_exclusion,
        "ExclusionAlreadyExistsException",
        principalArn=ROLE,
    )
    users = [f"arn:aws:iam::{ACCOUNT}:user/u{i:02}" for i in range(99)]
    for user in users:
        ecr.register_pull_time_update_exclusion(principalArn=user)
    refused(
        ecr.register_pull_time_update_exclusion, "LimitExceededException", principalArn=ROLE + "2"
    )
    found: list[str] = []
    token = None
    while True:
        page = fitting(berth, "ListPullTimeUpdateExclusions", maxResults=30, nextToken=token)
        found += page["pullTimeUpdateExclusions"]
        token = page.get("nextToken")
        if token is None:
            break
    assert found == [ROLE, *users]
    for principal in found:
        answer = fitting(berth, "DeregisterPullTimeUpdateExclusion", principalArn=principal)
        assert answer == {"principalArn": principal}
    assert fitting(berth, "ListPullTimeUpdateExclusions") == {"pullTimeUpdateExclusions": []}
    refused(
        ecr.deregister_pull_time_update_exclusion, "ExclusionNotFoundException", principalArn=ROLE
    )


@pytest.mark.parametrize("operation", ["register", "deregister"])
@pytest.mark.parametrize("principal", [None, "", f"arn:aws:iam::{ACCOUNT}:root", ROLE + "a" * 200])
def test_bad_principals_are_refused(ecr: BaseClient, operation: str, principal: str | None) -> None:
    call = getattr(ecr, f"{operation}_pull_time_update_exclusion")
    members = {} if principal is None else {"principalArn": principal}
    assert "'principalArn'" in refused(call, "InvalidParameterException", **members)


def test_bad_pages_are_refused(ecr: BaseClient) -> None:
    call = ecr.list_pull_time_update_exclusions
    for members in ({"maxResults": 0}, {"maxResults": 1001}, {"nextToken": "made-up"}):
        refused(call, "InvalidParameterException", **members)


@pytest.mark.local
def test_pulls_of_excluded_users_are_not_recorded(berth: BerthServer, ecr: BaseClient) -> None:
    digest = push(berth, "app", small_image("excluded"), "v1")
    user = f"arn:aws:iam::{ACCOUNT}:user/puller"
    done(administer(berth, "CreateUser", userName="puller"))
    document = policy(allow("ecr:BatchGetImage"))
    names = {"userName": "puller", "policyName": "p"}
    done(administer(berth, "PutUserPolicy", policyDocument=document, **names))
    key = done(administer(berth, "CreateAccessKey", userName="puller"))["accessKey"]
    auth = (key["accessKeyId"], key["secretAccessKey"])

    def pull(auth: tuple[str, str], reference: str) -> None:
        url = f"{berth.url}/v2/app/manifests/{reference}"
        assert requests.get(url, auth=auth, timeout=30).status_code == 200

    other = push(berth, "app", small_image("other"), "v2")
    ecr.register_pull_time_update_exclusion(principalArn=user)
    pull(auth, "v1")
    pull(berth.auth, "v2")
    assert recorded(berth, {other})[digest] is None
    ecr.deregister_pull_time_update_exclusion(principalArn=user)
    pull(auth, "v1")
    recorded(berth, {digest})
