//! What a timer starts.

use std::sync::atomic::{AtomicUsize, Ordering};

use berth_lambda_kit::{LambdaEvent, Metrics, TimerFunction};
use berth_registry::RegistryError;
use berth_registry::ports::{StoreError, StoreErrorKind};
use serde::de::IgnoredAny;

use crate::harness::{Written, context, sample};

#[tokio::test]
async fn each_event_does_the_work_once() {
    let times = AtomicUsize::new(0);
    let work = async |_| match times.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(()),
        1 => Err(RegistryError::from(StoreError::new(StoreErrorKind::Unavailable, "away"))),
        2 => panic!("it panicked"),
        _ => std::future::pending().await,
    };
    let function = TimerFunction::new(work, Metrics::to(Box::new(Written::default())));
    let mut ends = Vec::new();
    for seconds in [60, 60, 60, 1] {
        let payload: IgnoredAny = serde_json::from_value(sample("schedule")).unwrap();
        let ended = function.call(LambdaEvent::new(payload, context(seconds))).await;
        ends.push(ended.map_err(|error| error.error_type));
    }
    let failures = ["Failed", "Panic", "TimeIsOver"].map(|kind| Err(kind.to_owned()));
    assert_eq!(ends, [[Ok(())].as_slice(), &failures].concat());
    assert_eq!(times.into_inner(), 4);
}
