//! Bodies of requests: counted, and cut off when the client falls silent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use berth_oci_api::RequestBody;
use berth_registry::ports::BodyError;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, Sleep, sleep};

/// How long a client may send nothing while its body is awaited.
const SILENCE: Duration = Duration::from_secs(60);

/// Turns what hyper receives into the body that the APIs read.
pub(super) fn body(incoming: Incoming, received: Counter) -> RequestBody {
    Watched { incoming, received, silence: Box::pin(sleep(SILENCE)) }.boxed_unsync()
}

struct Watched {
    incoming: Incoming,
    received: Counter,
    silence: Pin<Box<Sleep>>,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    this.received.inc_by(bytes.len() as u64);
                }
                this.silence.as_mut().reset(Instant::now() + SILENCE);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                Poll::Ready(Some(Err(BodyError::CutOff(error.to_string()))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this.silence.as_mut().poll(context).map(|()| {
                let reason = format!("nothing came for {} s", SILENCE.as_secs());
                Some(Err(BodyError::CutOff(reason)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
