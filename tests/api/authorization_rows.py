"""What each operation of `POST /` is asked for: a row each, or more where it depends on the input.

The actions and their resources are those of AWS's Service Authorization Reference for ECR:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from authorization import EXISTING, IMAGE, MISSING, REFERRER, identity_arn, repository_arn
from ecr_http import ACCOUNT, REGION

UPLOAD = "2f5a1c2e-8a5b-4c53-9a0e-3f8d9f0c6b11"
LAYER = json.loads(IMAGE.data)["layers"][0]["digest"]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
PROFILE = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/my_profile"
LIFECYCLE_POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "keep a few of the youngest images",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": 500,
            },
            "action": {"type": "expire"},
        }
    ]
}
NO_REPOSITORY = "RepositoryNotFoundException"
OWN_STATEMENT = {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"}
STATEMENT = {"Effect": "Deny", "Principal": {"AWS": ROLE}, "Action": "ecr:PutImage"}


class Of(Enum):
    """What an action is about."""

    REPOSITORY = "a repository"
    ALL_REPOSITORIES = "all repositories"
    REGISTRY = "the registry"
    USER = "a user"
    TRUST = "a trust"


@dataclass(frozen=True)
class Row:
    """An operation with an input that is valid, and how it is answered to who may call it."""

    operation: str
    of: Of = Of.REPOSITORY
    # `NAME` in it stands for a repository, a user or a trust.
    members: dict[str, Any] = field(default_factory=dict)
    # Exceptions that only who is allowed sees; the empty one is success.
    allowed: tuple[str, ...] = ("",)
    # The exception if what it is about is not there.
    missing: str = NO_REPOSITORY
    # Actions that the input asks for as well.
    more: tuple[str, ...] = ()
    service: str = "ecr"
    # The action that it is asked for, unless that has the operation's name.
    asks: str = ""

    def __str__(self) -> str:
        return "+".join([self.operation, *(action.split(":")[1] for action in self.more)])

    @property
    def action(self) -> str:
        """Returns the action that policies name."""
        return self.asks or f"{self.service}:{self.operation}"

    @property
    def actions(self) -> tuple[str, ...]:
        """Returns all that the call is asked for."""
        return (self.action, *self.more)

    def name(self, name: str) -> str:
        """Returns what the call is about, where it is about one thing."""
        return name.replace("/", ".") if self.of in (Of.USER, Of.TRUST) else name

    def body(self, name: str = EXISTING) -> str:
        """Returns the input about the repository, user or trust of this name."""
        named = {
            Of.REPOSITORY: {"repositoryName": "NAME"},
            Of.USER: {"userName": "NAME"},
            Of.TRUST: {"trustName": "NAME"},
        }
        members = named.get(self.of, {})
        given = {key: value for key, value in (members | self.members).items() if value is not None}
        return json.dumps(given).replace("NAME", self.name(name))

    def resource(self, name: str = EXISTING) -> str:
        """Returns the resource that the actions are about."""
        match self.of:
            case Of.REPOSITORY:
                return repository_arn(name)
            case Of.ALL_REPOSITORIES:
                return repository_arn("*")
            case Of.USER:
                return identity_arn("user", self.name(name))
            case Of.TRUST:
                return identity_arn("trust", self.name(name))
            case Of.REGISTRY:
                return "*"

    @property
    def is_about_one(self) -> bool:
        """Returns whether the call is about a repository, user or trust, which may be missing."""
        return self.of not in (Of.ALL_REPOSITORIES, Of.REGISTRY)


# Members that stand instead of `repositoryName`.
ARN = {"repositoryName": None, "resourceArn": repository_arn("NAME")}
NAMES = {"repositoryName": None, "repositoryNames": ["NAME"]}
TAGS = {"tags": [{"Key": "stage", "Value": "dev"}]}
BY_TAG = {"imageIds": [{"imageTag": "v1"}]}
BY_DIGEST = {"imageIds": [{"imageDigest": IMAGE.digest}]}
NO_IMAGE = {"imageIds": [{"imageTag": "none"}]}
NO_DIGEST = {"imageIds": [{"imageDigest": "sha256:" + "0" * 64}]}
OWN_POLICY = json.dumps({"Version": "2012-10-17", "Statement": OWN_STATEMENT})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": STATEMENT})
REGISTRY_STATEMENT = STATEMENT | {"Resource": "*"}
REGISTRY_POLICY = json.dumps({"Version": "2012-10-17", "Statement": REGISTRY_STATEMENT})
SETTING = {"name": "BLOB_MOUNTING"}
LIFECYCLE = {"lifecyclePolicyText": json.dumps(LIFECYCLE_POLICY)}
SIGNING = {"signingConfiguration": {"rules": [{"signingProfileArn": PROFILE}]}}
EXISTS = ("RepositoryAlreadyExistsException",)
PART = {"uploadId": UPLOAD, "partFirstByte": 0, "partLastByte": 2, "layerPartBlob": "YWJj"}
NO_SIGNING = ("", "SigningConfigurationNotFoundException")
NO_POLICY = ("", "RepositoryPolicyNotFoundException")
BACKFILL = {"replicationBackfillId": "0193a5b4-0000-7000-8000-000000000000"}
NO_BACKFILL = ("ReplicationBackfillNotFoundException",)
ELSEWHERE = {"destination": {"region": "eu-west-1", "registryId": "111122223333"}}
INVALID = "InvalidParameterException"
NO_REGISTRY_POLICY = ("", "RegistryPolicyNotFoundException")
OF_RULE = {"ecrRepositoryPrefix": "cache"}
RULE = OF_RULE | {"upstreamRegistryUrl": "quay.io"}
RULE_EXISTS = "PullThroughCacheRuleAlreadyExistsException"
NO_RULE = "PullThroughCacheRuleNotFoundException"
OF_TEMPLATE = {"prefix": "made"}
TEMPLATE = OF_TEMPLATE | {"appliedFor": ["REPLICATION"]}
TEMPLATE_EXISTS = "TemplateAlreadyExistsException"
NO_TEMPLATE = "TemplateNotFoundException"
NO_LIFECYCLE = ("", "LifecyclePolicyNotFoundException")
NO_PREVIEW = ("", "LifecyclePolicyPreviewNotFoundException")
PREVIEWED = ("", "LifecyclePolicyPreviewInProgressException")


ECR = [
    Row("BatchCheckLayerAvailability", members={"layerDigests": [LAYER]}),
    Row("BatchDeleteImage", members=NO_IMAGE),
    Row("BatchDeleteImage", members=NO_DIGEST),
    Row("BatchGetImage", members=BY_TAG),
    Row("BatchGetImage", members=BY_DIGEST),
    Row("BatchGetRepositoryScanningConfiguration", members=NAMES, missing=""),
    Row(
        "CompleteLayerUpload",
        members={"uploadId": UPLOAD, "layerDigests": [LAYER]},
        allowed=("UploadNotFoundException",),
    ),
    Row("CreateRepository", allowed=EXISTS, missing=""),
    Row("CreateRepository", members=TAGS, allowed=EXISTS, missing="", more=("ecr:TagResource",)),
    Row("CreatePullThroughCacheRule", Of.REGISTRY, RULE, allowed=("", RULE_EXISTS)),
    Row("CreateRepositoryCreationTemplate", Of.REGISTRY, TEMPLATE, allowed=("", TEMPLATE_EXISTS)),
    Row("DeletePullThroughCacheRule", Of.REGISTRY, OF_RULE, allowed=("", NO_RULE)),
    Row("DeleteRepositoryCreationTemplate", Of.REGISTRY, OF_TEMPLATE, allowed=("", NO_TEMPLATE)),
    Row("DescribePullThroughCacheRules", Of.REGISTRY),
    Row("DescribeRepositoryCreationTemplates", Of.REGISTRY),
    Row("UpdatePullThroughCacheRule", Of.REGISTRY, OF_RULE, allowed=("", NO_RULE)),
    Row("UpdateRepositoryCreationTemplate", Of.REGISTRY, OF_TEMPLATE, allowed=("", NO_TEMPLATE)),
    Row("DeleteLifecyclePolicy", allowed=NO_LIFECYCLE),
    Row("DeleteRegistryPolicy", Of.REGISTRY, allowed=NO_REGISTRY_POLICY),
    Row("DeleteRepository", allowed=("RepositoryNotEmptyException",)),
    Row("DeleteRepositoryPolicy", allowed=NO_POLICY),
    Row("DeleteSigningConfiguration", Of.REGISTRY, allowed=NO_SIGNING),
    Row(
        "DeregisterPullTimeUpdateExclusion",
        Of.REGISTRY,
        {"principalArn": ROLE},
        allowed=("", "ExclusionNotFoundException"),
    ),
    Row("DescribeImages"),
    Row("DescribeImages", members=BY_TAG),
    Row("DescribeImageReplicationStatus", members={"imageId": {"imageTag": "v1"}}),
    Row("DescribeRegistry", Of.REGISTRY),
    Row("DescribeReplicationBackfillResults", Of.REGISTRY, BACKFILL, allowed=NO_BACKFILL),
    Row("DescribeRepositories", Of.ALL_REPOSITORIES),
    Row("DescribeRepositories", members=NAMES),
    Row("GetAccountSetting", Of.REGISTRY, SETTING),
    Row("GetAuthorizationToken", Of.REGISTRY),
    Row("GetDownloadUrlForLayer", members={"layerDigest": LAYER}),
    Row("GetLifecyclePolicy", allowed=NO_LIFECYCLE),
    Row("GetLifecyclePolicyPreview", allowed=NO_PREVIEW),
    Row("GetRegistryPolicy", Of.REGISTRY, allowed=NO_REGISTRY_POLICY),
    Row("GetRegistryScanningConfiguration", Of.REGISTRY),
    Row("GetRepositoryPolicy", allowed=NO_POLICY),
    Row("GetSigningConfiguration", Of.REGISTRY, allowed=NO_SIGNING),
    Row("InitiateLayerUpload"),
    Row("ListImageReferrers", members={"subjectId": {"imageDigest": IMAGE.digest}}),
    Row("ListImages"),
    Row("ListPullTimeUpdateExclusions", Of.REGISTRY),
    Row("ListReplicationBackfills", Of.REGISTRY),
    Row("ListTagsForResource", members=ARN),
    Row("PutAccountSetting", Of.REGISTRY, SETTING | {"value": "ENABLED"}),
    Row(
        "PutImage",
        members={"imageManifest": IMAGE.data.decode(), "imageTag": "v1"},
        allowed=("ImageAlreadyExistsException",),
    ),
    Row(
        "PutImage",
        members={"imageManifest": REFERRER.data.decode()},
        allowed=("ImageAlreadyExistsException",),
    ),
    Row("PutImageScanningConfiguration", members={"imageScanningConfiguration": {}}),
    Row("PutImageTagMutability", members={"imageTagMutability": "MUTABLE"}),
    Row("PutLifecyclePolicy", members=LIFECYCLE),
    Row("PutRegistryPolicy", Of.REGISTRY, {"policyText": REGISTRY_POLICY}),
    Row("PutRegistryScanningConfiguration", Of.REGISTRY, {"scanType": "BASIC"}),
    Row("PutReplicationConfiguration", Of.REGISTRY, {"replicationConfiguration": {"rules": []}}),
    Row("PutSigningConfiguration", Of.REGISTRY, SIGNING),
    Row(
        "RegisterPullTimeUpdateExclusion",
        Of.REGISTRY,
        {"principalArn": ROLE},
        allowed=("", "ExclusionAlreadyExistsException"),
    ),
    Row("SetRepositoryPolicy", members={"policyText": POLICY, "force": True}),
    Row("StartLifecyclePolicyPreview", members=LIFECYCLE, allowed=PREVIEWED),
    Row("StartReplicationBackfill", Of.REGISTRY, ELSEWHERE, allowed=(INVALID,)),
    Row("StopReplicationBackfill", Of.REGISTRY, BACKFILL, allowed=NO_BACKFILL),
    Row("TagResource", members=ARN | TAGS),
    Row("UntagResource", members=ARN | {"tagKeys": ["stage"]}),
    Row(
        "UpdateImageStorageClass",
        members={"imageId": {"imageDigest": IMAGE.digest}, "targetStorageClass": "STANDARD"},
    ),
    Row("UploadLayerPart", members=PART, allowed=("UploadNotFoundException",)),
]

NO_ENTITY = "NoSuchEntityException"
KEY = {"accessKeyId": "BRTHABCDEFGHIJKLMNOP"}
OTHER_POLICY = {"policyName": "other"}
TEXT = {"policyDocument": OWN_POLICY}


def berth_row(operation: str, of: Of = Of.USER, **more: Any) -> Row:
    """Returns the row of one of Berth's own operations."""
    return Row(operation, of, **({"missing": NO_ENTITY, "service": "berth"} | more))


BERTH = [
    berth_row("CreateAccessKey", allowed=("", "LimitExceededException")),
    berth_row(
        "CreateTrust",
        Of.TRUST,
        members={"principals": [ROLE]},
        allowed=("EntityAlreadyExistsException",),
        missing="",
    ),
    berth_row("CreateUser", allowed=("EntityAlreadyExistsException",), missing=""),
    berth_row("DeleteAccessKey", members=KEY, allowed=(NO_ENTITY,)),
    berth_row("DeleteTrust", Of.TRUST, allowed=(NO_ENTITY,)),
    berth_row("DeleteTrustPolicy", Of.TRUST, members=OTHER_POLICY, allowed=("", NO_ENTITY)),
    berth_row("DeleteUser", allowed=(NO_ENTITY,)),
    berth_row("DeleteUserPolicy", members=OTHER_POLICY, allowed=("", NO_ENTITY)),
    berth_row(
        "GetLifecyclePolicyPreviewReport",
        Of.REPOSITORY,
        allowed=NO_PREVIEW,
        missing=NO_REPOSITORY,
        asks="ecr:GetLifecyclePolicyPreview",
    ),
    berth_row("GetReplicationRefinements", Of.REGISTRY, asks="ecr:DescribeRegistry"),
    berth_row("GetRepositoryStorageFigures", Of.REPOSITORY, missing=NO_REPOSITORY),
    berth_row("GetStorageFigures", Of.REGISTRY),
    berth_row("GetTrustPolicy", Of.TRUST, members=OTHER_POLICY, allowed=("", NO_ENTITY)),
    berth_row("GetUserPolicy", members=OTHER_POLICY, allowed=("", NO_ENTITY)),
    berth_row("ListAccessKeys"),
    berth_row("ListFailedJobs", Of.REGISTRY),
    berth_row("ListTrustPolicies", Of.TRUST),
    berth_row("ListTrusts", Of.REGISTRY),
    berth_row("ListUserPolicies"),
    berth_row("ListUsers", Of.REGISTRY),
    berth_row("PurgeFailedJobs", Of.REGISTRY, members={"queue": "collect"}),
    berth_row(
        "PutReplicationRefinements",
        Of.REGISTRY,
        members={"refinements": []},
        asks="ecr:PutReplicationConfiguration",
    ),
    berth_row("PutTrustPolicy", Of.TRUST, members=OTHER_POLICY | TEXT),
    berth_row("PutUserPolicy", members=OTHER_POLICY | TEXT),
    berth_row("RetryFailedJobs", Of.REGISTRY, members={"queue": "collect"}),
    berth_row("UpdateAccessKey", members=KEY | {"status": "Inactive"}, allowed=(NO_ENTITY,)),
]

ROWS = [*ECR, *BERTH]

assert len(EXISTING) == len(MISSING)
