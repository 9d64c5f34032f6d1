"""Sessions of AWS principals at the deployed stack: MiniStack's STS says who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests
from denials import denied
from ecr_http import client
from ministack import ACCOUNT
from stack import Stack
from test_denials import forget_sealing_keys
from test_sessions import credential_process
from test_users import administer, allow, done, policy

FUNCTION, ROLE = "SessionFunction", "SessionRole"


@pytest.fixture(scope="module")
def principal(stack: Stack) -> Iterator[tuple[str, dict[str, str]]]:
    """The ARN of a role of AWS, and an environment with credentials of a session of it."""
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    iam = stack.aws.client("iam")
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=policy(statement))["Role"]
    sts = stack.aws.client("sts")
    keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="run-7")["Credentials"]
    yield (
        role["Arn"],
        {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "BERTH_STS_ENDPOINT": stack.endpoint,
        },
    )
    iam.delete_role(RoleName="ci")


@pytest.fixture
def trust(stack: Stack, principal: tuple[str, dict[str, str]]) -> Iterator[dict[str, str]]:
    """A trust in that role, whose sessions may do all of ECR; and the environment."""
    arn, env = principal
    name = {"trustName": "ci"}
    done(administer(stack, "CreateTrust", principals=[arn], **name))
    document = policy(allow("ecr:*"))
    done(administer(stack, "PutTrustPolicy", policyName="p", policyDocument=document, **name))
    yield env
    done(administer(stack, "DeleteTrust", **name))


def given(stack: Stack, env: dict[str, str]) -> dict[str, str]:
    """Exchanges credentials of AWS for a session's, as options of a client."""
    told = json.loads(credential_process(stack, env).stdout)
    return {
        "aws_access_key_id": told["AccessKeyId"],
        "aws_secret_access_key": told["SecretAccessKey"],
        "aws_session_token": told["SessionToken"],
    }


def test_a_role_comes_in(stack: Stack, trust: dict[str, str]) -> None:
    """To ECR's API, and by a token to the other functions."""
    ecr = client(stack, **given(stack, trust))
    ecr.create_repository(repositoryName="deployed/session")
    data = ecr.get_authorization_token()["authorizationData"][0]
    login = {"Authorization": f"Basic {data['authorizationToken']}"}
    path = f"{stack.url}/v2/deployed/session/tags/list"
    assert requests.get(path, headers=login, timeout=30).status_code == 200
    ecr.delete_repository(repositoryName="deployed/session")


def test_strangers_stay_outside(stack: Stack, principal: tuple[str, dict[str, str]]) -> None:
    _, env = principal
    lost = credential_process(stack, env, code=1)
    assert "assumed-role/ci/run-7 is not authorized" in lost.stderr
    strange = env | {"AWS_ACCESS_KEY_ID": "ASIANOBODYNOBODY2345"}
    lost = credential_process(stack, strange, code=1)
    assert "(UnrecognizedClientException)" in lost.stderr


def fails(stack: Stack, env: dict[str, str], *actions: str) -> None:
    """Checks that nobody comes in while the function may not do this, and that its log says why."""
    with denied(stack, ROLE, *actions):
        lost = credential_process(stack, env, code=1)
    assert "(ServerException)" in lost.stderr
    assert actions[0] not in lost.stderr
    assert any(action in line for line in stack.function_log(FUNCTION) for action in actions)


def test_read_table(stack: Stack, trust: dict[str, str]) -> None:
    fails(stack, trust, "dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem")
    given(stack, trust)


def test_write_table(stack: Stack, trust: dict[str, str]) -> None:
    """Each proof is remembered, so that it lets in once."""
    fails(stack, trust, "dynamodb:UpdateItem")


def test_unwrap_keys(stack: Stack, trust: dict[str, str]) -> None:
    """Sessions are sealed with the registry's key, which is wrapped in the table."""
    given(stack, trust)
    fails(stack, trust, "kms:Decrypt")


def test_wrap_keys(stack: Stack, trust: dict[str, str]) -> None:
    """The first session of a registry may need a new key."""
    given(stack, trust)
    forget_sealing_keys(stack)
    fails(stack, trust, "kms:GenerateDataKey")
    given(stack, trust)
