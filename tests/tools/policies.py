"""Finds wildcards in the IAM policies of a template that no comment explains.

A wildcard is a `*` or a `?` in an action, a resource or a principal. Its comment stands on the same
line or directly above it, so that whoever reads the line reads why. `NotAction`, `NotResource` and
`NotPrincipal` grant by leaving out, and want one likewise.

    python tests/tools/policies.py template.yaml edge/template.yaml
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

# The keys of a statement whose values name rights.
KEYS = {"Action", "Resource", "Principal"}
INVERTED = {"NotAction", "NotResource", "NotPrincipal"}
MANAGED = "ManagedPolicyArns"
LEAST_WORDS = 3


@dataclass(frozen=True)
class Finding:
    """A wildcard without a reason."""

    line: int
    """Counted from 1."""
    text: str

    def __str__(self) -> str:
        """Returns what a person reads."""
        return f"line {self.line}: `{self.text}` has no comment that explains it"


def unexplained(text: str) -> list[Finding]:
    """Returns the wildcards of a template's policies that no comment explains, in order."""
    lines = text.splitlines()
    found = {node.start_mark.line: node for node in _suspects(yaml.compose(text, _Loader))}
    return [
        Finding(line + 1, lines[line].strip())
        for line in sorted(found)
        if not _explained(lines, line)
    ]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's tags (`!Sub` and so on) as what they stand before."""


def _suspects(node: yaml.Node | None, key: str = "") -> Iterator[yaml.Node]:
    """Walks the document; `key` is the key of the closest statement's part."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value in INVERTED or name.value == MANAGED:
                yield name
            inside = name.value if name.value in KEYS | INVERTED else key
            # A statement within a statement's part is no such thing: conditions are not rights.
            yield from _suspects(value, "" if name.value == "Condition" else inside)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _suspects(value, key)
    elif isinstance(node, yaml.ScalarNode) and key and set("*?") & set(node.value):
        yield node


def _explained(lines: list[str], line: int) -> bool:
    """Says whether a comment of at least three words is on the line or directly above."""
    above = lines[line - 1].strip() if line else ""
    comment = above.removeprefix("#") if above.startswith("#") else ""
    beside = lines[line].rpartition(" #")
    comment += f" {beside[2]}" if beside[1] else ""
    return len(comment.split()) >= LEAST_WORDS


def main(paths: list[str]) -> int:
    """Prints the findings of the templates at `paths`; returns the exit code."""
    findings = [(path, each) for path in paths for each in unexplained(Path(path).read_text())]
    for path, each in findings:
        print(f"{path}: {each}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
