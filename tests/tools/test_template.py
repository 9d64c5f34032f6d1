"""What template.yaml promises and MiniStack's CloudFormation leaves out."""

from __future__ import annotations

import pytest
from roles import ROOT, load

TEMPLATE = load(ROOT / "template.yaml")
RESOURCES = TEMPLATE["Resources"]
KEY = {"Fn::GetAtt": ["Key", "Arn"]}
# API Gateway waits 30 s for a function.
GATEWAY_SECONDS = 30


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
    (tls,) = properties("BucketPolicy")["PolicyDocument"]["Statement"]
    assert tls["Effect"] == "Deny"
    assert tls["Principal"] == "*"
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_table() -> None:
    table = properties("Table")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    keys = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
    assert keys == [("pk", "HASH"), ("sk", "RANGE")]


def test_functions_end_before_the_gateway_gives_up() -> None:
    assert TEMPLATE["Globals"]["Function"]["Timeout"] < GATEWAY_SECONDS
    assert not any("Timeout" in properties(name) for name in FUNCTIONS)


def test_every_function_is_watched() -> None:
    watched = {
        (alarm["MetricName"], dimension["Value"]["Ref"])
        for alarm in map(properties, of_type("AWS::CloudWatch::Alarm"))
        if alarm["Namespace"] == "AWS/Lambda"
        for dimension in alarm["Dimensions"]
    }
    assert watched == {(metric, name) for metric in ("Errors", "Throttles") for name in FUNCTIONS}


def test_every_alarm_is_told() -> None:
    for name in of_type("AWS::CloudWatch::Alarm"):
        told = properties(name)["AlarmActions"]["Fn::If"]
        assert told[:2] == ["HasAlarmEmail", [{"Ref": "AlarmTopic"}]]


def test_every_log_ends() -> None:
    for name in of_type("AWS::Logs::LogGroup"):
        assert properties(name)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    logged = {properties(name)["LoggingConfig"]["LogGroup"]["Ref"] for name in FUNCTIONS}
    assert logged | {"GatewayLogs"} == set(of_type("AWS::Logs::LogGroup"))
