//! A blocking connection that drops the bodies of responses unread.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::http::{Body, Caller, Request, Response};

/// Bytes to read at once while a head is expected: few, so that a body is dropped, not copied.
const HEAD: usize = 2 << 10;

/// Bytes to drop at once.
const DROP: usize = 4 << 20;

/// A connection that is kept alive, for one request at a time.
#[derive(Debug)]
pub struct Connection {
    caller: Caller,
    stream: TcpStream,
    received: Vec<u8>,
    /// Never touched: the kernel is told to drop what it would write here.
    dropped: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Fails when nothing listens.
    pub fn open(caller: &Caller) -> Result<Self> {
        let stream = caller.connect()?;
        Ok(Self { caller: caller.clone(), stream, received: Vec::new(), dropped: vec![0; DROP] })
    }

    /// Sends the request; drops the body of the response, and returns its length.
    ///
    /// # Errors
    ///
    /// Fails when the connection does.
    pub fn exchange(&mut self, request: &Request<'_>) -> Result<(Response, u64)> {
        let response = self.send(request)?;
        if request.method == "HEAD" {
            return Ok((response, 0));
        }
        if response.is_chunked() {
            let length = self.read_chunks()?.len() as u64;
            return Ok((response, length));
        }
        let length = response.length()?.context("response of unknown length")?;
        self.drop_body(length)?;
        Ok((response, length))
    }

    /// Sends the request, and returns the response with its body.
    ///
    /// # Errors
    ///
    /// Fails when the connection does.
    pub fn read(&mut self, request: &Request<'_>) -> Result<(Response, Vec<u8>)> {
        let response = self.send(request)?;
        let body = if response.is_chunked() {
            self.read_chunks()?
        } else {
            let length = response.length()?.context("response of unknown length")?;
            self.take(usize::try_from(length)?)?
        };
        Ok((response, body))
    }

    /// Sends the request, which must be answered with `status`; drops the body of the response,
    /// and returns its length.
    ///
    /// # Errors
    ///
    /// Fails when the connection does, or on another status.
    pub fn expect(&mut self, status: u16, request: &Request<'_>) -> Result<(Response, u64)> {
        let (response, length) = self.exchange(request)?;
        if response.status() != status {
            let Request { method, target, .. } = request;
            bail!("{method} {target} answers {}, expected {status}", response.status());
        }
        Ok((response, length))
    }

    fn send(&mut self, request: &Request<'_>) -> Result<Response> {
        self.received.clear();
        self.stream.write_all(request.head(&self.caller).as_bytes())?;
        match request.body {
            Body::Empty => {}
            Body::Bytes(_, bytes) => self.stream.write_all(bytes)?,
            Body::Blob(pattern, blob) => blob.send(pattern, &self.stream)?,
            Body::Chunked(pattern, blob) => blob.send_chunked(pattern, &self.stream)?,
        }
        let head = self.take_until(b"\r\n\r\n")?;
        Response::parse(&head)
    }

    /// Reads more into `received`.
    fn fill(&mut self) -> Result<()> {
        let length = self.received.len();
        self.received.resize(length + HEAD, 0);
        let read = self.stream.read(&mut self.received[length..])?;
        self.received.truncate(length + read);
        if read == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }

    /// Reads up to the mark, and returns what stands before it.
    fn take_until(&mut self, mark: &[u8]) -> Result<Vec<u8>> {
        loop {
            let found = self.received.windows(mark.len()).position(|window| window == mark);
            if let Some(length) = found {
                let rest = self.received.split_off(length + mark.len());
                let mut taken = std::mem::replace(&mut self.received, rest);
                taken.truncate(length);
                return Ok(taken);
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.received.len() < length {
            self.fill()?;
        }
        let rest = self.received.split_off(length);
        Ok(std::mem::replace(&mut self.received, rest))
    }

    fn read_chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.take_until(b"\r\n")?;
            let size = usize::from_str_radix(std::str::from_utf8(&size)?, 16)?;
            if size == 0 {
                self.take_until(b"\r\n")?;
                return Ok(body);
            }
            body.append(&mut self.take(size)?);
            self.take(2)?;
        }
    }

    fn drop_body(&mut self, length: u64) -> Result<()> {
        let mut rest = length.checked_sub(self.received.len() as u64).context("body too long")?;
        self.received.clear();
        while rest > 0 {
            let limit = usize::try_from(rest).unwrap_or(DROP).min(DROP);
            match recv(&self.stream, &mut self.dropped[..limit], RecvFlags::TRUNC) {
                Ok((_, 0)) => bail!("the server closed the connection"),
                Ok((_, dropped)) => rest -= dropped as u64,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
