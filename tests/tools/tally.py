"""Adds up what a CI run tested and prints `N passed, N failed, N skipped`.

    tally.py FOLDER STEP...

For each step the folder holds `STEP.log` (searched for the result lines of `cargo test`),
`STEP.exit` (its exit code) and, if it ran pytest, `STEP.xml` or several `STEP-PART.xml` (JUnit). A
step that failed although none of its tests did (a lint, a build that broke) counts as one failure,
and a step that passed and has no tests (a lint) as one pass. The exit code is 1 when anything
failed.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

CARGO = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Count:
    """How many tests ended which way."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def of_cargo(log: str) -> Count:
    """Returns the sum of all `test result:` lines in a log of `cargo test`."""
    lines = CARGO.findall(COLOUR.sub("", log))
    return sum((Count(*map(int, line)) for line in lines), Count())


def of_junit(xml: str) -> Count:
    """Returns the count of a JUnit report, in which an error is a failure."""
    total = Count()
    for suite in ElementTree.fromstring(xml).iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        failed = failures + errors
        # A test that passed and then failed to clean up is one test and one error.
        total += Count(max(0, tests - failed - skipped), failed, skipped)
    return total


def of_step(folder: Path, step: str) -> Count:
    """Returns the count of one step of the run."""
    log, code = (folder / f"{step}.{kind}" for kind in ("log", "exit"))
    tested = Count()
    if log.exists():
        tested += of_cargo(log.read_text(errors="replace"))
    for report in [*folder.glob(f"{step}.xml"), *folder.glob(f"{step}-*.xml")]:
        tested += of_junit(report.read_text())
    passed = code.exists() and code.read_text().strip() == "0"
    if not passed and not tested.failed:
        return tested + Count(failed=1)
    if passed and tested == Count():
        return Count(passed=1)
    return tested


def main(arguments: list[str]) -> int:
    """Prints the sum over the steps, and returns the exit code."""
    folder, *steps = arguments
    total = sum((of_step(Path(folder), step) for step in steps), Count())
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
