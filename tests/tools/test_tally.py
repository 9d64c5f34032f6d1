"""Tests of the count that CI closes with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tally import Count, main, of_cargo, of_junit, of_step

CARGO_LOG = """
running 3 tests
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

\x1b[1mtest result: \x1b[31mFAILED\x1b[0m. 2 passed; 1 failed; 4 ignored; 0 measured
"""
JUNIT = """<testsuites><testsuite name="pytest" errors="{errors}" failures="1" skipped="2"
tests="10"></testsuite></testsuites>"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def test_cargo_lines_add_up() -> None:
    assert of_cargo(CARGO_LOG) == Count(5, 1, 4)


def test_a_log_without_results_counts_nothing() -> None:
    assert of_cargo("error: could not compile `berth-types`") == Count()


def test_a_junit_error_is_a_failure() -> None:
    assert of_junit(JUNIT.format(errors=1)) == Count(6, 2, 2)


def test_a_step_adds_its_log_and_its_report(tmp_path: Path) -> None:
    write(tmp_path, test_log=CARGO_LOG, test_xml=JUNIT.format(errors=0), test_exit="2")
    assert of_step(tmp_path, "test") == Count(12, 2, 6)


def test_a_step_may_have_parts(tmp_path: Path) -> None:
    for part in ("e2e-local", "e2e-deployed"):
        (tmp_path / f"{part}.xml").write_text(JUNIT.format(errors=0))
    write(tmp_path, e2e_log="", e2e_exit="2")
    whole = of_junit(JUNIT.format(errors=0))
    assert of_step(tmp_path, "e2e") == whole + whole


@pytest.mark.parametrize(
    ("code", "count"),
    [("0", Count(passed=1)), ("1", Count(failed=1)), (None, Count(failed=1))],
)
def test_a_step_without_tests_counts_as_one(tmp_path: Path, code: str | None, count: Count) -> None:
    write(tmp_path, lint_log="no results here")
    if code is not None:
        write(tmp_path, lint_exit=code)
    assert of_step(tmp_path, "lint") == count


def test_a_step_that_broke_after_its_tests_passed_is_a_failure(tmp_path: Path) -> None:
    write(tmp_path, test_log="test result: ok. 3 passed; 0 failed; 0 ignored;", test_exit="2")
    assert of_step(tmp_path, "test") == Count(3, 1, 0)


def test_main_prints_the_sum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, lint_exit="0", test_log=CARGO_LOG, test_exit="101")
    assert main([str(tmp_path), "lint", "test"]) == 1
    assert capsys.readouterr().out == "6 passed, 1 failed, 4 skipped\n"


def test_main_succeeds_when_all_passed(tmp_path: Path) -> None:
    write(tmp_path, lint_exit="0")
    assert main([str(tmp_path), "lint"]) == 0
