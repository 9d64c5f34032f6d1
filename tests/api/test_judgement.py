"""The judge of answers itself: what is not in the model, or is missing, does not pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from berth_server import BerthServer
from botocore.awsrequest import AWSResponse
from calls import check_error_shape
from ecr_http import client
from ecr_model import misfits, operation_model

REPOSITORY = {
    "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/app",
    "registryId": "123456789012",
    "repositoryName": "app",
    "repositoryUri": "127.0.0.1/app",
    "createdAt": 1.5,
    "imageTagMutability": "MUTABLE",
    "imageScanningConfiguration": {"scanOnPush": False},
    "encryptionConfiguration": {"encryptionType": "AES256"},
}
SHAPE = operation_model("ecr", "DescribeRepositories").output_shape


def judged(**changes: Any) -> list[str]:
    """Returns what is wrong with an answer whose members changed, or are gone where `None`."""
    repository = {
        name: value for name, value in (REPOSITORY | changes).items() if value is not None
    }
    return misfits(SHAPE, {"repositories": [repository]})


def test_a_whole_answer_passes() -> None:
    assert judged() == []
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    assert judged(imageTagMutabilityExclusionFilters=filters) == []


@pytest.mark.parametrize("name", sorted(REPOSITORY))
def test_what_is_always_returned_is_missed(name: str) -> None:
    assert judged(**{name: None}) == [f"$.repositories[0].{name} is missing"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"owner": "me"}, "owner is not in the model"),
        ({"imageScanningConfiguration": {}}, "scanOnPush is missing"),
        ({"imageScanningConfiguration": {"scanOnPush": "no"}}, "is 'no', not a boolean"),
        ({"imageScanningConfiguration": []}, "is no object"),
        ({"createdAt": True}, "is True, not a timestamp"),
        ({"createdAt": "2026-11-21"}, "not a timestamp"),
        ({"imageTagMutability": "SOMETIMES"}, "none of"),
        ({"imageTagMutabilityExclusionFilters": {}}, "is no list"),
        ({"registryId": "12"}, "does not match"),
        ({"repositoryName": "App"}, "does not match"),
        ({"repositoryName": "a"}, "less than 2"),
        ({"repositoryName": "a" * 257}, "more than 256"),
    ],
)
def test_what_does_not_fit_is_told(changes: dict[str, Any], reason: str) -> None:
    (found,) = judged(**changes)
    assert reason in found


def test_a_member_may_be_always_returned_in_one_place_alone() -> None:
    nobody: dict[str, Any] = {"imageIds": [{"imageTag": "v1"}]}
    listed = misfits(operation_model("ecr", "ListImages").output_shape, nobody)
    assert listed == ["$.imageIds[0].imageDigest is missing"]
    failure = {"imageId": {}, "failureCode": "ImageNotFound", "failureReason": "none"}
    deleted = {"imageIds": [], "failures": [failure]}
    assert misfits(operation_model("ecr", "BatchDeleteImage").output_shape, deleted) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"__type": "ImageNotFoundException", "message": "no"},
            "ImageNotFoundException is none of",
        ),
        ({"__type": "RepositoryNotFoundException"}, "message is missing"),
        ({"__type": "RepositoryNotFoundException", "message": ""}, "message is missing"),
        ({"__type": "AccessDeniedException", "message": "no", "who": "me"}, "who is not in"),
    ],
)
def test_errors_are_those_of_the_operation(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        check_error_shape(operation_model("ecr", "DescribeRepositories"), body)


@pytest.fixture
def answering(berth: BerthServer) -> Callable[[dict[str, Any]], Any]:
    """Lets a client of the tests get an answer that no registry gave."""

    def answer(body: dict[str, Any]) -> Any:
        ecr = client(berth)

        def respond(**_: Any) -> AWSResponse:
            response = AWSResponse(berth.url, 200, {}, None)
            response._content = json.dumps(body).encode()
            return response

        ecr.meta.events.register("before-send.ecr", respond)
        return ecr.describe_repositories()

    return answer


def test_clients_judge_what_they_get(answering: Callable[[dict[str, Any]], Any]) -> None:
    assert answering({"repositories": [REPOSITORY]})["repositories"]
    with pytest.raises(AssertionError, match="owner is not in the model"):
        answering({"repositories": [REPOSITORY | {"owner": "me"}]})
    with pytest.raises(AssertionError, match="repositories is missing"):
        answering({})
