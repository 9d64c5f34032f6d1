"""Inputs of operations as nobody should send them: random, but the same in every run.

`inputs` begins with what the model says an operation takes, with names that the registry knows, so
that many of them get past the first check, and then breaks some of it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

from berth_server import ROOT
from botocore.model import ListShape, MapShape, Shape, StructureShape
from ecr_http import ACCOUNT, REGION
from ecr_model import SERVICES, service_model

DIGEST = "sha256:" + "ab" * 32
ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*"}],
    }
)
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
    "action": {"type": "expire"},
}
MANIFEST = json.dumps({"schemaVersion": 2, "config": {"digest": DIGEST, "size": 2}, "layers": []})

# Values that the registry may know, for members of these names.
KNOWN: dict[str, list[Any]] = {
    "repositoryName": ["team/app", "team/web", "none"],
    "repositoryNames": [["team/app"], ["team/app", "none"], []],
    "registryId": [ACCOUNT, "000000000000"],
    "imageTag": ["v1", "latest", "none"],
    "imageDigest": [DIGEST],
    "digest": [DIGEST],
    "layerDigest": [DIGEST],
    "uploadId": ["00000000-0000-4000-8000-000000000000", "none"],
    "nextToken": ["", "AAAA", "bm9uZQ"],
    "policyText": [POLICY],
    "repositoryPolicy": [POLICY],
    "lifecyclePolicyText": [json.dumps({"rules": [RULE]})],
    "lifecyclePolicy": [json.dumps({"rules": [RULE]})],
    "imageManifest": [MANIFEST],
    "layerPartBlob": ["AAAA", "====", "!"],
    "resourceArn": [ARN, ARN.replace("ecr", "s3")],
    "principalArn": [f"arn:aws:iam::{ACCOUNT}:user/kim"],
    "userName": ["kim", "KIM", "none"],
    "policyName": ["p"],
    "policyDocument": [POLICY],
    "accessKeyId": ["AKIAIOSFODNN7EXAMPLE"],
    "status": ["Active", "Inactive"],
    "name": ["BLOB_MOUNTING", "REGISTRY_POLICY_SCOPE", "builds"],
    "value": ["ENABLED", "V2"],
    "maxResults": [1, 1000, 0, 1001],
}

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    -(2**64),
    10**400,
    1.5,
    1e308,
    "",
    " ",
    "\0",
    "\u202e",
    "\ud800",
    "𝕿",
    "a" * 5000,
    "../..",
    "%2e%2e%2f",
    "*",
    "${aws:username}",
    "'; DROP TABLE items; --",
    [],
    [None],
    [[]],
    {},
    {"": ""},
]


def operations() -> list[tuple[str, Shape | None]]:
    """Returns every target of all APIs, with the shape of its input if a model knows it."""
    found: list[tuple[str, Shape | None]] = []
    for service in SERVICES:
        model = service_model(service)
        prefix = model.metadata["targetPrefix"]
        for name in model.operation_names:
            found.append((f"{prefix}.{name}", model.operation_model(name).input_shape))
    source = (ROOT / "shared" / "ecr-api" / "src" / "operation.rs").read_text()
    own = re.search(r"^    BerthOperation {\n(.*?)^    }", source, re.MULTILINE | re.DOTALL)
    assert own is not None
    found += [(f"Berth_20261121.{name}", None) for name in re.findall(r"\w+", own.group(1))]
    return found


def valid(rng: random.Random, shape: Shape | None, name: str = "") -> Any:
    """Returns a value of the shape, or of some known members if there is none."""
    if name in KNOWN:
        return rng.choice(KNOWN[name])
    match shape:
        case None:
            return {name: rng.choice(KNOWN[name]) for name in rng.sample(sorted(KNOWN), k=4)}
        case StructureShape():
            names = [
                member
                for member in shape.members
                if member in shape.required_members or rng.random() < 0.5
            ]
            return {member: valid(rng, shape.members[member], member) for member in names}
        case ListShape():
            return [valid(rng, shape.member) for _ in range(rng.randrange(3))]
        case MapShape():
            return {f"key{i}": valid(rng, shape.value) for i in range(rng.randrange(3))}
    if getattr(shape, "enum", []):
        return rng.choice(shape.enum)
    return {
        "string": "value",
        "boolean": rng.random() < 0.5,
        "integer": 1,
        "long": 1,
        "timestamp": 1.0,
        "blob": "AAAA",
    }.get(shape.type_name, 1)


def broken(rng: random.Random, value: Any) -> Any:
    """Returns the value with one thing in it replaced, left out, renamed or wrapped."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(sorted(value))
        rest = {key: other for key, other in value.items() if key != name}
        match rng.randrange(5):
            case 0:
                return rest
            case 1:
                return rest | {name.upper(): value[name]}
            case _:
                return rest | {name: broken(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        return [*value[:at], broken(rng, value[at]), *value[at + 1 :]]
    if isinstance(value, str) and rng.random() < 0.3:
        at = rng.randrange(len(value) + 1)
        return value[:at] + chr(rng.randrange(1, 0x500)) + value[at + rng.randrange(2) :]
    many = [value] * (101 if isinstance(value, str | int | None) else 1)
    return rng.choice([rng.choice(ODD), [value], many, {"value": value}])


def garbled(rng: random.Random, text: bytes) -> bytes:
    """Returns the text with some bytes changed, cut out or repeated."""
    bytes_ = bytearray(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(bytes_) + 1)
        match rng.randrange(4):
            case 0:
                del bytes_[at:]
            case 1:
                bytes_[at:at] = rng.randbytes(1)
            case 2:
                bytes_[at : at + 1] = rng.randbytes(1)
            case _:
                bytes_[at:at] = bytes_[at : at + rng.randrange(1, 40)]
    return bytes(bytes_)


def inputs(seed: int, count: int) -> list[tuple[str, bytes]]:
    """Returns targets and bodies: one in ten of random bytes, the others valid ones, broken."""
    rng = random.Random(seed)
    targets = operations()
    text: Callable[[Any], bytes] = lambda value: json.dumps(value).encode()  # noqa: E731
    found = []
    for number in range(count):
        target, shape = targets[number % len(targets)]
        value = valid(rng, shape)
        match rng.randrange(10):
            case 0:
                body = rng.randbytes(rng.randrange(1, 300))
            case 1 | 2:
                body = garbled(rng, text(value))
            case 3:
                body = text(broken(rng, value))[:-1] + b',"repositoryName":"team/app"}'
            case 4:
                body = text(broken(rng, broken(rng, broken(rng, value))))
            case _:
                body = text(broken(rng, value))
        found.append((target, body))
    return found
