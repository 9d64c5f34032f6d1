//! What is asked of S3, and how.

use berth_registry::ports::{
    Download, MOST_PARTS, MoveObjects as _, NewObject, ReadObjects as _, StorageClass,
    StoreErrorKind, WriteObjects as _,
};
use berth_types::{Algorithm, Digest, Encryption, KmsKey};
use bytes::Bytes;

use crate::bodies::{Fixture, MIB, body, content, key, store_error};
use crate::wire::{Fault, Seen, header};

const SHA256: &str = "x-amz-checksum-sha256";
const CRC32: &str = "x-amz-checksum-crc32";

#[tokio::test]
async fn a_short_body_is_one_request_with_its_digest() {
    let f = Fixture::new().await;
    let bytes = Bytes::from_static(b"hello");
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    f.put("a", Some(&digest), body(&bytes)).await.expect("a put succeeds");

    let [seen] = &f.wire.seen("PutObject")[..] else { panic!("one request") };
    assert_eq!(header(seen, SHA256), Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="));
    assert_eq!(header(seen, CRC32), None);
    assert_eq!(header(seen, "content-length"), Some("5"));
    assert_eq!(header(seen, "content-type"), Some("application/octet-stream"));
    // Neither hashed again for the signature, nor with a checksum behind it.
    assert_eq!(header(seen, "x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    assert_eq!(header(seen, "content-encoding"), None);
    assert_eq!(seen.length, Some(5));
}

#[tokio::test]
async fn a_body_of_another_digest_or_none_has_a_crc() {
    let f = Fixture::new().await;
    let bytes = Bytes::from_static(b"123456789");
    let digest = Digest::of(Algorithm::Sha512, &bytes);
    for digest in [None, Some(&digest)] {
        f.put("a", digest, body(&bytes)).await.expect("a put succeeds");
    }
    for seen in f.wire.seen("PutObject") {
        assert_eq!((header(&seen, CRC32), header(&seen, SHA256)), (Some("y/Q5Jg=="), None));
    }
}

#[tokio::test]
async fn the_service_refuses_other_bytes() {
    let f = Fixture::new().await;
    let digest = Digest::of(Algorithm::Sha256, b"others");
    let error = f.put("a", Some(&digest), body(&content(1, 10))).await.expect_err("a wrong digest");
    assert_eq!(store_error(error).kind(), StoreErrorKind::Unavailable);
    assert_eq!(f.kind_of_read("a").await, StoreErrorKind::NotFound);
}

#[tokio::test]
async fn sixteen_mebibytes_are_one_request_and_one_byte_more_is_parts() {
    let f = Fixture::new().await;
    for (length, requests) in [(16 * MIB, (1, 0, 0)), (16 * MIB + 1, (1, 1, 1))] {
        let bytes = content(2, length);
        let size = f.put("a", None, body(&bytes)).await;
        assert_eq!(size.expect("a put succeeds"), length as u64);
        let parts = (f.count("UploadPart"), f.count("CompleteMultipartUpload"));
        assert_eq!((f.count("PutObject"), parts.0, parts.1), requests);
        f.assert_is("a", &bytes).await;
    }
}

/// Returns the lengths of the parts that were sent, by their numbers.
fn parts(f: &Fixture) -> Vec<(u32, u64)> {
    let number = |seen: &Seen| {
        let number = seen.uri.split(['?', '&']).find_map(|field| field.strip_prefix("partNumber="));
        number.expect("a number").parse().expect("a number")
    };
    let mut parts: Vec<_> = f
        .wire
        .seen("UploadPart")
        .iter()
        .map(|seen| {
            assert!(header(seen, CRC32).is_some() && header(seen, "content-encoding").is_none());
            (number(seen), seen.length.expect("a length"))
        })
        .collect();
    parts.sort_unstable();
    parts
}

#[tokio::test]
async fn no_part_but_the_last_is_short() {
    for (length, expected) in [
        (3 * MIB, vec![3 * MIB]),
        (21 * MIB, vec![16 * MIB, 5 * MIB]),
        (21 * MIB - 1, vec![21 * MIB - 1]),
        (21 * MIB + 1, vec![16 * MIB, 5 * MIB + 1]),
        (40 * MIB, vec![16 * MIB, 16 * MIB, 8 * MIB]),
    ] {
        let f = Fixture::new().await;
        let bytes = content(3, length);
        let id = f.begin().await;
        let tags = f.put_parts(&id, body(&bytes)).await.expect("parts");
        let expected = expected.iter().map(|length| *length as u64);
        assert_eq!(parts(&f), (1..).zip(expected).collect::<Vec<_>>());
        f.complete(&id, &tags, length).await.expect("it completes");
        f.assert_is("a", &bytes).await;
    }
}

#[tokio::test]
async fn parts_are_shorter_when_memory_is() {
    let mut f = Fixture::new().await;
    f.objects = f.objects.clone().with_upload_memory(16 * MIB);
    let bytes = content(4, 50 * MIB);
    f.put("a", None, body(&bytes)).await.expect("a put succeeds");
    let parts = parts(&f);
    let (_, rest) = parts.split_last().expect("parts");
    assert!(parts.len() > 3 && rest.iter().all(|(_, length)| *length >= 5 << 20), "{parts:?}");
    f.assert_is("a", &bytes).await;
}

#[tokio::test]
async fn there_are_no_more_parts_than_s3_takes() {
    let f = Fixture::new().await;
    let id = f.begin().await;
    let bytes = content(5, 40 * MIB);
    let key = key("a");
    let put = f.objects.put_parts(&key, &id, MOST_PARTS, 0, body(&bytes));
    let error = store_error(put.await.expect_err("too many parts"));
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("at most 10000 parts"), "{error}");
}

#[tokio::test]
async fn an_upload_of_nothing_completes() {
    let f = Fixture::new().await;
    let id = f.begin().await;
    let none = body(&Bytes::new());
    let tags = f.put_parts(&id, none).await.expect("nothing is stored");
    assert_eq!(tags, []);
    for _ in 0..2 {
        f.complete(&id, &tags, 0).await.expect("it completes");
    }
    assert_eq!(f.read(&key("a"), 0..0).await.expect("it is there"), Bytes::new());
}

#[tokio::test]
async fn parts_of_another_size_do_not_complete() {
    let f = Fixture::new().await;
    let id = f.begin().await;
    let bytes = content(6, 1000);
    let tags = f.put_parts(&id, body(&bytes)).await.expect("a part");
    let complete = f.complete(&id, &tags, 999).await;
    assert_eq!(complete.expect_err("another size").kind(), StoreErrorKind::Damaged);
    assert_eq!(f.count("CompleteMultipartUpload"), 0);
}

/// Headers that S3 reads about encryption: algorithm, key, bucket key.
fn encryption(seen: &Seen) -> [Option<&str>; 3] {
    const SSE: &str = "x-amz-server-side-encryption";
    [SSE, &format!("{SSE}-aws-kms-key-id"), &format!("{SSE}-bucket-key-enabled")]
        .map(|name| header(seen, name))
}

#[tokio::test]
async fn objects_are_encrypted_as_their_repository_says() {
    let named: KmsKey = "arn:aws:kms:us-east-1:123456789012:key/named".parse().unwrap();
    let (name, default) = (Some(named.as_str()), Some("alias/default"));
    let f = Fixture::new().await;
    let objects = f.objects.clone().with_default_key("alias/default".to_owned());
    for (encryption_of, expected) in [
        (Encryption::Aes256, [Some("AES256"), None, None]),
        (Encryption::Kms(Some(named.clone())), [Some("aws:kms"), name, Some("true")]),
        (Encryption::Kms(None), [Some("aws:kms"), default, Some("true")]),
        (Encryption::KmsDsse(Some(named.clone())), [Some("aws:kms:dsse"), name, None]),
        (Encryption::KmsDsse(None), [Some("aws:kms:dsse"), default, None]),
    ] {
        // MiniStack knows neither the keys nor DSSE: what matters is what it was asked.
        let created = "<InitiateMultipartUploadResult><UploadId>id</UploadId>\
                       </InitiateMultipartUploadResult>";
        f.wire.fail("PutObject", Fault::Answers(200, ""));
        f.wire.fail("CreateMultipartUpload", Fault::Answers(200, created));
        let (key, bytes) = (key("a"), content(7, 10));
        let new = NewObject { encryption: &encryption_of, ..NewObject::new(&key) };
        objects.put(new, body(&bytes)).await.expect("a put succeeds");
        let id = objects.begin_multipart(new).await.expect("an upload begins");
        assert_eq!(id.0, "id");
        for operation in ["PutObject", "CreateMultipartUpload"] {
            let seen = f.wire.seen(operation);
            let last = seen.last().expect("a request");
            assert_eq!(encryption(last), expected, "{operation}");
        }
    }
    let seen = f.wire.seen("CreateMultipartUpload");
    assert_eq!(header(&seen[0], "x-amz-checksum-algorithm"), Some("CRC32"));
    assert_eq!(header(&seen[0], "content-type"), Some("application/octet-stream"));
}

#[tokio::test]
async fn urls_are_signed_without_a_call() {
    let f = Fixture::new().await;
    let Ok(Download::Redirect(get)) = f.objects.download(&key("a"), 0..10).await else {
        panic!("a URL");
    };
    let head = f.objects.head_url(&key("a")).await.expect("a URL").expect("a URL");
    assert_eq!(f.count("GetObject") + f.count("HeadObject"), 0);
    for url in [&get, &head] {
        assert!(url.contains("/blobs/blobs/a?"), "{url}");
        assert!(url.contains("X-Amz-Expires=1800") && url.contains("SignedHeaders=host&"), "{url}");
    }
}

#[tokio::test]
async fn an_object_is_archived_by_a_copy_onto_itself() {
    let f = Fixture::new().await;
    let (small, large) = (content(1, 1000), content(2, 128 * 1024));
    for (name, bytes) in [("small", &small), ("large", &large)] {
        f.put(name, None, body(bytes)).await.expect("a put succeeds");
    }
    let (standard, archive) = (StorageClass::Standard, StorageClass::Archive);
    for class in [standard, archive, archive, standard, standard] {
        for (name, bytes) in [("small", &small), ("large", &large)] {
            let (key, size) = (key(name), bytes.len() as u64);
            let object = NewObject::new(&key);
            f.objects.move_to(object, size, class).await.expect("it is moved");
            f.assert_is(name, bytes).await;
        }
    }
    // The small one costs less where it is; and each is moved once.
    let seen = f.wire.seen("CopyObject");
    let [archived, restored] = &seen[..] else { panic!("{} copies: {seen:?}", seen.len()) };
    assert_eq!(header(archived, "x-amz-storage-class"), Some("GLACIER_IR"));
    assert_eq!(header(restored, "x-amz-storage-class"), Some("STANDARD"));
    for seen in [archived, restored] {
        assert_eq!(header(seen, "x-amz-copy-source"), Some("blobs/blobs/large"));
        // A copy has the encryption that it is given, not that of its source.
        assert_eq!(header(seen, "x-amz-server-side-encryption"), Some("AES256"));
    }
}
