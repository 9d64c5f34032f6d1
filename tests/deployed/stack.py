"""Deploys template.yaml into MiniStack, with the functions that `make build-functions` built.

SAM's translator makes CloudFormation of the template, MiniStack's CloudFormation makes resources of
that, and the stand-in for API Gateway answers before the functions: MiniStack does not read the
body of an HTTP API, where the routes stand.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from gateway import Gateway, Invocation
from gateway_routes import Routes
from ministack import ACCOUNT, REGION, ROOT, MiniStack
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = ROOT / "template.yaml"
STACK_NAME = "berth"
ARTIFACTS = "berth-artifacts"
FUNCTION = "AWS::Lambda::Function"
# MiniStack's random secrets hold any character, which the template's don't; so it is replaced.
SECRET_KEY = "BerthDeployedTestRootSecretKey0123456789"
FUNCTIONS = Path(os.environ.get("BERTH_FUNCTIONS", ROOT / ".build" / "functions"))
DEPLOY_SECONDS = 120


class StackError(Exception):
    """The stack was not deployed."""


def architecture() -> str:
    """Returns this machine's architecture, in Lambda's words."""
    return {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


def translated(code: dict[str, dict[str, str]] | None = None) -> dict:
    """Returns template.yaml as CloudFormation. `code` says where the zip of a folder is."""
    # The translator asks boto3 which partition it is in.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            folder = resource["Properties"]["CodeUri"]
            unknown = {"Bucket": ARTIFACTS, "Key": folder}
            resource["Properties"]["CodeUri"] = code[folder] if code else unknown
    return transform(template, {}, _NoManagedPolicies())


def bundle(folder: Path) -> bytes:
    """Returns the zip of a function's folder, as `sam deploy` would make it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(path.name)
            entry.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return packed.getvalue()


class Stack:
    """The deployed stack, and the gateway before it."""

    def __init__(
        self,
        aws: MiniStack,
        *,
        name: str = STACK_NAME,
        region: str = REGION,
        functions: Path = FUNCTIONS,
        parameters: dict[str, str] | None = None,
    ) -> None:
        """Deploys into `aws` the functions that stand in the folders of `functions`."""
        self.aws = aws
        self.name = name
        self.region = region
        self.artifacts = f"{ARTIFACTS}-{name}"
        self.lambda_ = self.client("lambda")
        self.logs = self.client("logs")
        self.cloudformation = self.client("cloudformation")
        code = self._upload(functions)
        self.template = _for_ministack(translated(code))
        self.parameters = {"Architecture": architecture()} | (parameters or {})
        self._deploy("create")
        self.resources = self._resources()
        self.outputs = self._outputs()
        self.secret_key = SECRET_KEY
        self.access_key = self._set_root()
        self.gateway = Gateway(
            Routes.of_template(self.template),
            self.invoke,
            account=ACCOUNT,
            certificate=aws.certificates.certificate,
            key=aws.certificates.key,
        )

    def client(self, service: str) -> BaseClient:
        """Returns a client of AWS in the stack's region."""
        return self.aws.client(service, region=self.region)

    def update(self, parameters: dict[str, str]) -> None:
        """Deploys the stack again, with other parameters."""
        self.parameters |= parameters
        self._deploy("update")
        self.resources = self._resources()
        self.outputs = self._outputs()

    @property
    def url(self) -> str:
        """Returns the registry's URL: the gateway's."""
        return self.gateway.url

    @property
    def host(self) -> str:
        """Returns the name of the registry in image references."""
        return self.gateway.host

    @property
    def endpoint(self) -> str:
        """Returns the URL of AWS."""
        return self.aws.endpoint

    @property
    def ca_file(self) -> Path:
        """Returns the authority that clients of the registry and of S3 must trust."""
        return self.aws.ca_file

    @property
    def table(self) -> str:
        """Returns the table's name."""
        return self.outputs["TableName"]

    @property
    def bucket(self) -> str:
        """Returns the bucket's name."""
        return self.outputs["BucketName"]

    @property
    def key(self) -> str:
        """Returns the key's ARN."""
        return self.outputs["KeyArn"]

    @property
    def auth(self) -> tuple[str, str]:
        """Returns the root's user name and password."""
        return self.access_key, self.secret_key

    @property
    def function_names(self) -> dict[str, str]:
        """Returns the functions' names by their logical ids."""
        return {
            logical: self.resources[logical]
            for logical, resource in self.template["Resources"].items()
            if resource["Type"] == FUNCTION
        }

    def environment(self, function: str) -> dict[str, str]:
        """Returns the variables of the function with this logical id."""
        told = self.lambda_.get_function_configuration(FunctionName=self.resources[function])
        return told["Environment"]["Variables"]

    def invoke(self, function: str, payload: bytes) -> Invocation:
        """Calls the function with this logical id."""
        try:
            told = self.lambda_.invoke(FunctionName=self.resources[function], Payload=payload)
        except ClientError as error:
            throttled = error.response["Error"]["Code"] == "TooManyRequestsException"
            return Invocation(str(error).encode(), failed=True, throttled=throttled)
        return Invocation(told["Payload"].read(), failed="FunctionError" in told)

    def restart(self, function: str, **changed: str) -> None:
        """Makes the function with this logical id start anew at its next call.

        A changed variable does that, in AWS too; `changed` are more of them.
        """
        variables = self.environment(function) | {"BERTH_RESTARTED": uuid.uuid4().hex} | changed
        self.lambda_.update_function_configuration(
            FunctionName=self.resources[function], Environment={"Variables": variables}
        )

    def function_log(self, function: str) -> list[str]:
        """Returns the lines that the function with this logical id logged, in the order of time.

        Each process has a stream of its own, whose name says nothing of when it began.
        """
        told = self.lambda_.get_function_configuration(FunctionName=self.resources[function])
        group = told["LoggingConfig"]["LogGroup"]
        pages = self.logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
        streams = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        events = [event for stream in streams for event in self._stream_log(group, stream)]
        return [event["message"] for event in sorted(events, key=lambda each: each["timestamp"])]

    def _stream_log(self, group: str, stream: str) -> list[dict]:
        """Returns all events of a stream; of a group, MiniStack tells the first 10,000 alone."""
        of = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
        told = self.logs.get_log_events(**of)
        events = told["events"]
        while told["events"]:
            told = self.logs.get_log_events(**of, nextToken=told["nextForwardToken"])
            events += told["events"]
        return events

    def metrics(self, function: str) -> list[dict]:
        """Returns the embedded metrics that the function with this logical id logged."""
        told = (_json(line) for line in self.function_log(function))
        return [each for each in told if "_aws" in each]

    def close(self) -> None:
        """Stops the gateway. The resources go with MiniStack."""
        self.gateway.close()

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _upload(self, functions: Path) -> dict[str, dict[str, str]]:
        s3 = self.client("s3")
        bucket = self.artifacts
        s3.create_bucket(Bucket=bucket, **_place(self.region))
        code = {}
        for folder in _code_folders():
            source = functions / Path(folder).name
            if not (source / "bootstrap").exists():
                raise StackError(f"no {source}/bootstrap: run `make build-functions`")
            packed = bundle(source)
            name = f"{hashlib.sha256(packed).hexdigest()}.zip"
            s3.put_object(Bucket=bucket, Key=name, Body=packed)
            code[folder] = {"Bucket": bucket, "Key": name}
        return code

    def _deploy(self, change: str) -> None:
        """Creates the stack, or updates it, and waits for the end of that."""
        deploy = getattr(self.cloudformation, f"{change}_stack")
        body = json.dumps(self.template)
        # It is too long for a request, as it is for `sam deploy`.
        self.client("s3").put_object(Bucket=self.artifacts, Key="template.json", Body=body)
        deploy(
            StackName=self.name,
            TemplateURL=f"{self.endpoint}/{self.artifacts}/template.json",
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self.parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        waiter = self.cloudformation.get_waiter(f"stack_{change}_complete")
        try:
            waiter.wait(
                StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": DEPLOY_SECONDS}
            )
        except Exception as error:
            told = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
            reasons = [each for each in told if "FAILED" in each["ResourceStatus"]]
            raise StackError(f"{error}: {reasons}") from error

    def _set_root(self) -> str:
        """Gives the root's secret a known key, and returns the access key's id."""
        secrets = self.client("secretsmanager")
        secret = self.outputs["RootSecretArn"]
        made = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
        known = json.dumps(made | {"secretAccessKey": SECRET_KEY})
        secrets.put_secret_value(SecretId=secret, SecretString=known)
        return made["accessKeyId"]

    def _resources(self) -> dict[str, str]:
        told = self.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in told}

    def _outputs(self) -> dict[str, str]:
        told = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in told}


class _NoManagedPolicies:
    """Tells the translator that the template names no managed policy."""

    def load(self) -> dict[str, str]:
        """Returns the managed policies' ARNs by name."""
        return {}


def _for_ministack(template: dict) -> dict:
    """Returns a template whose roles may send batches.

    MiniStack asks for `sqs:SendMessageBatch`, which is no action of IAM's: AWS lets whoever may
    `sqs:SendMessage` send several at once.
    """
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"]["Policies"]:
            for statement in policy.get("PolicyDocument", {}).get("Statement", []):
                if statement["Action"] == ["sqs:SendMessage"]:
                    statement["Action"].append("sqs:SendMessageBatch")
    return template


def _place(region: str) -> dict:
    """Returns what S3 wants to be told of a bucket's region: nothing, in the first of them all."""
    if region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _code_folders() -> Iterable[str]:
    for resource in yaml_parse(TEMPLATE.read_text())["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            yield resource["Properties"]["CodeUri"]


def _json(line: str) -> dict:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
