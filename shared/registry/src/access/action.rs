use std::fmt;

/// Action that an operation stands for, whatever protocol it comes by: one of ECR's, or one of
/// Berth's own about users.
///
/// Follows [Actions defined by Amazon ECR](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask whether layers exist.
    BatchCheckLayerAvailability,
    /// Delete images, tags, or (beyond ECR) layers.
    BatchDeleteImage,
    /// Read manifests.
    BatchGetImage,
    /// End a layer upload.
    CompleteLayerUpload,
    /// Give a user an access key.
    CreateAccessKey,
    /// Make a repository.
    CreateRepository,
    /// Make a user.
    CreateUser,
    /// Delete an access key of a user.
    DeleteAccessKey,
    /// Take the lifecycle policy from a repository.
    DeleteLifecyclePolicy,
    /// Delete a repository.
    DeleteRepository,
    /// Delete a user.
    DeleteUser,
    /// Take a policy from a user.
    DeleteUserPolicy,
    /// Record the pulls of a principal again.
    DeregisterPullTimeUpdateExclusion,
    /// Describe images.
    DescribeImages,
    /// List and describe repositories.
    DescribeRepositories,
    /// Get a token for `/v2/`.
    GetAuthorizationToken,
    /// Read a layer.
    GetDownloadUrlForLayer,
    /// Read a repository's lifecycle policy.
    GetLifecyclePolicy,
    /// Read a policy of a user.
    GetUserPolicy,
    /// Begin a layer upload, or mount a layer.
    InitiateLayerUpload,
    /// List the access keys of a user.
    ListAccessKeys,
    /// List the referrers of a manifest.
    ListImageReferrers,
    /// List tags and images.
    ListImages,
    /// List the resource tags of a repository.
    ListTagsForResource,
    /// List the policies of a user.
    ListUserPolicies,
    /// List users.
    ListUsers,
    /// List the principals whose pulls are not recorded.
    ListPullTimeUpdateExclusions,
    /// Push a manifest.
    PutImage,
    /// Say whether images are scanned when they are pushed.
    PutImageScanningConfiguration,
    /// Say whether tags may move.
    PutImageTagMutability,
    /// Give a repository a lifecycle policy.
    PutLifecyclePolicy,
    /// Give a user a policy.
    PutUserPolicy,
    /// Give a repository resource tags.
    TagResource,
    /// Take resource tags from a repository.
    UntagResource,
    /// Switch an access key of a user on or off.
    UpdateAccessKey,
    /// Record the pulls of a principal no more.
    RegisterPullTimeUpdateExclusion,
    /// Send bytes of a layer, ask how far an upload is, cancel it.
    UploadLayerPart,
}

/// What a Bearer token's scope calls a group of actions.
///
/// Follows [Token scope documentation](https://distribution.github.io/distribution/spec/auth/scope/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read.
    Pull,
    /// Write.
    Push,
    /// Delete.
    Delete,
}

impl Action {
    /// Returns the name that policies use, such as `ecr:PutImage`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BatchCheckLayerAvailability => "ecr:BatchCheckLayerAvailability",
            Self::BatchDeleteImage => "ecr:BatchDeleteImage",
            Self::BatchGetImage => "ecr:BatchGetImage",
            Self::CompleteLayerUpload => "ecr:CompleteLayerUpload",
            Self::CreateAccessKey => "berth:CreateAccessKey",
            Self::CreateRepository => "ecr:CreateRepository",
            Self::CreateUser => "berth:CreateUser",
            Self::DeleteAccessKey => "berth:DeleteAccessKey",
            Self::DeleteLifecyclePolicy => "ecr:DeleteLifecyclePolicy",
            Self::DeleteRepository => "ecr:DeleteRepository",
            Self::DeleteUser => "berth:DeleteUser",
            Self::DeleteUserPolicy => "berth:DeleteUserPolicy",
            Self::DeregisterPullTimeUpdateExclusion => "ecr:DeregisterPullTimeUpdateExclusion",
            Self::DescribeImages => "ecr:DescribeImages",
            Self::DescribeRepositories => "ecr:DescribeRepositories",
            Self::GetAuthorizationToken => "ecr:GetAuthorizationToken",
            Self::GetDownloadUrlForLayer => "ecr:GetDownloadUrlForLayer",
            Self::GetLifecyclePolicy => "ecr:GetLifecyclePolicy",
            Self::GetUserPolicy => "berth:GetUserPolicy",
            Self::InitiateLayerUpload => "ecr:InitiateLayerUpload",
            Self::ListAccessKeys => "berth:ListAccessKeys",
            Self::ListImageReferrers => "ecr:ListImageReferrers",
            Self::ListImages => "ecr:ListImages",
            Self::ListTagsForResource => "ecr:ListTagsForResource",
            Self::ListUserPolicies => "berth:ListUserPolicies",
            Self::ListUsers => "berth:ListUsers",
            Self::ListPullTimeUpdateExclusions => "ecr:ListPullTimeUpdateExclusions",
            Self::PutImage => "ecr:PutImage",
            Self::PutImageScanningConfiguration => "ecr:PutImageScanningConfiguration",
            Self::PutImageTagMutability => "ecr:PutImageTagMutability",
            Self::PutLifecyclePolicy => "ecr:PutLifecyclePolicy",
            Self::PutUserPolicy => "berth:PutUserPolicy",
            Self::TagResource => "ecr:TagResource",
            Self::UntagResource => "ecr:UntagResource",
            Self::UpdateAccessKey => "berth:UpdateAccessKey",
            Self::RegisterPullTimeUpdateExclusion => "ecr:RegisterPullTimeUpdateExclusion",
            Self::UploadLayerPart => "ecr:UploadLayerPart",
        }
    }

    /// Returns the access that a Bearer token must have for the action; `None` if no scoped token
    /// allows it.
    #[must_use]
    pub fn access(self) -> Option<Access> {
        match self {
            Self::BatchCheckLayerAvailability
            | Self::BatchGetImage
            | Self::GetDownloadUrlForLayer
            | Self::ListImageReferrers
            | Self::ListImages => Some(Access::Pull),
            Self::CompleteLayerUpload
            | Self::CreateRepository
            | Self::InitiateLayerUpload
            | Self::PutImage
            | Self::UploadLayerPart => Some(Access::Push),
            Self::BatchDeleteImage => Some(Access::Delete),
            Self::CreateAccessKey
            | Self::CreateUser
            | Self::DeleteAccessKey
            | Self::DeleteLifecyclePolicy
            | Self::DeleteRepository
            | Self::DeleteUser
            | Self::DeleteUserPolicy
            | Self::DeregisterPullTimeUpdateExclusion
            | Self::DescribeImages
            | Self::ListPullTimeUpdateExclusions
            | Self::RegisterPullTimeUpdateExclusion
            | Self::DescribeRepositories
            | Self::GetAuthorizationToken
            | Self::GetLifecyclePolicy
            | Self::GetUserPolicy
            | Self::ListAccessKeys
            | Self::ListTagsForResource
            | Self::ListUserPolicies
            | Self::ListUsers
            | Self::PutImageScanningConfiguration
            | Self::PutImageTagMutability
            | Self::PutLifecyclePolicy
            | Self::PutUserPolicy
            | Self::TagResource
            | Self::UntagResource
            | Self::UpdateAccessKey => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
