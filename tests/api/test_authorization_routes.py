"""Every route of `/v2/`: denied without its actions, allowed with exactly those."""

from __future__ import annotations

import re

import pytest
from authorization import (
    EXISTING,
    MISSING,
    NOBODY,
    Answer,
    World,
    all_but,
    allow,
    deny,
    nothing_allows,
    of_repository,
    repository_arn,
    something_denies,
)
from authorization_routes import FREE, LAYER, ROUTES, Route
from berth_server import ROOT
from ecr_images import push, small_image

# Policies take effect at once where they are made alone: in a process of its own.
pytestmark = pytest.mark.local

ROUTES_OF_REPOSITORIES = [route for route in ROUTES if route.kind != "Catalog"]


@pytest.fixture(autouse=True)
def without_policies(world: World) -> None:
    """Takes what the last test gave."""
    world.let()
    world.let_by_repository()


def send(world: World, route: Route, name: str = EXISTING) -> Answer:
    return world.request(route.method, route.path_of(name), route.body, route.headers)


def check_denied(answer: Answer, route: Route, message: str) -> None:
    assert answer.status == 403, answer
    if route.method != "HEAD":
        assert (answer.code, answer.message) == ("DENIED", message)


def test_every_route_has_a_row() -> None:
    source = (ROOT / "shared" / "oci-api" / "src" / "route.rs").read_text()
    body = source.split("fn allowed_methods", 1)[1].split("\n    }\n", 1)[0]
    known = set()
    for kinds, methods in re.findall(r"((?:Self::\w+[^=\"]*)+)=> \"([A-Z, ]+)\"", body):
        for kind in re.findall(r"Self::(\w+)", kinds):
            known |= {(kind, method) for method in methods.split(", ")}
    assert {(route.kind, route.method) for route in ROUTES} | FREE == known


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_nothing_is_allowed_by_nothing(world: World, route: Route) -> None:
    expected = nothing_allows(route.actions[0], route.resource())
    check_denied(send(world, route), route, expected)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_all_other_actions_are_not_enough(world: World, route: Route) -> None:
    for action in route.actions:
        world.let(all_but(action))
        check_denied(send(world, route), route, nothing_allows(action, route.resource()))


@pytest.mark.parametrize("route", ROUTES_OF_REPOSITORIES, ids=str)
def test_all_other_resources_are_not_enough(world: World, route: Route) -> None:
    world.let({"Effect": "Allow", "Action": "*", "NotResource": route.resource()})
    expected = nothing_allows(route.actions[0], route.resource())
    check_denied(send(world, route), route, expected)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_its_actions_on_its_resource_are_enough(world: World, route: Route) -> None:
    world.let(allow(*route.actions, resource=route.resource()))
    assert send(world, route).status == route.allowed


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_denial_wins(world: World, route: Route) -> None:
    for action in route.actions:
        world.let(allow("*"), deny(action))
        check_denied(send(world, route), route, something_denies(action, route.resource()))


@pytest.mark.parametrize("route", ROUTES_OF_REPOSITORIES, ids=str)
def test_the_repositorys_policy_alone_allows(world: World, route: Route) -> None:
    world.let_by_repository(of_repository("Allow", *route.actions))
    assert send(world, route).status == route.allowed


@pytest.mark.parametrize("route", ROUTES_OF_REPOSITORIES, ids=str)
def test_the_repositorys_policy_alone_denies(world: World, route: Route) -> None:
    world.let(allow("ecr:*"))
    world.let_by_repository(of_repository("Deny", *route.actions))
    expected = something_denies(route.actions[0], route.resource(), "a resource-based")
    check_denied(send(world, route), route, expected)


@pytest.mark.parametrize("route", ROUTES_OF_REPOSITORIES, ids=str)
def test_a_denial_does_not_tell_whether_it_is_there(world: World, route: Route) -> None:
    first = route.actions[0]
    for statements in ([], [all_but(first)], [allow("*"), deny(first)]):
        world.let(*statements)
        existing = send(world, route, EXISTING).without(EXISTING)
        assert existing.status == 403
        assert existing == send(world, route, MISSING).without(MISSING)


@pytest.mark.parametrize("route", ROUTES_OF_REPOSITORIES, ids=str)
def test_a_hidden_repository_looks_like_none(world: World, route: Route) -> None:
    world.let_by_repository(of_repository("Deny", "ecr:*"))
    existing = send(world, route, EXISTING).without(EXISTING)
    assert existing.status == 403
    assert existing == send(world, route, MISSING).without(MISSING)


@pytest.mark.parametrize("route", ROUTES_OF_REPOSITORIES, ids=str)
def test_who_may_learns_that_it_is_missing(world: World, route: Route) -> None:
    world.let(allow(*route.actions, resource=route.resource(MISSING)))
    assert send(world, route, MISSING).status == route.missing


@pytest.mark.parametrize("route", ROUTES_OF_REPOSITORIES, ids=str)
def test_strangers_learn_nothing(world: World, route: Route) -> None:
    def ask(name: str) -> Answer:
        path = route.path_of(name)
        return world.request(route.method, path, route.body, route.headers, auth=NOBODY)

    existing = ask(EXISTING).without(EXISTING)
    assert existing.status == 401
    assert existing == ask(MISSING).without(MISSING)


@pytest.mark.parametrize(("kind", "method"), sorted(FREE))
def test_some_routes_ask_for_credentials_alone(world: World, kind: str, method: str) -> None:
    path = {"Base": "/v2/", "Token": "/token"}[kind]
    assert world.request(method, path).status == 200
    # A form may hold the credentials.
    expected = 400 if method == "POST" else 401
    assert world.request(method, path, auth=NOBODY).status == expected


def test_a_push_makes_a_repository_for_who_may_make_it(world: World) -> None:
    start = ["ecr:InitiateLayerUpload", "ecr:CreateRepository"]
    path = "/v2/made/by-push/blobs/uploads/"
    made = repository_arn("made/by-push")
    world.let(allow(*start, resource=made), deny("ecr:CreateRepository"))
    assert world.request("POST", path).status == 404
    world.let(allow(*start, resource=made))
    assert world.request("POST", path).status == 202


def test_a_mount_asks_for_its_source(world: World) -> None:
    path = f"/v2/other/app/blobs/uploads/?mount={LAYER}&from="
    push(world.berth, "other/app", small_image("mounted"))
    target = allow("ecr:InitiateLayerUpload", resource=repository_arn("other/app"))
    world.let(target)

    def shape(name: str) -> tuple[int, list[str], bytes]:
        answer = world.request("POST", path + name)
        return (answer.status, sorted(answer.headers), answer.body)

    assert shape(EXISTING)[0] == 202
    assert shape(EXISTING) == shape(MISSING)
    world.let(target, allow("ecr:GetDownloadUrlForLayer", resource=repository_arn(EXISTING)))
    assert shape(EXISTING)[0] == 201
