"""ECR's resources as Terraform's AWS provider drives them: the same calls, in the same order.

Each class stands for one resource of the provider (`internal/service/ecr` of
hashicorp/terraform-provider-aws): what it calls to create, read, update and delete, and which
exceptions it takes for "gone". A configuration and a state are dictionaries of the resource's
arguments; a state that differs from the configuration is what Terraform calls drift.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

State = dict[str, Any]


def unless(codes: set[str], call: Callable[..., Any], **members: Any) -> Any:
    """Calls an operation; returns `None` when it fails with one of the codes."""
    try:
        return call(**members)
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def given(**members: Any) -> dict[str, Any]:
    """Returns the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def normal(document: str) -> str:
    """Returns a JSON document as the provider sends it: without spaces, its keys in order."""
    return json.dumps(json.loads(document), separators=(",", ":"), sort_keys=True)


class Resource:
    """What all resources have: a client, and an id that is enough to read or import them."""

    def __init__(self, ecr: BaseClient, name: str) -> None:
        """Names a resource, which need not be there yet."""
        self.ecr = ecr
        self.name = name

    def create(self, wanted: State) -> None:
        """Makes the resource."""
        raise NotImplementedError

    def read(self) -> State | None:
        """Returns the resource as the provider sees it, or `None` when it is gone."""
        raise NotImplementedError

    def update(self, before: State, wanted: State) -> None:
        """Changes the resource; most are put again as a whole."""
        self.create(wanted)

    def delete(self) -> None:
        """Deletes the resource; one that is gone is no error."""
        raise NotImplementedError


class Repository(Resource):
    """`aws_ecr_repository`."""

    GONE = {"RepositoryNotFoundException"}

    def create(self, wanted: State) -> None:
        self.ecr.create_repository(
            repositoryName=self.name,
            imageTagMutability=wanted["image_tag_mutability"],
            **given(
                encryptionConfiguration=wanted.get("encryption_configuration"),
                imageScanningConfiguration=wanted.get("image_scanning_configuration"),
                imageTagMutabilityExclusionFilters=wanted.get("exclusion_filters"),
                tags=[{"Key": key, "Value": value} for key, value in wanted["tags"].items()]
                or None,
            ),
        )

    def described(self) -> dict[str, Any] | None:
        """Returns the repository as ECR describes it."""
        describe = self.ecr.describe_repositories
        answer = unless(self.GONE, describe, repositoryNames=[self.name])
        if answer is None:
            return None
        (repository,) = answer["repositories"]
        assert repository["repositoryName"] == self.name
        return repository

    def read(self) -> State | None:
        repository = self.described()
        if repository is None:
            return None
        tags = self.ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        return {
            "image_tag_mutability": repository["imageTagMutability"],
            "image_scanning_configuration": repository["imageScanningConfiguration"],
            "encryption_configuration": repository["encryptionConfiguration"],
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
            **given(exclusion_filters=repository.get("imageTagMutabilityExclusionFilters")),
        }

    def update(self, before: State, wanted: State) -> None:
        repository = self.described()
        assert repository is not None
        named = {"registryId": repository["registryId"], "repositoryName": self.name}
        mutability, filters = wanted["image_tag_mutability"], wanted.get("exclusion_filters")
        if (mutability, filters) != (
            before["image_tag_mutability"],
            before.get("exclusion_filters"),
        ):
            self.ecr.put_image_tag_mutability(
                imageTagMutability=mutability,
                **given(imageTagMutabilityExclusionFilters=filters),
                **named,
            )
        scanning = wanted.get("image_scanning_configuration")
        if scanning != before.get("image_scanning_configuration"):
            self.ecr.put_image_scanning_configuration(imageScanningConfiguration=scanning, **named)
        arn, old, new = repository["repositoryArn"], before["tags"], wanted["tags"]
        if removed := sorted(old.keys() - new.keys()):
            self.ecr.untag_resource(resourceArn=arn, tagKeys=removed)
        if updated := sorted(new.items() - old.items()):
            tags = [{"Key": key, "Value": value} for key, value in updated]
            self.ecr.tag_resource(resourceArn=arn, tags=tags)

    def delete(self, *, force: bool = False) -> None:
        unless(self.GONE, self.ecr.delete_repository, repositoryName=self.name, force=force)
        # The provider waits until it is gone; it is, at once.
        assert self.described() is None


class RepositoryPolicy(Resource):
    """`aws_ecr_repository_policy`."""

    GONE = {"RepositoryNotFoundException", "RepositoryPolicyNotFoundException"}

    def create(self, wanted: State) -> None:
        text = normal(wanted["policy"])
        self.ecr.set_repository_policy(repositoryName=self.name, policyText=text)

    def read(self) -> State | None:
        answer = unless(self.GONE, self.ecr.get_repository_policy, repositoryName=self.name)
        return answer and {"policy": normal(answer["policyText"])}

    def delete(self) -> None:
        unless(self.GONE, self.ecr.delete_repository_policy, repositoryName=self.name)


class LifecyclePolicy(Resource):
    """`aws_ecr_lifecycle_policy`: a changed one is deleted and made again."""

    GONE = {"RepositoryNotFoundException", "LifecyclePolicyNotFoundException"}

    def create(self, wanted: State) -> None:
        text = normal(wanted["policy"])
        answer = self.ecr.put_lifecycle_policy(repositoryName=self.name, lifecyclePolicyText=text)
        assert answer["repositoryName"] == self.name

    def read(self) -> State | None:
        answer = unless(self.GONE, self.ecr.get_lifecycle_policy, repositoryName=self.name)
        return answer and {"policy": normal(answer["lifecyclePolicyText"])}

    def update(self, before: State, wanted: State) -> None:
        self.delete()
        self.create(wanted)

    def delete(self) -> None:
        unless(self.GONE, self.ecr.delete_lifecycle_policy, repositoryName=self.name)


class RegistryPolicy(Resource):
    """`aws_ecr_registry_policy`."""

    GONE = {"RegistryPolicyNotFoundException"}

    def create(self, wanted: State) -> None:
        answer = self.ecr.put_registry_policy(policyText=normal(wanted["policy"]))
        assert answer["registryId"] == self.name

    def read(self) -> State | None:
        answer = unless(self.GONE, self.ecr.get_registry_policy)
        return answer and {"policy": normal(answer["policyText"])}

    def delete(self) -> None:
        unless(self.GONE, self.ecr.delete_registry_policy)


class ScanningConfiguration(Resource):
    """`aws_ecr_registry_scanning_configuration`: it is never gone, but set back."""

    def create(self, wanted: State) -> None:
        self.ecr.put_registry_scanning_configuration(
            scanType=wanted["scan_type"], rules=wanted["rules"]
        )

    def read(self) -> State | None:
        found = self.ecr.get_registry_scanning_configuration()["scanningConfiguration"]
        return {"scan_type": found["scanType"], "rules": found["rules"]}

    def delete(self) -> None:
        self.ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])


class ReplicationConfiguration(Resource):
    """`aws_ecr_replication_configuration`: one without rules is gone."""

    def create(self, wanted: State) -> None:
        configuration = {"rules": wanted["rules"]}
        self.ecr.put_replication_configuration(replicationConfiguration=configuration)

    def read(self) -> State | None:
        rules = self.ecr.describe_registry()["replicationConfiguration"]["rules"]
        return {"rules": rules} if rules else None

    def delete(self) -> None:
        self.ecr.put_replication_configuration(replicationConfiguration={"rules": []})


class SigningConfiguration(Resource):
    """`aws_ecr_signing_configuration`."""

    GONE = {"SigningConfigurationNotFoundException"}

    def create(self, wanted: State) -> None:
        self.ecr.put_signing_configuration(signingConfiguration={"rules": wanted["rules"]})

    def read(self) -> State | None:
        answer = unless(self.GONE, self.ecr.get_signing_configuration)
        return answer and {"rules": answer["signingConfiguration"]["rules"]}

    def delete(self) -> None:
        unless(self.GONE, self.ecr.delete_signing_configuration)


class AccountSetting(Resource):
    """`aws_ecr_account_setting`: it stays as it is when the resource is deleted."""

    def create(self, wanted: State) -> None:
        self.ecr.put_account_setting(name=self.name, value=wanted["value"])

    def read(self) -> State | None:
        answer = self.ecr.get_account_setting(name=self.name)
        assert answer["name"] == self.name
        return {"value": answer["value"]}

    def delete(self) -> None:
        """Does nothing."""


class PullTimeUpdateExclusion(Resource):
    """`aws_ecr_pull_time_update_exclusion`, named by the principal's ARN."""

    GONE = {"ExclusionNotFoundException"}

    def create(self, wanted: State) -> None:
        self.ecr.register_pull_time_update_exclusion(principalArn=self.name)

    def read(self) -> State | None:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self.ecr.list_pull_time_update_exclusions(**token)
            found += page["pullTimeUpdateExclusions"]
            if "nextToken" not in page:
                return {} if self.name in found else None
            token = {"nextToken": page["nextToken"]}

    def update(self, before: State, wanted: State) -> None:
        """Has nothing to change."""

    def delete(self) -> None:
        unless(self.GONE, self.ecr.deregister_pull_time_update_exclusion, principalArn=self.name)


class PullThroughCacheRule(Resource):
    """`aws_ecr_pull_through_cache_rule`, named by its prefix."""

    GONE = {"PullThroughCacheRuleNotFoundException"}

    def create(self, wanted: State) -> None:
        self.ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=self.name,
            upstreamRegistryUrl=wanted["upstream_registry_url"],
            **given(
                credentialArn=wanted.get("credential_arn"),
                customRoleArn=wanted.get("custom_role_arn"),
                upstreamRepositoryPrefix=wanted.get("upstream_repository_prefix"),
            ),
        )

    def read(self) -> State | None:
        paginator = self.ecr.get_paginator("describe_pull_through_cache_rules")
        pages = paginator.paginate(ecrRepositoryPrefixes=[self.name])
        answer = unless(self.GONE, pages.build_full_result)
        if answer is None:
            return None
        (rule,) = answer["pullThroughCacheRules"]
        return {
            "upstream_registry_url": rule["upstreamRegistryUrl"],
            **given(
                credential_arn=rule.get("credentialArn"),
                custom_role_arn=rule.get("customRoleArn"),
                upstream_repository_prefix=rule.get("upstreamRepositoryPrefix"),
            ),
        }

    def update(self, before: State, wanted: State) -> None:
        self.ecr.update_pull_through_cache_rule(
            ecrRepositoryPrefix=self.name,
            **given(
                credentialArn=wanted.get("credential_arn"),
                customRoleArn=wanted.get("custom_role_arn"),
            ),
        )

    def delete(self) -> None:
        unless(self.GONE, self.ecr.delete_pull_through_cache_rule, ecrRepositoryPrefix=self.name)


class CreationTemplate(Resource):
    """`aws_ecr_repository_creation_template`, named by its prefix."""

    GONE = {"TemplateNotFoundException"}
    # The arguments that are texts, and the members that they are in the API.
    TEXTS = {
        "custom_role_arn": "customRoleArn",
        "description": "description",
        "lifecycle_policy": "lifecyclePolicy",
        "repository_policy": "repositoryPolicy",
    }

    def create(self, wanted: State) -> None:
        texts = {name: wanted[argument] or None for argument, name in self.TEXTS.items()}
        self.ecr.create_repository_creation_template(
            prefix=self.name,
            appliedFor=wanted["applied_for"],
            imageTagMutability=wanted["image_tag_mutability"],
            **given(
                encryptionConfiguration=wanted.get("encryption_configuration"),
                imageTagMutabilityExclusionFilters=wanted["exclusion_filters"] or None,
                resourceTags=self.tags(wanted) or None,
                **texts,
            ),
        )

    def read(self) -> State | None:
        paginator = self.ecr.get_paginator("describe_repository_creation_templates")
        answer = unless(self.GONE, paginator.paginate(prefixes=[self.name]).build_full_result)
        if answer is None or not answer["repositoryCreationTemplates"]:
            return None
        (template,) = answer["repositoryCreationTemplates"]
        return {
            "applied_for": sorted(template["appliedFor"]),
            "image_tag_mutability": template["imageTagMutability"],
            "exclusion_filters": template.get("imageTagMutabilityExclusionFilters", []),
            "encryption_configuration": template["encryptionConfiguration"],
            "resource_tags": {tag["Key"]: tag["Value"] for tag in template.get("resourceTags", [])},
        } | {argument: template.get(name, "") for argument, name in self.TEXTS.items()}

    def update(self, before: State, wanted: State) -> None:
        """Sends what changed; a text that is taken away is sent empty."""
        changed = {name for name in wanted if wanted[name] != before[name]}
        members = {self.TEXTS[name]: wanted[name] for name in changed & self.TEXTS.keys()}
        if changed & {"image_tag_mutability", "exclusion_filters"}:
            members["imageTagMutability"] = wanted["image_tag_mutability"]
        if "exclusion_filters" in changed and wanted["exclusion_filters"]:
            members["imageTagMutabilityExclusionFilters"] = wanted["exclusion_filters"]
        if "encryption_configuration" in changed:
            members["encryptionConfiguration"] = wanted["encryption_configuration"]
        if "applied_for" in changed:
            members["appliedFor"] = wanted["applied_for"]
        if "resource_tags" in changed:
            members["resourceTags"] = self.tags(wanted)
        self.ecr.update_repository_creation_template(prefix=self.name, **members)

    def delete(self) -> None:
        unless(self.GONE, self.ecr.delete_repository_creation_template, prefix=self.name)

    @staticmethod
    def tags(wanted: State) -> list[dict[str, str]]:
        """Returns the tags as the API has them."""
        return [{"Key": key, "Value": value} for key, value in wanted["resource_tags"].items()]
