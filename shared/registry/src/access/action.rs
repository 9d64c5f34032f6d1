use std::fmt;

/// Action that an operation stands for, whatever protocol it comes by: one of ECR's, or one of
/// Berth's own.
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
    /// Read how the images of repositories are scanned.
    BatchGetRepositoryScanningConfiguration,
    /// End a layer upload.
    CompleteLayerUpload,
    /// Give a user an access key.
    CreateAccessKey,
    /// Make a rule of pull-through caches.
    CreatePullThroughCacheRule,
    /// Make a repository.
    CreateRepository,
    /// Let AWS principals in.
    CreateTrust,
    /// Make a template of repositories.
    CreateRepositoryCreationTemplate,
    /// Make a user.
    CreateUser,
    /// Delete an access key of a user.
    DeleteAccessKey,
    /// Take the lifecycle policy from a repository.
    DeleteLifecyclePolicy,
    /// Delete a rule of pull-through caches.
    DeletePullThroughCacheRule,
    /// Take the policy from the registry.
    DeleteRegistryPolicy,
    /// Delete a repository.
    DeleteRepository,
    /// Delete a template of repositories.
    DeleteRepositoryCreationTemplate,
    /// Forget which images are signed.
    DeleteSigningConfiguration,
    /// Take the policy from a repository.
    DeleteRepositoryPolicy,
    /// Take a policy from the sessions of a trust.
    DeleteTrustPolicy,
    /// Let AWS principals in no more.
    DeleteTrust,
    /// Delete a user.
    DeleteUser,
    /// Take a policy from a user.
    DeleteUserPolicy,
    /// Record the pulls of a principal again.
    DeregisterPullTimeUpdateExclusion,
    /// Read whether an image was replicated.
    DescribeImageReplicationStatus,
    /// Describe images.
    DescribeImages,
    /// List and describe rules of pull-through caches.
    DescribePullThroughCacheRules,
    /// Describe the registry.
    DescribeRegistry,
    /// Read how far a backfill is, and what became of its images.
    DescribeReplicationBackfillResults,
    /// List and describe repositories.
    DescribeRepositories,
    /// List and describe templates of repositories.
    DescribeRepositoryCreationTemplates,
    /// Read an account setting.
    GetAccountSetting,
    /// Get a token for `/v2/`.
    GetAuthorizationToken,
    /// Read a layer.
    GetDownloadUrlForLayer,
    /// Read a repository's lifecycle policy.
    GetLifecyclePolicy,
    /// Read the registry's policy.
    GetRegistryPolicy,
    /// Read what a lifecycle policy would do.
    GetLifecyclePolicyPreview,
    /// Read how images are scanned.
    GetRegistryScanningConfiguration,
    /// Read which images are signed.
    GetSigningConfiguration,
    /// Read a repository's policy.
    GetRepositoryPolicy,
    /// Read how many images a repository has, and how large they are.
    GetRepositoryStorageFigures,
    /// Read how many images the registry has, and each repository, and how large they are.
    GetStorageFigures,
    /// Read a policy of a trust's sessions.
    GetTrustPolicy,
    /// Read a policy of a user.
    GetUserPolicy,
    /// Begin a layer upload, or mount a layer.
    InitiateLayerUpload,
    /// List the access keys of a user.
    ListAccessKeys,
    /// List jobs that failed too often.
    ListFailedJobs,
    /// List the referrers of a manifest.
    ListImageReferrers,
    /// List tags and images.
    ListImages,
    /// List the principals whose pulls are not recorded.
    ListPullTimeUpdateExclusions,
    /// List the backfills.
    ListReplicationBackfills,
    /// List the resource tags of a repository.
    ListTagsForResource,
    /// List whom of AWS the registry lets in.
    ListTrusts,
    /// List the policies of a trust's sessions.
    ListTrustPolicies,
    /// List the policies of a user.
    ListUserPolicies,
    /// List users.
    ListUsers,
    /// Delete jobs that failed too often.
    PurgeFailedJobs,
    /// Change an account setting.
    PutAccountSetting,
    /// Push a manifest.
    PutImage,
    /// Say whether images are scanned when they are pushed.
    PutImageScanningConfiguration,
    /// Say whether tags may move.
    PutImageTagMutability,
    /// Give a repository a lifecycle policy.
    PutLifecyclePolicy,
    /// Give the registry a policy.
    PutRegistryPolicy,
    /// Say how images are scanned.
    PutRegistryScanningConfiguration,
    /// Say where images are replicated to.
    PutReplicationConfiguration,
    /// Say which images are signed.
    PutSigningConfiguration,
    /// Give the sessions of a trust a policy.
    PutTrustPolicy,
    /// Give a user a policy.
    PutUserPolicy,
    /// Record the pulls of a principal no more.
    RegisterPullTimeUpdateExclusion,
    /// Bring images from another registry, or take away those that it brought.
    ReplicateImage,
    /// Try jobs again that failed too often.
    RetryFailedJobs,
    /// Give a repository a policy.
    SetRepositoryPolicy,
    /// Find out what a lifecycle policy would do.
    StartLifecyclePolicyPreview,
    /// Begin a backfill.
    StartReplicationBackfill,
    /// Stop a backfill.
    StopReplicationBackfill,
    /// Give a repository resource tags.
    TagResource,
    /// Take resource tags from a repository.
    UntagResource,
    /// Switch an access key of a user on or off.
    UpdateAccessKey,
    /// Move an image to the archive, or back.
    UpdateImageStorageClass,
    /// Change a rule of pull-through caches.
    UpdatePullThroughCacheRule,
    /// Change a template of repositories.
    UpdateRepositoryCreationTemplate,
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
            Self::BatchGetRepositoryScanningConfiguration => {
                "ecr:BatchGetRepositoryScanningConfiguration"
            }
            Self::CompleteLayerUpload => "ecr:CompleteLayerUpload",
            Self::CreateAccessKey => "berth:CreateAccessKey",
            Self::CreateTrust => "berth:CreateTrust",
            Self::CreatePullThroughCacheRule => "ecr:CreatePullThroughCacheRule",
            Self::CreateRepository => "ecr:CreateRepository",
            Self::CreateRepositoryCreationTemplate => "ecr:CreateRepositoryCreationTemplate",
            Self::CreateUser => "berth:CreateUser",
            Self::DeleteAccessKey => "berth:DeleteAccessKey",
            Self::DeleteLifecyclePolicy => "ecr:DeleteLifecyclePolicy",
            Self::DeletePullThroughCacheRule => "ecr:DeletePullThroughCacheRule",
            Self::DeleteRegistryPolicy => "ecr:DeleteRegistryPolicy",
            Self::DeleteRepository => "ecr:DeleteRepository",
            Self::DeleteRepositoryCreationTemplate => "ecr:DeleteRepositoryCreationTemplate",
            Self::DeleteSigningConfiguration => "ecr:DeleteSigningConfiguration",
            Self::DeleteTrust => "berth:DeleteTrust",
            Self::DeleteTrustPolicy => "berth:DeleteTrustPolicy",
            Self::DeleteRepositoryPolicy => "ecr:DeleteRepositoryPolicy",
            Self::DeleteUser => "berth:DeleteUser",
            Self::DeleteUserPolicy => "berth:DeleteUserPolicy",
            Self::DeregisterPullTimeUpdateExclusion => "ecr:DeregisterPullTimeUpdateExclusion",
            Self::DescribeImageReplicationStatus => "ecr:DescribeImageReplicationStatus",
            Self::DescribeImages => "ecr:DescribeImages",
            Self::DescribePullThroughCacheRules => "ecr:DescribePullThroughCacheRules",
            Self::DescribeRegistry => "ecr:DescribeRegistry",
            Self::DescribeReplicationBackfillResults => "ecr:DescribeReplicationBackfillResults",
            Self::DescribeRepositories => "ecr:DescribeRepositories",
            Self::DescribeRepositoryCreationTemplates => "ecr:DescribeRepositoryCreationTemplates",
            Self::GetAccountSetting => "ecr:GetAccountSetting",
            Self::GetAuthorizationToken => "ecr:GetAuthorizationToken",
            Self::GetDownloadUrlForLayer => "ecr:GetDownloadUrlForLayer",
            Self::GetLifecyclePolicy => "ecr:GetLifecyclePolicy",
            Self::GetRegistryPolicy => "ecr:GetRegistryPolicy",
            Self::GetLifecyclePolicyPreview => "ecr:GetLifecyclePolicyPreview",
            Self::GetRegistryScanningConfiguration => "ecr:GetRegistryScanningConfiguration",
            Self::GetSigningConfiguration => "ecr:GetSigningConfiguration",
            Self::GetRepositoryStorageFigures => "berth:GetRepositoryStorageFigures",
            Self::GetStorageFigures => "berth:GetStorageFigures",
            Self::GetTrustPolicy => "berth:GetTrustPolicy",
            Self::GetRepositoryPolicy => "ecr:GetRepositoryPolicy",
            Self::GetUserPolicy => "berth:GetUserPolicy",
            Self::InitiateLayerUpload => "ecr:InitiateLayerUpload",
            Self::ListAccessKeys => "berth:ListAccessKeys",
            Self::ListFailedJobs => "berth:ListFailedJobs",
            Self::ListImageReferrers => "ecr:ListImageReferrers",
            Self::ListImages => "ecr:ListImages",
            Self::ListPullTimeUpdateExclusions => "ecr:ListPullTimeUpdateExclusions",
            Self::ListReplicationBackfills => "ecr:ListReplicationBackfills",
            Self::ListTrustPolicies => "berth:ListTrustPolicies",
            Self::ListTrusts => "berth:ListTrusts",
            Self::ListTagsForResource => "ecr:ListTagsForResource",
            Self::ListUserPolicies => "berth:ListUserPolicies",
            Self::ListUsers => "berth:ListUsers",
            Self::PurgeFailedJobs => "berth:PurgeFailedJobs",
            Self::PutAccountSetting => "ecr:PutAccountSetting",
            Self::PutImage => "ecr:PutImage",
            Self::PutImageScanningConfiguration => "ecr:PutImageScanningConfiguration",
            Self::PutImageTagMutability => "ecr:PutImageTagMutability",
            Self::PutLifecyclePolicy => "ecr:PutLifecyclePolicy",
            Self::PutRegistryPolicy => "ecr:PutRegistryPolicy",
            Self::PutRegistryScanningConfiguration => "ecr:PutRegistryScanningConfiguration",
            Self::PutReplicationConfiguration => "ecr:PutReplicationConfiguration",
            Self::PutTrustPolicy => "berth:PutTrustPolicy",
            Self::PutSigningConfiguration => "ecr:PutSigningConfiguration",
            Self::PutUserPolicy => "berth:PutUserPolicy",
            Self::RegisterPullTimeUpdateExclusion => "ecr:RegisterPullTimeUpdateExclusion",
            Self::ReplicateImage => "ecr:ReplicateImage",
            Self::RetryFailedJobs => "berth:RetryFailedJobs",
            Self::SetRepositoryPolicy => "ecr:SetRepositoryPolicy",
            Self::StartLifecyclePolicyPreview => "ecr:StartLifecyclePolicyPreview",
            Self::StartReplicationBackfill => "ecr:StartReplicationBackfill",
            Self::StopReplicationBackfill => "ecr:StopReplicationBackfill",
            Self::TagResource => "ecr:TagResource",
            Self::UntagResource => "ecr:UntagResource",
            Self::UpdateAccessKey => "berth:UpdateAccessKey",
            Self::UpdateImageStorageClass => "ecr:UpdateImageStorageClass",
            Self::UpdatePullThroughCacheRule => "ecr:UpdatePullThroughCacheRule",
            Self::UpdateRepositoryCreationTemplate => "ecr:UpdateRepositoryCreationTemplate",
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
            Self::BatchGetRepositoryScanningConfiguration
            | Self::CreateAccessKey
            | Self::CreateTrust
            | Self::CreateUser
            | Self::DeleteAccessKey
            | Self::DeleteLifecyclePolicy
            | Self::DeleteRegistryPolicy
            | Self::DeleteRepository
            | Self::DeleteSigningConfiguration
            | Self::DeleteRepositoryPolicy
            | Self::DeleteTrust
            | Self::DeleteTrustPolicy
            | Self::DeleteUser
            | Self::DeleteUserPolicy
            | Self::DeregisterPullTimeUpdateExclusion
            | Self::DescribeImageReplicationStatus
            | Self::DescribeImages
            | Self::DescribeRegistry
            | Self::DescribeReplicationBackfillResults
            | Self::DescribeRepositories
            | Self::GetAccountSetting
            | Self::GetAuthorizationToken
            | Self::GetLifecyclePolicy
            | Self::GetRegistryPolicy
            | Self::GetLifecyclePolicyPreview
            | Self::GetRegistryScanningConfiguration
            | Self::GetSigningConfiguration
            | Self::GetRepositoryPolicy
            | Self::GetRepositoryStorageFigures
            | Self::GetStorageFigures
            | Self::GetTrustPolicy
            | Self::GetUserPolicy
            | Self::ListAccessKeys
            | Self::ListFailedJobs
            | Self::ListPullTimeUpdateExclusions
            | Self::ListReplicationBackfills
            | Self::ListTagsForResource
            | Self::ListTrustPolicies
            | Self::ListTrusts
            | Self::ListUserPolicies
            | Self::ListUsers
            | Self::PurgeFailedJobs
            | Self::PutAccountSetting
            | Self::PutImageScanningConfiguration
            | Self::PutImageTagMutability
            | Self::PutLifecyclePolicy
            | Self::PutRegistryPolicy
            | Self::PutRegistryScanningConfiguration
            | Self::PutReplicationConfiguration
            | Self::PutSigningConfiguration
            | Self::PutTrustPolicy
            | Self::PutUserPolicy
            | Self::RegisterPullTimeUpdateExclusion
            | Self::ReplicateImage
            | Self::RetryFailedJobs
            | Self::SetRepositoryPolicy
            | Self::StartLifecyclePolicyPreview
            | Self::StartReplicationBackfill
            | Self::StopReplicationBackfill
            | Self::TagResource
            | Self::CreatePullThroughCacheRule
            | Self::CreateRepositoryCreationTemplate
            | Self::DeletePullThroughCacheRule
            | Self::DeleteRepositoryCreationTemplate
            | Self::DescribePullThroughCacheRules
            | Self::DescribeRepositoryCreationTemplates
            | Self::UpdateImageStorageClass
            | Self::UpdatePullThroughCacheRule
            | Self::UpdateRepositoryCreationTemplate
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
