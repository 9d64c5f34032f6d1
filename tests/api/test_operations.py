"""Every operation of both models is known, and docs/compatibility.md says how far it is."""

from __future__ import annotations

import re

import pytest
import requests
from berth_server import ROOT, BerthServer
from ecr_http import JSON_1_1, check_error, request, send
from ecr_model import SERVICES, service_model

OPERATIONS = [
    (service, name) for service in SERVICES for name in service_model(service).operation_names
]
# What operations that need no parameter answer in a registry that has nothing for them.
NO_SIGNING = ("SigningConfigurationNotFoundException", "does not exist in the registry")
NO_POLICY = ("RegistryPolicyNotFoundException", "does not exist")
EMPTY = {
    "DeleteRegistryPolicy": NO_POLICY,
    "DeleteSigningConfiguration": NO_SIGNING,
    "GetRegistryPolicy": NO_POLICY,
    "GetSigningConfiguration": NO_SIGNING,
}
ROW = re.compile(r"^\| \[?(\w+)\]?[^|]*\| (supported|not yet) \|", re.MULTILINE)


def documented(service: str) -> dict[str, str]:
    """Returns the state of each operation in the service's table."""
    text = (ROOT / "docs" / "compatibility.md").read_text()
    heading = {"ecr": "## Amazon ECR\n", "ecr-public": "## Amazon ECR Public\n"}[service]
    section = text.split(heading, 1)[1].split("\n## ", 1)[0]
    rows = ROW.findall(section)
    assert len(rows) == len(dict(rows)), "an operation is listed twice"
    return dict(rows)


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_lists_the_model(service: str) -> None:
    assert sorted(documented(service)) == sorted(service_model(service).operation_names)


@pytest.mark.parametrize("service", SERVICES)
def test_the_server_knows_no_more_than_the_model(service: str) -> None:
    source = (ROOT / "shared" / "ecr-api" / "src" / "operation.rs").read_text()
    enum = {"ecr": "EcrOperation", "ecr-public": "EcrPublicOperation"}[service]
    block = re.search(rf"^    {enum} {{\n(.*?)^    }}", source, re.MULTILINE | re.DOTALL)
    assert block is not None
    assert re.findall(r"\w+", block.group(1)) == sorted(service_model(service).operation_names)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_the_server_does_what_the_document_says(
    berth: BerthServer, service: str, operation: str
) -> None:
    answer = send(request(berth, operation, service=service))
    if documented(service)[operation] == "not yet":
        text = f"The operation {operation} is not supported by Berth yet"
        check_error(answer, "UnsupportedOperationException", text)
    elif answer.status_code != 200:
        code, text = EMPTY.get(operation, ("InvalidParameterException", "must not be null"))
        check_error(answer, code, text)


@pytest.mark.parametrize("service", SERVICES)
def test_other_operations_are_unknown(berth: BerthServer, service: str) -> None:
    check_error(send(request(berth, "MakeCoffee", service=service)), "UnknownOperationException")


def test_other_protocols_are_unknown(berth: BerthServer) -> None:
    def post(headers: dict[str, str]) -> requests.Response:
        return requests.post(berth.url + "/", data="{}", headers=headers, timeout=30)

    check_error(post({}), "UnknownOperationException", "Content-Type")
    check_error(post({"Content-Type": JSON_1_1}), "UnknownOperationException", "X-Amz-Target")
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": JSON_1_1}
    check_error(post(target), "UnknownOperationException", "DynamoDB_20120810.ListTables")
