"""Compares the rights of every role with the ports that its program builds.

What a port needs stands in the doc comment of its trait ("Permissions: …",
shared/registry/src/ports). Which ports a program builds, and of what, stands in its `main`: each is
made by the constructor of its name, such as `clients.read_table(…)`; a queue's, with the queue, as
`clients.send_messages(&queues.collect.url)`. What else a role may have, and why, stands in
reviewed_rights.toml. The sum of the two must be the role, neither less nor more.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
PORTS = ROOT / "shared" / "registry" / "src" / "ports"
REVIEWED = ROOT / "tests" / "tools" / "reviewed_rights.toml"

# What the actions of a service are for, by logical id.
RESOURCES = {"dynamodb": "Table", "s3": "Bucket/*", "kms": "Key", "events": "EventBus"}
# Actions on a bucket, not on its objects.
OF_BUCKETS = {"s3:ListBucket", "s3:ListBucketMultipartUploads"}
# Parameters of a template that are ARNs; a resource's name is none.
ARN_PARAMETERS = {"PeerRoleArns", "RepositoryKeyArns"}
# The account's own event bus.
EVENT_BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"
# The policy of a role that takes rights back, and gives none.
REFUSED = "refused"
# Constructors that are not named by their port.
OTHER_NAMES = {"objects": "WriteObjects"}
# Constructors that make no port; the reviewed list says what they need.
OTHER_CONSTRUCTORS = {"root_credentials", "in_role"}

TRAIT = re.compile(r"((?:^///.*\n)+)(?:^#\[.*\n)*^pub trait (\w+)", re.MULTILINE)
PERMISSIONS = re.compile(r"Permissions: (.*?)(?:\n\n|\Z)", re.DOTALL)
# A link to a port that it builds upon, or an action.
NAMED = re.compile(r"(\[?)`([\w:]+)`")
CLIENTS = re.compile(r"let (\w+) = Clients::")
# Clients that act in another registry's role.
CLIENTS_IN_ROLE = re.compile(r"let (\w+) = \w+\.in_role\(")
QUEUE = re.compile(r"&queues\.(\w+)\.(url|dead_letters)")
QUEUES = {"url": "Queue", "dead_letters": "DeadLetters"}


class RoleError(Exception):
    """A source or a template is not of the form that can be compared."""


@dataclass(frozen=True, order=True)
class Right:
    """One action on one resource."""

    action: str
    resource: str

    def __str__(self) -> str:
        """Returns what a person reads."""
        return f"{self.action} on {self.resource}"


def ports(sources: Iterable[str]) -> dict[str, set[str]]:
    """Returns the actions of each port, those of the ports it builds upon included."""
    asked: dict[str, set[str]] = {}
    for source in sources:
        for comment, name in TRAIT.findall(source):
            text = "\n".join(line[3:].strip() for line in comment.splitlines())
            found = PERMISSIONS.search(text)
            if found:
                asked[name] = _qualified(NAMED.findall(found[1]))
    return {name: _resolved(name, asked) for name in asked}


def constructors(main: str, clients: re.Pattern[str] = CLIENTS) -> set[tuple[str, str]]:
    """Returns what a `main` makes of its AWS clients: each constructor, and what it is given."""
    found = clients.search(main)
    if not found:
        raise RoleError(f"no `{clients.pattern}` in the main")
    return set(re.findall(rf"\b{found[1]}\s*\.\s*(\w+)\(([^()]*)\)", main))


def needed(main: str, known: dict[str, set[str]], clients: re.Pattern[str] = CLIENTS) -> set[Right]:
    """Returns the rights that the ports of a `main` need."""
    rights: set[Right] = set()
    for constructor, given in constructors(main, clients):
        if constructor in OTHER_CONSTRUCTORS:
            continue
        named = "".join(word.capitalize() for word in constructor.split("_"))
        port = OTHER_NAMES.get(constructor, named)
        if port not in known:
            raise RoleError(f"`{constructor}` makes no port that says its permissions")
        rights |= {Right(action, _resource(action, port, given)) for action in known[port]}
    return rights


def _resource(action: str, port: str, given: str) -> str:
    """Returns what an action of a port is for, which a constructor was given so much of."""
    service = action.partition(":")[0]
    if action in OF_BUCKETS:
        return "Bucket"
    if service == "sqs":
        queue = QUEUE.fullmatch(given.strip())
        if not queue:
            raise RoleError(f"it is not known which queue `{given}` is")
        return queue[1].capitalize() + QUEUES[queue[2]]
    if service not in RESOURCES:
        raise RoleError(f"it is not known what `{action}` of `{port}` is for")
    return RESOURCES[service]


def granted(role: dict) -> set[Right]:
    """Returns the rights of a role of a template."""
    properties = role["Properties"]
    if "ManagedPolicyArns" in properties:
        raise RoleError("a managed policy does not say what it grants")
    rights: set[Right] = set()
    for policy in map(_granting, properties["Policies"]):
        if policy.get("PolicyName") == REFUSED:
            _must_deny(policy)
            continue
        for statement in policy["PolicyDocument"]["Statement"]:
            if set(statement) - {"Sid", "Condition"} != {"Effect", "Action", "Resource"}:
                raise RoleError(f"a statement has {sorted(statement)}")
            if statement["Effect"] != "Allow":
                raise RoleError("a statement denies")
            for action in _list(statement["Action"]):
                rights |= {
                    Right(action, _logical(each) + _limit(statement))
                    for each in _list(statement["Resource"])
                }
    return rights


def reviewed(text: str, role: str) -> set[Right]:
    """Returns the rights that the reviewed list gives a role."""
    rights = set()
    for line in tomllib.loads(text)["right"]:
        if set(line) != {"action", "resource", "roles", "reason"} or not line["reason"].strip():
            raise RoleError(f"a reviewed right has {sorted(line)}")
        if role in line["roles"]:
            rights.add(Right(line["action"], line["resource"].replace("Logs", _logs(role))))
    return rights


def differences(
    role: str,
    main: str,
    template_role: dict,
    known: dict,
    list_text: str,
    clients: re.Pattern[str] = CLIENTS,
) -> list[str]:
    """Returns how a role differs from its ports and the reviewed list; empty if it does not.

    `clients` says which clients of the `main` act in the role.
    """
    of_ports = needed(main, known, clients)
    of_review = reviewed(list_text, role)
    has = granted(template_role)
    told = [f"{role} lacks {each}, which a port needs" for each in sorted(of_ports - has)]
    told += [f"{role} lacks {each}, which was reviewed" for each in sorted(of_review - has)]
    told += [f"{role} has {each} for no reason" for each in sorted(has - of_ports - of_review)]
    told += [f"{role}: {each} is a port's, and reviewed" for each in sorted(of_ports & of_review)]
    return told


def function_roles(template: dict) -> dict[str, str]:
    """Returns the logical id of each function's role, by the name of its folder."""
    roles: dict[str, str] = {}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            if "Policies" in properties:
                raise RoleError("a function has policies beside its role")
            roles[Path(properties["CodeUri"]).name] = properties["Role"]["Fn::GetAtt"][0]
    if len(set(roles.values())) != len(roles):
        raise RoleError("two functions share a role")
    return roles


def load(path: Path) -> dict:
    """Reads a template."""
    return yaml_parse(path.read_text())


def program(folder: Path) -> str:
    """Returns the source of a program: its `main` and the modules beside it."""
    return "\n".join(path.read_text() for path in sorted((folder / "src").rglob("*.rs")))


def _qualified(names: list[tuple[str, str]]) -> set[str]:
    """Gives an action without a service the service of the one before it."""
    service, told = "", set()
    for link, name in names:
        if ":" in name:
            service = name.partition(":")[0]
        elif not link:
            name = f"{service}:{name}"
        told.add(name)
    return told


def _resolved(name: str, asked: dict[str, set[str]]) -> set[str]:
    actions: set[str] = set()
    for each in asked[name]:
        if ":" in each:
            actions.add(each)
        elif each in asked:
            actions |= _resolved(each, asked)
        else:
            raise RoleError(f"`{name}` builds upon `{each}`, which says no permissions")
    return actions


def _list(value: object) -> list:
    return value if isinstance(value, list) else [value]


def _granting(policy: dict) -> dict:
    """Returns a policy that a role has always, or only under a condition of the template."""
    match policy:
        case {"Fn::If": [_, granting, {"Ref": "AWS::NoValue"}]}:
            return granting
    return policy


def _must_deny(policy: dict) -> None:
    if any(each["Effect"] != "Deny" for each in policy["PolicyDocument"]["Statement"]):
        raise RoleError(f"the policy `{REFUSED}` allows something")


def _limit(statement: dict) -> str:
    """Returns what a statement's condition says, as the reviewed list has it behind a resource."""
    match statement.get("Condition"):
        case None:
            return ""
        case {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}}}:
            return " through S3"
        case {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}:
            return " through S3"
        case {"StringNotEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}:
            return " of other accounts"
    raise RoleError(f"it is not known what {statement['Condition']} means")


def _logs(role: str) -> str:
    return role.replace("Role", "Logs")


def _logical(resource: object) -> str:
    """Returns the logical id of a resource, with what follows its ARN."""
    text = resource
    if text == "*":
        return text
    if isinstance(resource, dict):
        ((function, text),) = resource.items()
        if function == "Ref" and text in ARN_PARAMETERS:
            return text
        if function == "Fn::GetAtt":
            name, _, attribute = (
                text.partition(".") if isinstance(text, str) else (text[0], "", text[1])
            )
            return name if attribute != "StreamArn" else f"{name}/stream"
        if function == "Fn::ImportValue":
            imported = re.fullmatch(r"\$\{RegistryStack\}-(\w+)Arn", text["Fn::Sub"])
            if imported:
                return imported[1]
        if function == "Fn::Sub" and isinstance(text, list):
            pattern, values = text
            ((name, value),) = values.items()
            return pattern.replace(f"${{{name}}}", _logical(value))
        if function == "Fn::Sub" and text == EVENT_BUS:
            return "EventBus"
        if function == "Fn::Sub":
            return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", text)
    raise RoleError(f"it is not known what {resource} is")
