//! Data folders: one user at a time, nothing left over, secrets that stay.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use berth_embedded::{Created, DataFolder, OpenError, RegistriesFolder};
use berth_registry::ports::{
    ByteStream, NewObject, ObjectKey, ReadObjects as _, StoreErrorKind, WriteObjects as _,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn body(content: &'static [u8]) -> ByteStream {
    stream::once(async move { Ok(Bytes::from_static(content)) }).boxed()
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(format!("blobs/{name}"))
}

#[test]
fn is_made_with_all_that_is_above_it() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("some/berth-data");
    let _data = DataFolder::open(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    let expected = [
        "berth.lock",
        "format",
        "objects",
        "secrets",
        "table.sqlite",
        "table.sqlite-wal",
        "uploads",
    ];
    assert_eq!(names(&path), expected);
    assert_eq!(names(&path.join("objects")).len(), 16);
}

#[test]
fn has_one_user_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = DataFolder::open(folder.path()).unwrap();
    let error = DataFolder::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error:?}");
    assert!(error.to_string().starts_with("another process uses the data folder"), "{error}");

    let objects = first.objects();
    drop(first);
    DataFolder::open(folder.path()).expect_err("its objects are still in use");
    drop(objects);
    DataFolder::open(folder.path()).unwrap();
}

#[test]
fn of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(DataFolder::open(folder.path()).unwrap());
    fs::write(folder.path().join("format"), "berth data folder, format 2\n").unwrap();
    let error = DataFolder::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Format { .. }), "{error:?}");
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn keeps_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    let made = data.secrets().read_or_create("sealing-key", || vec![1, 2, 3]).unwrap();
    assert_eq!(made, (vec![1, 2, 3], Created::Now));
    assert_eq!(mode(&folder.path().join("secrets/sealing-key")), 0o600);
    assert_eq!(names(&folder.path().join("secrets")), ["sealing-key"]);
    drop(data);

    let data = DataFolder::open(folder.path()).unwrap();
    let read =
        data.secrets().read_or_create("sealing-key", || unreachable!("it is there")).unwrap();
    assert_eq!(read, (vec![1, 2, 3], Created::Before));
    for name in ["", "../format", "A", "a/b", "new.key"] {
        let error = data.secrets().read_or_create(name, Vec::new).unwrap_err();
        assert!(matches!(error, OpenError::SecretName(_)), "{error:?}");
    }
}

#[tokio::test]
async fn leftovers_are_removed_and_uploads_stay() {
    let folder = tempfile::tempdir().unwrap();
    let objects = DataFolder::open(folder.path()).unwrap().objects();
    objects.put(NewObject::new(&key("whole")), body(b"whole")).await.unwrap();
    let upload = objects.begin_multipart(NewObject::new(&key("parts"))).await.unwrap();
    let first = objects.put_parts(&key("parts"), &upload, 1, 0, body(b"one")).await.unwrap();
    drop(objects);
    fs::write(folder.path().join("uploads/tmp-dead"), "half of a body").unwrap();

    let objects = DataFolder::open(folder.path()).unwrap().objects();
    assert_eq!(names(&folder.path().join("uploads")).len(), 1);
    let second = objects.put_parts(&key("parts"), &upload, 2, 3, body(b"two")).await.unwrap();
    objects.complete_multipart(&key("parts"), &upload, &[first, second].concat(), 6).await.unwrap();
    assert!(names(&folder.path().join("uploads")).is_empty());
    for (name, content) in [("whole", "whole"), ("parts", "onetwo")] {
        let pieces = objects.read(&key(name), 0..content.len() as u64).await.unwrap();
        let pieces: Vec<_> = pieces.try_collect().await.unwrap();
        assert_eq!(pieces.concat(), content.as_bytes());
    }
}

#[tokio::test]
async fn a_part_cut_by_a_crash_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let objects = DataFolder::open(folder.path()).unwrap().objects();
    let upload = objects.begin_multipart(NewObject::new(&key("a"))).await.unwrap();
    let tag = objects.put_parts(&key("a"), &upload, 1, 0, body(b"acknowledged")).await.unwrap();
    let file = folder.path().join("uploads").join(&names(&folder.path().join("uploads"))[0]);
    fs::write(&file, "acknowledged, and what was not").unwrap();
    objects.complete_multipart(&key("a"), &upload, &tag, 12).await.unwrap();
    let error = objects.read(&key("a"), 0..13).await.err().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "it ends at 12");
}

#[tokio::test]
async fn an_upload_of_another_size_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let objects = DataFolder::open(folder.path()).unwrap().objects();
    let upload = objects.begin_multipart(NewObject::new(&key("a"))).await.unwrap();
    let tag = objects.put_parts(&key("a"), &upload, 1, 0, body(b"twelve bytes")).await.unwrap();
    for size in [0, 11, 13] {
        let error = objects.complete_multipart(&key("a"), &upload, &tag, size).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged);
    }
    let hole = objects.put_parts(&key("a"), &upload, 2, 13, body(b"more")).await;
    assert!(hole.is_err(), "a part can't begin behind the end");
    let file = folder.path().join("uploads").join(&names(&folder.path().join("uploads"))[0]);
    fs::write(&file, "lost").unwrap();
    let error = objects.complete_multipart(&key("a"), &upload, &tag, 12).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
}

#[tokio::test]
async fn nothing_is_left_of_bodies_that_fail() {
    let folder = tempfile::tempdir().unwrap();
    let objects = DataFolder::open(folder.path()).unwrap().objects();
    let cut = || berth_registry::ports::BodyError::CutOff("in a test".to_owned());
    let failing = body(b"begun").chain(stream::once(async move { Err(cut()) })).boxed();
    objects.put(NewObject::new(&key("a")), failing).await.unwrap_err();
    assert!(names(&folder.path().join("uploads")).is_empty());

    let endless = body(b"begun").chain(stream::pending()).boxed();
    let (name, wait) = (key("a"), std::time::Duration::from_millis(20));
    tokio::time::timeout(wait, objects.put(NewObject::new(&name), endless)).await.unwrap_err();
    while !names(&folder.path().join("uploads")).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[test]
fn several_registries_share_a_folder_and_its_lock() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("berth-data");
    let (account, region) = ("123456789012".parse().unwrap(), "eu-west-1".parse().unwrap());
    let registries = RegistriesFolder::open(&path).unwrap();
    let one = registries.registry(&account, &region).unwrap();
    let other = registries.registry(&account, &"us-east-1".parse().unwrap()).unwrap();
    let twice = registries.registry(&account, &region).unwrap_err();
    assert!(matches!(twice, OpenError::InUse(_)), "{twice:?}");
    assert_eq!(names(&path), ["berth.lock", "format", "registries", "secrets"]);
    assert_eq!(names(&path.join("registries/123456789012")), ["eu-west-1", "us-east-1"]);
    registries.secrets().read_or_create("root-123456789012", || vec![1]).unwrap();
    assert_eq!(mode(&path.join("secrets/root-123456789012")), 0o600);

    drop(registries);
    drop(one);
    let error = RegistriesFolder::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "a registry is still in use: {error:?}");
    drop(other);
    RegistriesFolder::open(&path).unwrap();
    // A registry's folder is whole in itself.
    DataFolder::open(&path.join("registries/123456789012/eu-west-1")).unwrap();
}

#[test]
fn of_one_registry_is_not_that_of_several() {
    let one = tempfile::tempdir().unwrap();
    drop(DataFolder::open(one.path()).unwrap());
    let error = RegistriesFolder::open(one.path()).unwrap_err();
    assert!(matches!(error, OpenError::Single(_)), "{error:?}");

    let several = tempfile::tempdir().unwrap();
    drop(RegistriesFolder::open(several.path()).unwrap());
    let error = DataFolder::open(several.path()).unwrap_err();
    assert!(matches!(error, OpenError::Several(_)), "{error:?}");
}
