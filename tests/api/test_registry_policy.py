"""The registry's policy: put, read, deleted, and what it decides together with the other ones."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from berth_server import BerthServer
from ecr_http import ACCOUNT, REGION, call, client, refused
from ecr_model import misfits, operation_model
from test_users import KIM, allow, allowed, as_kim, kim, policy

__all__ = ["allowed", "kim"]

INVALID = "InvalidParameterException"
MISSING = "RegistryPolicyNotFoundException"
DENIED = "AccessDeniedException"


def statement(effect: str, action: str, resource: str = "repository/*") -> dict[str, object]:
    return {
        "Effect": effect,
        "Principal": {"AWS": KIM},
        "Action": action,
        "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:{resource}",
    }


def fitting(berth: BerthServer, operation: str, **members: str) -> dict[str, object]:
    answer = call(berth, operation, **members)
    assert not misfits(operation_model("ecr", operation).output_shape, answer)
    return answer


def test_the_policy_comes_and_goes(fresh_berth: BerthServer) -> None:
    berth, ecr = fresh_berth, client(fresh_berth)
    message = f"Registry policy does not exist in the registry with id '{ACCOUNT}'"
    assert refused(ecr.get_registry_policy, MISSING) == message
    assert refused(ecr.delete_registry_policy, MISSING) == message
    for action in ("ecr:ReplicateImage", "ecr:BatchGetImage"):
        text = policy(statement("Allow", action))
        wanted = {"registryId": ACCOUNT, "policyText": text}
        assert fitting(berth, "PutRegistryPolicy", policyText=text) == wanted
        assert fitting(berth, "GetRegistryPolicy") == wanted
    assert fitting(berth, "DeleteRegistryPolicy") == wanted
    refused(ecr.get_registry_policy, MISSING)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "no JSON",
        policy({"Effect": "Allow", "Principal": "*", "Action": "ecr:PutImage"}),
        policy({"Effect": "Allow", "Resource": "*", "Action": "ecr:PutImage"}),
        policy(statement("Allow", "s3:GetObject")),
        policy(statement("Allow", "ecr-public:PutImage")),
        policy(statement("Permit", "ecr:PutImage")),
        policy(statement("Allow", "ecr:PutImage") | {"Resource": "team/app"}),
    ],
)
def test_policies_are_checked(berth: BerthServer, text: str) -> None:
    ecr = client(berth)
    assert refused(ecr.put_registry_policy, INVALID, policyText=text) == (
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: "
        "'Invalid registry policy provided'"
    )
    refused(ecr.get_registry_policy, MISSING)


def test_a_policy_has_a_length(berth: BerthServer) -> None:
    ecr = client(berth)
    text = policy(statement("Allow", "ecr:PutImage"))
    long = text.ljust(10_240)
    assert ecr.put_registry_policy(policyText=long)["policyText"] == long
    message = refused(ecr.put_registry_policy, INVALID, policyText=text.ljust(10_241))
    assert "must have length less than or equal to 10240" in message
    refused(ecr.put_registry_policy, INVALID)
    assert ecr.delete_registry_policy()["policyText"] == long


def test_it_allows_what_no_other_policy_does(fresh_berth: BerthServer, kim: dict[str, str]) -> None:
    root, ecr = client(fresh_berth), as_kim(fresh_berth, kim)
    for name in ("team/app", "other/app"):
        root.create_repository(repositoryName=name)
    team = statement("Allow", "ecr:ListImages", "repository/team/*")
    registry = statement("Allow", "ecr:DescribeRegistry") | {"Resource": "*"}
    root.put_registry_policy(policyText=policy(team, registry))
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == []
    refused(ecr.list_images, DENIED, repositoryName="other/app")
    refused(ecr.describe_images, DENIED, repositoryName="team/app")
    assert ecr.describe_registry()["registryId"] == ACCOUNT
    refused(ecr.put_registry_policy, DENIED, policyText=policy(team))
    refused(ecr.get_registry_policy, DENIED)
    refused(ecr.delete_registry_policy, DENIED)
    root.delete_registry_policy()
    refused(ecr.list_images, DENIED, repositoryName="team/app")


def test_it_denies_what_other_policies_allow(
    fresh_berth: BerthServer, kim: dict[str, str], allowed: Callable[..., None]
) -> None:
    root, ecr = client(fresh_berth), as_kim(fresh_berth, kim)
    name = {"repositoryName": "team/app"}
    root.create_repository(**name)
    allowed(allow("ecr:*"))
    own = {"Effect": "Allow", "Principal": {"AWS": KIM}, "Action": "ecr:*"}
    root.set_repository_policy(policyText=policy(own), **name)
    ecr.list_images(**name)
    root.put_registry_policy(policyText=policy(statement("Deny", "ecr:List*")))
    message = refused(ecr.list_images, DENIED, **name)
    assert message == (
        f"User: {KIM} is not authorized to perform: ecr:ListImages on resource: "
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app "
        "with an explicit deny in a resource-based policy"
    )
    # A repository that is not there looks the same.
    missing = refused(ecr.list_images, DENIED, repositoryName="none/such")
    assert missing == message.replace("team/app", "none/such")
    ecr.describe_images(**name)
    assert root.list_images(**name)["imageIds"] == []


def test_scope_v1_is_about_three_actions(fresh_berth: BerthServer, kim: dict[str, str]) -> None:
    root, ecr = client(fresh_berth), as_kim(fresh_berth, kim)
    root.create_repository(repositoryName="team/app")
    root.put_registry_policy(policyText=policy(statement("Allow", "ecr:*")))
    ecr.list_images(repositoryName="team/app")
    root.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    refused(ecr.list_images, DENIED, repositoryName="team/app")
    ecr.create_repository(repositoryName="team/new")
    pull = policy(statement("Allow", "ecr:BatchGetImage"))
    refused(root.put_registry_policy, INVALID, policyText=pull)
    for action in ("ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"):
        root.put_registry_policy(policyText=policy(statement("Allow", action)))
    root.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
    answer = root.put_registry_policy(policyText=pull)
    assert json.loads(answer["policyText"]) == json.loads(pull)
