//! Paths of requests.

#![no_main]

use berth_oci_api::Route;
use berth_types::RepositoryName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &str| {
    let Ok(route) = Route::parse(path) else { return };
    assert!(!route.allowed_methods().is_empty());
    // Written plainly, what was found is found again.
    assert_eq!(Route::parse(&write(&route)).as_ref(), Ok(&route), "{path}");
});

fn write(route: &Route) -> String {
    let below = |name: &RepositoryName, rest: &str| format!("/v2/{name}/{rest}");
    match route {
        Route::Base => "/v2/".to_owned(),
        Route::Catalog => "/v2/_catalog".to_owned(),
        Route::Token => "/token".to_owned(),
        Route::Manifest(name, reference) => below(name, &format!("manifests/{reference}")),
        Route::Blob(name, digest) => below(name, &format!("blobs/{digest}")),
        Route::Uploads(name) => below(name, "blobs/uploads/"),
        Route::Upload(name, id) => below(name, &format!("blobs/uploads/{id}")),
        Route::Tags(name) => below(name, "tags/list"),
        Route::Referrers(name, digest) => below(name, &format!("referrers/{digest}")),
    }
}
