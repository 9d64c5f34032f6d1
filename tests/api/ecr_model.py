"""botocore's models of both APIs: what operations there are, and what their answers look like."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

SERVICES = {"ecr": "2015-09-21", "ecr-public": "2020-10-30"}

PYTHON_TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def service_model(service: str) -> ServiceModel:
    """Returns the model of `ecr` or `ecr-public`, at the version that Berth follows."""
    loader = Loader(extra_search_paths=[boto3.__path__[0] + "/data"])
    return ServiceModel(loader.load_service_model(service, "service-2", SERVICES[service]), service)


def operation_model(service: str, operation: str) -> OperationModel:
    """Returns the model of one operation."""
    return service_model(service).operation_model(operation)


def misfits(shape: Shape, value: Any, at: str = "$") -> list[str]:
    """Returns where a JSON value does not have the shape that the model says."""
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            return [f"{at} is no object"]
        found = [f"{at}.{name} is not in the model" for name in value.keys() - shape.members.keys()]
        found += [f"{at}.{name} is missing" for name in set(shape.required_members) - value.keys()]
        for name in value.keys() & shape.members.keys():
            found += misfits(shape.members[name], value[name], f"{at}.{name}")
        return found
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        members = [misfits(shape.member, v, f"{at}[{i}]") for i, v in enumerate(value)]
        return sum(members, [])
    if isinstance(shape, MapShape):
        return sum((misfits(shape.value, v, f"{at}.{k}") for k, v in value.items()), [])
    expected = PYTHON_TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        return [f"{at} is {value!r}, not a {shape.type_name}"]
    enum = getattr(shape, "enum", [])
    if enum and value not in enum:
        return [f"{at} is {value!r}, none of {enum}"]
    return []
