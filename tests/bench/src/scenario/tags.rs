//! Listing tags.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::connection::Connection;
use crate::peer::Instance;
use crate::registry::{Image, count_tags, list_tags};
use crate::sample::{Sample, Stopwatch, Unit};
use crate::scenario::manifests::{REPOSITORY, put_as, tag};
use crate::scenario::{Lifetime, Scenario, Sizes, Target};

/// Lists all tags of a repository, on one connection, page by page where there are pages.
#[derive(Debug)]
pub struct List {
    sizes: Sizes,
}

impl List {
    pub fn new(sizes: Sizes) -> Self {
        Self { sizes }
    }
}

impl Scenario for List {
    fn name(&self) -> &'static str {
        "tags-list"
    }

    fn title(&self) -> String {
        format!("list {} tags", self.sizes.tags)
    }

    fn unit(&self) -> Unit {
        Unit::Requests
    }

    fn target(&self) -> Option<Target> {
        None
    }

    fn lifetime(&self) -> Lifetime {
        Lifetime::Rounds
    }

    fn prepare(&self, instance: &Instance) -> Result<()> {
        let mut connection = Connection::open(instance.caller())?;
        let manifest = Image::push(&mut connection, REPOSITORY)?.manifest(0);
        let mut put = |number| put_as(instance, &manifest, &tag(number));
        self.sizes.load(201).send(instance, self.sizes.tags, &mut put)?;
        let count = count_tags(&mut connection, REPOSITORY)?;
        ensure!(count as u64 == self.sizes.tags, "{count} tags of {}", self.sizes.tags);
        Ok(())
    }

    fn measure(&self, instance: &Instance) -> Result<Sample> {
        let mut connection = Connection::open(instance.caller())?;
        list_tags(&mut connection, REPOSITORY)?;
        let mut lists = 0;
        let end = Instant::now() + self.sizes.duration;
        let stopwatch = Stopwatch::start(instance)?;
        while Instant::now() < end {
            list_tags(&mut connection, REPOSITORY)?;
            lists += 1;
        }
        stopwatch.stop(lists)
    }
}
