//! Small requests on many connections, from one thread: the client must not be what is measured.

use std::io::Write as _;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::http::Response;
use crate::peer::Instance;
use crate::sample::{Sample, Stopwatch};

/// Bytes to read at once; more than a response of the benchmark has.
const RESPONSE: usize = 4 << 10;

/// How long unmeasured requests may take: a registry that needs longer is not measured.
const FILL_LIMIT: Duration = Duration::from_secs(90);

/// Requests of one kind, each connection sending its next when it has the answer to its last.
#[derive(Debug)]
pub struct Load {
    /// Connections, all kept alive.
    pub connections: usize,
    /// The status of every answer.
    pub status: u16,
    /// Time before the measurement.
    pub warm_up: Duration,
    /// Time of the measurement.
    pub duration: Duration,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
enum Until {
    Time(Instant),
    /// So many requests were sent; it fails at the time.
    Sent(u64, Instant),
}

impl Until {
    fn wants_more(self, sent: u64) -> Result<bool> {
        match self {
            Self::Time(end) => Ok(Instant::now() < end),
            Self::Sent(count, end) if sent < count && Instant::now() >= end => {
                bail!("only {sent} of {count} requests were answered within {FILL_LIMIT:?}")
            }
            Self::Sent(count, _) => Ok(sent < count),
        }
    }
}

impl Load {
    /// Runs for the time of the measurement; `request(n)` makes the whole `n`-th request.
    ///
    /// # Errors
    ///
    /// Fails on an answer of another status, or when a connection does.
    pub fn measure(
        &self,
        instance: &Instance,
        request: &mut dyn FnMut(u64) -> Vec<u8>,
    ) -> Result<Sample> {
        let mut clients = Clients::connect(self, instance)?;
        clients.run(Until::Time(Instant::now() + self.warm_up), request)?;
        let before = clients.answered;
        let stopwatch = Stopwatch::start(instance)?;
        clients.run(Until::Time(Instant::now() + self.duration), request)?;
        stopwatch.stop(clients.answered - before)
    }

    /// Sends so many requests, without measuring.
    ///
    /// # Errors
    ///
    /// Fails on an answer of another status, when a connection does, or when it takes too long.
    pub fn send(
        &self,
        instance: &Instance,
        count: u64,
        request: &mut dyn FnMut(u64) -> Vec<u8>,
    ) -> Result<()> {
        let until = Until::Sent(count, Instant::now() + FILL_LIMIT);
        Clients::connect(self, instance)?.run(until, request)
    }
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
struct Clients {
    epoll: rustix::fd::OwnedFd,
    all: Vec<Client>,
    status: u16,
    sent: u64,
    answered: u64,
}

impl Clients {
    fn connect(load: &Load, instance: &Instance) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut clients = Vec::new();
        for index in 0..load.connections {
            let stream = instance.caller().connect()?;
            epoll::add(&epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
            clients.push(Client { stream, received: Vec::with_capacity(RESPONSE) });
        }
        Ok(Self { epoll, all: clients, status: load.status, sent: 0, answered: 0 })
    }

    fn run(&mut self, until: Until, request: &mut dyn FnMut(u64) -> Vec<u8>) -> Result<()> {
        let mut waiting = 0;
        for index in 0..self.all.len() {
            if until.wants_more(self.sent)? {
                self.send(index, request)?;
                waiting += 1;
            }
        }
        let mut events = [const { MaybeUninit::uninit() }; 64];
        while waiting > 0 {
            let (ready, _) = match epoll::wait(&self.epoll, &mut events, None) {
                Err(Errno::INTR) => continue,
                ready => ready?,
            };
            for event in ready.iter() {
                let index = usize::try_from(event.data.u64())?;
                if !self.all[index].receive(self.status)? {
                    continue;
                }
                self.answered += 1;
                if until.wants_more(self.sent)? {
                    self.send(index, request)?;
                } else {
                    waiting -= 1;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, index: usize, request: &mut dyn FnMut(u64) -> Vec<u8>) -> Result<()> {
        let bytes = request(self.sent);
        self.sent += 1;
        Ok(self.all[index].stream.write_all(&bytes)?)
    }
}

impl Client {
    /// Reads what is there, and tells whether the response is complete.
    fn receive(&mut self, status: u16) -> Result<bool> {
        let length = self.received.len();
        let mut more = [0; RESPONSE];
        let (_, read) = recv(&self.stream, &mut more[..], RecvFlags::DONTWAIT)?;
        if read == 0 {
            bail!("the server closed the connection after {length} bytes");
        }
        self.received.extend_from_slice(&more[..read]);
        let end = self.received.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else { return Ok(false) };
        let response = Response::parse(&self.received[..end])?;
        let body = &self.received[end + 4..];
        let complete = if response.is_chunked() {
            body.ends_with(b"0\r\n\r\n")
        } else {
            let length = response.length()?.context("response of unknown length")?;
            body.len() as u64 >= length
        };
        if complete && response.status() != status {
            let body = String::from_utf8_lossy(body);
            bail!("answered {}, expected {status}: {body}", response.status());
        }
        if complete {
            self.received.clear();
        }
        Ok(complete)
    }
}
