"""The AWS command line creates, lists and deletes repositories, and logs Docker in."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from berth_server import BerthServer
from clients import Registry, run

Ecr = Callable[..., str]


@pytest.fixture
def ecr(berth: BerthServer) -> Ecr:
    """Runs `aws ecr` with the root's keys."""
    env = {
        "AWS_ACCESS_KEY_ID": berth.access_key,
        "AWS_SECRET_ACCESS_KEY": berth.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    return lambda *arguments: run("aws", "ecr", *arguments, "--endpoint-url", berth.url, env=env)


def test_repositories(berth: BerthServer, ecr: Ecr) -> None:
    made = json.loads(ecr("create-repository", "--repository-name", "aws/app"))["repository"]
    assert made["repositoryName"] == "aws/app"
    assert made["repositoryArn"] == "arn:aws:ecr:us-east-1:123456789012:repository/aws/app"
    assert made["repositoryUri"] == f"{berth.host}/aws/app"
    with pytest.raises(AssertionError, match="RepositoryAlreadyExistsException"):
        ecr("create-repository", "--repository-name", "aws/app")

    listed = json.loads(ecr("describe-repositories"))["repositories"]
    assert [repository["repositoryName"] for repository in listed] == ["aws/app"]
    ecr("delete-repository", "--repository-name", "aws/app")
    assert json.loads(ecr("describe-repositories"))["repositories"] == []


def test_a_login_password_opens_the_registry(berth: BerthServer, ecr: Ecr) -> None:
    registry = Registry(berth)
    registry.session.auth = ("AWS", ecr("get-login-password").strip())
    assert registry.request("GET", "/v2/").status_code == 200
    registry.session.auth = ("AWS", "a password of nobody")
    assert registry.request("GET", "/v2/").status_code == 401
