use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells all who hold it that the process is to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Tells of SIGTERM and SIGINT from now on.
    pub fn on_signals() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping: no new connections, open requests may end");
            stop.send_replace(true);
        });
        Ok(Self(stopped))
    }

    /// Returns when the process is to stop; at once if it was told so before.
    pub async fn told(&self) {
        // An error means that who tells is gone: the process ends.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }
}
