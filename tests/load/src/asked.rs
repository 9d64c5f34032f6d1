//! What is asked of each registry.

use berth_bench::http::Body;
use serde_json::{Value, json};

use crate::content::{IMAGES_EACH, digest, filler, manifest, probe, tag};

/// Media type of ECR's requests.
const AMZ_JSON: &str = "application/x-amz-json-1.1";

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Catalog,
    DescribeRepository,
    DescribeRepositories,
    DescribeImage,
    DescribeImages,
    ListImages,
    ListTags,
    HeadByTag,
    GetByTag,
    GetByDigest,
}

/// What a registry holds, besides what every one holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Images.
    pub(crate) images: usize,
    /// Tokens of `DescribeRepositories` after which a whole page follows.
    pub(crate) tokens: Vec<String>,
}

/// A request that was made up.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Method.
    pub(crate) method: &'static str,
    /// Path and query.
    pub(crate) target: String,
    /// Body, of a request of ECR's API.
    pub(crate) body: Option<String>,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Catalog,
        Self::DescribeRepository,
        Self::DescribeRepositories,
        Self::DescribeImage,
        Self::DescribeImages,
        Self::ListImages,
        Self::ListTags,
        Self::HeadByTag,
        Self::GetByTag,
        Self::GetByDigest,
    ];

    /// Returns its name in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Catalog => "catalog, 100 names",
            Self::DescribeRepository => "DescribeRepositories, one",
            Self::DescribeRepositories => "DescribeRepositories, 100",
            Self::DescribeImage => "DescribeImages, one",
            Self::DescribeImages => "DescribeImages, 100",
            Self::ListImages => "ListImages, 100",
            Self::ListTags => "list tags, 100",
            Self::HeadByTag => "HEAD manifest by tag",
            Self::GetByTag => "GET manifest by tag",
            Self::GetByDigest => "GET manifest by digest",
        }
    }

    /// Returns the `X-Amz-Target` of its requests, if they are of ECR's API.
    pub(crate) fn operation(self) -> Option<&'static str> {
        match self {
            Self::DescribeRepository | Self::DescribeRepositories => {
                Some("AmazonEC2ContainerRegistry_V20150921.DescribeRepositories")
            }
            Self::DescribeImage | Self::DescribeImages => {
                Some("AmazonEC2ContainerRegistry_V20150921.DescribeImages")
            }
            Self::ListImages => Some("AmazonEC2ContainerRegistry_V20150921.ListImages"),
            _ => None,
        }
    }

    /// Makes a request up, about anything that the registry holds.
    pub(crate) fn ask(self, held: &Held, dice: &mut Dice) -> Asked {
        let repository = match held.images / IMAGES_EACH {
            0 => probe(0),
            repositories => filler(dice.below(repositories)),
        };
        let image = dice.below(IMAGES_EACH);
        let manifests = |method, reference: String| Asked {
            method,
            target: format!("/v2/{repository}/manifests/{reference}"),
            body: None,
        };
        match self {
            // Behind the first half there are always a hundred.
            Self::Catalog => {
                let last = match held.images / IMAGES_EACH {
                    0 => String::new(),
                    repositories => {
                        format!("&last={}", filler(dice.below(repositories) / 2 * 2))
                    }
                };
                get(format!("/v2/_catalog?n=100{last}"))
            }
            Self::DescribeRepository => post(&json!({ "repositoryNames": [repository] })),
            Self::DescribeRepositories => {
                let tokens = held.tokens.len();
                let token = (tokens > 0).then(|| held.tokens[dice.below(tokens)].clone());
                post(&json!({ "maxResults": 100, "nextToken": token }))
            }
            Self::DescribeImage => {
                let ids = [json!({ "imageTag": tag(image) })];
                post(&json!({ "repositoryName": repository, "imageIds": ids }))
            }
            Self::DescribeImages | Self::ListImages => {
                post(&json!({ "repositoryName": repository, "maxResults": 100 }))
            }
            Self::ListTags => get(format!("/v2/{repository}/tags/list?n=100")),
            Self::HeadByTag => manifests("HEAD", tag(image)),
            Self::GetByTag => manifests("GET", tag(image)),
            Self::GetByDigest => {
                manifests("GET", digest(&manifest(&repository, image)).to_string())
            }
        }
    }
}

impl Asked {
    /// Returns the body.
    pub(crate) fn body(&self) -> Body<'_> {
        match &self.body {
            Some(body) => Body::Bytes(AMZ_JSON, body.as_bytes()),
            None => Body::Empty,
        }
    }
}

fn get(target: String) -> Asked {
    Asked { method: "GET", target, body: None }
}

/// Makes a request of ECR's API.
pub(crate) fn post(input: &Value) -> Asked {
    Asked { method: "POST", target: "/".to_owned(), body: Some(input.to_string()) }
}

/// Numbers that look random, and are the same in every run.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(usize::MAX) % end.max(1)
    }
}
