//! Prints how fast the embedded store is on this machine, and the processor time that it takes:
//! `cargo run --release -p berth-embedded --example rates [reads|queries|writes|puts]...`

use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_embedded::DataFolder;
use berth_registry::ports::{
    Attributes, Condition, Consistency, DeleteObjects as _, Key, NewObject, ObjectKey, Operation,
    Query, Select, WriteObjects as _, WriteTable,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, future, stream};

const ITEMS: usize = 100_000;
const ROUND: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let folder = tempfile::tempdir()?;
    let data = DataFolder::open(folder.path())?;
    let table = data.table();
    fill(&table).await?;
    if is_wanted("reads") {
        for among in [10, ITEMS] {
            point_reads(&table, among).await?;
            reads_beside_writes(&table, among).await?;
        }
    }
    if is_wanted("queries") {
        queries(&table).await?;
    }
    if is_wanted("writes") {
        for writers in [1, 8, 32, 100] {
            transactions(&table, writers).await?;
        }
    }
    if is_wanted("puts") {
        for (pieces, size) in [(1, 1), (16, 65536), (4096, 262_144), (65_536, 16_384)] {
            puts(&data, pieces, size).await?;
        }
    }
    Ok(())
}

/// A moment, by the clock and by the processor time of this process.
struct Moment {
    at: Instant,
    worked: Duration,
}

impl Moment {
    fn now() -> Self {
        let worked = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let worked = Duration::try_from(worked).unwrap_or_default();
        Self { at: Instant::now(), worked }
    }

    /// Prints what was done since.
    fn report(&self, what: &str, number: u32) {
        let (time, worked) = (self.at.elapsed(), Self::now().worked.saturating_sub(self.worked));
        let rate = f64::from(number) / time.as_secs_f64();
        let each = worked / number;
        println!("{what}: {rate:.0}/s, {each:?} of processor time each");
    }
}

fn key(number: usize) -> Key {
    let partition = format!("repository/7f9c24e8-3b12-4fef-91e0-{:012}", number / 10_000);
    Key { partition, sort: format!("tag#v1.{}", number % 10_000) }
}

fn put(key: Key, size: usize) -> Operation {
    Operation::Put {
        key,
        document: Bytes::from(vec![b'x'; size]),
        attributes: Attributes::from([("digest".to_owned(), "sha256:0123456789".to_owned())]),
        first_version: 1,
        condition: Condition::Any,
    }
}

async fn fill(table: &Arc<impl WriteTable>) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    for first in (0..ITEMS).step_by(100) {
        let size = |n: usize| if n.is_multiple_of(10) { 3000 } else { 250 };
        table.transact((first..first + 100).map(|n| put(key(n), size(n))).collect()).await?;
    }
    println!("fill: {ITEMS} items in {:?}", start.elapsed());
    Ok(())
}

async fn point_reads(
    table: &Arc<impl WriteTable>,
    among: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = Moment::now();
    let mut reads = 0_u32;
    while start.at.elapsed() < ROUND {
        for n in 0..1000_usize {
            let key = key((n * 7919 + usize::try_from(reads)?) % among);
            assert!(table.get(&key, Consistency::Strong).await?.is_some());
        }
        reads += 1000;
    }
    start.report(&format!("point reads among {among}, one task"), reads);
    Ok(())
}

async fn queries(table: &Arc<impl WriteTable>) -> Result<(), Box<dyn std::error::Error>> {
    for (limit, select) in [(50, Select::Items), (10_000, Select::Keys), (10_000, Select::Items)] {
        let start = Instant::now();
        let mut after = None;
        let (mut items, mut pages) = (0, 0);
        loop {
            let query = Query {
                partition: key(0).partition,
                prefix: "tag#".to_owned(),
                after,
                limit,
                consistency: Consistency::Strong,
                select,
            };
            let page = table.query(&query).await?;
            items += page.items.len();
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        println!("{select:?} by {limit}: {items} in {pages} pages, {:?}", start.elapsed());
    }
    Ok(())
}

async fn transactions(
    table: &Arc<berth_embedded::SqliteTable>,
    writers: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let moment = Moment::now();
    let start = moment.at;
    let commits = table.commits();
    let tasks = (0..writers).map(|writer| {
        let table = Arc::clone(table);
        tokio::spawn(async move {
            let mut done = 0_u32;
            while start.elapsed() < ROUND {
                let keys = (0..8).map(|n| Key {
                    partition: format!("repository/{writer:08}"),
                    sort: format!("item#{done:08}#{n}"),
                });
                table.transact(keys.map(|key| put(key, 400)).collect()).await.unwrap();
                done += 1;
            }
            done
        })
    });
    let done: u32 = future::try_join_all(tasks).await?.into_iter().sum();
    let commits = table.commits() - commits;
    moment.report(&format!("transactions of 8 puts, {writers} tasks, {commits} commits"), done);
    Ok(())
}

async fn reads_beside_writes(
    table: &Arc<berth_embedded::SqliteTable>,
    among: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let writer = tokio::spawn({
        let table = Arc::clone(table);
        async move { transactions(&table, 1).await.map_err(|error| error.to_string()) }
    });
    point_reads(table, among).await?;
    writer.await??;
    Ok(())
}

async fn puts(
    data: &DataFolder,
    pieces: usize,
    size: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let objects = data.objects();
    // Always the same, so that what is measured is not how the system finds unused memory.
    let key = ObjectKey::new("blobs/rates".to_owned());
    let piece = Bytes::from(vec![7; size]);
    let body = || {
        let piece = piece.clone();
        stream::repeat_with(move || Ok(piece.clone())).take(pieces).boxed()
    };
    objects.put(NewObject::new(&key), body()).await?;
    objects.put(NewObject::new(&key), body()).await?;
    let start = Moment::now();
    let mut puts = 0_u32;
    while start.at.elapsed() < ROUND {
        objects.put(NewObject::new(&key), body()).await?;
        puts += 1;
    }
    let mib = f64::from(puts) * f64::from(u32::try_from(pieces * size / 1024)?) / 1024.0;
    let rate = mib / start.at.elapsed().as_secs_f64();
    start.report(&format!("put {pieces} x {size} B, {rate:.0} MiB/s"), puts);
    objects.delete(&key).await?;
    Ok(())
}
