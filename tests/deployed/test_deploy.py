"""`make deploy` asks once, deploys, and the next time only deploys."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ministack import REGION, ROOT, MiniStack
from stack import TEMPLATE, architecture

STACK_NAME = "berth-by-make"
FUNCTIONS = (
    "collect",
    "dispatch",
    "ecr-api",
    "lifecycle",
    "oci-delete",
    "oci-pull",
    "oci-push",
    "replicate",
    "schedule",
    "session",
    "token",
)
BUILD = f"""#!/bin/sh
for name in {" ".join(FUNCTIONS)}; do
  mkdir -p .build/functions/$name
  echo "$1" > .build/functions/$name/bootstrap
done
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose functions are built in no time."""
    shutil.copy(TEMPLATE, tmp_path)
    (tmp_path / "functions").mkdir()
    shutil.copy(ROOT / "functions" / "deploy", tmp_path / "functions")
    build = tmp_path / "functions" / "build"
    build.write_text(BUILD)
    build.chmod(0o755)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / ".tools").symlink_to(ROOT / ".tools")
    return tmp_path


def deploy(checkout: Path, aws: MiniStack, **env: str) -> subprocess.CompletedProcess[str]:
    """Deploys, and answers every question with its default."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    account = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CA_BUNDLE": str(aws.ca_file),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": aws.endpoint,
    }
    return subprocess.run(
        ["functions/deploy", STACK_NAME],
        cwd=checkout,
        env=outside | account | env,
        input="\n" * 30,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_deploy_asks_once(checkout: Path, aws: MiniStack) -> None:
    other = {"arm64": "x86_64", "x86_64": "arm64"}[architecture()]
    first = deploy(checkout, aws, ARCHITECTURE=other)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Parameter UploadHost" in first.stdout
    assert "LoginCommand" in first.stdout
    # No function "has no authentication": nobody is asked that for each route.
    assert "Is this okay" not in first.stdout

    cloudformation = aws.client("cloudformation")
    told = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in told["Parameters"]}
    assert parameters["Architecture"] == other
    names = {each["FunctionName"] for each in aws.client("lambda").list_functions()["Functions"]}
    assert {f"{STACK_NAME}-{name}" for name in FUNCTIONS} <= names

    # What was answered holds, whatever the environment says.
    settings = checkout / "samconfig.toml"
    answers = settings.read_text().replace('LogLevel=\\"info\\"', 'LogLevel=\\"debug\\"')
    settings.write_text(answers)
    second = deploy(checkout, aws, ARCHITECTURE=architecture())
    assert second.returncode == 0, second.stdout + second.stderr
    assert "Parameter UploadHost [" not in second.stdout
    for name in FUNCTIONS:
        built = checkout / ".build" / "functions" / name / "bootstrap"
        assert built.read_text().strip() == other
    told = aws.client("lambda").get_function_configuration(FunctionName=f"{STACK_NAME}-token")
    assert told["Environment"]["Variables"]["BERTH_LOG"] == "debug"


def test_deploy_wants_a_name(checkout: Path) -> None:
    ran = subprocess.run(["functions/deploy"], cwd=checkout, capture_output=True, text=True)
    assert ran.returncode != 0
    assert "make deploy STACK=" in ran.stderr
