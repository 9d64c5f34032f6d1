use std::process::ExitCode;

use berth_settings::{ProcessEnvironment, Settings};
use lambda_runtime::Error;

use crate::log;

/// Reads the settings, starts the log, and runs `main` on a runtime of one thread: a function
/// serves one invocation at a time, and has less than one processor in most sizes.
///
/// What can't start says why in the log, and ends the process, which Lambda then starts again.
pub fn run<F>(main: impl FnOnce(Settings) -> F) -> ExitCode
where
    F: Future<Output = Result<(), Error>>,
{
    let settings = Settings::read(&ProcessEnvironment);
    let filter = settings.as_ref().map_or("info", |settings| &settings.log);
    match log::start(filter).and_then(|()| serve(settings?, main)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function can't run");
            ExitCode::FAILURE
        }
    }
}

fn serve<F>(settings: Settings, main: impl FnOnce(Settings) -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(main(settings))
}
