//! Every operation of both APIs, by name.

use crate::error::ApiError;

/// What a request's `X-Amz-Target` header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Operation of Amazon ECR.
    Ecr(EcrOperation),
    /// Operation of Amazon ECR Public.
    EcrPublic(EcrPublicOperation),
    /// Operation of Berth's own.
    Berth(BerthOperation),
}

/// Defines an enum of operations and the conversions between them and their names.
macro_rules! operations {
    ($(#[$attribute:meta])* $name:ident { $($operation:ident,)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($operation,)* }

        impl $name {
            fn parse(text: &str) -> Option<Self> {
                match text {
                    $(stringify!($operation) => Some(Self::$operation),)*
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$operation => stringify!($operation),)*
                }
            }
        }
    };
}

operations! {
    /// Operations of the API of 2015-09-21.
    EcrOperation {
        BatchCheckLayerAvailability,
        BatchDeleteImage,
        BatchGetImage,
        BatchGetRepositoryScanningConfiguration,
        CompleteLayerUpload,
        CreatePullThroughCacheRule,
        CreateRepository,
        CreateRepositoryCreationTemplate,
        DeleteLifecyclePolicy,
        DeletePullThroughCacheRule,
        DeleteRegistryPolicy,
        DeleteRepository,
        DeleteRepositoryCreationTemplate,
        DeleteRepositoryPolicy,
        DeleteSigningConfiguration,
        DeregisterPullTimeUpdateExclusion,
        DescribeImageReplicationStatus,
        DescribeImageScanFindings,
        DescribeImageSigningStatus,
        DescribeImages,
        DescribePullThroughCacheRules,
        DescribeRegistry,
        DescribeReplicationBackfillResults,
        DescribeRepositories,
        DescribeRepositoryCreationTemplates,
        GetAccountSetting,
        GetAuthorizationToken,
        GetDownloadUrlForLayer,
        GetLifecyclePolicy,
        GetLifecyclePolicyPreview,
        GetRegistryPolicy,
        GetRegistryScanningConfiguration,
        GetRepositoryPolicy,
        GetSigningConfiguration,
        InitiateLayerUpload,
        ListImageReferrers,
        ListImages,
        ListPullTimeUpdateExclusions,
        ListReplicationBackfills,
        ListTagsForResource,
        PutAccountSetting,
        PutImage,
        PutImageScanningConfiguration,
        PutImageTagMutability,
        PutLifecyclePolicy,
        PutRegistryPolicy,
        PutRegistryScanningConfiguration,
        PutReplicationConfiguration,
        PutSigningConfiguration,
        RegisterPullTimeUpdateExclusion,
        SetRepositoryPolicy,
        StartImageScan,
        StartLifecyclePolicyPreview,
        StartReplicationBackfill,
        StopReplicationBackfill,
        TagResource,
        UntagResource,
        UpdateImageStorageClass,
        UpdatePullThroughCacheRule,
        UpdateRepositoryCreationTemplate,
        UploadLayerPart,
        ValidatePullThroughCacheRule,
    }
}

operations! {
    /// Operations of the API of 2020-10-30.
    EcrPublicOperation {
        BatchCheckLayerAvailability,
        BatchDeleteImage,
        CompleteLayerUpload,
        CreateRepository,
        DeleteRepository,
        DeleteRepositoryPolicy,
        DescribeImageTags,
        DescribeImages,
        DescribeRegistries,
        DescribeRepositories,
        GetAuthorizationToken,
        GetRegistryCatalogData,
        GetRepositoryCatalogData,
        GetRepositoryPolicy,
        InitiateLayerUpload,
        ListTagsForResource,
        PutImage,
        PutRegistryCatalogData,
        PutRepositoryCatalogData,
        SetRepositoryPolicy,
        TagResource,
        UntagResource,
        UploadLayerPart,
    }
}

operations! {
    /// Berth's own operations, version 2026-11-21.
    BerthOperation {
        CreateAccessKey,
        CreateTrust,
        CreateUser,
        DeleteAccessKey,
        DeleteTrust,
        DeleteTrustPolicy,
        DeleteUser,
        DeleteUserPolicy,
        GetLifecyclePolicyPreviewReport,
        GetReplicationRefinements,
        GetRepositoryStorageFigures,
        GetStorageFigures,
        GetTrustPolicy,
        GetUserPolicy,
        ListAccessKeys,
        ListFailedJobs,
        ListTrustPolicies,
        ListTrusts,
        ListUserPolicies,
        ListUsers,
        PurgeFailedJobs,
        PutReplicationRefinements,
        PutTrustPolicy,
        PutUserPolicy,
        RetryFailedJobs,
        UpdateAccessKey,
    }
}

impl Operation {
    /// Parses the value of an `X-Amz-Target` header, such as
    /// `AmazonEC2ContainerRegistry_V20150921.CreateRepository`.
    pub(crate) fn parse(target: &str) -> Result<Self, ApiError> {
        let operation = match target.split_once('.') {
            Some(("AmazonEC2ContainerRegistry_V20150921", name)) => {
                EcrOperation::parse(name).map(Self::Ecr)
            }
            Some(("SpencerFrontendService", name)) => {
                EcrPublicOperation::parse(name).map(Self::EcrPublic)
            }
            Some(("Berth_20261121", name)) => BerthOperation::parse(name).map(Self::Berth),
            _ => None,
        };
        operation.ok_or_else(|| ApiError::UnknownOperation(target.to_owned()))
    }

    /// Returns the operation's name within its API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ecr(operation) => operation.name(),
            Self::EcrPublic(operation) => operation.name(),
            Self::Berth(operation) => operation.name(),
        }
    }

    /// Returns the name of the API's service in a signature's scope.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Ecr(_) | Self::Berth(_) => "ecr",
            Self::EcrPublic(_) => "ecr-public",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_name_operations() {
        let parse = |target| Operation::parse(target).ok();
        let ecr = parse("AmazonEC2ContainerRegistry_V20150921.PutImage");
        assert_eq!(ecr, Some(Operation::Ecr(EcrOperation::PutImage)));
        let public = parse("SpencerFrontendService.PutImage").unwrap();
        assert_eq!(public, Operation::EcrPublic(EcrPublicOperation::PutImage));
        assert_eq!((public.name(), public.signing_name()), ("PutImage", "ecr-public"));
        assert_eq!(parse("SpencerFrontendService.BatchGetImage"), None);
        assert_eq!(parse("AmazonEC2ContainerRegistry_V20150921.putimage"), None);
        assert_eq!(parse("PutImage"), None);
        assert_eq!(parse(""), None);
    }
}
