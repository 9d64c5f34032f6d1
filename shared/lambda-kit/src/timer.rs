//! A timer: whatever it says, it is time.

use std::sync::Arc;

use berth_registry::RegistryError;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, Runtime, service_fn};
use serde::de::IgnoredAny;

use crate::metrics::Metrics;
use crate::whole::done;

/// Does `work` each time that a timer invokes the function, until the process is ended.
pub async fn serve_timer<W>(work: W) -> Result<(), Error>
where
    W: AsyncFn() -> Result<(), RegistryError>,
{
    let function = Arc::new(TimerFunction::new(work, Metrics::to_standard_output()));
    let serve = move |event| {
        let function = Arc::clone(&function);
        async move { function.call(event).await }
    };
    Runtime::new(service_fn(serve)).run().await
}

/// One function behind a timer.
#[derive(Debug)]
pub struct TimerFunction<W> {
    work: W,
    metrics: Metrics,
}

impl<W> TimerFunction<W>
where
    W: AsyncFn() -> Result<(), RegistryError>,
{
    /// Makes a function of what [`serve_timer`] takes.
    pub fn new(work: W, metrics: Metrics) -> Self {
        Self { work, metrics }
    }

    /// Does the work of one event, whatever it says.
    pub async fn call(&self, event: LambdaEvent<IgnoredAny>) -> Result<(), Diagnostic> {
        let LambdaEvent { context, .. } = event;
        done(&context, &self.metrics, "timer", (self.work)()).await
    }
}
