use std::sync::Arc;

use aws_config::SdkConfig;
use berth_registry::access::RootCredentials;
use berth_registry::ports::{
    CheckKeys, DeleteObjects, ListObjects, MoveObjects, PublishEvents, ReadObjects, ReadTable,
    ReceiveMessages, SendMessages, StoreError, UnwrapKeys, WrapKeys, WriteObjects, WriteTable,
};
use berth_types::Region;

use crate::sdk::{config_in_role, container_config, function_config};
use crate::{
    DynamoTable, EventBus, KmsKeyCheck, KmsKeys, S3Objects, SqsQueue, root_credentials, s3_client,
};

/// Makes the ports of one process; all share one pool of connections.
#[derive(Clone, Debug)]
pub struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// Reads what the SDK needs to know in a container. Nothing goes over the network before the
    /// first call of a port.
    pub async fn in_container(region: &Region) -> Self {
        Self { config: container_config(region).await }
    }

    /// Takes what Lambda tells a function. `endpoint` is another endpoint than AWS's, such as
    /// `https://127.0.0.1:4566`.
    #[must_use]
    pub fn in_function(region: &Region, endpoint: Option<&str>) -> Self {
        Self { config: function_config(region, endpoint) }
    }

    /// Returns the clients of another registry, in `region`. What its ports do they do in `role`, an
    /// ARN, which is assumed at the first call and again before its credentials end.
    ///
    /// Permissions: `sts:AssumeRole` on the role.
    pub async fn in_role(&self, role: &str, region: &Region) -> Self {
        Self { config: config_in_role(&self.config, role, region).await }
    }

    /// Returns the table `name`, to read.
    #[must_use]
    pub fn read_table(&self, name: &str) -> Arc<dyn ReadTable> {
        Arc::new(self.table(name))
    }

    /// Returns the table `name`, to read and change.
    #[must_use]
    pub fn write_table(&self, name: &str) -> Arc<dyn WriteTable> {
        Arc::new(self.table(name))
    }

    fn table(&self, name: &str) -> DynamoTable {
        DynamoTable::new(aws_sdk_dynamodb::Client::new(&self.config), name.to_owned())
    }

    /// Returns the objects of `bucket`, to read.
    #[must_use]
    pub fn read_objects(&self, bucket: &str) -> Arc<dyn ReadObjects> {
        Arc::new(self.bucket(bucket))
    }

    /// Returns the objects of `bucket`, to delete.
    #[must_use]
    pub fn delete_objects(&self, bucket: &str) -> Arc<dyn DeleteObjects> {
        Arc::new(self.bucket(bucket))
    }

    /// Returns the objects of `bucket`, to list.
    #[must_use]
    pub fn list_objects(&self, bucket: &str) -> Arc<dyn ListObjects> {
        Arc::new(self.bucket(bucket))
    }

    /// Returns the objects of `bucket`, to move to other classes of storage. `key` is as that of
    /// [`objects`](Self::objects).
    #[must_use]
    pub fn move_objects(&self, bucket: &str, key: &str) -> Arc<dyn MoveObjects> {
        Arc::new(self.objects(bucket, key))
    }

    /// Returns the objects of `bucket`, to read, write and delete, as [`objects`](Self::objects)
    /// does.
    #[must_use]
    pub fn write_objects(&self, bucket: &str, key: &str) -> Arc<dyn WriteObjects> {
        Arc::new(self.objects(bucket, key))
    }

    /// Returns the objects of `bucket`. `key` encrypts those of repositories that want KMS and
    /// name no key.
    #[must_use]
    pub fn objects(&self, bucket: &str, key: &str) -> S3Objects {
        self.bucket(bucket).with_default_key(key.to_owned())
    }

    fn bucket(&self, name: &str) -> S3Objects {
        S3Objects::new(s3_client(&self.config), name.to_owned())
    }

    /// Returns data keys that the KMS key `key` wrapped, to unwrap.
    #[must_use]
    pub fn unwrap_keys(&self, key: &str) -> Arc<dyn UnwrapKeys> {
        Arc::new(self.keys(key))
    }

    /// Returns data keys that the KMS key `key` wraps, to make and to unwrap.
    #[must_use]
    pub fn wrap_keys(&self, key: &str) -> Arc<dyn WrapKeys> {
        Arc::new(self.keys(key))
    }

    fn keys(&self, key: &str) -> KmsKeys {
        KmsKeys::new(aws_sdk_kms::Client::new(&self.config), key.to_owned())
    }

    /// Returns what checks the keys of repositories. `key` encrypts the objects of those that want
    /// KMS and name no key.
    #[must_use]
    pub fn check_keys(&self, key: &str) -> Arc<dyn CheckKeys> {
        Arc::new(KmsKeyCheck::new(aws_sdk_kms::Client::new(&self.config), key.to_owned()))
    }

    /// Returns the queue at `url`, to send to.
    #[must_use]
    pub fn send_messages(&self, url: &str) -> Arc<dyn SendMessages> {
        Arc::new(self.queue(url))
    }

    /// Returns the queue at `url`, to receive from.
    #[must_use]
    pub fn receive_messages(&self, url: &str) -> Arc<dyn ReceiveMessages> {
        Arc::new(self.queue(url))
    }

    fn queue(&self, url: &str) -> SqsQueue {
        SqsQueue::new(aws_sdk_sqs::Client::new(&self.config), url.to_owned())
    }

    /// Returns the account's default event bus, to publish to.
    #[must_use]
    pub fn publish_events(&self) -> Arc<dyn PublishEvents> {
        Arc::new(EventBus::new(aws_sdk_eventbridge::Client::new(&self.config)))
    }

    /// Reads the root's access key out of a secret, as [`root_credentials`] does.
    pub async fn root_credentials(&self, secret: &str) -> Result<RootCredentials, StoreError> {
        root_credentials(&aws_sdk_secretsmanager::Client::new(&self.config), secret).await
    }
}
