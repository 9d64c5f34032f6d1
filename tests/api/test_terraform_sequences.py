"""Terraform's sequences of calls: create, read back, update, read back, delete leave no drift."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from ecr_http import ACCOUNT, REGION, client
from ecr_images import push, small_image
from terraform import (
    AccountSetting,
    CreationTemplate,
    LifecyclePolicy,
    PullThroughCacheRule,
    PullTimeUpdateExclusion,
    RegistryPolicy,
    ReplicationConfiguration,
    Repository,
    RepositoryPolicy,
    Resource,
    ScanningConfiguration,
    SigningConfiguration,
    State,
    normal,
)

NAME = "terraform/app"
AES256 = {"encryption_configuration": {"encryptionType": "AES256"}}
NO_SCAN = {"image_scanning_configuration": {"scanOnPush": False}}


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with one repository that no resource manages."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME)
    yield ecr
    ecr.delete_repository(repositoryName=NAME, force=True)


def run(resource: Resource, *wanted: State) -> None:
    """Applies one configuration after the other, and destroys the resource.

    After each step the state must be what is wanted, at a second reading too.
    """
    before: State | None = None
    for state in wanted:
        if before is None:
            resource.create(state)
        else:
            resource.update(before, state)
        assert resource.read() == state
        assert resource.read() == state
        before = state
    resource.delete()
    resource.delete()


def gone(resource: Resource, *wanted: State) -> None:
    """Runs the steps of a resource that is gone in the end, and was not there before."""
    assert resource.read() is None
    run(resource, *wanted)
    assert resource.read() is None


def repository(mutability: str = "MUTABLE", **more: Any) -> State:
    return {"image_tag_mutability": mutability, "tags": {}} | AES256 | NO_SCAN | more


def excluding(*filters: str) -> list[dict[str, str]]:
    return [{"filter": text, "filterType": "WILDCARD"} for text in filters]


def test_repositories(ecr: BaseClient) -> None:
    gone(
        Repository(ecr, "terraform/made"),
        repository(tags={"team": "one", "stage": "dev"}),
        repository("IMMUTABLE", tags={"team": "two", "cost": ""}),
        repository(
            "IMMUTABLE_WITH_EXCLUSION",
            exclusion_filters=excluding("latest*", "dev-*"),
            image_scanning_configuration={"scanOnPush": True},
        ),
        repository("MUTABLE_WITH_EXCLUSION", exclusion_filters=excluding("prod-*")),
        repository(),
    )


def test_a_repository_of_defaults_has_no_drift(ecr: BaseClient) -> None:
    """What the configuration leaves out reads back as the provider's defaults."""
    made = Repository(ecr, "terraform/defaults")
    made.create({"image_tag_mutability": "MUTABLE", "tags": {}})
    assert made.read() == repository()
    made.delete()


def test_a_repository_with_images_is_deleted_by_force(berth: BerthServer, ecr: BaseClient) -> None:
    made = Repository(ecr, "terraform/full")
    made.create(repository())
    push(berth, "terraform/full", small_image("terraform"), "v1")
    with pytest.raises(ClientError, match="RepositoryNotEmptyException"):
        made.delete()
    assert made.read() == repository()
    made.delete(force=True)


def policy(*statements: dict[str, Any]) -> State:
    document = {"Version": "2008-10-17", "Statement": list(statements)}
    return {"policy": normal(json.dumps(document))}


ANYBODY_LISTS = {"Sid": "one", "Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
ACCOUNT_PULLS = {
    "Sid": "two",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
}


def test_repository_policies(ecr: BaseClient) -> None:
    resource = RepositoryPolicy(ecr, NAME)
    gone(resource, policy(ANYBODY_LISTS), policy(ANYBODY_LISTS, ACCOUNT_PULLS))
    assert RepositoryPolicy(ecr, "terraform/none").read() is None
    RepositoryPolicy(ecr, "terraform/none").delete()


def test_the_registry_policy(ecr: BaseClient) -> None:
    def replicates(account: str) -> dict[str, Any]:
        return {
            "Sid": f"from{account}",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
            "Resource": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"],
        }

    one, two = replicates("210987654321"), replicates("345678901234")
    gone(RegistryPolicy(ecr, ACCOUNT), policy(one), policy(one, two))


def lifecycle(*rules: dict[str, Any]) -> State:
    """Returns a policy as the data source `aws_ecr_lifecycle_policy_document` renders it."""
    return {"policy": normal(json.dumps({"rules": list(rules)}))}


def rule(priority: int, **selection: Any) -> dict[str, Any]:
    return {
        "rulePriority": priority,
        "description": f"rule {priority}",
        "selection": selection,
        "action": {"type": "expire"},
    }


def test_lifecycle_policies(ecr: BaseClient) -> None:
    aged = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
    prefixes = {"tagStatus": "tagged", "tagPrefixList": ["third", "second", "first"]}
    patterns = {"tagStatus": "tagged", "tagPatternList": ["prod-*", "*-rc"]}
    few = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}
    resource = LifecyclePolicy(ecr, NAME)
    gone(
        resource,
        lifecycle(rule(1, tagStatus="untagged", **aged), rule(2, **prefixes, **aged)),
        lifecycle(rule(2, **patterns, **aged), rule(1, tagStatus="untagged", **aged)),
        lifecycle(rule(5, **few)),
    )
    assert LifecyclePolicy(ecr, "terraform/none").read() is None
    LifecyclePolicy(ecr, "terraform/none").delete()


def test_the_scanning_configuration(ecr: BaseClient) -> None:
    def scan(frequency: str, *filters: str) -> dict[str, Any]:
        return {"scanFrequency": frequency, "repositoryFilters": excluding(*filters)}

    resource = ScanningConfiguration(ecr, ACCOUNT)
    run(
        resource,
        {"scan_type": "BASIC", "rules": []},
        {"scan_type": "BASIC", "rules": [scan("SCAN_ON_PUSH", "example*", "other")]},
        {
            "scan_type": "ENHANCED",
            "rules": [scan("SCAN_ON_PUSH", "*"), scan("CONTINUOUS_SCAN", "prod*")],
        },
    )
    assert resource.read() == {"scan_type": "BASIC", "rules": []}


def test_the_replication_configuration(ecr: BaseClient) -> None:
    there = {"region": "eu-central-1", "registryId": ACCOUNT}
    elsewhere = {"region": "eu-west-1", "registryId": "210987654321"}
    filters = [{"filter": "prod", "filterType": "PREFIX_MATCH"}]
    gone(
        ReplicationConfiguration(ecr, ACCOUNT),
        {"rules": [{"destinations": [there]}]},
        {"rules": [{"destinations": [there, elsewhere], "repositoryFilters": filters}]},
        {"rules": [{"destinations": [elsewhere]}, {"destinations": [there]}]},
    )


def test_the_signing_configuration(ecr: BaseClient) -> None:
    profile = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/terraform"
    filters = [{"filter": "prod/*", "filterType": "WILDCARD_MATCH"}]
    gone(
        SigningConfiguration(ecr, ACCOUNT),
        {"rules": [{"signingProfileArn": profile}]},
        {"rules": [{"signingProfileArn": profile, "repositoryFilters": filters}]},
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("BASIC_SCAN_TYPE_VERSION", ["AWS_NATIVE"]),
        ("REGISTRY_POLICY_SCOPE", ["V1", "V2"]),
        ("BLOB_MOUNTING", ["DISABLED", "ENABLED"]),
    ],
)
def test_account_settings(ecr: BaseClient, name: str, values: list[str]) -> None:
    run(AccountSetting(ecr, name), *[{"value": value} for value in values])


def test_pull_time_update_exclusions(ecr: BaseClient) -> None:
    gone(PullTimeUpdateExclusion(ecr, f"arn:aws:iam::{ACCOUNT}:role/terraform"), {})


def test_pull_through_cache_rules(ecr: BaseClient) -> None:
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ecr-pullthroughcache/terraform-"
    elsewhere = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
    role = f"arn:aws:iam::{ACCOUNT}:role/terraform-"
    gone(
        PullThroughCacheRule(ecr, "terraform-public"),
        {"upstream_registry_url": "public.ecr.aws"},
    )
    gone(
        PullThroughCacheRule(ecr, "terraform/hub"),
        *[
            {"upstream_registry_url": "registry-1.docker.io", "credential_arn": secret + number}
            for number in ("one", "two")
        ],
    )
    gone(
        PullThroughCacheRule(ecr, "terraform-ecr"),
        *[
            {
                "upstream_registry_url": elsewhere,
                "custom_role_arn": role + number,
                "upstream_repository_prefix": "ROOT",
            }
            for number in ("one", "two")
        ],
    )


def template(*reasons: str, **more: Any) -> State:
    nothing = dict.fromkeys(CreationTemplate.TEXTS, "")
    return {
        **AES256,
        **nothing,
        "applied_for": list(reasons),
        "image_tag_mutability": "MUTABLE",
        "exclusion_filters": [],
        "resource_tags": {},
    } | more


def test_repository_creation_templates(ecr: BaseClient) -> None:
    few = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}
    documents = {
        "lifecycle_policy": lifecycle(rule(1, **few))["policy"],
        "repository_policy": policy(ANYBODY_LISTS)["policy"],
    }
    gone(
        CreationTemplate(ecr, "terraform-template"),
        template("PULL_THROUGH_CACHE", "REPLICATION", resource_tags={"Foo": "Bar"}),
        template(
            "REPLICATION",
            description="what Terraform makes",
            custom_role_arn=f"arn:aws:iam::{ACCOUNT}:role/terraform",
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            exclusion_filters=excluding("latest*", "prod-*"),
            resource_tags={"Foo": "Baz", "team": "one"},
            **documents,
        ),
        template(
            "CREATE_ON_PUSH",
            description="what Terraform makes",
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            exclusion_filters=excluding("prod-*", "latest*"),
            **documents | {"repository_policy": policy(ANYBODY_LISTS, ACCOUNT_PULLS)["policy"]},
        ),
        template("CREATE_ON_PUSH"),
    )


def test_a_template_of_defaults_has_no_drift(ecr: BaseClient) -> None:
    made = CreationTemplate(ecr, "ROOT")
    wanted = template("REPLICATION")
    made.create({name: value for name, value in wanted.items() if name not in AES256})
    assert made.read() == wanted
    made.delete()


def test_data_of_a_repository_and_its_images(berth: BerthServer, ecr: BaseClient) -> None:
    """The data sources aws_ecr_repository, aws_ecr_images and aws_ecr_image."""
    digests = [push(berth, NAME, small_image(f"data-{tag}"), tag) for tag in ("v1", "latest")]
    (found,) = ecr.describe_repositories(repositoryNames=[NAME], registryId=ACCOUNT)["repositories"]
    named = {"repositoryName": NAME, "registryId": found["registryId"]}
    pages = ecr.get_paginator("describe_images").paginate(**named)
    every = [image for page in pages for image in page["imageDetails"]]
    latest = max(every, key=lambda image: image["imagePushedAt"])
    assert latest["imageTags"] == ["latest"]
    pages = ecr.get_paginator("list_images").paginate(**named)
    ids = [image for page in pages for image in page["imageIds"]]
    assert {image["imageDigest"] for image in ids} == set(digests)
    both = {"imageTag": "v1", "imageDigest": digests[0]}
    for image_id in ({"imageTag": "v1"}, {"imageDigest": digests[0]}, both):
        (image,) = ecr.describe_images(**named, imageIds=[image_id])["imageDetails"]
        assert image["imageDigest"] == digests[0]
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        next(iter(ecr.get_paginator("list_images").paginate(repositoryName="terraform/none")))


def test_data_of_an_authorization_token(ecr: BaseClient) -> None:
    """The data source aws_ecr_authorization_token reads the token as base64 for URLs."""
    (data,) = ecr.get_authorization_token()["authorizationData"]
    token = base64.b64decode(data["authorizationToken"], altchars=b"-_", validate=True)
    user, password = token.decode().split(":")
    assert user == "AWS"
    assert password
    assert data["proxyEndpoint"]
