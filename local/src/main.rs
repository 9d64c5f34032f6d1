//! The `berth` binary: `berth serve` runs the whole registry in one process, on the embedded
//! store; `berth verify` looks at its data folder; the other commands talk to a running registry.
//!
//! This is the only place that names `berth-embedded`. It holds no rule of the registry: it reads
//! the configuration, builds the ports, and mounts the handlers of `oci-api` and `ecr-api` on the
//! server of `http-server`.

mod credential_process;
mod federation;
mod figures;
mod gc;
mod identity;
mod job;
mod lifecycle;
mod replication;
mod repository;
mod serve;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Memory that hyper's buffers free is kept for the next ones, not given back page by page.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A container registry that you own, compatible with Amazon ECR.
#[derive(Debug, Parser)]
#[command(name = "berth", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry on this machine.
    Serve(Box<serve::ServeOptions>),
    /// Make, list and delete repositories of a running registry.
    Repository(Box<repository::RepositoryCommand>),
    /// Print how many images a running registry has, and how large they are.
    Figures(Box<figures::FiguresCommand>),
    /// Look whether the registry in a data folder is whole; `berth serve` must not run on it.
    Verify(verify::VerifyCommand),
    /// Make, list and delete users of a running registry.
    User(Box<identity::UserCommand>),
    /// Make, list, switch off and delete access keys of users.
    AccessKey(Box<identity::AccessKeyCommand>),
    /// Give users policies, list them and take them away.
    Policy(Box<identity::PolicyCommand>),
    /// Print what a lifecycle policy would do to the images of a running registry.
    Lifecycle(Box<lifecycle::LifecycleCommand>),
    /// Say which AWS accounts and roles are let in, and what they may do.
    Federation(Box<federation::FederationCommand>),
    /// List jobs that failed too often, try them again, delete them.
    Job(Box<job::JobCommand>),
    /// Show the rules of replication, refine them, and see how far images are.
    Replication(Box<replication::ReplicationCommand>),
    /// Delete what no image uses from the data folder of a registry that is stopped.
    Gc(gc::GcOptions),
    /// Exchange AWS credentials for those of a session, as AWS's clients ask for them.
    CredentialProcess(Box<credential_process::CredentialProcessOptions>),
}

/// Ends with 0; with 1 and a line on standard error that says why, with its causes; or with 2, if the
/// command line itself makes no sense.
fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = match command {
        Command::Serve(options) => runtime.block_on(serve::run(*options)),
        Command::Repository(command) => runtime.block_on(command.run()),
        Command::Figures(command) => runtime.block_on(command.run()),
        Command::Verify(command) => runtime.block_on(command.run()),
        Command::User(command) => runtime.block_on(command.run()),
        Command::AccessKey(command) => runtime.block_on(command.run()),
        Command::Policy(command) => runtime.block_on(command.run()),
        Command::Lifecycle(command) => runtime.block_on(command.run()),
        Command::Federation(command) => runtime.block_on(command.run()),
        Command::Job(command) => runtime.block_on(command.run()),
        Command::Replication(command) => runtime.block_on(command.run()),
        Command::Gc(options) => runtime.block_on(options.run()),
        Command::CredentialProcess(options) => runtime.block_on(options.run()),
    };
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    result
}
