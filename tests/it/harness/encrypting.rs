use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use berth_registry::ports::{
    ByteRange, ByteStream, CheckKeys, CopySource, DeleteObjects, Download, MoveObjects,
    MultipartId, NewObject, ObjectKey, PartTag, PutError, ReadObjects, StorageClass, StoreError,
    WriteObjects,
};
use berth_types::{Encryption, KmsKey};

/// Keys by their names, with their ARNs; the empty name is the store's own key's.
#[derive(Clone, Debug)]
pub struct TestKms(pub BTreeMap<&'static str, &'static str>);

#[async_trait]
impl CheckKeys for TestKms {
    async fn check_key(&self, named: Option<&KmsKey>) -> Result<KmsKey, StoreError> {
        let name = named.map_or("", KmsKey::as_str);
        match self.0.get(name) {
            Some(arn) => Ok(arn.parse().unwrap()),
            None => Err(StoreError::key_refused("NotFoundException", format!("no key `{name}`"))),
        }
    }
}

/// Objects that note how each is to be encrypted, in parts of a smallest length; of keys that are
/// switched off they take none.
#[derive(Debug)]
pub struct EncryptingObjects {
    inner: Arc<dyn WriteObjects>,
    smallest_part: u64,
    made: Mutex<Vec<(&'static str, Encryption)>>,
    switched_off: Mutex<Option<KmsKey>>,
}

impl EncryptingObjects {
    pub fn new(inner: Arc<dyn WriteObjects>, smallest_part: u64) -> Self {
        Self { inner, smallest_part, made: Mutex::default(), switched_off: Mutex::default() }
    }

    /// Returns what was made since the last time: `put` or `begin`, and how it is encrypted.
    pub fn take(&self) -> Vec<(&'static str, Encryption)> {
        std::mem::take(&mut *self.made.lock().unwrap())
    }

    /// Lets nothing be encrypted by `key` any more.
    pub fn switch_off(&self, key: &str) {
        *self.switched_off.lock().unwrap() = key.parse().ok();
    }

    fn note(&self, what: &'static str, encryption: &Encryption) -> Result<(), StoreError> {
        self.made.lock().unwrap().push((what, encryption.clone()));
        let off = self.switched_off.lock().unwrap();
        match encryption {
            Encryption::Kms(Some(key)) if off.as_ref() == Some(key) => {
                Err(StoreError::key_refused("DisabledException", format!("{key} is disabled.")))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl ReadObjects for EncryptingObjects {
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError> {
        self.inner.download(key, range).await
    }

    async fn head_url(&self, key: &ObjectKey) -> Result<Option<String>, StoreError> {
        self.inner.head_url(key).await
    }

    fn copy_source(&self, key: &ObjectKey) -> CopySource {
        self.inner.copy_source(key)
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.inner.read(key, range).await
    }
}

#[async_trait]
impl DeleteObjects for EncryptingObjects {
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn abort_multipart(&self, key: &ObjectKey, id: &MultipartId) -> Result<(), StoreError> {
        self.inner.abort_multipart(key, id).await
    }
}

#[async_trait]
impl MoveObjects for EncryptingObjects {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        self.inner.move_to(object, size, class).await
    }
}

#[async_trait]
impl WriteObjects for EncryptingObjects {
    fn smallest_part(&self) -> u64 {
        self.smallest_part
    }

    async fn put(&self, object: NewObject<'_>, body: ByteStream) -> Result<u64, PutError> {
        self.note("put", object.encryption)?;
        self.inner.put(object, body).await
    }

    async fn copy(
        &self,
        object: NewObject<'_>,
        from: &CopySource,
        size: u64,
    ) -> Result<(), StoreError> {
        self.note("copy", object.encryption)?;
        self.inner.copy(object, from, size).await
    }

    async fn begin_multipart(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError> {
        self.note("begin", object.encryption)?;
        self.inner.begin_multipart(object).await
    }

    async fn put_parts(
        &self,
        key: &ObjectKey,
        id: &MultipartId,
        number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError> {
        self.inner.put_parts(key, id, number, offset, body).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        id: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        self.inner.complete_multipart(key, id, parts, size).await
    }
}
