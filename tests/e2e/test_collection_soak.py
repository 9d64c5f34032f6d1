"""Collection beside clients that push, mount, pull and delete, for a minute.

The clients, the collectors and the checks are those of tests/it (`collection/soak.rs`), where time
is put forward: a grace period passes in a fraction of a second, and no request lasts as long.
"""

from __future__ import annotations

import os
import subprocess

from berth_server import ROOT

SECONDS = 60


def test_a_minute_loses_nothing_and_leaves_nothing() -> None:
    # With the workspace's features, as `make test` built it.
    command = ["cargo", "test", "--workspace", "--test", "it", "--", "--nocapture", "soak"]
    env = os.environ | {"COLLECTION_SOAK_SECONDS": str(SECONDS)}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pushes" in done.stdout, done.stdout
