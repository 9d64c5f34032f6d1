use std::fmt::Display;
use std::time::Instant;

use lambda_runtime::{Context, Diagnostic};
use tracing::Instrument;

use crate::deadline::within;
use crate::invocation;
use crate::metrics::{Figures, Metrics, Outcome};
use crate::panics::caught;

/// Does the work of an event that is done, or fails, as a whole: then whoever sent it sends it again,
/// or not, as the template says. `route` says in metrics what kind of event it is.
pub(crate) async fn done<T, E: Display>(
    context: &Context,
    metrics: &Metrics,
    route: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Diagnostic> {
    let started = Instant::now();
    let span = invocation::span(context, None);
    // On the heap: the work's future is large, and would be moved with each of those around it.
    let worked = caught(within(context, Box::pin(work))).instrument(span.clone()).await;
    let result = match worked {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) => Err(failure("Failed", &error)),
        Ok(Err(late)) => Err(failure("TimeIsOver", &late)),
        Err(panicked) => Err(panicked.into()),
    };
    let outcome = if result.is_ok() { Outcome::Answered } else { Outcome::Failed };
    let (function, duration) = (context.env_config.function_name.as_str(), started.elapsed());
    metrics.count(&Figures { function, route, outcome, duration, bytes_in: 0 });
    let ms = duration.as_secs_f64() * 1000.0;
    span.in_scope(|| match &result {
        Ok(_) => tracing::info!(ms, route, "done"),
        Err(error) => tracing::error!(ms, route, error = error.error_message, "failed"),
    });
    result
}

fn failure(kind: &str, error: &impl Display) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: error.to_string() }
}
