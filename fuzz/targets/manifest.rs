//! Manifests: the first line is the `Content-Type`, the rest the document.

#![no_main]

use berth_types::{Manifest, MediaType};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (header, document) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&input[..0], input),
    };
    let header = std::str::from_utf8(header).unwrap_or_default();
    let media_type = MediaType::from_content_type(header).ok();
    let Ok(manifest) = Manifest::parse(media_type.as_ref(), document) else { return };
    if let Some(media_type) = &media_type {
        assert_eq!(media_type.as_str(), manifest.kind.media_type());
    }
    // What an index lists is no blob, and what an image is made of is no child.
    assert!(manifest.children().is_empty() || manifest.blobs().next().is_none());
    for blob in manifest.blobs().chain(manifest.children()) {
        assert!(!blob.digest.hex().is_empty());
    }
    // A manifest is parsed again whenever it is deleted, by the media type that it was given.
    let given = manifest.kind.media_type().parse().expect("a kind has a media type");
    assert_eq!(Manifest::parse(Some(&given), document).as_ref(), Ok(&manifest));
});
