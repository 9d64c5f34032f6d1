"""What is due once in a period is done without a person, also what was missed while nothing ran."""

from __future__ import annotations

import time
from typing import Any

from berth_server import BerthServer
from ecr_http import client
from ecr_images import push, small_image
from test_lifecycle_policies import policy, rule
from waiting import eventually

NAME = "team/app"
PERIOD_SECONDS = 24
# A part of the period begins each second; a walk and a job take some more.
PATIENCE = 3 * PERIOD_SECONDS


def test_lifecycle_policies_act_by_themselves() -> None:
    with BerthServer(args=["--schedule-period", f"{PERIOD_SECONDS}s"]) as berth:

        def ecr() -> Any:
            # Started again, the server has another port.
            return client(berth)

        def count() -> int:
            return len(ecr().list_images(repositoryName=NAME)["imageIds"])

        push(berth, NAME, small_image("schedule-0"), "v0")
        keep_one = policy(rule(1, countNumber=1))
        ecr().put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=keep_one)
        for round_ in (1, 2):
            push(berth, NAME, small_image(f"schedule-{round_}"), f"v{round_}")
            assert count() == 2
            eventually(lambda: count() == 1, PATIENCE)

        push(berth, NAME, small_image("schedule-3"), "v3")
        berth.kill()
        time.sleep(PERIOD_SECONDS)
        berth.start()
        eventually(lambda: count() == 1, PATIENCE)
