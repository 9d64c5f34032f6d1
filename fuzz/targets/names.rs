//! Names of all kinds: what parses is kept byte for byte, and is safe in paths and keys.

#![no_main]

use berth_types::{
    Digest, ExclusionFilter, MediaType, Reference, RegistryId, RepositoryName, Tag, UploadId,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<RepositoryName>() {
        assert_eq!(name.as_str(), text);
        assert!(text.split('/').all(is_plain));
        assert!((2..=256).contains(&text.len()));
    }
    if let Ok(tag) = text.parse::<Tag>() {
        assert_eq!(tag.as_str(), text);
        assert!(is_plain(text) && text.len() <= 128);
        // No filter that matches everything misses a tag.
        let all: ExclusionFilter = "*".parse().expect("a filter");
        assert!(all.matches(&tag));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(format!("{}:{}", digest.algorithm().as_str(), digest.hex()), text);
        assert!(text.parse::<Tag>().is_err(), "a digest is no tag");
    }
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string(), text);
    }
    if let Ok(upload) = text.parse::<UploadId>() {
        assert_eq!(upload.as_str(), text);
        assert!(is_plain(text));
    }
    if let Ok(media_type) = text.parse::<MediaType>() {
        assert_eq!(MediaType::from_content_type(text), Ok(media_type));
    }
    if let Some((filter, tag)) = text.split_once('\n')
        && let (Ok(filter), Ok(tag)) = (filter.parse::<ExclusionFilter>(), tag.parse::<Tag>())
    {
        assert_eq!(
            filter.matches(&tag),
            matches(filter.as_str().as_bytes(), tag.as_str().as_bytes())
        );
    }
    let _ = text.parse::<RegistryId>();
});

/// Whether a part of a path is a name and nothing else.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

/// Whether a text matches a wildcard filter, slowly and simply.
fn matches(filter: &[u8], text: &[u8]) -> bool {
    match filter.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
        Some((byte, rest)) => text.first() == Some(byte) && matches(rest, &text[1..]),
    }
}
