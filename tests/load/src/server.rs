//! `berth serve`, on a data folder that was filled.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use berth_bench::connection::Connection;
use berth_bench::http::{Caller, Request};
use berth_bench::process::{Memory, processor_time};
use serde_json::{Value, json};

use crate::asked::{Asked, Held, Kind, post};

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long the work may take that was due when a server started.
const SETTLE_LIMIT: Duration = Duration::from_mins(10);

/// Processor time within a second, of a server that has nothing to do.
const IDLE: Duration = Duration::from_millis(30);

/// A server, and what it holds; it ends with the value.
pub(crate) struct Server {
    child: Child,
    caller: Caller,
    pub(crate) held: Held,
}

impl Server {
    /// Starts a server on a folder that was filled with so many images, and waits for it. Whoever
    /// comes is let in: a signature would take the same time with each.
    pub(crate) fn start(berth: &Path, data_dir: &Path, images: usize) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(berth);
        command.args(["serve", "--open", "--listen", &address.to_string(), "--data-dir"]);
        command.arg(data_dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("run {}", berth.display()))?;
        let held = Held { images, tokens: Vec::new() };
        let mut server = Self { child, caller: Caller::new(address, None), held };
        server.wait(address)?;
        server.held.tokens = server.tokens()?;
        Ok(server)
    }

    /// Waits until the server has nothing to do: on a folder that lay for hours, jobs are due that it
    /// would have done in those hours.
    pub(crate) fn settle(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < SETTLE_LIMIT {
            let before = processor_time(self.child.id())?;
            pause(Duration::from_secs(1));
            if processor_time(self.child.id())? <= before + IDLE {
                return Ok(());
            }
        }
        bail!("the server of {} images still works after {SETTLE_LIMIT:?}", self.held.images)
    }

    /// Opens a connection for requests of a kind.
    pub(crate) fn connect(&self, kind: Kind) -> Result<Connection> {
        let caller = self.caller.clone();
        Connection::open(&match kind.operation() {
            Some(operation) => caller.with_header("X-Amz-Target", operation),
            None => caller,
        })
    }

    /// Returns the memory of the process.
    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(self.child.id())
    }

    fn wait(&mut self, address: SocketAddr) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            let answer = Connection::open(&self.caller)
                .and_then(|mut connection| connection.exchange(&Request::get("/v2/")));
            if answer.is_ok_and(|(response, _)| response.status() == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("`berth serve` ended with {status}");
            }
            pause(Duration::from_millis(5));
        }
        bail!("no answer at {address} within {START_LIMIT:?}")
    }

    /// Walks over the pages of all repositories, and returns what begins a whole page.
    fn tokens(&self) -> Result<Vec<String>> {
        let mut connection = self.connect(Kind::DescribeRepositories)?;
        let mut tokens = Vec::new();
        loop {
            let input = json!({ "maxResults": 100, "nextToken": tokens.last() });
            let Asked { method, target, body } = post(&input);
            let asked = Asked { method, target, body };
            let request = Request { method, target: &asked.target, body: asked.body() };
            let (response, body) = connection.read(&request)?;
            let output: Value = serde_json::from_slice(&body)?;
            ensure!(response.status() == 200, "DescribeRepositories answers {output}");
            let page = output["repositories"].as_array().map_or(0, Vec::len);
            if page < 100 {
                // The last token begins a page that is not whole.
                tokens.pop();
                return Ok(tokens);
            }
            match output["nextToken"].as_str() {
                Some(token) => tokens.push(token.to_owned()),
                None => return Ok(tokens),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sleeps: this tool has threads, not an executor, while it measures.
#[expect(clippy::disallowed_methods, reason = "no executor to block")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
