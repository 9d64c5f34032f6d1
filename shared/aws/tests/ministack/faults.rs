//! What is lost on the way to S3 and back is sent again; nothing is lost, nothing done twice.

use std::time::Duration;

use berth_registry::ports::{
    BodyError, DeleteObjects as _, MultipartId, NewObject, PartTag, PutError, ReadObjects as _,
    StoreErrorKind, WriteObjects as _,
};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use crate::bodies::{Fixture, MIB, body, content, failing_body, key, store_error};
use crate::wire::{Fault, SLOW_DOWN};

/// What a request survives.
fn passing() -> [Fault; 5] {
    let internal = Fault::Answers(500, "<Error><Code>InternalError</Code></Error>");
    [SLOW_DOWN, internal, Fault::LostBefore, Fault::LostAfter, Fault::Silent]
}

#[tokio::test]
async fn a_put_is_tried_again() {
    let f = Fixture::new().await;
    for (n, fault) in passing().into_iter().enumerate() {
        f.wire.fail("PutObject", fault.clone());
        let (name, bytes) = (n.to_string(), content(1, 2 * MIB));
        let size = f.put(&name, None, body(&bytes)).await.expect("a put succeeds");
        assert_eq!(size, 2 << 20, "{fault:?}");
        f.assert_is(&name, &bytes).await;
    }
    f.wire.assert_spent();
}

#[tokio::test]
async fn what_does_not_pass_is_unavailable() {
    let f = Fixture::new().await;
    for fault in [SLOW_DOWN, Fault::LostBefore, Fault::Silent] {
        for operation in ["PutObject", "GetObject", "DeleteObject"] {
            for _ in 0..3 {
                f.wire.fail(operation, fault.clone());
            }
        }
        let put = f.put("a", None, body(&content(2, 10))).await;
        assert_eq!(store_error(put.unwrap_err()).kind(), StoreErrorKind::Unavailable, "{fault:?}");
        assert_eq!(f.kind_of_read("a").await, StoreErrorKind::Unavailable, "{fault:?}");
        let error = f.objects.delete(&key("a")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{fault:?}");
    }
    f.wire.assert_spent();
}

#[tokio::test]
async fn what_is_forbidden_is_not_tried_again() {
    let f = Fixture::new().await;
    let denied = "<Error><Code>AccessDenied</Code><Message>not authorized</Message></Error>";
    f.wire.fail("PutObject", Fault::Answers(403, denied));
    let put = f.put("a", None, body(&content(3, 10))).await;
    let error = store_error(put.unwrap_err());
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert!(error.to_string().contains("a permission is missing: AccessDenied"), "{error}");
    assert_eq!(f.count("PutObject"), 1);
}

#[tokio::test]
async fn a_key_that_encrypts_no_more_is_told() {
    let f = Fixture::new().await;
    let disabled = "<Error><Code>KMS.DisabledException</Code><Message>KEY is disabled.</Message>\
                    </Error>";
    let gone = "<Error><Code>KMS.NotFoundException</Code><Message>no key</Message></Error>";
    let denied = "<Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: \
                  kms:Decrypt on resource: KEY</Message></Error>";
    for (status, answer, code) in [
        (400, disabled, "DisabledException"),
        (400, gone, "NotFoundException"),
        (403, denied, "AccessDeniedException"),
    ] {
        for operation in ["PutObject", "GetObject", "CreateMultipartUpload"] {
            f.wire.fail(operation, Fault::Answers(status, answer));
        }
        let put = f.put("a", None, body(&content(3, 10))).await;
        let read = f.objects.read(&key("a"), 0..10).await.err().expect("no read");
        let begun = f.objects.begin_multipart(NewObject::new(&key("a"))).await.unwrap_err();
        for error in [store_error(put.unwrap_err()), read, begun] {
            assert_eq!(error.kind(), StoreErrorKind::KeyRefused, "{error}");
            assert_eq!(error.key_refusal().unwrap().code, code);
        }
    }
    f.wire.assert_spent();
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_missing_object() {
    let f = Fixture::new().await;
    let none = "<Error><Code>NoSuchBucket</Code></Error>";
    f.wire.fail("GetObject", Fault::Answers(404, none));
    assert_eq!(f.kind_of_read("a").await, StoreErrorKind::Internal);
}

#[tokio::test]
async fn parts_are_sent_again() {
    let f = Fixture::new().await;
    for fault in passing() {
        let (id, bytes) = (f.begin().await, content(4, 40 * MIB));
        f.wire.fail("UploadPart", fault.clone());
        let tags = f.put_parts(&id, body(&bytes)).await.expect("parts");
        assert_eq!(tags.len(), 3);
        f.complete(&id, &tags, 40 * MIB).await.expect("an upload completes");
        f.assert_is("a", &bytes).await;
    }
    f.wire.assert_spent();
}

#[tokio::test]
async fn a_part_that_fails_fails_all_and_can_be_replaced() {
    let f = Fixture::new().await;
    let (id, bytes) = (f.begin().await, content(5, 40 * MIB));
    for _ in 0..3 {
        f.wire.fail("UploadPart", Fault::Answers(400, "<Error><Code>Other</Code></Error>"));
    }
    let put = f.put_parts(&id, body(&bytes)).await;
    assert_eq!(store_error(put.unwrap_err()).kind(), StoreErrorKind::Internal);
    let again = content(6, 22 * MIB);
    complete_with(&f, &id, &again).await;
}

/// Sends `bytes` as all parts of the upload, and checks what becomes of it.
async fn complete_with(f: &Fixture, id: &MultipartId, bytes: &bytes::Bytes) {
    let put = f.put_parts(id, body(bytes));
    let tags = put.await.expect("parts are stored");
    f.complete(id, &tags, bytes.len()).await.expect("an upload completes");
    f.assert_is("a", bytes).await;
}

/// Parts that were under way when the body failed are there before the failure is told, so that
/// they can't take the place of others later.
#[tokio::test]
async fn a_body_that_fails_leaves_nothing_under_way() {
    let f = Fixture::new().await;
    let id = f.begin().await;
    f.wire.fail("UploadPart", Fault::LostAfter);
    let body = failing_body(&content(7, 40 * MIB));
    let put = f.put_parts(&id, body).await;
    assert!(matches!(put, Err(PutError::Body(BodyError::CutOff(_)))), "{put:?}");
    let before = f.count("UploadPart");
    assert_eq!(before, 3, "two parts, one of them twice");
    complete_with(&f, &id, &content(8, 22 * MIB)).await;
    assert_eq!(f.count("UploadPart"), before + 2);
}

#[tokio::test]
async fn a_long_put_that_fails_is_given_up() {
    let f = Fixture::new().await;
    let put = f.put("a", None, failing_body(&content(9, 20 * MIB))).await;
    assert!(matches!(put, Err(PutError::Body(BodyError::CutOff(_)))), "{put:?}");
    assert_eq!((f.count("CreateMultipartUpload"), f.count("AbortMultipartUpload")), (1, 1));
    assert_eq!(f.kind_of_read("a").await, StoreErrorKind::NotFound);
}

#[tokio::test]
async fn completing_is_done_once() {
    let f = Fixture::new().await;
    let gone = Fault::Answers(404, "<Error><Code>NoSuchUpload</Code></Error>");
    // S3 answers 200 before it knows how it ends.
    let late = Fault::Answers(200, "<Error><Code>InternalError</Code><Message>m</Message></Error>");
    for faults in
        [vec![SLOW_DOWN], vec![Fault::LostBefore], vec![Fault::LostAfter, gone], vec![late]]
    {
        for fault in &faults {
            f.wire.fail("CompleteMultipartUpload", fault.clone());
        }
        let (id, bytes) = (f.begin().await, content(10, 6 * MIB));
        complete_with(&f, &id, &bytes).await;
        f.wire.assert_spent();
        f.objects.delete(&key("a")).await.expect("it is deleted");
    }
}

#[tokio::test]
async fn an_upload_that_is_gone_is_believed_only_by_its_object() {
    let f = Fixture::new().await;
    let tags = [PartTag("AAAAAA==.10.etag".to_owned())];
    let none = MultipartId("none".to_owned());
    let complete = f.complete(&none, &tags, 10).await;
    assert_eq!(complete.unwrap_err().kind(), StoreErrorKind::NotFound);
    let bytes = content(11, 11);
    f.put("a", None, body(&bytes)).await.expect("a put succeeds");
    let complete = f.complete(&none, &tags, 10).await;
    assert_eq!(complete.unwrap_err().kind(), StoreErrorKind::Damaged);
}

#[tokio::test]
async fn a_read_goes_on_where_the_connection_was_lost() {
    let f = Fixture::new().await;
    let bytes = content(12, 3 * MIB);
    f.put("a", None, body(&bytes)).await.expect("a put succeeds");
    for length in [0, 1, MIB] {
        f.wire.fail("GetObject", Fault::CutOff(length));
    }
    f.wire.fail("GetObject", SLOW_DOWN);
    let read = f.read(&key("a"), 7..3 << 20).await.expect("it is read to its end");
    assert!(read == bytes[7..]);
    f.wire.assert_spent();
    let seen = f.wire.seen("GetObject");
    let ranges: Vec<_> = seen.iter().map(|seen| seen.headers["range"].as_str()).collect();
    let (at_8, at_rest) = ("bytes=8-3145727", "bytes=1048584-3145727");
    assert_eq!(ranges, ["bytes=7-3145727", "bytes=7-3145727", at_8, at_rest, at_rest]);
    assert!(seen[1..].iter().all(|seen| seen.headers.contains_key("if-match")));
}

#[tokio::test]
async fn a_read_that_never_goes_on_is_unavailable() {
    let f = Fixture::new().await;
    let bytes = content(13, 100);
    f.put("a", None, body(&bytes)).await.expect("a put succeeds");
    for length in [60, 0, 0, 0] {
        f.wire.fail("GetObject", Fault::CutOff(length));
    }
    let mut pieces = f.objects.read(&key("a"), 0..100).await.expect("a read begins");
    assert_eq!(pieces.next().await.expect("a piece").expect("bytes"), bytes[..60]);
    let Some(Err(BodyError::Store(error))) = pieces.next().await else { panic!("an error") };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(pieces.next().await.is_none());
    f.wire.assert_spent();
}

/// Bodies that all stop when memory is used up, and go on once they all have stopped: none waits
/// for another.
#[tokio::test]
async fn uploads_that_fill_memory_do_not_block_each_other() {
    let f = Fixture::new().await;
    let objects = f.objects.clone().with_upload_memory(30 * MIB);
    let upload = |n: u8| {
        let objects = objects.clone();
        async move {
            let (key, bytes) = (key(&n.to_string()), content(n, 33 * MIB));
            let id = objects.begin_multipart(NewObject::new(&key)).await.expect("it begins");
            let pieces = body(&bytes).then(|piece| async {
                tokio::task::yield_now().await;
                piece
            });
            let put = objects.put_parts(&key, &id, 1, 0, pieces.boxed());
            let tags = put.await.expect("parts are stored");
            let complete = objects.complete_multipart(&key, &id, &tags, 33 << 20);
            complete.await.expect("it completes");
        }
    };
    // The first three have all the memory, and are as slow as each other.
    let uploads = join_all((0..8).map(upload));
    tokio::time::timeout(Duration::from_mins(1), uploads).await.expect("nobody is blocked");
    for n in 0..8 {
        f.assert_is(&n.to_string(), &content(n, 33 * MIB)).await;
    }
    let lengths: Vec<_> = f.wire.seen("UploadPart").iter().map(|seen| seen.length).collect();
    assert!(lengths.contains(&Some(5 << 20)), "memory was short: {lengths:?}");
}
