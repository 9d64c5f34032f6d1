//! One large repository, and a lifecycle policy that deletes nearly all of it: how long that takes,
//! and how much memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use berth_embedded::DataFolder;
use berth_registry::access::Action;
use berth_registry::ports::{Clock, SystemClock};
use berth_registry::{Job, LifecycleJob, LifecycleWorker, RemovalPorts, Work};
use serde_json::json;

use crate::fill::Pusher;

/// Name of the repository.
const NAME: &str = "expire/app";

/// Longer than any run may take.
const LATE: Duration = Duration::from_hours(1);

/// The target: the longest that it may take, for 100,000 images on two cores.
const LONGEST: Duration = Duration::from_mins(1);

/// The target: the most memory that the process may have resident, in bytes.
const MOST_MEMORY: u64 = 200_000_000;

/// Pushes images to the repository until it has so many, and dispatches what that tells.
pub(crate) async fn fill(data_dir: &Path, images: usize) -> Result<()> {
    let pusher = Pusher::open(data_dir)?;
    pusher.make(NAME).await?;
    pusher.upload(NAME).await?;
    let begun = Instant::now();
    pusher.push_images(NAME, images).await?;
    println!("{images} images pushed in {:.1} s", begun.elapsed().as_secs_f64());
    pusher.dispatch().await
}

/// Gives the repository a policy that keeps its youngest images, lets that act, and prints how long
/// it took and how much memory.
pub(crate) async fn expire(data_dir: &Path, keep: usize) -> Result<()> {
    let rule = json!({
        "rulePriority": 1,
        "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep },
        "action": { "type": "expire" },
    });
    let policy = json!({ "rules": [rule] }).to_string().parse()?;
    let pusher = Pusher::open(data_dir)?;
    let permit = pusher.permit(Action::PutLifecyclePolicy, NAME).await?;
    pusher.registry.repositories.put_lifecycle_policy(&permit, &policy).await?;
    let permit = pusher.permit(Action::DescribeRepositories, NAME).await?;
    let repository = pusher.registry.repositories.describe(&permit).await?;
    let job = LifecycleJob { repository: NAME.parse()?, id: repository.id.clone() };
    drop(pusher);

    let folder = DataFolder::open(data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = RemovalPorts {
        table: folder.table(),
        objects: folder.objects(),
        doomed: folder.objects(),
        clock: clock.clone(),
    };
    let worker = LifecycleWorker::new(&ports, folder.objects());
    let begun = Instant::now();
    let next = worker.work(Job::Lifecycle(job), clock.now().plus(LATE)).await?;
    if !next.is_empty() {
        bail!("the job left something to another one");
    }
    let (took, peak) = (begun.elapsed(), peak()?);
    let load = fs::read_to_string("/proc/loadavg")?;
    println!("all but {keep} images deleted in {:.1} s", took.as_secs_f64());
    println!("{} MB resident at most; load {load}", peak / 1_000_000);
    if took > LONGEST || peak > MOST_MEMORY {
        bail!("the target is {LONGEST:?} and {} MB", MOST_MEMORY / 1_000_000);
    }
    Ok(())
}

/// Returns the most memory that the process had resident, in bytes.
fn peak() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.context("the system tells no peak")?.trim().trim_end_matches(" kB");
    Ok(kilobytes.parse::<u64>()? * 1024)
}
