"""Every role equals the rights of the ports that its program builds, plus a reviewed list.

And the comparer is compared with samples that are wrong, each in one way.
"""

from __future__ import annotations

import copy

import pytest
import roles
from roles import PORTS, REVIEWED, ROOT, Right, RoleError, differences, load

KNOWN = roles.ports(path.read_text() for path in sorted(PORTS.glob("*.rs")))
TEMPLATE = load(ROOT / "template.yaml")
FUNCTION_ROLES = roles.function_roles(TEMPLATE)

PORT = """
/// Reads.
///
/// Permissions: `dynamodb:GetItem`, `Query`.
#[async_trait]
pub trait ReadTable: Send {}

/// Writes.
///
/// Permissions: those of [`ReadTable`], and
/// `dynamodb:DeleteItem`.
///
/// More about `it`.
pub trait WriteTable: ReadTable {}

/// Tells the time.
pub trait Clock {}
"""
MAIN = "let clients = Clients::in_function(region, None); let table = clients.write_table(&name);"
LIST = """
[[right]]
action = "logs:PutLogEvents"
resource = "Logs"
roles = ["SampleRole"]
reason = "It logs."
"""
ROLE = {
    "Properties": {
        "Policies": [
            {
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:DeleteItem"],
                            "Resource": {"Fn::GetAtt": ["Table", "Arn"]},
                        },
                        {
                            "Effect": "Allow",
                            "Action": "logs:PutLogEvents",
                            "Resource": {"Fn::GetAtt": ["SampleLogs", "Arn"]},
                        },
                    ]
                }
            }
        ]
    }
}


def sample() -> dict:
    return copy.deepcopy(ROLE)


def first_statement(role: dict) -> dict:
    return role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]


def compare(role: dict, main: str = MAIN, reviewed: str = LIST) -> list[str]:
    return differences("SampleRole", main, role, roles.ports([PORT]), reviewed)


def test_every_function_has_a_role_of_its_own() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}
    assert set(FUNCTION_ROLES) == folders


@pytest.mark.parametrize("function", sorted(FUNCTION_ROLES))
def test_roles_of_functions(function: str) -> None:
    role = FUNCTION_ROLES[function]
    main = roles.program(ROOT / "functions" / function)
    found = differences(role, main, TEMPLATE["Resources"][role], KNOWN, REVIEWED.read_text())
    assert found == []


def test_role_of_edge() -> None:
    template = load(ROOT / "edge" / "template.yaml")
    main = roles.program(ROOT / "edge")
    role = template["Resources"]["TaskRole"]
    assert differences("edge", main, role, KNOWN, REVIEWED.read_text()) == []


def test_role_of_peers() -> None:
    """What `replicate` does in another registry it does in that one's role."""
    main = roles.program(ROOT / "functions" / "replicate")
    role = TEMPLATE["Resources"]["PeerRole"]
    listed = REVIEWED.read_text()
    assert differences("PeerRole", main, role, KNOWN, listed, roles.CLIENTS_IN_ROLE) == []


def test_no_reviewed_right_is_for_nobody() -> None:
    named = {
        role
        for line in roles.tomllib.loads(REVIEWED.read_text())["right"]
        for role in line["roles"]
    }
    assert named == {*FUNCTION_ROLES.values(), "PeerRole", "edge"}


def test_ports_say_their_permissions() -> None:
    """A port without permissions is one that no adapter for AWS has."""
    assert KNOWN["ReadTable"] == {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
    assert KNOWN["WriteTable"] > KNOWN["ReadTable"]
    assert KNOWN["WriteObjects"] > KNOWN["ReadObjects"] | KNOWN["DeleteObjects"]
    assert KNOWN["WrapKeys"] > KNOWN["UnwrapKeys"]
    assert "Clock" not in KNOWN


def test_sample() -> None:
    assert roles.ports([PORT]) == {
        "ReadTable": {"dynamodb:GetItem", "dynamodb:Query"},
        "WriteTable": {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:DeleteItem"},
    }
    assert compare(sample()) == []


def test_missing_right() -> None:
    role = sample()
    first_statement(role)["Action"].remove("dynamodb:Query")
    assert compare(role) == ["SampleRole lacks dynamodb:Query on Table, which a port needs"]


def test_missing_reviewed_right() -> None:
    role = sample()
    role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].pop()
    expected = ["SampleRole lacks logs:PutLogEvents on SampleLogs, which was reviewed"]
    assert compare(role) == expected


def test_right_too_many() -> None:
    role = sample()
    first_statement(role)["Action"].append("dynamodb:Scan")
    assert compare(role) == ["SampleRole has dynamodb:Scan on Table for no reason"]
    # The port became a smaller one, and the role did not.
    reads = MAIN.replace("write_table", "read_table")
    assert compare(sample(), reads) == ["SampleRole has dynamodb:DeleteItem on Table for no reason"]


def test_right_on_another_resource() -> None:
    role = sample()
    first_statement(role)["Resource"] = {"Fn::Sub": "${Bucket.Arn}/*"}
    found = compare(role)
    assert "SampleRole has dynamodb:Query on Bucket/* for no reason" in found
    assert "SampleRole lacks dynamodb:Query on Table, which a port needs" in found


def test_rights_on_everything() -> None:
    role = sample()
    first_statement(role)["Resource"] = "*"
    assert "SampleRole has dynamodb:Query on * for no reason" in compare(role)


SENDER = """
/// Sends.
///
/// Permissions: `sqs:SendMessage`.
pub trait SendMessages: Send {}
"""


def test_rights_on_queues() -> None:
    """A queue is known by what its constructor is given."""
    main = MAIN.replace("write_table(&name)", "send_messages(&queues.collect.dead_letters)")
    expected = {Right("sqs:SendMessage", "CollectDeadLetters")}
    assert roles.needed(main, roles.ports([SENDER])) == expected
    with pytest.raises(RoleError):
        roles.needed(main.replace("&queues.collect.dead_letters", "url"), roles.ports([SENDER]))


def test_rights_in_another_role() -> None:
    main = MAIN + "let peer = clients.in_role(&role, &region).await; peer.read_table(&name);"
    known = roles.ports([PORT])
    reads = {Right(f"dynamodb:{action}", "Table") for action in ("GetItem", "Query")}
    assert roles.needed(main, known, roles.CLIENTS_IN_ROLE) == reads
    assert roles.needed(main, known) == reads | {Right("dynamodb:DeleteItem", "Table")}


def test_right_of_two_reasons() -> None:
    twice = LIST + LIST.replace("logs:PutLogEvents", "dynamodb:Query").replace("Logs", "Table")
    found = compare(sample(), reviewed=twice)
    assert found == ["SampleRole: dynamodb:Query on Table is a port's, and reviewed"]


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Condition": {}},
        {"Resource": {"Ref": "Table"}},
        {"Resource": {"Fn::ImportValue": {"Fn::Sub": "other"}}},
    ],
)
def test_statements_that_cannot_be_compared(change: dict) -> None:
    role = sample()
    first_statement(role).update(change)
    with pytest.raises(RoleError):
        compare(role)


def test_refusals_give_nothing() -> None:
    role = sample()
    statement = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}
    refused = {"PolicyName": "refused", "PolicyDocument": {"Statement": [statement]}}
    role["Properties"]["Policies"].append(refused)
    assert compare(role) == []
    statement["Effect"] = "Allow"
    with pytest.raises(RoleError):
        compare(role)


def test_managed_policies_cannot_be_compared() -> None:
    role = sample()
    role["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    with pytest.raises(RoleError):
        compare(role)


@pytest.mark.parametrize(
    "main",
    ["fn main() {}", MAIN.replace("write_table", "clock"), MAIN.replace("write_table", "queue")],
)
def test_mains_that_cannot_be_compared(main: str) -> None:
    with pytest.raises(RoleError):
        compare(sample(), main)


def test_ports_that_cannot_be_compared() -> None:
    with pytest.raises(RoleError):
        roles.ports([PORT.replace("[`ReadTable`]", "[`Gone`]")])


def test_reviewed_rights_need_a_reason() -> None:
    with pytest.raises(RoleError):
        compare(sample(), reviewed=LIST.replace("It logs.", " "))
    with pytest.raises(RoleError):
        compare(sample(), reviewed=LIST.replace('reason = "It logs."\n', ""))


def test_imported_resources() -> None:
    """The upload host names the registry's resources by what its stack exports."""
    role = sample()
    statement = first_statement(role)
    statement["Resource"] = {"Fn::ImportValue": {"Fn::Sub": "${RegistryStack}-TableArn"}}
    assert compare(role) == []
    bucket = {"Fn::ImportValue": {"Fn::Sub": "${RegistryStack}-BucketArn"}}
    statement["Resource"] = {"Fn::Sub": ["${Arn}/*", {"Arn": bucket}]}
    statement["Action"] = "s3:GetObject"
    assert Right("s3:GetObject", "Bucket/*") in roles.granted(role)


def test_rights_under_a_condition() -> None:
    """Of the template, or of a request that S3 makes."""
    role = sample()
    statement = {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": {"Ref": "RepositoryKeyArns"},
    }
    policy = {"PolicyDocument": {"Statement": [statement]}}
    given = {"Fn::If": ["HasRepositoryKeys", policy, {"Ref": "AWS::NoValue"}]}
    role["Properties"]["Policies"].append(given)
    assert Right("kms:Decrypt", "RepositoryKeyArns") in roles.granted(role)
    service = {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}
    statement["Condition"] = {"StringEquals": {"kms:ViaService": service}}
    assert Right("kms:Decrypt", "RepositoryKeyArns through S3") in roles.granted(role)
    statement["Condition"] = {"StringLike": {"kms:ViaService": service}}
    with pytest.raises(RoleError):
        roles.granted(role)


def test_functions_that_share_a_role() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Resources"]["TokenFunction"]["Properties"]["Role"] = {
        "Fn::GetAtt": ["PullRole", "Arn"]
    }
    with pytest.raises(RoleError):
        roles.function_roles(template)
