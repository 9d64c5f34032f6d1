"""What the tests of this folder have called: all that Berth claims to support, and every error.

These tests run after all others of the folder, and only together with all of them: part of a run
can't cover the whole.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from calls import CALLS
from ecr_model import RETURNED, operation_model, service_model, structures
from test_operations import documented

HERE = Path(__file__).parent
NOT_PROVOKED = tomllib.loads((HERE / "not_provoked.toml").read_text())
OPERATIONS = service_model("ecr").operation_names
SUPPORTED = [name for name, state in documented("ecr").items() if state == "supported"]


@pytest.fixture
def whole_run(request: pytest.FixtureRequest) -> None:
    """Leaves a test out when only some of this folder's tests were collected."""
    collected = {item.path for item in request.session.items}
    files = set(HERE.glob("test_*.py"))
    options = vars(request.config.option)
    chosen = any(options.get(name) for name in ("keyword", "markexpr", "lf", "deselect"))
    if chosen or not files <= collected or any("::" in name for name in request.config.args):
        pytest.skip("only some of the tests of tests/api were collected")


@pytest.mark.local
@pytest.mark.parametrize("operation", SUPPORTED)
@pytest.mark.usefixtures("whole_run")
def test_supported_operations_succeed(operation: str) -> None:
    assert operation in CALLS.succeeded, f"boto3 never called {operation} with success"


@pytest.mark.local
@pytest.mark.parametrize("operation", SUPPORTED)
@pytest.mark.usefixtures("whole_run")
def test_documented_errors_are_provoked(operation: str) -> None:
    named = {shape.name for shape in operation_model("ecr", operation).error_shapes}
    provoked = {error for name, error in CALLS.failed if name == operation}
    excused = {name for name in named if reason_not_to(operation, name)}
    assert named - provoked - excused == set(), "no test provokes these"
    own = {name for name in named if f"{operation}.{name}" in NOT_PROVOKED["operations"]}
    assert provoked & own == set(), "a test provokes these: take them from not_provoked.toml"


def reason_not_to(operation: str, error: str) -> str | None:
    """Returns why no test provokes an error, if it need not."""
    own = NOT_PROVOKED["operations"].get(f"{operation}.{error}")
    return own or NOT_PROVOKED["everywhere"].get(error)


def test_reasons_are_of_errors_that_the_model_names() -> None:
    named = {
        f"{operation}.{shape.name}"
        for operation in OPERATIONS
        for shape in operation_model("ecr", operation).error_shapes
    }
    assert set(NOT_PROVOKED["operations"]) <= named
    everywhere = {name.split(".")[1] for name in named}
    assert set(NOT_PROVOKED["everywhere"]) <= everywhere


def test_each_member_of_an_answer_is_returned_always_or_sometimes() -> None:
    shapes = {
        shape.name: set(shape.members)
        for operation in OPERATIONS
        for shape in structures(operation_model("ecr", operation).output_shape)
    }
    listed = {
        name: (set(of["always"]), set(of["sometimes"])) for name, of in RETURNED["shapes"].items()
    }
    answers = {name: both for name, both in listed.items() if not name.endswith("Exception")}
    assert {name: always | sometimes for name, (always, sometimes) in answers.items()} == shapes
    assert all(not always & sometimes for always, sometimes in listed.values())
