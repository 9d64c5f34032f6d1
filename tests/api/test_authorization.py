"""Every operation of `POST /`: denied without its action, allowed with exactly that.

The operations are those of botocore's model that docs/compatibility.md calls supported, and all of
Berth's own; one without a row in `authorization_rows` fails here.
"""

from __future__ import annotations

import json
import re

import pytest
from authorization import (
    EXISTING,
    MISSING,
    Answer,
    World,
    all_but,
    allow,
    deny,
    nothing_allows,
    of_repository,
    something_denies,
)
from authorization_rows import BERTH, ECR, ROWS, Of, Row
from berth_server import ROOT
from test_operations import documented

# Policies take effect at once where they are made alone: in a process of its own.
pytestmark = pytest.mark.local

DENIED = "AccessDeniedException"
ROWS_OF_ONE = [row for row in ROWS if row.is_about_one]
# A repository's policy names actions of ECR alone.
ROWS_OF_REPOSITORIES = [row for row in ROWS if row.of is Of.REPOSITORY and row.service == "ecr"]


@pytest.fixture(autouse=True)
def without_policies(world: World) -> None:
    """Takes what the last test gave."""
    world.let()
    world.let_by_repository()


def call(world: World, row: Row, name: str = EXISTING) -> Answer:
    return world.call(row.service, row.operation, row.body(name))


def check_denied(answer: Answer, message: str) -> None:
    assert (answer.status, answer.code) == (400, DENIED), answer
    assert answer.message == message


def check_allowed(answer: Answer, row: Row) -> None:
    assert answer.code in row.allowed, answer


def operations_of(enum: str) -> list[str]:
    """Returns the operations that the source lists."""
    source = (ROOT / "shared" / "ecr-api" / "src" / "operation.rs").read_text()
    block = re.search(rf"^    {enum} {{\n(.*?)^    }}", source, re.MULTILINE | re.DOTALL)
    assert block is not None
    return re.findall(r"\w+", block.group(1))


def test_every_operation_has_a_row() -> None:
    supported = [name for name, state in documented("ecr").items() if state == "supported"]
    assert {row.operation for row in ECR} == set(supported)
    assert {row.operation for row in BERTH} == set(operations_of("BerthOperation"))


def test_every_operation_is_documented() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    table = text.split("| operations | on |", 1)[1].split("\n\n", 1)[0]
    words = re.findall(r"`(\w+)`", table)
    assert set(words) == {row.operation for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_nothing_is_allowed_by_nothing(world: World, row: Row) -> None:
    check_denied(call(world, row), nothing_allows(row.action, row.resource()))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_all_other_actions_are_not_enough(world: World, row: Row) -> None:
    for action in row.actions:
        world.let(all_but(action))
        check_denied(call(world, row), nothing_allows(action, row.resource()))


@pytest.mark.parametrize("row", ROWS_OF_ONE, ids=str)
def test_all_other_resources_are_not_enough(world: World, row: Row) -> None:
    others = {"Effect": "Allow", "Action": "*", "NotResource": row.resource()}
    world.let(others)
    check_denied(call(world, row), nothing_allows(row.action, row.resource()))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_its_action_on_its_resource_is_enough(world: World, row: Row) -> None:
    # What is there would be gone for the tests after this one.
    name = MISSING if row.operation in ("DeleteTrust", "DeleteUser") else EXISTING
    world.let(allow(*row.actions, resource=row.resource(name)))
    check_allowed(call(world, row, name), row)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_denial_wins(world: World, row: Row) -> None:
    for action in row.actions:
        world.let(allow("*"), deny(action))
        check_denied(call(world, row), something_denies(action, row.resource()))


@pytest.mark.parametrize("row", ROWS_OF_REPOSITORIES, ids=str)
def test_the_repositorys_policy_alone_allows(world: World, row: Row) -> None:
    world.let_by_repository(of_repository("Allow", *row.actions))
    check_allowed(call(world, row), row)


@pytest.mark.parametrize("row", ROWS_OF_REPOSITORIES, ids=str)
def test_the_repositorys_policy_alone_denies(world: World, row: Row) -> None:
    world.let(allow("ecr:*"))
    world.let_by_repository(of_repository("Deny", *row.actions))
    expected = something_denies(row.action, row.resource(), "a resource-based")
    check_denied(call(world, row), expected)


@pytest.mark.parametrize("row", ROWS_OF_ONE, ids=str)
def test_a_denial_does_not_tell_whether_it_is_there(world: World, row: Row) -> None:
    for statements in ([], [all_but(row.action)], [allow("*"), deny(row.action)]):
        world.let(*statements)
        existing = call(world, row, EXISTING).without(row.name(EXISTING))
        missing = call(world, row, MISSING).without(row.name(MISSING))
        assert existing.code == DENIED
        assert existing == missing


@pytest.mark.parametrize("row", ROWS_OF_REPOSITORIES, ids=str)
def test_a_hidden_repository_looks_like_none(world: World, row: Row) -> None:
    world.let_by_repository(of_repository("Deny", "ecr:*"))
    existing = call(world, row, EXISTING).without(EXISTING)
    assert existing.code == DENIED
    assert existing == call(world, row, MISSING).without(MISSING)


@pytest.mark.parametrize("row", [row for row in ROWS_OF_ONE if row.missing], ids=str)
def test_who_may_learns_that_it_is_missing(world: World, row: Row) -> None:
    world.let(allow(*row.actions, resource=row.resource(MISSING)))
    assert call(world, row, MISSING).code == row.missing


def test_what_names_several_repositories_asks_for_each(world: World) -> None:
    for operation in ("DescribeRepositories", "BatchGetRepositoryScanningConfiguration"):
        body = f'{{"repositoryNames": ["{EXISTING}", "{MISSING}"]}}'
        rows = [Row(operation).resource(name) for name in (EXISTING, MISSING)]
        for given, refused in (rows, rows[::-1]):
            world.let(allow(f"ecr:{operation}", resource=given))
            answer = world.call("ecr", operation, body)
            check_denied(answer, nothing_allows(f"ecr:{operation}", refused))
        world.let(allow(f"ecr:{operation}", resource=rows))
        assert world.call("ecr", operation, body).code in ("", "RepositoryNotFoundException")


def test_account_settings_are_told_apart(world: World) -> None:
    condition = {"StringEquals": {"ecr:AccountSetting": "BLOB_MOUNTING"}}
    world.let(allow("ecr:*AccountSetting") | {"Condition": condition})
    for operation, more in (("GetAccountSetting", {}), ("PutAccountSetting", {"value": "V2"})):
        body = json.dumps({"name": "REGISTRY_POLICY_SCOPE"} | more)
        answer = world.call("ecr", operation, body)
        check_denied(answer, nothing_allows(f"ecr:{operation}", "*"))
    body = json.dumps({"name": "BLOB_MOUNTING", "value": "ENABLED"})
    assert world.call("ecr", "PutAccountSetting", body).code == ""
