use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn digest(of: &str) -> String {
    Digest::of(crate::Algorithm::Sha256, of.as_bytes()).to_string()
}

fn descriptor(media_type: &str, of: &str) -> Value {
    json!({ "mediaType": media_type, "digest": digest(of), "size": of.len() })
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": media_types::OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", "config"),
        "layers": [
            descriptor("application/vnd.oci.image.layer.v1.tar+gzip", "layer"),
            descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "foreign"),
        ],
        "custom": { "kept": true },
    })
}

fn index() -> Value {
    json!({ "schemaVersion": 2, "manifests": [descriptor(media_types::OCI_MANIFEST, "child")] })
}

fn parse(content_type: &str, document: &Value) -> Result<Manifest, ParseManifestError> {
    let content_type = content_type.parse().ok();
    Manifest::parse(content_type.as_ref(), document.to_string().as_bytes())
}

#[track_caller]
fn refuses(content_type: &str, document: &Value, error: ParseManifestError) {
    assert_eq!(parse(content_type, document), Err(error));
}

#[test]
fn reads_an_image() {
    let manifest = parse(media_types::OCI_MANIFEST, &image()).unwrap();
    assert_eq!(manifest.kind, ManifestKind::OciImage);
    let blobs: Vec<_> = manifest.blobs().map(|blob| blob.digest.to_string()).collect();
    assert_eq!(blobs, ["config", "layer", "foreign"].map(digest));
    let required = ["config", "layer", "foreign", "other"]
        .map(|of| manifest.requires(&Digest::of(crate::Algorithm::Sha256, of.as_bytes())));
    assert_eq!(required, [true, true, false, false]);
    assert_eq!(manifest.artifact_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
}

#[test]
fn reads_an_index_without_media_type() {
    let manifest = parse(media_types::OCI_INDEX, &index()).unwrap();
    assert_eq!(manifest.children().len(), 1);
    assert_eq!(manifest.artifact_type, None);
    assert_eq!(manifest.blobs().count(), 0);
}

#[test]
fn reads_an_artifact() {
    let mut artifact = image();
    artifact["artifactType"] = json!("application/vnd.example");
    artifact["subject"] = descriptor(media_types::OCI_MANIFEST, "subject");
    artifact["annotations"] = json!({ "key": "value" });
    let manifest = parse("", &artifact).unwrap();
    assert_eq!(manifest.artifact_type.as_deref(), Some("application/vnd.example"));
    assert_eq!(manifest.subject.unwrap().digest.to_string(), digest("subject"));
    assert_eq!(manifest.annotations["key"], "value");
}

#[test]
fn refuses_schema_1() {
    refuses(media_types::DOCKER_SCHEMA1_SIGNED, &json!({}), ParseManifestError::Schema1);
    refuses("", &json!({ "schemaVersion": 1 }), ParseManifestError::Schema1);
    let layers = json!({ "fsLayers": [], "mediaType": media_types::DOCKER_MANIFEST });
    refuses("", &layers, ParseManifestError::Schema1);
}

#[test]
fn refuses_what_means_two_things() {
    let mut both = image();
    both["manifests"] = json!([]);
    let name = media_types::OCI_MANIFEST;
    refuses("", &both, ParseManifestError::UnexpectedMember(name, "manifests"));
    let mismatch = ParseManifestError::MediaTypeMismatch {
        header: media_types::DOCKER_MANIFEST.into(),
        document: media_types::OCI_MANIFEST.into(),
    };
    refuses(media_types::DOCKER_MANIFEST, &image(), mismatch);
}

#[test]
fn refuses_what_is_incomplete() {
    refuses("", &json!({ "schemaVersion": 2 }), ParseManifestError::MediaTypeMissing);
    let name = media_types::OCI_MANIFEST;
    let empty = json!({ "schemaVersion": 2 });
    refuses(name, &empty, ParseManifestError::MissingMember(name, "config"));
    refuses(name, &json!({}), ParseManifestError::SchemaVersion);
    let text = "text/plain";
    refuses(text, &empty, ParseManifestError::UnsupportedMediaType(text.into()));
    let negative = json!({ "mediaType": "a/b", "digest": digest(""), "size": -1 });
    let bad_size = json!({ "schemaVersion": 2, "config": negative, "layers": [] });
    assert!(matches!(parse(name, &bad_size), Err(ParseManifestError::Json(_))));
}

#[test]
fn refuses_a_type_that_is_no_media_types_length() {
    let named = |length| {
        let mut artifact = image();
        artifact["artifactType"] = json!("x".repeat(length));
        artifact
    };
    assert!(parse("", &named(255)).is_ok());
    refuses("", &named(256), ParseManifestError::ArtifactType(256));
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Manifest::parse(None, &bytes);
    }

    #[test]
    fn never_panics_on_json(
        member in "schemaVersion|mediaType|config|layers|manifests|subject|annotations",
        value in prop_oneof![
            Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!(2)),
            Just(json!("x")), Just(json!([{}])), Just(json!([null])),
        ],
    ) {
        let mut document = image();
        document[member] = value;
        let _ = parse("", &document);
    }
}
