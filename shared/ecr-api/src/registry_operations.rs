//! The operations on the registry as a whole, on previews, and on the archive.

use bytes::Bytes;

use crate::api::{Call, read, write};
use crate::error::ApiError;
use crate::operation::{EcrOperation, Operation};
use crate::{
    batch_get_repository_scanning_configuration, create_pull_through_cache_rule,
    create_repository_creation_template, delete_pull_through_cache_rule, delete_registry_policy,
    delete_repository_creation_template, delete_signing_configuration,
    describe_image_replication_status, describe_pull_through_cache_rules, describe_registry,
    describe_replication_backfill_results, describe_repository_creation_templates,
    get_account_setting, get_lifecycle_policy_preview, get_registry_policy,
    get_registry_scanning_configuration, get_signing_configuration, list_replication_backfills,
    put_account_setting, put_registry_policy, put_registry_scanning_configuration,
    put_replication_configuration, put_signing_configuration, start_lifecycle_policy_preview,
    start_replication_backfill, stop_replication_backfill, update_image_storage_class,
    update_pull_through_cache_rule, update_repository_creation_template,
};

impl Call<'_> {
    /// Runs an operation on the registry's settings, on a preview or on the archive; every other one is not built.
    pub(crate) async fn run_on_registry(
        &self,
        operation: EcrOperation,
        body: &[u8],
    ) -> Result<Bytes, ApiError> {
        use EcrOperation as E;
        match operation {
            E::BatchGetRepositoryScanningConfiguration => {
                let input = read(body)?;
                write(&batch_get_repository_scanning_configuration::run(self, input).await?)
            }
            E::DeleteRegistryPolicy => {
                write(&delete_registry_policy::run(self, read(body)?).await?)
            }
            E::DeleteSigningConfiguration => {
                write(&delete_signing_configuration::run(self, read(body)?).await?)
            }
            E::DescribeImageReplicationStatus => {
                write(&describe_image_replication_status::run(self, read(body)?).await?)
            }
            E::DescribeRegistry => write(&describe_registry::run(self, read(body)?).await?),
            E::GetAccountSetting => write(&get_account_setting::run(self, read(body)?).await?),
            E::GetLifecyclePolicyPreview => {
                write(&get_lifecycle_policy_preview::run(self, read(body)?).await?)
            }
            E::GetRegistryPolicy => write(&get_registry_policy::run(self, read(body)?).await?),
            E::GetRegistryScanningConfiguration => {
                write(&get_registry_scanning_configuration::run(self, read(body)?).await?)
            }
            E::GetSigningConfiguration => {
                write(&get_signing_configuration::run(self, read(body)?).await?)
            }
            E::PutAccountSetting => write(&put_account_setting::run(self, read(body)?).await?),
            E::PutRegistryPolicy => write(&put_registry_policy::run(self, read(body)?).await?),
            E::PutRegistryScanningConfiguration => {
                write(&put_registry_scanning_configuration::run(self, read(body)?).await?)
            }
            E::PutReplicationConfiguration => {
                write(&put_replication_configuration::run(self, read(body)?).await?)
            }
            E::PutSigningConfiguration => {
                write(&put_signing_configuration::run(self, read(body)?).await?)
            }
            E::CreatePullThroughCacheRule => {
                write(&create_pull_through_cache_rule::run(self, read(body)?).await?)
            }
            E::CreateRepositoryCreationTemplate => {
                write(&create_repository_creation_template::run(self, read(body)?).await?)
            }
            E::DeletePullThroughCacheRule => {
                write(&delete_pull_through_cache_rule::run(self, read(body)?).await?)
            }
            E::DeleteRepositoryCreationTemplate => {
                write(&delete_repository_creation_template::run(self, read(body)?).await?)
            }
            E::DescribePullThroughCacheRules => {
                write(&describe_pull_through_cache_rules::run(self, read(body)?).await?)
            }
            E::DescribeRepositoryCreationTemplates => {
                write(&describe_repository_creation_templates::run(self, read(body)?).await?)
            }
            E::StartLifecyclePolicyPreview => {
                write(&start_lifecycle_policy_preview::run(self, read(body)?).await?)
            }
            E::UpdateImageStorageClass => {
                write(&update_image_storage_class::run(self, read(body)?).await?)
            }
            E::UpdatePullThroughCacheRule => {
                write(&update_pull_through_cache_rule::run(self, read(body)?).await?)
            }
            E::UpdateRepositoryCreationTemplate => {
                write(&update_repository_creation_template::run(self, read(body)?).await?)
            }
            E::StartReplicationBackfill => {
                write(&start_replication_backfill::run(self, read(body)?).await?)
            }
            E::StopReplicationBackfill => {
                write(&stop_replication_backfill::run(self, read(body)?).await?)
            }
            E::ListReplicationBackfills => {
                write(&list_replication_backfills::run(self, read(body)?).await?)
            }
            E::DescribeReplicationBackfillResults => {
                write(&describe_replication_backfill_results::run(self, read(body)?).await?)
            }
            _ => Err(ApiError::UnsupportedOperation(Operation::Ecr(operation).name())),
        }
    }
}
