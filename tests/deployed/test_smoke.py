"""`make smoke` finds nothing wrong with the stack here, and would find what it looks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import smoke
from gateway import LARGEST_EVENT, Gateway, Invocation
from gateway_events import Answer, Request
from gateway_routes import Routes
from ministack import ACCOUNT
from stack import Stack, translated


@pytest.fixture
def registry(stack: Stack) -> smoke.Registry:
    return smoke.Registry(stack.url, stack.access_key, stack.secret_key)


def failing(outcomes: list[smoke.Outcome]) -> dict[str, str]:
    return {each.name: each.seen for each in outcomes if not each.holds}


def test_every_point_holds(registry: smoke.Registry) -> None:
    assert failing(smoke.walk(registry)) == {}


def test_command(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke.main([stack.url]) == 2
    monkeypatch.setenv("BERTH_ROOT_ACCESS_KEY_ID", stack.access_key)
    monkeypatch.setenv("BERTH_ROOT_SECRET_ACCESS_KEY", stack.secret_key)
    assert smoke.main([stack.url]) == 0
    assert "points, 0 that the registry needs do not hold" in capsys.readouterr().out
    monkeypatch.setenv("BERTH_ROOT_SECRET_ACCESS_KEY", "wrong")
    assert smoke.main([stack.url]) == 1
    assert "FAILS   `/v2` and `/v2/` are both routed" in capsys.readouterr().out


class WorseGateway(Gateway):
    """A gateway that does what some gateways do."""

    def answer(self, request: Request) -> Answer:
        """Renames the challenge, and drops signatures of AWS."""
        headers = [
            (name, value) for name, value in request.headers if not value.startswith("AWS4-")
        ]
        told = super().answer(dataclasses.replace(request, headers=headers))
        renamed = [
            (name.replace("www-authenticate", "x-amzn-remapped-www-authenticate"), value)
            for name, value in told.headers
        ]
        return dataclasses.replace(told, headers=renamed)


@pytest.fixture
def worse(stack: Stack) -> Iterator[Gateway]:
    certificates = stack.aws.certificates
    gateway = WorseGateway(
        stack.gateway.routes,
        stack.invoke,
        account=ACCOUNT,
        certificate=certificates.certificate,
        key=certificates.key,
        keeps_head_length=False,
    )
    with gateway:
        yield gateway


def test_points_that_do_not_hold(stack: Stack, worse: Gateway) -> None:
    registry = smoke.Registry(worse.url, stack.access_key, stack.secret_key)
    found = failing(smoke.walk(registry))
    assert set(found) == {
        "`WWW-Authenticate` passes under its own name",
        "`Authorization` passes with a signature of AWS in it",
        "`POST /` takes a signature over the name that clients see",
        "a part of a layer of 3 MiB passes `POST /`",
        "`Content-Length` of an answer to HEAD is that of GET",
    }
    assert "'0', not" in found["`Content-Length` of an answer to HEAD is that of GET"]


def test_functions_refuse_what_they_do_not_take(stack: Stack) -> None:
    """The event's limit is larger than the function's: the function itself names the remedy."""
    registry = smoke.Registry(stack.url, stack.access_key, stack.secret_key)
    assert "4400000" in smoke.refused(registry, smoke.FUNCTION_LIMIT + 1)
    assert "Request Entity Too Large" in smoke.refused(registry, LARGEST_EVENT)


def test_a_registry_that_answers_nothing() -> None:
    """Every point fails, none ends the walk."""
    nothing = Invocation(b"{}", failed=True)
    with Gateway(Routes.of_template(translated()), lambda *_: nothing, account=ACCOUNT) as gateway:
        registry = smoke.Registry(gateway.url, "user", "password")
        found = failing(smoke.walk(registry))
    # What the gateway itself refuses holds.
    held = {name for name, _, _ in smoke.POINTS} - set(found)
    assert held == {
        "a body over what an event holds is answered 413",
        "a body over what API Gateway takes is answered 413",
        "a head over 10,240 bytes is answered 431",
    }
