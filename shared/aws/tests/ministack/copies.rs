//! Copies in parts, of which there are few in tests.

use std::collections::BTreeSet;

use berth_aws::S3Objects;
use berth_registry::ports::{
    MoveObjects as _, NewObject, ReadObjects as _, StorageClass, StoreErrorKind, WriteObjects as _,
};

use crate::bodies::{Fixture, MIB, body, content, key};
use crate::wire::{Fault, header};

/// The largest object that is copied whole.
const WHOLE: usize = 20 * MIB;

fn objects(f: &Fixture) -> S3Objects {
    f.objects.clone().with_copied_whole(WHOLE as u64)
}

#[tokio::test]
async fn a_long_object_is_copied_in_parts() {
    let f = Fixture::new().await;
    let objects = objects(&f);
    let original = content(3, WHOLE + 1);
    f.put("long", None, body(&original)).await.expect("a put succeeds");
    let (from, to) = (objects.copy_source(&key("long")), key("copy"));
    let (object, size) = (NewObject::new(&to), original.len() as u64);
    objects.copy(object, &from, size).await.expect("it is copied");
    f.assert_is("copy", &original).await;
    let seen = f.wire.seen("UploadPartCopy");
    let ranges: BTreeSet<_> =
        seen.iter().map(|seen| header(seen, "x-amz-copy-source-range")).collect();
    let part = |number: usize| {
        let end = ((number + 1) * WHOLE / 4).min(original.len()) - 1;
        format!("bytes={}-{end}", number * WHOLE / 4)
    };
    let parts: Vec<_> = (0..5).map(part).collect();
    assert_eq!(ranges, parts.iter().map(|part| Some(part.as_str())).collect());
    assert!(seen.iter().all(|seen| header(seen, "x-amz-copy-source") == Some("blobs/blobs/long")));
    assert_eq!(f.count("CopyObject"), 0);

    // As S3 moves it to another class: onto itself.
    let object = NewObject::new(&to);
    objects.move_to(object, size, StorageClass::Archive).await.expect("it is moved");
    f.assert_is("copy", &original).await;
    let begun = f.wire.seen("CreateMultipartUpload");
    let archived = begun.last().expect("a request");
    assert_eq!(header(archived, "x-amz-storage-class"), Some("GLACIER_IR"));
}

/// What is left of a copy that can't be ended costs nothing.
#[tokio::test]
async fn a_copy_in_parts_that_fails_is_given_up() {
    let f = Fixture::new().await;
    let objects = objects(&f);
    let original = content(4, WHOLE + 1);
    f.put("long", None, body(&original)).await.expect("a put succeeds");
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    f.wire.fail("UploadPartCopy", Fault::Answers(403, denied));
    let (from, to) = (objects.copy_source(&key("long")), key("copy"));
    let object = NewObject::new(&to);
    let copied = objects.copy(object, &from, original.len() as u64).await;
    assert_eq!(copied.map_err(|error| error.kind()), Err(StoreErrorKind::Internal));
    f.wire.assert_spent();
    assert_eq!(f.count("AbortMultipartUpload"), 1);
    assert_eq!(f.count("CompleteMultipartUpload"), 1, "the original's");
    objects.copy(object, &from, original.len() as u64).await.expect("it is copied");
    f.assert_is("copy", &original).await;

    // A part whose answer is lost is copied again, alone.
    f.wire.fail("UploadPartCopy", Fault::LostAfter);
    objects.copy(object, &from, original.len() as u64).await.expect("it is copied");
    f.wire.assert_spent();
    f.assert_is("copy", &original).await;
}
