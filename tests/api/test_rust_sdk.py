"""AWS's SDK for Rust as a client (`tests/sdk`): its paginators and its typed errors."""

from __future__ import annotations

import os
import subprocess

import pytest
from berth_server import BerthServer, berth_binary
from ecr_http import REGION


@pytest.mark.parametrize("scenario", ["repositories", "layers", "policies", "settings"])
def test_the_sdk_is_served(berth: BerthServer, scenario: str) -> None:
    program = berth_binary().with_name("berth-sdk-client")
    assert program.exists(), f"no {program}: run `cargo build -p berth-sdk-client`"
    key = {
        "AWS_ACCESS_KEY_ID": berth.access_key,
        "AWS_SECRET_ACCESS_KEY": berth.secret_key,
    }
    command = [str(program), scenario, "--endpoint-url", berth.url, "--region", REGION]
    done = subprocess.run(
        command, env=os.environ | key, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
