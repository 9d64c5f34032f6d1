"""botocore's models of both APIs: what operations there are, and what their answers look like.

An answer must have the shape of the model, to the letter: no member that the model does not have,
none missing that ECR always returns (`always_returned.toml`), no value outside its bounds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

SERVICES = {"ecr": "2015-09-21", "ecr-public": "2020-10-30"}
RETURNED = tomllib.loads((Path(__file__).parent / "always_returned.toml").read_text())

PYTHON_TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


@cache
def service_model(service: str) -> ServiceModel:
    """Returns the model of `ecr` or `ecr-public`, at the version that Berth follows."""
    return ServiceModel(load("service-2", service), service)


def load(kind: str, service: str = "ecr") -> dict[str, Any]:
    """Returns one of botocore's files of a service, such as `paginators-1`."""
    loader = Loader(extra_search_paths=[boto3.__path__[0] + "/data"])
    return loader.load_service_model(service, kind, SERVICES[service])


def operation_model(service: str, operation: str) -> OperationModel:
    """Returns the model of one operation."""
    return service_model(service).operation_model(operation)


def structures(shape: Shape | None) -> Iterator[StructureShape]:
    """Yields each structure that a value of this shape may hold."""
    if isinstance(shape, StructureShape):
        yield shape
        for member in shape.members.values():
            yield from structures(member)
    elif isinstance(shape, ListShape):
        yield from structures(shape.member)
    elif isinstance(shape, MapShape):
        yield from structures(shape.value)


def misfits(shape: Shape, value: Any, at: str = "$", place: str | None = None) -> list[str]:
    """Returns where a JSON value does not have the shape that the model says.

    `place` is where the shape stands, without the indexes of lists: `Answer.member.member`.
    """
    place = place or shape.name
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            return [f"{at} is no object"]
        found = [f"{at}.{name} is not in the model" for name in value.keys() - shape.members.keys()]
        missing = required(shape, place) - value.keys()
        found += [f"{at}.{name} is missing" for name in sorted(missing)]
        for name in value.keys() & shape.members.keys():
            member, there = shape.members[name], f"{place}.{name}"
            found += misfits(member, value[name], f"{at}.{name}", there)
        return found
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        members = [misfits(shape.member, v, f"{at}[{i}]", place) for i, v in enumerate(value)]
        return sum(members, [])
    if isinstance(shape, MapShape):
        return sum((misfits(shape.value, v, f"{at}.{k}", place) for k, v in value.items()), [])
    expected = PYTHON_TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        return [f"{at} is {value!r}, not a {shape.type_name}"]
    return [f"{at} is {value!r}, {reason}" for reason in out_of_bounds(shape, value)]


def required(shape: StructureShape, place: str) -> set[str]:
    """Returns the members that a structure must have where it stands."""
    returned = RETURNED["shapes"].get(shape.name, {"always": []})["always"]
    return {*shape.required_members, *returned, *RETURNED["places"].get(place, [])}


def out_of_bounds(shape: Shape, value: Any) -> Iterator[str]:
    """Yields the constraints of the model that a value does not satisfy."""
    bounds = shape.metadata
    if bounds.get("enum") and value not in bounds["enum"]:
        yield f"none of {bounds['enum']}"
    if "pattern" in bounds and not re.fullmatch(bounds["pattern"], value):
        yield f"which does not match {bounds['pattern']}"
    size = len(value) if isinstance(value, str) else value
    if "min" in bounds and size < bounds["min"]:
        yield f"less than {bounds['min']}"
    if "max" in bounds and size > bounds["max"]:
        yield f"more than {bounds['max']}"
