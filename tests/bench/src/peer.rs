//! The registries under test, and how each is started.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use tempfile::TempDir;

use crate::connection::Connection;
use crate::http::{Caller, Request};
use crate::options::Options;
use crate::process::Memory;

/// The release of distribution that we measure.
const DISTRIBUTION: &str = "github.com/distribution/distribution/v3/cmd/registry@v3.1.1";

/// How long a peer may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);

const ACCESS_KEY_ID: &str = "AKIABENCHBENCHBENCH0";
const SECRET_ACCESS_KEY: &str = "bench/bench/bench/bench/bench/bench/benc";

/// A registry to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This project's `berth serve`, with authentication on.
    Berth,
    /// CNCF Distribution v3 with its file-system driver, without authentication.
    Distribution,
    /// Zot with its local storage, without authentication.
    Zot,
}

impl Kind {
    /// Every peer, in the order of the table; Berth is the first.
    pub const ALL: [Self; 3] = [Self::Berth, Self::Distribution, Self::Zot];

    /// Returns the name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Berth => "berth",
            Self::Distribution => "distribution",
            Self::Zot => "zot",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A registry whose program is there.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Which registry.
    pub kind: Kind,
    program: PathBuf,
    data: PathBuf,
}

impl Peer {
    /// Finds the program of `kind`; distribution is installed if it is missing.
    ///
    /// # Errors
    ///
    /// Fails with the reason, when the program cannot be had.
    pub fn find(kind: Kind, options: &Options) -> Result<Self> {
        let program = match kind {
            Kind::Berth => match &options.berth {
                Some(path) => path.clone(),
                None => std::env::current_exe()?.with_file_name("berth"),
            },
            Kind::Distribution => options.tools.join("registry"),
            Kind::Zot => options.tools.join("zot"),
        };
        if kind == Kind::Distribution && !program.exists() {
            install_distribution(&options.tools)?;
        }
        if !program.exists() {
            bail!("not installed (no {})", program.display());
        }
        Ok(Self { kind, program: program.canonicalize()?, data: options.data.clone() })
    }

    /// Returns what the program says of its version.
    #[must_use]
    pub fn version(&self) -> String {
        let said = Command::new(&self.program).arg("--version").output();
        let said = said.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let line = said.lines().next().unwrap_or("unknown");
        // Zot says it in a line of its log.
        let log: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let words: Vec<&str> = match log["commit"].as_str() {
            Some(commit) => vec![commit],
            // The first word is the program, or its path.
            None => line.split_whitespace().skip(1).collect(),
        };
        words.join(" ")
    }

    /// Starts the registry on a free port with an empty data folder, and waits until it answers.
    ///
    /// # Errors
    ///
    /// Fails when it ends, or does not answer in time.
    pub fn start(&self) -> Result<Instance> {
        let folder = TempDir::with_prefix_in(format!("{}-", self.kind), &self.data)?;
        let address = free_address()?;
        let mut command = self.command(folder.path(), address)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("run {}", self.program.display()))?;
        let authorization = (self.kind == Kind::Berth).then(|| {
            let pair = format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}");
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        let caller = Caller::new(address, authorization.as_deref());
        let mut instance = Instance { child, caller, startup: Duration::ZERO, _folder: folder };
        instance.wait_until_ready(started).with_context(|| format!("start {}", self.kind))?;
        Ok(instance)
    }

    fn command(&self, folder: &Path, address: SocketAddr) -> Result<Command> {
        let data = folder.join("data");
        let mut command = Command::new(&self.program);
        match self.kind {
            Kind::Berth => {
                command.args(["serve", "--listen", &address.to_string()]);
                command.arg("--data-dir").arg(&data);
                command.env("BERTH_ROOT_ACCESS_KEY_ID", ACCESS_KEY_ID);
                command.env("BERTH_ROOT_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
            }
            Kind::Distribution => {
                let config = folder.join("config.yml");
                fs::write(&config, distribution_config(&data, address))?;
                command.arg("serve").arg(config);
                // Else it spends time on looking for a collector of traces.
                command.env("OTEL_TRACES_EXPORTER", "none");
            }
            Kind::Zot => {
                let config = folder.join("config.json");
                fs::write(&config, zot_config(&data, address))?;
                command.arg("serve").arg(config);
            }
        }
        Ok(command)
    }
}

/// The shipped example of a configuration: a file system, and descriptors cached in memory.
fn distribution_config(data: &Path, address: SocketAddr) -> String {
    format!(
        "version: 0.1\n\
         storage:\n  \
           cache:\n    blobdescriptor: inmemory\n  \
           filesystem:\n    rootdirectory: {}\n\
         http:\n  addr: {address}\n  secret: bench\n",
        data.display(),
    )
}

fn zot_config(data: &Path, address: SocketAddr) -> String {
    serde_json::json!({
        "distSpecVersion": "1.1.1",
        "storage": { "rootDirectory": data, "gc": false },
        "http": { "address": address.ip().to_string(), "port": address.port().to_string() },
        "log": { "level": "info" },
    })
    .to_string()
}

fn install_distribution(tools: &Path) -> Result<()> {
    eprintln!("installing {DISTRIBUTION} into {} …", tools.display());
    fs::create_dir_all(tools)?;
    let status = Command::new("go")
        .args(["install", DISTRIBUTION])
        .env("GOBIN", tools.canonicalize()?)
        .status()
        .context("run go")?;
    if !status.success() {
        bail!("`go install {DISTRIBUTION}` failed");
    }
    Ok(())
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// A running registry; ends, and loses its data, when dropped.
#[derive(Debug)]
pub struct Instance {
    child: Child,
    caller: Caller,
    startup: Duration,
    _folder: TempDir,
}

impl Instance {
    /// Returns the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns how to make requests to it.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the time from the start of the process to its first answer of 200 at `/v2/`.
    #[must_use]
    pub fn startup(&self) -> Duration {
        self.startup
    }

    /// Reads the memory of the process.
    ///
    /// # Errors
    ///
    /// Fails when it has ended.
    pub fn memory(&self) -> Result<Memory> {
        Memory::of(self.pid())
    }

    fn wait_until_ready(&mut self, started: Instant) -> Result<()> {
        while started.elapsed() < START_LIMIT {
            let answer = Connection::open(&self.caller)
                .and_then(|mut connection| connection.exchange(&Request::get("/v2/")));
            match answer {
                Ok((response, _)) if response.status() == 200 => {
                    self.startup = started.elapsed();
                    return Ok(());
                }
                Ok((response, _)) => bail!("/v2/ answers {}", response.status()),
                Err(_) => pause(Duration::from_micros(200)),
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
        }
        bail!("no answer within {START_LIMIT:?}")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Its data goes with it, so there is nothing to end in order.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sleeps: this tool has threads, not an executor.
#[expect(clippy::disallowed_methods, reason = "no executor to block")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distribution_config_is_indented() {
        let address = SocketAddr::from(([127, 0, 0, 1], 5000));
        let config = distribution_config(Path::new("/data"), address);
        assert_eq!(
            config,
            "version: 0.1\nstorage:\n  cache:\n    blobdescriptor: inmemory\n  filesystem:\n    \
             rootdirectory: /data\nhttp:\n  addr: 127.0.0.1:5000\n  secret: bench\n"
        );
    }
}
