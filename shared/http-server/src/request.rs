//! Bodies of requests: counted, and cut off when the client falls silent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use berth_oci_api::RequestBody;
use berth_registry::ports::BodyError;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::header::EXPECT;
use prometheus_client::metrics::counter::Counter;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep, timeout};

/// How long a client may send nothing while its body is awaited.
const SILENCE: Duration = Duration::from_mins(1);

/// How much of a body that nobody wants is received all the same, and for how long.
const MOST_UNWANTED: usize = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Turns what hyper receives into the body that the APIs read.
pub(crate) fn body(request: Request<Incoming>, received: Counter) -> Request<RequestBody> {
    let asks_first = request.headers().contains_key(EXPECT);
    request.map(|incoming| {
        let silence = Box::pin(sleep(SILENCE));
        Watched { incoming: Some(incoming), asks_first, received, silence }.boxed_unsync()
    })
}

struct Watched {
    /// What hyper receives; `None` at its end.
    incoming: Option<Incoming>,
    /// Whether the client waits for a word before it sends anything.
    asks_first: bool,
    received: Counter,
    silence: Pin<Box<Sleep>>,
}

/// Receives the rest of a body, and keeps nothing of it.
async fn discard(mut rest: Incoming) {
    let mut received = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        received += frame.data_ref().map_or(0, Bytes::len);
        if received > MOST_UNWANTED {
            return;
        }
    }
}

/// A client that is answered early often reads the answer only after it has sent its body. So what
/// it still sends is received, within limits, or the answer would be lost with the connection.
impl Drop for Watched {
    fn drop(&mut self) {
        let rest = self.incoming.take().filter(|rest| !self.asks_first && !rest.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(timeout(PATIENCE, discard(rest)));
        }
    }
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(incoming) = this.incoming.as_mut() else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.asks_first = false;
                if let Some(bytes) = frame.data_ref() {
                    this.received.inc_by(bytes.len() as u64);
                }
                this.silence.as_mut().reset(Instant::now() + SILENCE);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.incoming = None;
                Poll::Ready(Some(Err(BodyError::CutOff(error.to_string()))))
            }
            Poll::Ready(None) => {
                this.incoming = None;
                Poll::Ready(None)
            }
            Poll::Pending => this.silence.as_mut().poll(context).map(|()| {
                let reason = format!("nothing came for {} s", SILENCE.as_secs());
                Some(Err(BodyError::CutOff(reason)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}
