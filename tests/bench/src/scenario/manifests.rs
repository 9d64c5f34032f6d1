//! Getting and putting manifests.

use std::cell::{Cell, OnceCell};

use anyhow::{Context as _, Result};

use crate::connection::Connection;
use crate::content::digest_of;
use crate::http::{Body, Request};
use crate::peer::Instance;
use crate::registry::{Image, MANIFEST};
use crate::sample::{Sample, Unit};
use crate::scenario::{Lifetime, Scenario, Sizes, Target};

pub(super) const REPOSITORY: &str = "bench/images";

/// Images to get, one after the other.
const IMAGES: u64 = 100;

/// Gets manifests of a hundred images.
#[derive(Debug)]
pub struct Get {
    name: &'static str,
    by: &'static str,
    reference: fn(u64, &str) -> String,
    sizes: Sizes,
    targets: OnceCell<Vec<String>>,
}

impl Get {
    pub fn by_tag(sizes: Sizes) -> Self {
        let reference = |number, _: &str| tag(number);
        Self { name: "manifest-get-tag", by: "tag", reference, sizes, targets: OnceCell::new() }
    }

    pub fn by_digest(sizes: Sizes) -> Self {
        let reference = |_, manifest: &str| digest_of(manifest.as_bytes());
        let name = "manifest-get-digest";
        Self { name, by: "digest", reference, sizes, targets: OnceCell::new() }
    }
}

impl Scenario for Get {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> String {
        format!("GET manifest by {}", self.by)
    }

    fn unit(&self) -> Unit {
        Unit::Requests
    }

    fn target(&self) -> Option<Target> {
        Some(Target { rate: 5.0, processor: 0.5 })
    }

    fn lifetime(&self) -> Lifetime {
        Lifetime::Rounds
    }

    fn prepare(&self, instance: &Instance) -> Result<()> {
        let image = Image::push(&mut Connection::open(instance.caller())?, REPOSITORY)?;
        self.sizes.load(201).send(instance, IMAGES, &mut |number| put(instance, &image, number))?;
        self.targets.get_or_init(|| {
            let reference = |number| (self.reference)(number, &image.manifest(number));
            (0..IMAGES).map(reference).map(|reference| manifest_path(&reference)).collect()
        });
        Ok(())
    }

    fn measure(&self, instance: &Instance) -> Result<Sample> {
        let targets = self.targets.get().context("nothing was pushed")?;
        let head = |target: &String| Request::get(target).head(instance.caller()).into_bytes();
        let mut requests = targets.iter().map(head).cycle();
        let mut next = |_| requests.next().expect("a cycle has no end");
        self.sizes.load(200).measure(instance, &mut next)
    }
}

/// Puts manifests, each new and with a tag of its own, of blobs that are there.
#[derive(Debug)]
pub struct Put {
    sizes: Sizes,
    image: OnceCell<Image>,
    count: Cell<u64>,
}

impl Put {
    pub fn new(sizes: Sizes) -> Self {
        Self { sizes, image: OnceCell::new(), count: Cell::new(0) }
    }
}

impl Scenario for Put {
    fn name(&self) -> &'static str {
        "manifest-put"
    }

    fn title(&self) -> String {
        "PUT manifest by tag".to_owned()
    }

    fn unit(&self) -> Unit {
        Unit::Requests
    }

    fn target(&self) -> Option<Target> {
        Some(Target { rate: 10.0, processor: 0.5 })
    }

    fn lifetime(&self) -> Lifetime {
        Lifetime::Round
    }

    fn prepare(&self, instance: &Instance) -> Result<()> {
        let image = Image::push(&mut Connection::open(instance.caller())?, REPOSITORY)?;
        self.image.get_or_init(|| image);
        Ok(())
    }

    fn measure(&self, instance: &Instance) -> Result<Sample> {
        let image = self.image.get().context("nothing was pushed")?;
        let mut next = |_| put(instance, image, self.count.replace(self.count.get() + 1));
        self.sizes.load(201).measure(instance, &mut next)
    }
}

/// Makes the request that puts the image's manifest of this number under a tag of its own.
fn put(instance: &Instance, image: &Image, number: u64) -> Vec<u8> {
    let manifest = image.manifest(number);
    put_as(instance, &manifest, &tag(number))
}

/// Makes the request that puts the manifest under the tag.
pub(super) fn put_as(instance: &Instance, manifest: &str, tag: &str) -> Vec<u8> {
    let body = Body::Bytes(MANIFEST, manifest.as_bytes());
    let request = Request { method: "PUT", target: &manifest_path(tag), body };
    let mut bytes = request.head(instance.caller()).into_bytes();
    bytes.extend_from_slice(manifest.as_bytes());
    bytes
}

pub(super) fn tag(number: u64) -> String {
    format!("build-{number:08}")
}

fn manifest_path(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}
