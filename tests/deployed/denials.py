"""Takes a right away from a role of the deployed stack, for as long as a test needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from stack import Stack

# The policy of a role that has the rights of its ports.
PORTS = "ports"


class DenialError(Exception):
    """The role never had the right."""


@contextmanager
def denied(
    stack: Stack, role: str, *actions: str, policy: str = PORTS, restarts: bool = True
) -> Iterator[None]:
    """Takes `actions` from a policy of the role with this logical id, and gives them back.

    Its function starts anew before and after: what it remembers would hide what it may not do. A
    role that is no function's `restarts` nothing.
    """
    iam = stack.aws.client("iam")
    name = stack.resources[role]
    told = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    whole = json.loads(unquote(told)) if isinstance(told, str) else told
    put = {"RoleName": name, "PolicyName": policy}
    function = role.replace("Role", "Function") if restarts else None
    left = _without(whole, set(actions))
    if left["Statement"]:
        iam.put_role_policy(**put, PolicyDocument=json.dumps(left))
    else:
        iam.delete_role_policy(**put)
    _restart(stack, function)
    try:
        yield
    finally:
        iam.put_role_policy(**put, PolicyDocument=json.dumps(whole))
        _restart(stack, function)


def _restart(stack: Stack, function: str | None) -> None:
    if function:
        stack.restart(function)


def _without(policy: dict, actions: set[str]) -> dict:
    left = copy.deepcopy(policy)
    taken: set[str] = set()
    for statement in left["Statement"]:
        taken |= actions & set(statement["Action"])
        statement["Action"] = [each for each in statement["Action"] if each not in actions]
    left["Statement"] = [each for each in left["Statement"] if each["Action"]]
    if taken != actions:
        raise DenialError(f"the role has no {sorted(actions - taken)}")
    return left
