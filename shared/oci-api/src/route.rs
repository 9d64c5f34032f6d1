use berth_types::{
    Digest, ParseDigestError, ParseReferenceError, ParseRepositoryNameError, ParseUploadIdError,
    Reference, RepositoryName, UploadId,
};
use percent_encoding::percent_decode_str;

/// What a path of the API names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: is this a registry, and who am I?
    Base,
    /// `/v2/_catalog`.
    Catalog,
    /// `/token`.
    Token,
    /// `/v2/NAME/manifests/REFERENCE`.
    Manifest(RepositoryName, Reference),
    /// `/v2/NAME/blobs/DIGEST`.
    Blob(RepositoryName, Digest),
    /// `/v2/NAME/blobs/uploads/`.
    Uploads(RepositoryName),
    /// `/v2/NAME/blobs/uploads/ID`.
    Upload(RepositoryName, UploadId),
    /// `/v2/NAME/tags/list`.
    Tags(RepositoryName),
    /// `/v2/NAME/referrers/DIGEST`.
    Referrers(RepositoryName, Digest),
}

/// Why a path names nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No operation has a path of this form.
    #[error("no such path")]
    Unknown,
    /// The repository's name is not one.
    #[error(transparent)]
    Name(#[from] ParseRepositoryNameError),
    /// The digest is not one.
    #[error(transparent)]
    Digest(#[from] ParseDigestError),
    /// The manifest's reference is not one.
    #[error(transparent)]
    Reference(#[from] ParseReferenceError),
    /// The upload's id is not one.
    #[error(transparent)]
    Upload(#[from] ParseUploadIdError),
}

impl Route {
    /// Finds what `path`, percent-encoded or not, names. Names contain slashes, so the path is
    /// read from its end.
    pub fn parse(path: &str) -> Result<Self, RouteError> {
        let path = percent_decode_str(path).decode_utf8().map_err(|_| RouteError::Unknown)?;
        let path: &str = &path;
        match path {
            "/token" => return Ok(Self::Token),
            "/v2" | "/v2/" => return Ok(Self::Base),
            "/v2/_catalog" => return Ok(Self::Catalog),
            _ => {}
        }
        let rest = path.strip_prefix("/v2/").ok_or(RouteError::Unknown)?;
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Self::Tags(name.parse()?));
        }
        let uploads =
            rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads"));
        if let Some(name) = uploads {
            return Ok(Self::Uploads(name.parse()?));
        }
        let (head, last) = rest.rsplit_once('/').ok_or(RouteError::Unknown)?;
        if let Some(name) = head.strip_suffix("/blobs/uploads") {
            return Ok(Self::Upload(name.parse()?, last.parse()?));
        }
        if let Some(name) = head.strip_suffix("/blobs") {
            return Ok(Self::Blob(name.parse()?, last.parse()?));
        }
        if let Some(name) = head.strip_suffix("/manifests") {
            return Ok(Self::Manifest(name.parse()?, last.parse()?));
        }
        if let Some(name) = head.strip_suffix("/referrers") {
            return Ok(Self::Referrers(name.parse()?, last.parse()?));
        }
        Err(RouteError::Unknown)
    }

    /// Returns the methods that the path takes, for the header `Allow`.
    #[must_use]
    pub fn allowed_methods(&self) -> &'static str {
        match self {
            Self::Base | Self::Catalog | Self::Tags(_) | Self::Referrers(..) => "GET, HEAD",
            Self::Token => "GET, POST",
            Self::Manifest(..) => "GET, HEAD, PUT, DELETE",
            Self::Blob(..) => "GET, HEAD, DELETE",
            Self::Uploads(_) => "POST",
            Self::Upload(..) => "GET, PATCH, PUT, DELETE",
        }
    }

    /// Returns a short word for the kind of path, for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Catalog => "catalog",
            Self::Token => "token",
            Self::Manifest(..) => "manifest",
            Self::Blob(..) => "blob",
            Self::Uploads(_) | Self::Upload(..) => "upload",
            Self::Tags(_) => "tags",
            Self::Referrers(..) => "referrers",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0b6f1d3e-58a1-4d0c-9c7e-1f2a3b4c5d6e";

    fn digest() -> Digest {
        format!("sha256:{}", "0".repeat(64)).parse().unwrap()
    }

    #[track_caller]
    fn check(path: &str, route: Route) {
        assert_eq!(Route::parse(path), Ok(route), "{path}");
    }

    #[test]
    fn finds_every_route() {
        let name: RepositoryName = "team/app".parse().unwrap();
        let digest = digest();
        check("/v2/", Route::Base);
        check("/v2", Route::Base);
        check("/token", Route::Token);
        check("/v2/_catalog", Route::Catalog);
        check("/v2/team/app/tags/list", Route::Tags(name.clone()));
        let tag = Reference::Tag("latest".parse().unwrap());
        check("/v2/team/app/manifests/latest", Route::Manifest(name.clone(), tag));
        let by_digest = Reference::Digest(digest.clone());
        check(
            &format!("/v2/team/app/manifests/{digest}"),
            Route::Manifest(name.clone(), by_digest),
        );
        check(&format!("/v2/team/app/blobs/{digest}"), Route::Blob(name.clone(), digest.clone()));
        let encoded = digest.as_str().replace(':', "%3A");
        check(&format!("/v2/team/app/blobs/{encoded}"), Route::Blob(name.clone(), digest.clone()));
        check("/v2/team/app/blobs/uploads/", Route::Uploads(name.clone()));
        check("/v2/team/app/blobs/uploads", Route::Uploads(name.clone()));
        let upload = Route::Upload(name.clone(), ID.parse().unwrap());
        check(&format!("/v2/team/app/blobs/uploads/{ID}"), upload);
        check(&format!("/v2/team/app/referrers/{digest}"), Route::Referrers(name, digest));
    }

    #[test]
    fn names_may_hold_the_words_of_paths() {
        let name: RepositoryName = "blobs/manifests/tags".parse().unwrap();
        check("/v2/blobs/manifests/tags/tags/list", Route::Tags(name.clone()));
        let list = Reference::Tag("list".parse().unwrap());
        check("/v2/blobs/manifests/tags/manifests/list", Route::Manifest(name, list));
    }

    #[test]
    fn refuses_other_paths() {
        assert_eq!(Route::parse("/"), Err(RouteError::Unknown));
        assert_eq!(Route::parse("/v1/"), Err(RouteError::Unknown));
        assert_eq!(Route::parse("/v2/app/unknown/x"), Err(RouteError::Unknown));
        assert!(matches!(Route::parse("/v2/UPPER/tags/list"), Err(RouteError::Name(_))));
        assert!(matches!(Route::parse("/v2/../../etc/tags/list"), Err(RouteError::Name(_))));
        assert!(matches!(Route::parse("/v2/app/blobs/sha256:0"), Err(RouteError::Digest(_))));
        assert!(matches!(Route::parse("/v2/app/blobs/uploads/1"), Err(RouteError::Upload(_))));
        assert!(matches!(Route::parse("/v2/app/manifests/.x"), Err(RouteError::Reference(_))));
        assert_eq!(Route::parse("/v2/%ff/tags/list"), Err(RouteError::Unknown));
    }

    proptest! {
        #[test]
        fn never_panics(path in "/v2/[-a-z0-9A-Z/_.:%]{0,80}") {
            let _ = Route::parse(&path);
        }

        #[test]
        fn every_name_is_found(name in "[a-z0-9]{2,5}(/[a-z0-9]{1,5}){0,4}", tag in "[a-z]{1,9}") {
            let route = Route::parse(&format!("/v2/{name}/manifests/{tag}")).unwrap();
            prop_assert_eq!(
                route,
                Route::Manifest(name.parse().unwrap(), Reference::Tag(tag.parse().unwrap()))
            );
        }
    }
}
