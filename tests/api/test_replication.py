"""Replication between registries of one process: what goes where, and what does not."""

from __future__ import annotations

from collections.abc import Iterator

import images
import pytest
from berth_server import BerthServer, HostedRegistry
from botocore.client import BaseClient
from ecr_http import refused
from ecr_images import push, referrer, small_image
from replicated_registries import (
    AWAY,
    FOREIGN,
    HOME,
    REGISTRIES,
    UNREACHED,
    destination,
    empty,
    eventually,
    images_of,
    of,
    permit,
    rule,
    statuses,
)

pytestmark = pytest.mark.local

NAME = "team/app"


@pytest.fixture(scope="module")
def server() -> Iterator[BerthServer]:
    """Three registries."""
    with BerthServer(registries=REGISTRIES) as server:
        yield server


@pytest.fixture
def home(server: BerthServer) -> Iterator[HostedRegistry]:
    """The registry that images are replicated from; all are empty afterwards."""
    yield server.hosted(HOME)
    empty(server)


@pytest.fixture
def ecr(home: HostedRegistry) -> BaseClient:
    """A client of it."""
    return of(home)


def test_images_arrive_with_all_that_they_consist_of(
    server: BerthServer, home: HostedRegistry, ecr: BaseClient
) -> None:
    permit(server, "ecr:ReplicateImage", "ecr:CreateRepository")
    rule(ecr, AWAY, FOREIGN)
    index = images.index("arrives")
    plain = small_image("arrives")
    digests = {
        "multi": push(home, NAME, index, "multi"),
        "v1": push(home, NAME, plain, "v1"),
        "about": push(home, NAME, referrer("arrives", plain, "application/x.report")),
    }
    for digest in digests.values():
        done = {AWAY: "COMPLETE", FOREIGN: "COMPLETE"}
        eventually(server, done, lambda digest=digest: statuses(ecr, NAME, digest))
    for name in (AWAY, FOREIGN):
        there = server.hosted(name)
        assert images_of(there, NAME) == images_of(home, NAME)
        referrers = of(there).list_image_referrers(
            repositoryName=NAME, subjectId={"imageDigest": plain.digest}
        )["referrers"]
        assert [one["digest"] for one in referrers] == [digests["about"]]
        given = [
            {"imageDigest": digest} for digest in (*digests.values(), index.children[0].digest)
        ]
        got = of(there).batch_get_image(repositoryName=NAME, imageIds=given)
        assert not got["failures"]
        assert {image["registryId"] for image in got["images"]} == {there.account}


def test_only_what_the_rule_names_and_only_from_then_on(
    server: BerthServer, home: HostedRegistry, ecr: BaseClient
) -> None:
    push(home, "prod/app", small_image("before"), "before")
    rule(ecr, AWAY, prefix="prod/")
    other = push(home, "test/app", small_image("test"), "v1")
    after = push(home, "prod/app", small_image("after"), "after")
    away = server.hosted(AWAY)
    eventually(server, {(after, "after")}, lambda: images_of(away, "prod/app"))
    assert images_of(away, "test/app") == set()
    assert statuses(ecr, "test/app", other) == {}


def test_tags_move_there_too(server: BerthServer, home: HostedRegistry, ecr: BaseClient) -> None:
    rule(ecr, AWAY)
    old = push(home, NAME, small_image("old"), "latest", "v1")
    away = server.hosted(AWAY)
    eventually(server, {(old, "latest"), (old, "v1")}, lambda: images_of(away, NAME))
    new = push(home, NAME, small_image("new"), "latest")
    eventually(server, {(old, "v1"), (new, "latest")}, lambda: images_of(away, NAME))


def test_nothing_goes_further_than_one_registry(
    server: BerthServer, home: HostedRegistry, ecr: BaseClient
) -> None:
    permit(server, "ecr:ReplicateImage", "ecr:CreateRepository")
    away = server.hosted(AWAY)
    rule(ecr, AWAY)
    rule(of(away), FOREIGN)
    replicated = push(home, NAME, small_image("replicated"), "v1")
    eventually(server, {AWAY: "COMPLETE"}, lambda: statuses(ecr, NAME, replicated))
    pushed = push(away, NAME, small_image("pushed"), "v2")
    foreign = server.hosted(FOREIGN)
    eventually(server, {(pushed, "v2")}, lambda: images_of(foreign, NAME))
    assert statuses(of(away), NAME, replicated) == {}


def test_repositories_follow_the_template_of_the_destination(
    server: BerthServer, home: HostedRegistry, ecr: BaseClient
) -> None:
    away = of(server.hosted(AWAY))
    away.create_repository_creation_template(
        prefix="team",
        appliedFor=["REPLICATION"],
        imageTagMutability="IMMUTABLE",
        resourceTags=[{"Key": "from", "Value": "template"}],
    )
    rule(ecr, AWAY)
    first = push(home, NAME, small_image("first"), "v1")
    eventually(server, {AWAY: "COMPLETE"}, lambda: statuses(ecr, NAME, first))
    made = away.describe_repositories(repositoryNames=[NAME])["repositories"][0]
    assert made["imageTagMutability"] == "IMMUTABLE"
    tags = away.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"]
    assert tags == [{"Key": "from", "Value": "template"}]

    second = push(home, NAME, small_image("second"), "v1")
    failed = {AWAY: "ImageTagAlreadyExists"}
    eventually(server, failed, lambda: statuses(ecr, NAME, second))
    assert (first, "v1") in images_of(server.hosted(AWAY), NAME)


def test_the_other_account_says_what_it_permits(
    server: BerthServer, home: HostedRegistry, ecr: BaseClient
) -> None:
    foreign = server.hosted(FOREIGN)
    rule(ecr, FOREIGN)
    denied = {FOREIGN: "AccessDenied"}
    one = push(home, NAME, small_image("one"), "one")
    eventually(server, denied, lambda: statuses(ecr, NAME, one))

    # The repository is not there, and may not be made.
    permit(server, "ecr:ReplicateImage")
    two = push(home, NAME, small_image("two"), "two")
    eventually(server, denied, lambda: statuses(ecr, NAME, two))
    assert images_of(foreign, NAME) == set()

    of(foreign).create_repository(repositoryName=NAME)
    three = push(home, NAME, small_image("three"), "three")
    eventually(server, {FOREIGN: "COMPLETE"}, lambda: statuses(ecr, NAME, three))
    assert images_of(foreign, NAME) == {(three, "three")}


@pytest.mark.parametrize("deletions", [False, True])
def test_deletions_go_there_if_the_rule_says_so(
    server: BerthServer, home: HostedRegistry, ecr: BaseClient, deletions: bool
) -> None:
    rule(ecr, AWAY, deletions=deletions)
    shown = ecr.describe_registry()["replicationConfiguration"]["rules"][0]
    assert shown.get("deleteReplication", {"enabled": False}) == {"enabled": deletions}
    away = server.hosted(AWAY)
    kept = push(home, NAME, small_image("kept"), "keep", "drop")
    gone = push(home, NAME, small_image("gone"), "gone")
    whole = {(kept, "keep"), (kept, "drop"), (gone, "gone")}
    eventually(server, whole, lambda: images_of(away, NAME))
    ecr.batch_delete_image(
        repositoryName=NAME, imageIds=[{"imageTag": "drop"}, {"imageDigest": gone}]
    )
    # What is pushed afterwards comes after what was deleted before.
    last = push(home, NAME, small_image("last"), "last")
    left = {(kept, "keep"), (last, "last")} if deletions else whole | {(last, "last")}
    eventually(server, left, lambda: images_of(away, NAME))
    assert images_of(home, NAME) == {(kept, "keep"), (last, "last")}


def test_a_registry_that_is_not_reached_is_told_of(
    server: BerthServer, home: HostedRegistry, ecr: BaseClient
) -> None:
    rule(ecr, UNREACHED)
    digest = push(home, NAME, small_image("unreached"), "v1")

    def failed() -> bool:
        found = statuses(ecr, NAME, digest)
        return bool(found) and found[UNREACHED] not in {"IN_PROGRESS", "COMPLETE"}

    eventually(server, True, failed)


def test_what_is_refused(home: HostedRegistry, ecr: BaseClient) -> None:
    push(home, NAME, small_image("refused"), "v1")
    ask = ecr.describe_image_replication_status
    invalid = "InvalidParameterException"
    refused(ask, invalid, repositoryName=NAME)
    refused(ask, invalid, repositoryName=NAME, imageId={})
    refused(ask, invalid, imageId={"imageTag": "v1"})
    refused(ask, "ImageNotFoundException", repositoryName=NAME, imageId={"imageTag": "v2"})
    unknown = "RepositoryNotFoundException"
    refused(ask, unknown, repositoryName="team/none", imageId={"imageTag": "v1"})
    answer = ask(repositoryName=NAME, imageId={"imageTag": "v1"})
    assert answer["replicationStatuses"] == []
    one = {"destinations": [destination(AWAY)]}
    put = ecr.put_replication_configuration
    refused(put, invalid, replicationConfiguration={"rules": [one] * 26})
    wrong = one | {"deleteReplication": {}}
    refused(put, invalid, replicationConfiguration={"rules": [wrong]})
    itself = {"destinations": [destination(AWAY), destination(HOME)]}
    message = refused(put, invalid, replicationConfiguration={"rules": [itself]})
    assert "destination cannot be the same as the source registry" in message
