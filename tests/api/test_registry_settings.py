"""Settings of the registry as a whole: replication, scanning, signing, account settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, REGION, client, refused
from ecr_images import fitting

INVALID = "InvalidParameterException"
PROFILE = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/my_profile"


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry whose settings are afterwards as they were."""
    ecr = client(berth)
    yield ecr
    ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")


def test_replication(berth: BerthServer, ecr: BaseClient) -> None:
    nothing = {"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}}
    assert fitting(berth, "DescribeRegistry") == nothing
    destination = {"region": "eu-central-1", "registryId": "000000000000"}
    filters = [{"filter": "prod", "filterType": "PREFIX_MATCH"}]
    for rules in (
        [{"destinations": [destination], "repositoryFilters": filters}],
        [{"destinations": [destination, destination]}, {"destinations": []}],
    ):
        wanted = {"replicationConfiguration": {"rules": rules}}
        assert fitting(berth, "PutReplicationConfiguration", **wanted) == wanted
        assert fitting(berth, "DescribeRegistry") == {"registryId": ACCOUNT} | wanted
    fitting(berth, "PutReplicationConfiguration", replicationConfiguration={"rules": []})
    assert fitting(berth, "DescribeRegistry") == nothing


@pytest.mark.parametrize(
    "rules",
    [
        [{}],
        [{"destinations": []}] * 26,
        [{"destinations": [{"region": "eu-central-1"}]}],
        [{"destinations": [{"region": "EU", "registryId": ACCOUNT}]}],
        [{"destinations": [{"region": "us-east-1", "registryId": ACCOUNT}]}],
        [{"destinations": [], "repositoryFilters": []}],
        [{"destinations": [], "repositoryFilters": [{"filter": "a*", "filterType": "WILDCARD"}]}],
    ],
)
def test_replication_is_checked(ecr: BaseClient, rules: Any) -> None:
    put = ecr.put_replication_configuration
    refused(put, INVALID, replicationConfiguration={"rules": rules})
    refused(put, INVALID, replicationConfiguration={})


def test_a_setting_has_a_size(ecr: BaseClient) -> None:
    filters = [{"filter": f"{n}" + "a" * 250, "filterType": "PREFIX_MATCH"} for n in range(100)]
    destinations = [{"region": "eu-central-1", "registryId": ACCOUNT}] * 100
    rules = [{"destinations": destinations, "repositoryFilters": filters}] * 10
    put, configuration = ecr.put_replication_configuration, {"rules": rules}
    assert "too large" in refused(put, INVALID, replicationConfiguration=configuration)


def test_scanning(berth: BerthServer, ecr: BaseClient) -> None:
    def read() -> dict[str, Any]:
        answer = fitting(berth, "GetRegistryScanningConfiguration")
        assert answer["registryId"] == ACCOUNT
        return answer["scanningConfiguration"]

    assert read() == {"scanType": "BASIC", "rules": []}
    filters = [{"filter": "prod*", "filterType": "WILDCARD"}]
    rules = [{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": filters}]
    wanted = {"scanType": "ENHANCED", "rules": rules}
    put = fitting(berth, "PutRegistryScanningConfiguration", **wanted)
    assert put == {"registryScanningConfiguration": wanted}
    assert read() == wanted
    change = ecr.put_registry_scanning_configuration
    refused(change, INVALID, scanType="BASIC", rules=rules)
    refused(change, INVALID, scanType="DEEP", rules=[])
    refused(change, INVALID, scanType="ENHANCED", rules=rules * 3)
    refused(change, INVALID, scanType="ENHANCED", rules=[{"scanFrequency": "SCAN_ON_PUSH"}])
    assert read() == wanted


def test_scanning_of_repositories(berth: BerthServer, ecr: BaseClient) -> None:
    ecr.create_repository(
        repositoryName="scan/one", imageScanningConfiguration={"scanOnPush": True}
    )
    ecr.create_repository(repositoryName="scan/two")
    names = ["scan/one", "scan/none", "scan/two"]

    def read() -> list[tuple[Any, ...]]:
        answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=names)
        (failure,) = answer["failures"]
        assert failure["repositoryName"] == "scan/none"
        assert failure["failureCode"] == "REPOSITORY_NOT_FOUND"
        found = answer["scanningConfigurations"]
        assert [one["repositoryName"] for one in found] == ["scan/one", "scan/two"]
        assert found[0]["repositoryArn"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/scan/one"
        return [
            (one["scanFrequency"], one["scanOnPush"], one["appliedScanFilters"]) for one in found
        ]

    assert read() == [("SCAN_ON_PUSH", True, []), ("MANUAL", False, [])]
    filters = [{"filter": "*/two", "filterType": "WILDCARD"}]
    rules = [{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": filters}]
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=rules)
    assert read() == [("MANUAL", False, []), ("CONTINUOUS_SCAN", True, filters)]
    batch = ecr.batch_get_repository_scanning_configuration
    refused(batch, INVALID, repositoryNames=[])
    refused(batch, INVALID, repositoryNames=["scan/one"] * 26)
    for name in ("scan/one", "scan/two"):
        ecr.delete_repository(repositoryName=name)


def test_signing(berth: BerthServer, ecr: BaseClient) -> None:
    missing = "SigningConfigurationNotFoundException"
    refused(ecr.get_signing_configuration, missing)
    refused(ecr.delete_signing_configuration, missing)
    filters = [{"filter": "prod/*", "filterType": "WILDCARD_MATCH"}]
    for rules in (
        [{"signingProfileArn": PROFILE, "repositoryFilters": filters}],
        [{"signingProfileArn": PROFILE}],
    ):
        wanted = {"signingConfiguration": {"rules": rules}}
        assert fitting(berth, "PutSigningConfiguration", **wanted) == wanted
        assert fitting(berth, "GetSigningConfiguration") == {"registryId": ACCOUNT} | wanted
    put = ecr.put_signing_configuration
    for rules in (
        [{}],
        [{"signingProfileArn": "arn:aws:ecr"}],
        [{"signingProfileArn": PROFILE}] * 11,
    ):
        refused(put, INVALID, signingConfiguration={"rules": rules})
    assert fitting(berth, "DeleteSigningConfiguration") == {"registryId": ACCOUNT} | wanted
    refused(ecr.get_signing_configuration, missing)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("BASIC_SCAN_TYPE_VERSION", ["AWS_NATIVE"]),
        ("REGISTRY_POLICY_SCOPE", ["V2", "V1", "V2"]),
        ("BLOB_MOUNTING", ["ENABLED", "DISABLED", "ENABLED"]),
    ],
)
def test_account_settings(
    berth: BerthServer, ecr: BaseClient, name: str, values: list[str]
) -> None:
    assert fitting(berth, "GetAccountSetting", name=name) == {"name": name, "value": values[0]}
    for value in values:
        expected = {"name": name, "value": value}
        assert fitting(berth, "PutAccountSetting", name=name, value=value) == expected
        assert fitting(berth, "GetAccountSetting", name=name) == expected
    refused(ecr.put_account_setting, INVALID, name=name, value="OTHER")
    refused(ecr.put_account_setting, INVALID, name="OTHER", value=values[0])
    refused(ecr.get_account_setting, INVALID, name="OTHER")


def test_blobs_are_mounted_only_where_the_setting_lets(berth: BerthServer, ecr: BaseClient) -> None:
    content = b"a blob that is mounted"
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    begin = f"{berth.url}/v2/mount/source/blobs/uploads/?digest={digest}"
    pushed = requests.post(begin, data=content, auth=berth.auth, timeout=30)
    assert pushed.status_code == 201

    def mount(target: str, more: str) -> int:
        url = f"{berth.url}/v2/mount/{target}/blobs/uploads/?mount={digest}{more}"
        return requests.post(url, auth=berth.auth, timeout=30).status_code

    for value, status in (("DISABLED", 202), ("ENABLED", 201)):
        ecr.put_account_setting(name="BLOB_MOUNTING", value=value)
        assert mount(f"from-{value.lower()}", "&from=mount/source") == status
        assert mount(f"any-{value.lower()}", "") == status
