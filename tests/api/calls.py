"""Watches boto3's calls: each answer must be what the model says, and each is written down.

What was called with which outcome is what `test_coverage.py` judges at the end of a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from botocore.hooks import BaseEventHooks
from botocore.model import OperationModel
from ecr_model import misfits

# Errors that every operation of AWS may answer, so that no operation's model names them.
COMMON = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "ThrottlingException",
    "UnrecognizedClientException",
    "UnsupportedOperationException",
}


@dataclass
class Calls:
    """Calls of operations, by outcome."""

    succeeded: set[str] = field(default_factory=set)
    failed: set[tuple[str, str]] = field(default_factory=set)


# Those of all clients of boto3 in this process.
CALLS = Calls()


def watch(client: BaseClient) -> BaseClient:
    """Judges and records every answer that a client gets."""
    service = client.meta.service_model.service_id.hyphenize()
    watch_events(client.meta.events, service, CALLS)
    return client


def watch_events(events: BaseEventHooks, service: str, calls: Calls) -> None:
    """Judges every answer of a service, such as `ecr`, and records it in `calls`."""

    def answered(http_response: Any, model: OperationModel, **_: Any) -> None:
        body = json.loads(http_response.content)
        if http_response.status_code == 200:
            found = misfits(model.output_shape, body)
            assert not found, f"{model.name} answered {body}: {found}"
            calls.succeeded.add(model.name)
        else:
            check_error_shape(model, body)
            calls.failed.add((model.name, body["__type"]))

    events.register(f"after-call.{service}", answered)


def check_error_shape(model: OperationModel, body: dict[str, Any]) -> None:
    """Asserts that an error is one that the operation may answer, in its shape."""
    code = body.pop("__type")
    shapes = {shape.name: shape for shape in model.error_shapes}
    if code in shapes:
        found = misfits(shapes[code], body)
    else:
        found = [] if code in COMMON else [f"{code} is none of {sorted(shapes)}"]
        found += [f"{name} is not in the model" for name in body.keys() - {"message"}]
    found += [] if body.get("message") else ["message is missing"]
    body["__type"] = code
    assert not found, f"{model.name} answered {body}: {found}"
