use super::session::Session;
use crate::document::decode;
use crate::error::RegistryError;
use crate::ports::{
    DeleteObjects, Item, MultipartId, ObjectKey, StoreError, Timestamp, WriteTable,
};

/// An upload's session as collection sees it.
#[derive(Debug)]
pub(crate) struct Collectable {
    session: Session,
    item: Item,
}

impl Collectable {
    /// Reads a session.
    pub(crate) fn read(item: Item) -> Result<Self, StoreError> {
        Ok(Self { session: decode(&item)?, item })
    }

    /// Returns since when no request has written to it.
    pub(crate) fn idle_since(&self) -> Timestamp {
        self.session.idle_since()
    }

    /// Whether the session names this object of several parts.
    pub(crate) fn names(&self, object: &ObjectKey, multipart: &MultipartId) -> bool {
        let named = self.session.multipart.as_ref();
        named.is_some_and(|named| named.object == *object && named.id == *multipart)
    }

    /// Deletes the session and its bytes, unless it changed since it was read.
    ///
    /// That of an upload which completes may have made its object, but no layer of it: the
    /// transaction that does so takes the session away.
    pub(crate) async fn discard(
        &self,
        table: &dyn WriteTable,
        objects: &dyn DeleteObjects,
    ) -> Result<(), RegistryError> {
        let (key, version) = (self.item.key.clone(), self.item.version);
        let is_gone = self.session.discard(key, version, table, objects).await?;
        if let Some(multipart) = self.session.multipart.as_ref().filter(|_| is_gone) {
            objects.delete(&multipart.object).await?;
        }
        Ok(())
    }
}
