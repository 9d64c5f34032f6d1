"""No policy of a template has a wildcard that nobody explained, and the linter would say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from policies import main, unexplained

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ["template.yaml", "edge/template.yaml"]

STATEMENT = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [s3:GetObject]
                Resource: !GetAtt Bucket.Arn
"""


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates(template: str) -> None:
    assert unexplained((ROOT / template).read_text()) == []


def test_statement_without_wildcards() -> None:
    assert unexplained(STATEMENT) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[s3:GetObject]", "s3:*"),
        ("[s3:GetObject]", "[s3:GetObject, s3:Get*]"),
        ("[s3:GetObject]", "[s3:GetObject, 's3:Put?bject']"),
        ("!GetAtt Bucket.Arn", '"*"'),
        ("!GetAtt Bucket.Arn", "!Sub ${Bucket.Arn}/*"),
        ("!GetAtt Bucket.Arn", '{"Fn::Sub": "${Bucket.Arn}/*"}'),
        ("!GetAtt Bucket.Arn", '!If [Yes, "*", !GetAtt Bucket.Arn]'),
        ("Action: [s3:GetObject]", "NotAction: s3:GetObject"),
        ("Effect: Allow", 'Principal: {AWS: "*"}'),
    ],
)
def test_wildcards(before: str, after: str) -> None:
    """Each is found, and is not found with a comment beside or above it."""
    broken = STATEMENT.replace(before, after)
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if after in text)
    assert [finding.line for finding in unexplained(broken)] == [line]
    beside = STATEMENT.replace(before, f"{after}  # all of it is meant")
    assert unexplained(beside) == []
    lines = broken.splitlines()
    indent = " " * (len(lines[line - 1]) - len(lines[line - 1].lstrip()))
    above = [*lines[: line - 1], f"{indent}# All of it is meant.", *lines[line - 1 :]]
    # A comment between the dash of a list and its line would not be YAML.
    if not lines[line - 1].lstrip().startswith("- "):
        assert unexplained("\n".join(above)) == []
    # A word is no reason.
    assert unexplained(STATEMENT.replace(before, f"{after}  # fine")) != []


def test_managed_policies() -> None:
    """What a managed policy grants is not to be seen in the template."""
    managed = "ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]"
    broken = STATEMENT.replace("Policies:", f"{managed}\n      Policies:")
    assert [finding.text for finding in unexplained(broken)] == [managed]


def test_conditions_are_no_rights() -> None:
    condition = "Effect: Allow\n                Condition: {StringLike: {a: 'b*'}}"
    assert unexplained(STATEMENT.replace("Effect: Allow", condition)) == []


def test_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text(STATEMENT.replace("[s3:GetObject]", "s3:*"))
    assert main([str(ROOT / "template.yaml")]) == 0
    assert main([str(ROOT / "template.yaml"), str(broken)]) == 1
    assert "line 10: `Action: s3:*` has no comment" in capsys.readouterr().out
