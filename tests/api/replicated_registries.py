"""Three registries of one process, one of which replicates to the others, and what they answer."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from berth_server import BerthServer, HostedRegistry
from botocore.client import BaseClient
from ecr_http import client

HOME = "123456789012/us-east-1"
AWAY = "123456789012/eu-west-1"
FOREIGN = "444455556666/eu-central-1"
REGISTRIES = [HOME, AWAY, FOREIGN]
# A registry that no process hosts.
UNREACHED = "123456789012/ap-south-1"
PATIENCE_SECONDS = 60


def destination(name: str) -> dict[str, str]:
    """Returns a registry as replication rules name it."""
    account, region = name.split("/")
    return {"region": region, "registryId": account}


def of(registry: HostedRegistry) -> BaseClient:
    """Returns a client of a registry in the registry's region."""
    return client(registry, region_name=registry.region)


def rule(ecr: BaseClient, *names: str, prefix: str | None = None, deletions: bool = False) -> None:
    """Sends a registry's images, or those of some repositories, to these registries."""
    one: dict[str, Any] = {"destinations": [destination(name) for name in names]}
    if prefix:
        one["repositoryFilters"] = [{"filter": prefix, "filterType": "PREFIX_MATCH"}]
    if deletions:
        one["deleteReplication"] = {"enabled": True}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [one]})


def permit(server: BerthServer, *actions: str) -> None:
    """Lets the first registry's account do things in the foreign registry."""
    target = server.hosted(FOREIGN)
    account = HOME.split("/")[0]
    statement = {
        "Sid": "replication",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": list(actions),
        "Resource": f"arn:aws:ecr:{target.region}:{target.account}:repository/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    of(target).put_registry_policy(policyText=json.dumps(policy))


def empty(server: BerthServer) -> None:
    """Takes all rules, policies, templates and repositories away."""
    for name in REGISTRIES:
        ecr = of(server.hosted(name))
        ecr.put_replication_configuration(replicationConfiguration={"rules": []})
        for repository in ecr.describe_repositories()["repositories"]:
            ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)
        templates = ecr.describe_repository_creation_templates()
        for template in templates["repositoryCreationTemplates"]:
            ecr.delete_repository_creation_template(prefix=template["prefix"])
    foreign = of(server.hosted(FOREIGN))
    with contextlib.suppress(foreign.exceptions.RegistryPolicyNotFoundException):
        foreign.delete_registry_policy()


def eventually(server: BerthServer, wanted: Any, ask: Callable[[], Any]) -> None:
    """Waits until an answer is as it should be."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := ask()) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}\n{server.log[-4000:]}"
        time.sleep(0.05)


def images_of(registry: HostedRegistry, name: str) -> set[tuple[str, str | None]]:
    """Returns the images of a repository, each with its tags; none if it is not there."""
    ecr = of(registry)
    try:
        listed = ecr.list_images(repositoryName=name)["imageIds"]
    except ecr.exceptions.RepositoryNotFoundException:
        return set()
    return {(image["imageDigest"], image.get("imageTag")) for image in listed}


def statuses(ecr: BaseClient, name: str, digest: str) -> dict[str, str]:
    """Returns how far an image is on its way to each registry, or why it failed."""
    answer = ecr.describe_image_replication_status(
        repositoryName=name, imageId={"imageDigest": digest}
    )
    return {
        f"{one['registryId']}/{one['region']}": one.get("failureCode", one["status"])
        for one in answer["replicationStatuses"]
    }
