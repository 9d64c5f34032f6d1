"""What template.yaml promises and MiniStack's CloudFormation leaves out."""

from __future__ import annotations

import json

import pytest
from roles import ROOT, load

TEMPLATE = load(ROOT / "template.yaml")
RESOURCES = TEMPLATE["Resources"]
KEY = {"Fn::GetAtt": ["Key", "Arn"]}
# API Gateway waits 30 s for a function.
GATEWAY_SECONDS = 30
# Queues of jobs, each with a function.
QUEUES = ["Lifecycle", "Collect", "Replicate"]
# `MOST_ATTEMPTS` and `MOST_RECEIPTS` of the registry's jobs.
MOST_ATTEMPTS = 5
MOST_RECEIPTS = 6
# `JOBS_AT_ONCE` of lambda-kit.
JOBS_AT_ONCE = 4
# The longest that SQS keeps a message: 14 days.
LONGEST_SECONDS = 14 * 24 * 3600


def properties(name: str) -> dict:
    return RESOURCES[name]["Properties"]


def of_type(kind: str) -> list[str]:
    return [name for name, resource in RESOURCES.items() if resource["Type"] == kind]


FUNCTIONS = of_type("AWS::Serverless::Function")


@pytest.mark.parametrize("name", ["Bucket", "Key", "Table"])
def test_what_is_kept_outlives_the_stack(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == "Retain"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_everything_kept_is_encrypted_with_the_key() -> None:
    assert properties("Key")["EnableKeyRotation"]
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert properties("Bucket")["BucketEncryption"] == {
        "ServerSideEncryptionConfiguration": [
            {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": by_default}
        ]
    }
    assert properties("Table")["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": KEY,
    }
    assert properties("RootSecret")["KmsKeyId"] == KEY


def test_bucket() -> None:
    bucket = properties("Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (stale,) = bucket["LifecycleConfiguration"]["Rules"]
    assert stale["Status"] == "Enabled"
    assert stale["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    tls, peers = properties("BucketPolicy")["PolicyDocument"]["Statement"]
    assert tls["Effect"] == "Deny"
    assert tls["Principal"] == "*"
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    condition, copying, nothing = peers["Fn::If"]
    assert (condition, nothing) == ("HasPeers", {"Ref": "AWS::NoValue"})
    assert copying["Principal"] == {"AWS": {"Ref": "PeerRoleArns"}}
    assert copying["Action"] == ["s3:GetObject"]


def test_table() -> None:
    table = properties("Table")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    # Keys are all that `dispatch` reads of it.
    assert table["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    keys = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
    assert keys == [("pk", "HASH"), ("sk", "RANGE")]


def of_the_api(name: str) -> bool:
    events = properties(name)["Events"].values()
    return all(event["Type"] == "HttpApi" for event in events)


def test_functions_end_before_the_gateway_gives_up() -> None:
    assert TEMPLATE["Globals"]["Function"]["Timeout"] < GATEWAY_SECONDS
    for name in FUNCTIONS:
        assert of_the_api(name) != ("Timeout" in properties(name)), name


@pytest.mark.parametrize("name", QUEUES)
def test_queues(name: str) -> None:
    """As AWS advises for queues of functions, and as the registry's own rules have it."""
    queue = properties(f"{name}Queue")
    function = properties(f"{name}Function")
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    letters = {"Fn::GetAtt": [f"{name}DeadLetters", "Arn"]}
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": letters,
        "maxReceiveCount": MOST_RECEIPTS,
    }
    (event,) = function["Events"].values()
    assert event["Properties"]["Queue"] == {"Fn::GetAtt": [f"{name}Queue", "Arn"]}
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # A batch is done all at once: what waited would count as attempted.
    assert event["Properties"]["BatchSize"] <= JOBS_AT_ONCE


def test_every_queue_is_encrypted_and_keeps_what_it_has() -> None:
    for name in of_type("AWS::SQS::Queue"):
        assert properties(name)["SqsManagedSseEnabled"] is True, name
        assert properties(name)["MessageRetentionPeriod"] == LONGEST_SECONDS, name


def test_the_outbox_wakes_dispatch() -> None:
    """By the keys that the registry writes events under."""
    (event,) = properties("DispatchFunction")["Events"].values()
    (wanted,) = event["Properties"]["FilterCriteria"]["Filters"]
    keys = {"pk": {"S": [{"prefix": "outbox/"}]}}
    assert json.loads(wanted["Pattern"]) == {"eventName": ["INSERT"], "dynamodb": {"Keys": keys}}
    layout = (ROOT / "shared" / "registry" / "src" / "layout" / "mod.rs").read_text()
    assert 'format!("outbox/{shard}")' in layout
    # What fails blocks its shard for a few attempts, and is told; what only waits does not end.
    assert event["Properties"]["BisectBatchOnFunctionError"] is True
    assert event["Properties"]["MaximumRetryAttempts"] <= MOST_ATTEMPTS
    assert "MaximumRecordAgeInSeconds" not in event["Properties"]
    letters = {"Fn::GetAtt": ["DispatchDeadLetters", "Arn"]}
    told = {"OnFailure": {"Type": "SQS", "Destination": letters}}
    assert event["Properties"]["DestinationConfig"] == told


def test_peers_are_no_callers() -> None:
    """Their role is refused what would make it one; tests/it looks that it is not needed."""
    policies = {policy.get("PolicyName"): policy for policy in properties("PeerRole")["Policies"]}
    callers, settings, tokens = policies["refused"]["PolicyDocument"]["Statement"]
    keys = "dynamodb:LeadingKeys"
    refused = callers["Condition"]["ForAnyValue:StringLike"][keys]
    refused += settings["Condition"]["ForAnyValue:StringLike"][keys]
    layout = ROOT / "shared" / "registry" / "src" / "layout"
    text = (layout / "mod.rs").read_text() + (layout / "place.rs").read_text()
    for partition in refused:
        name = partition.removesuffix("*")
        assert f'"{name}"' in text or f'format!("{name}{{' in text, partition
    sealing = (ROOT / "shared" / "aws" / "src" / "keys.rs").read_text()
    assert tokens["Condition"] == {"StringEquals": {"kms:EncryptionContext:berth": "sealing-key"}}
    assert '("berth", "sealing-key")' in sealing


def test_every_dead_letter_is_told() -> None:
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in map(properties, of_type("AWS::CloudWatch::Alarm"))
        if alarm["Namespace"] == "AWS/SQS"
        for dimension in alarm["Dimensions"]
    }
    later = [name.removesuffix("Function") for name in FUNCTIONS if not of_the_api(name)]
    assert watched == {f"{name}DeadLetters" for name in later}
    assert watched == {name for name in of_type("AWS::SQS::Queue") if name.endswith("Letters")}


def test_every_function_is_watched() -> None:
    watched = {
        (alarm["MetricName"], dimension["Value"]["Ref"])
        for alarm in map(properties, of_type("AWS::CloudWatch::Alarm"))
        if alarm["Namespace"] == "AWS/Lambda"
        for dimension in alarm["Dimensions"]
    }
    every = {(metric, name) for metric in ("Errors", "Throttles") for name in FUNCTIONS}
    # A timer that stops is no error of anybody's.
    assert watched == every | {("Invocations", "ScheduleFunction")}


def test_every_alarm_is_told() -> None:
    for name in of_type("AWS::CloudWatch::Alarm"):
        told = properties(name)["AlarmActions"]["Fn::If"]
        assert told[:2] == ["HasAlarmEmail", [{"Ref": "AlarmTopic"}]]


def test_every_log_ends() -> None:
    for name in of_type("AWS::Logs::LogGroup"):
        assert properties(name)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    logged = {properties(name)["LoggingConfig"]["LogGroup"]["Ref"] for name in FUNCTIONS}
    assert logged | {"GatewayLogs"} == set(of_type("AWS::Logs::LogGroup"))
