"""Users: made by `berth`, let in by their access keys, allowed and denied by policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from berth_server import BerthServer, berth_binary
from botocore.client import BaseClient
from ecr_http import ACCOUNT, REGION, check_error, client, refused, request, send
from test_commands import run

KIM = f"arn:aws:iam::{ACCOUNT}:user/kim"


def policy(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = "*") -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def administer(berth: BerthServer, operation: str, **members: str | int) -> requests.Response:
    """Calls one of Berth's own operations as the root."""
    headers = {"X-Amz-Target": f"Berth_20261121.{operation}"}
    return send(request(berth, "CreateRepository", json.dumps(members), headers=headers))


def done(answer: requests.Response) -> dict[str, object]:
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def kim(fresh_berth: BerthServer) -> dict[str, str]:
    """A user without policies, by its access key."""
    done(administer(fresh_berth, "CreateUser", userName="kim"))
    key = done(administer(fresh_berth, "CreateAccessKey", userName="kim"))["accessKey"]
    assert isinstance(key, dict)
    return {
        "aws_access_key_id": key["accessKeyId"],
        "aws_secret_access_key": key["secretAccessKey"],
    }


@pytest.fixture
def allowed(fresh_berth: BerthServer) -> Callable[..., None]:
    """Gives kim a policy of these statements."""

    def put(*statements: dict[str, object]) -> None:
        document = policy(*statements)
        names = {"userName": "kim", "policyName": "p"}
        done(administer(fresh_berth, "PutUserPolicy", policyDocument=document, **names))

    return put


def as_kim(berth: BerthServer, kim: dict[str, str]) -> BaseClient:
    return client(berth, **kim)


def test_a_user_does_what_policies_allow(
    fresh_berth: BerthServer, kim: dict[str, str], allowed: Callable[..., None]
) -> None:
    ecr = as_kim(fresh_berth, kim)
    name = {"repositoryName": "team/app"}
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app"
    message = refused(ecr.create_repository, "AccessDeniedException", **name)
    assert message == (
        f"User: {KIM} is not authorized to perform: ecr:CreateRepository on resource: {arn} "
        "because no identity-based policy allows the ecr:CreateRepository action"
    )
    allowed(allow("ecr:CreateRepository", arn))
    ecr.create_repository(**name)
    refused(ecr.create_repository, "AccessDeniedException", repositoryName="team/other")
    refused(ecr.describe_repositories, "AccessDeniedException")
    refused(ecr.delete_repository, "AccessDeniedException", **name)


def test_a_repositorys_policy_allows(fresh_berth: BerthServer, kim: dict[str, str]) -> None:
    root, ecr = client(fresh_berth), as_kim(fresh_berth, kim)
    name = {"repositoryName": "team/app"}
    root.create_repository(**name)
    refused(root.get_repository_policy, "RepositoryPolicyNotFoundException", **name)
    refused(root.delete_repository_policy, "RepositoryPolicyNotFoundException", **name)
    text = policy({"Effect": "Allow", "Principal": {"AWS": KIM}, "Action": "ecr:ListImages"})
    answer = root.set_repository_policy(policyText=text, **name)
    assert answer["policyText"] == text
    assert root.get_repository_policy(**name)["policyText"] == text
    assert ecr.list_images(**name)["imageIds"] == []
    refused(ecr.describe_images, "AccessDeniedException", **name)
    refused(root.set_repository_policy, "InvalidParameterException", policyText="{}", **name)
    assert root.delete_repository_policy(**name)["policyText"] == text
    refused(ecr.list_images, "AccessDeniedException", **name)


def test_a_policy_that_locks_its_author_out_is_forced(
    fresh_berth: BerthServer, kim: dict[str, str], allowed: Callable[..., None]
) -> None:
    root, ecr = client(fresh_berth), as_kim(fresh_berth, kim)
    name = {"repositoryName": "team/app"}
    root.create_repository(**name)
    allowed(allow("ecr:*"))
    set_policy = {"Principal": {"AWS": KIM}, "Action": "ecr:SetRepositoryPolicy"}
    harmless = policy({"Effect": "Deny", "Principal": {"AWS": KIM}, "Action": "ecr:ListImages"})
    ecr.set_repository_policy(policyText=harmless, **name)
    locked = policy({"Effect": "Deny"} | set_policy)
    message = refused(
        ecr.set_repository_policy, "InvalidParameterException", policyText=locked, **name
    )
    assert "would not let you set another one" in message
    assert root.get_repository_policy(**name)["policyText"] == harmless
    ecr.set_repository_policy(policyText=locked, force=True, **name)
    refused(ecr.set_repository_policy, "AccessDeniedException", policyText=harmless, **name)
    root.set_repository_policy(policyText=harmless, **name)
    ecr.set_repository_policy(policyText=harmless, **name)


def test_conditions_on_resource_tags(
    fresh_berth: BerthServer, kim: dict[str, str], allowed: Callable[..., None]
) -> None:
    root, ecr = client(fresh_berth), as_kim(fresh_berth, kim)
    for name, team in (("a-app", "a"), ("b-app", "b")):
        root.create_repository(repositoryName=name, tags=[{"Key": "team", "Value": team}])
    condition = {"StringEquals": {"ecr:ResourceTag/team": "a"}}
    allowed(allow("ecr:ListImages") | {"Condition": condition})
    ecr.list_images(repositoryName="a-app")
    refused(ecr.list_images, "AccessDeniedException", repositoryName="b-app")


def test_tokens_end_with_their_access_key(
    fresh_berth: BerthServer, kim: dict[str, str], allowed: Callable[..., None]
) -> None:
    berth, ecr = fresh_berth, as_kim(fresh_berth, kim)
    refused(ecr.get_authorization_token, "AccessDeniedException")
    allowed(allow("ecr:GetAuthorizationToken"))
    data = ecr.get_authorization_token()["authorizationData"][0]
    login = {"Authorization": f"Basic {data['authorizationToken']}"}

    def status() -> int:
        return requests.get(berth.url + "/v2/", headers=login, timeout=30).status_code

    assert status() == 200
    key = {"userName": "kim", "accessKeyId": kim["aws_access_key_id"]}
    done(administer(berth, "UpdateAccessKey", status="Inactive", **key))
    assert status() == 401
    refused(ecr.get_authorization_token, "UnrecognizedClientException")
    done(administer(berth, "UpdateAccessKey", status="Active", **key))
    assert status() == 200
    done(administer(berth, "DeleteUser", userName="kim"))
    assert status() == 401
    refused(ecr.get_authorization_token, "UnrecognizedClientException")


def test_errors_are_iams(fresh_berth: BerthServer, kim: dict[str, str]) -> None:
    def fails(operation: str, code: str, text: str, **members: str) -> None:
        check_error(administer(fresh_berth, operation, **members), code, text)

    assert kim
    fails("CreateUser", "EntityAlreadyExistsException", "kim already exists", userName="kim")
    fails("CreateUser", "InvalidParameterException", "'userName'", userName="k m")
    fails("CreateUser", "InvalidParameterException", "must not be null")
    fails("DeleteUser", "NoSuchEntityException", "user with name zoe", userName="zoe")
    names = {"userName": "kim", "policyName": "p"}
    malformed = "MalformedPolicyDocumentException"
    fails("PutUserPolicy", malformed, "Syntax errors in policy.", policyDocument="{", **names)
    fails("GetUserPolicy", "NoSuchEntityException", "user policy with name p", **names)
    done(administer(fresh_berth, "CreateAccessKey", userName="kim"))
    fails("CreateAccessKey", "LimitExceededException", "AccessKeysPerUser: 2", userName="kim")
    fails("MakeCoffee", "UnknownOperationException", "MakeCoffee")


def test_only_who_may_administers(
    fresh_berth: BerthServer, kim: dict[str, str], allowed: Callable[..., None]
) -> None:
    env = {
        "BERTH_ENDPOINT_URL": fresh_berth.url,
        "BERTH_ROOT_ACCESS_KEY_ID": kim["aws_access_key_id"],
        "BERTH_ROOT_SECRET_ACCESS_KEY": kim["aws_secret_access_key"],
    }
    command = [str(berth_binary()), "user", "list"]
    assert "berth:ListUsers" in run(command, env, code=1).stderr
    allowed(allow("berth:ListUsers"))
    assert run(command, env).stdout == "kim\n"
    assert "berth:CreateUser" in run([*command[:2], "create", "zoe"], env, code=1).stderr


def test_commands(fresh_berth: BerthServer, tmp_path: Path) -> None:
    env = {
        "BERTH_ENDPOINT_URL": fresh_berth.url,
        "BERTH_ROOT_ACCESS_KEY_ID": fresh_berth.access_key,
        "BERTH_ROOT_SECRET_ACCESS_KEY": fresh_berth.secret_key,
    }

    def berth(*args: str, code: int = 0) -> str:
        return run([str(berth_binary()), *args], env, code=code).stdout

    assert berth("user", "create", "kim") == f"{KIM}\n"
    assert berth("user", "list") == "kim\n"
    made = dict(line.split() for line in berth("access-key", "create", "kim").splitlines())
    assert len(made["secret"]) == 40
    file = tmp_path / "policy.json"
    file.write_text(policy(allow("ecr:*")))
    berth("policy", "attach", "kim", "all", str(file))
    assert berth("policy", "list", "kim") == "all\n"
    key = {"aws_access_key_id": made["id"], "aws_secret_access_key": made["secret"]}
    client(fresh_berth, **key).create_repository(repositoryName="team/app")
    berth("policy", "detach", "kim", "all")
    assert berth("policy", "list", "kim") == ""
    assert berth("access-key", "list", "kim") == f"{made['id']} Active\n"
    berth("access-key", "deactivate", "kim", made["id"])
    assert berth("access-key", "list", "kim") == f"{made['id']} Inactive\n"
    berth("access-key", "delete", "kim", made["id"])
    assert berth("access-key", "list", "kim") == ""
    berth("user", "delete", "kim")
    assert berth("user", "list") == ""
