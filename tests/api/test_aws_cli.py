"""`aws ecr`: a command for each operation, driven in this process, which starts it once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import images
import pytest
import requests
from awscli.clidriver import CLIDriver, create_clidriver
from berth_server import BerthServer
from calls import Calls, watch_events
from ecr_http import ACCOUNT, REGION
from ecr_images import push, referrer, small_image
from test_operations import documented

NAME = "cli/app"
ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{NAME}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/cli"
PROFILE = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/cli"
# Operations of botocore's model for which this version of the command line has no command.
NO_COMMAND = {
    "DescribeReplicationBackfillResults",
    "ListReplicationBackfills",
    "StartReplicationBackfill",
    "StopReplicationBackfill",
}
SUPPORTED = {name for name, state in documented("ecr").items() if state == "supported"}
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}],
}
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "keep ten images of whatever kind there are",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": 10,
            },
            "action": {"type": "expire"},
        }
    ]
}

Aws = Callable[..., Any]


class CommandLine:
    """`aws ecr`, its calls recorded."""

    def __init__(self, driver: CLIDriver, berth: BerthServer, capture: Any) -> None:
        self.driver = driver
        self.calls = Calls()
        self._options = ["--endpoint-url", berth.url, "--region", REGION]
        self._capture = capture
        events = driver.session.get_component("event_emitter")
        watch_events(events, "ecr", self.calls)

    def text(self, *arguments: str, code: int = 0) -> str:
        """Runs a command, and returns what it prints, on stderr if it is to fail."""
        self._capture.readouterr()
        ended = self.driver.main(["ecr", *arguments, *self._options])
        out, err = self._capture.readouterr()
        assert ended == code, f"{arguments}: {ended} {out}{err}"
        return err if code else out

    def __call__(self, command: str, *arguments: str, **input_json: Any) -> Any:
        """Runs a command with options, or with its input as JSON, and returns its output."""
        given = ["--cli-input-json", json.dumps(input_json)] if input_json else []
        printed = self.text(command, *arguments, *given)
        return json.loads(printed) if printed else None


@pytest.fixture
def aws(
    berth: BerthServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """The command line with the root's key and without anybody's configuration."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", berth.access_key),
        ("AWS_SECRET_ACCESS_KEY", berth.secret_key),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    return CommandLine(create_clidriver(), berth, capsys)


def test_every_operation_is_a_command(berth: BerthServer, aws: CommandLine, tmp_path: Path) -> None:
    repositories(aws)
    documents(aws, tmp_path)
    layers(aws, tmp_path)
    pictures(berth, aws, tmp_path)
    settings(aws)
    prefixes(aws)
    aws("delete-repository", "--repository-name", NAME, "--force")
    assert aws.calls.succeeded == SUPPORTED - NO_COMMAND


def repositories(aws: CommandLine) -> None:
    """Makes the repository, looks at it and changes it."""
    made = aws(
        "create-repository",
        *("--repository-name", NAME),
        *("--tags", "Key=team,Value=one", "Key=cost,Value=two"),
        *("--image-tag-mutability", "IMMUTABLE_WITH_EXCLUSION"),
        *("--image-tag-mutability-exclusion-filters", "filterType=WILDCARD,filter=dev-*"),
    )["repository"]
    assert made["repositoryArn"] == ARN
    described = aws("describe-repositories", "--repository-names", NAME)["repositories"]
    assert described == [made]
    changed = aws("put-image-tag-mutability", repositoryName=NAME, imageTagMutability="MUTABLE")
    assert changed["imageTagMutability"] == "MUTABLE"
    scanning = ["--image-scanning-configuration", "scanOnPush=true"]
    aws("put-image-scanning-configuration", "--repository-name", NAME, *scanning)
    names = ["--repository-names", NAME, "cli/none"]
    found = aws("batch-get-repository-scanning-configuration", *names)
    assert found["scanningConfigurations"][0]["scanFrequency"] == "SCAN_ON_PUSH"
    aws("tag-resource", "--resource-arn", ARN, "--tags", "Key=stage,Value=dev")
    aws("untag-resource", "--resource-arn", ARN, "--tag-keys", "team", "cost")
    tags = aws("list-tags-for-resource", "--resource-arn", ARN)["tags"]
    assert tags == [{"Key": "stage", "Value": "dev"}]


def documents(aws: CommandLine, folder: Path) -> None:
    """Gives the registry and the repository policies, reads them and takes them away."""
    file = folder / "registry-policy"
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"
    statement = POLICY["Statement"][0] | {"Action": "ecr:ReplicateImage", "Resource": arn}
    file.write_text(json.dumps(POLICY | {"Statement": [statement]}))
    put = aws("put-registry-policy", "--policy-text", f"file://{file}")
    assert put == aws("get-registry-policy") == aws("delete-registry-policy")
    for kind, document, verb, member in (
        ("repository-policy", POLICY, "set", "policyText"),
        ("lifecycle-policy", LIFECYCLE, "put", "lifecyclePolicyText"),
    ):
        file = folder / kind
        file.write_text(json.dumps(document, indent=2))
        option = {"set": "--policy-text", "put": "--lifecycle-policy-text"}[verb]
        named = ["--repository-name", NAME]
        aws(f"{verb}-{kind}", *named, option, f"file://{file}")
        assert json.loads(aws(f"get-{kind}", *named)[member]) == document
        if kind == "lifecycle-policy":
            preview(aws, named, document)
        assert json.loads(aws(f"delete-{kind}", *named)[member]) == document


def preview(aws: CommandLine, named: list[str], document: Any) -> None:
    """Finds out what the repository's lifecycle policy would do."""
    started = aws("start-lifecycle-policy-preview", *named)
    assert started["status"] == "IN_PROGRESS"
    aws("wait", "lifecycle-policy-preview-complete", *named)
    found = aws("get-lifecycle-policy-preview", *named, "--filter", "tagStatus=ANY")
    assert json.loads(found["lifecyclePolicyText"]) == document
    assert found["previewResults"] == []
    assert found["summary"] == {"expiringImageTotalCount": 0}


def layers(aws: CommandLine, folder: Path) -> None:
    """Uploads the blobs of an image in parts."""
    image = small_image("cli")
    for blob in image.blobs:
        upload = aws("initiate-layer-upload", "--repository-name", NAME)["uploadId"]
        session = ["--repository-name", NAME, "--upload-id", upload]
        half = len(blob) // 2
        for first, part in ((0, blob[:half]), (half, blob[half:])):
            file = folder / "part"
            file.write_bytes(part)
            last = first + len(part) - 1
            place = ["--part-first-byte", str(first), "--part-last-byte", str(last)]
            sent = aws(
                "upload-layer-part", *session, *place, "--layer-part-blob", f"fileb://{file}"
            )
            assert sent["lastByteReceived"] == last
        digest = images.sha256(blob)
        ended = aws("complete-layer-upload", *session, "--layer-digests", digest)
        assert ended["layerDigest"] == digest
    digests = [images.sha256(blob) for blob in image.blobs]
    found = aws("batch-check-layer-availability", repositoryName=NAME, layerDigests=digests)
    assert [layer["layerAvailability"] for layer in found["layers"]] == ["AVAILABLE"] * 2


def pictures(berth: BerthServer, aws: CommandLine, folder: Path) -> None:
    """Puts the image whose blobs are there, and reads and deletes it."""
    image, named = small_image("cli"), ["--repository-name", NAME]
    (folder / "manifest").write_bytes(image.data)
    manifest = ["--image-manifest", f"file://{folder / 'manifest'}"]
    put = aws("put-image", *named, *manifest, "--image-tag", "v1")["image"]
    assert put["imageId"] == {"imageDigest": image.digest, "imageTag": "v1"}
    got = aws("batch-get-image", *named, "--image-ids", "imageTag=v1")["images"]
    assert got == [put]
    replication = aws("describe-image-replication-status", *named, "--image-id", "imageTag=v1")
    assert replication["replicationStatuses"] == []
    blob = image.blobs[1]
    layer = ["--layer-digest", images.sha256(blob)]
    url = aws("get-download-url-for-layer", *named, *layer)["downloadUrl"]
    assert requests.get(url, timeout=30).content == blob
    tagged = ["--filter", "tagStatus=TAGGED"]
    assert aws("list-images", *named, *tagged)["imageIds"] == [put["imageId"]]
    query = ["--query", "imageDetails[].imageTags[]", "--output", "text"]
    assert aws.text("describe-images", *named, *query) == "v1\n"
    sbom = referrer("cli", image, "application/vnd.example.sbom")
    push(berth, NAME, sbom)
    subject = ["--subject-id", f"imageDigest={image.digest}"]
    found = aws("list-image-referrers", *named, *subject)["referrers"]
    assert [each["digest"] for each in found] == [sbom.digest]
    target = ["--image-id", "imageTag=v1", "--target-storage-class", "ARCHIVE"]
    archived = aws("update-image-storage-class", *named, *target)
    assert (archived["imageId"], archived["imageStatus"]) == (put["imageId"], "ARCHIVED")
    gone = aws("batch-delete-image", *named, "--image-ids", "imageTag=v1", "imageTag=v2")
    assert [each["imageTag"] for each in gone["imageIds"]] == ["v1"]
    assert [each["failureCode"] for each in gone["failures"]] == ["ImageNotFound"]


def settings(aws: CommandLine) -> None:
    """Reads and changes what is of the registry as a whole, and sets it back."""
    assert aws("get-authorization-token")["authorizationData"][0]["proxyEndpoint"]
    destination = {"region": "eu-central-1", "registryId": ACCOUNT}
    for rules in ([{"destinations": [destination]}], []):
        aws("put-replication-configuration", replicationConfiguration={"rules": rules})
        assert aws("describe-registry")["replicationConfiguration"]["rules"] == rules
    filters = [{"filter": "*", "filterType": "WILDCARD"}]
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": filters}
    for rules in ([rule], []):
        text = json.dumps(rules)
        aws("put-registry-scanning-configuration", "--scan-type", "BASIC", "--rules", text)
        found = aws("get-registry-scanning-configuration")["scanningConfiguration"]
        assert found["rules"] == rules
    signing = {"rules": [{"signingProfileArn": PROFILE}]}
    aws("put-signing-configuration", signingConfiguration=signing)
    for verb in ("get", "delete"):
        assert aws(f"{verb}-signing-configuration")["signingConfiguration"] == signing
    mounting = ["--name", "BLOB_MOUNTING"]
    aws("put-account-setting", *mounting, "--value", "ENABLED")
    assert aws("get-account-setting", *mounting)["value"] == "ENABLED"
    principal = ["--principal-arn", ROLE]
    aws("register-pull-time-update-exclusion", *principal)
    assert ROLE in aws("list-pull-time-update-exclusions")["pullTimeUpdateExclusions"]
    aws("deregister-pull-time-update-exclusion", *principal)


def prefixes(aws: CommandLine) -> None:
    """Makes, reads, changes and deletes what is of repositories that do not exist yet."""
    rule = ["--ecr-repository-prefix", "cli-hub"]
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ecr-pullthroughcache/cli-"
    upstream = ["--upstream-registry-url", "registry-1.docker.io"]
    aws("create-pull-through-cache-rule", *rule, *upstream, "--credential-arn", secret + "one")
    aws("update-pull-through-cache-rule", *rule, "--credential-arn", secret + "two")
    named = ["--ecr-repository-prefixes", "cli-hub"]
    (found,) = aws("describe-pull-through-cache-rules", *named)["pullThroughCacheRules"]
    assert found["credentialArn"] == secret + "two"
    assert aws("delete-pull-through-cache-rule", *rule)["ecrRepositoryPrefix"] == "cli-hub"
    prefix, reason = ["--prefix", "cli-template"], ["--applied-for", "REPLICATION"]
    aws("create-repository-creation-template", *prefix, *reason)
    changed = aws("update-repository-creation-template", *prefix, "--description", "of a test")
    named = ["--prefixes", "cli-template"]
    found = aws("describe-repository-creation-templates", *named)["repositoryCreationTemplates"]
    assert found == [changed["repositoryCreationTemplate"]]
    deleted = aws("delete-repository-creation-template", *prefix)
    assert [deleted["repositoryCreationTemplate"]] == found


def test_lists_are_read_in_parts(aws: CommandLine) -> None:
    names = [f"parts/app-{i}" for i in range(5)]
    for name in names:
        aws("create-repository", "--repository-name", name)
    query = ["--query", "repositories[?starts_with(repositoryName, 'parts/')].repositoryName"]
    assert aws("describe-repositories", "--page-size", "1", *query) == names
    found: list[str] = []
    start: list[str] = []
    while True:
        page = ["--max-items", "2", "--page-size", "1", *start]
        part = aws("describe-repositories", *page)
        found += [repository["repositoryName"] for repository in part["repositories"]]
        if "NextToken" not in part:
            break
        start = ["--starting-token", part["NextToken"]]
    assert [name for name in found if name in names] == names
    assert len(aws("describe-repositories", "--no-paginate", "--max-results", "1")) == 2
    for name in names:
        aws("delete-repository", "--repository-name", name)


def test_a_login_password_opens_the_registry(berth: BerthServer, aws: CommandLine) -> None:
    url = berth.url + "/v2/"
    password = aws.text("get-login-password").strip()
    assert requests.get(url, auth=("AWS", password), timeout=30).status_code == 200
    command = aws.text("get-login", "--no-include-email").split()
    assert command == ["docker", "login", "-u", "AWS", "-p", command[5], berth.url]
    assert requests.get(url, auth=("AWS", command[5]), timeout=30).status_code == 200


def test_errors_are_told(aws: CommandLine) -> None:
    told = aws.text("describe-repositories", "--repository-names", "cli/none", code=255)
    assert "(RepositoryNotFoundException)" in told
    assert "'cli/none' does not exist" in told
    told = aws.text("create-repository", "--repository-name", "Cli", code=255)
    assert "(InvalidParameterException)" in told
