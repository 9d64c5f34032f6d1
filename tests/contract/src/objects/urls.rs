//! URLs of objects, which clients follow without credentials.

use berth_registry::ports::{ByteRange, Download};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Fixture, content};

/// What a URL answers.
struct Answer {
    status: u16,
    length: Option<u64>,
    body: Vec<u8>,
}

/// Follows `url`, which has no TLS, as a client does.
async fn ask(method: &str, url: &str, range: Option<ByteRange>) -> Answer {
    let address = url.strip_prefix("http://").expect("a URL without TLS");
    let (host, path) = address.split_once('/').expect("a URL with a path");
    let range = range.map(|range| format!("Range: bytes={}-{}\r\n", range.start, range.end - 1));
    let range = range.unwrap_or_default();
    let request =
        format!("{method} /{path} HTTP/1.1\r\nHost: {host}\r\n{range}Connection: close\r\n\r\n");
    let mut connection = TcpStream::connect(host).await.expect("the host is there");
    connection.write_all(request.as_bytes()).await.expect("a request is sent");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.expect("an answer arrives");

    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(answer[..end].to_ascii_lowercase()).expect("a head of text");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok());
    Answer { status: status.expect("a status"), length, body: answer.split_off(end + 4) }
}

/// Returns the bytes of `range`, which is not empty, at `url`.
pub(super) async fn follow(url: &str, range: ByteRange) -> Vec<u8> {
    let answer = ask("GET", url, Some(range)).await;
    assert_eq!(answer.status, 206);
    answer.body
}

pub(super) async fn are_for_one_method(f: &Fixture) {
    let content = content(60, 1000);
    f.put("a", &content).await;
    let head = f.objects.head_url(&f.key("a")).await.expect("a URL is made");
    let get = f.objects.download(&f.key("a"), 0..1000).await.expect("a URL is made");
    let (head, get) = match (head, get) {
        (Some(head), Download::Redirect(get)) => (head, get),
        // A store whose files are answered here has none.
        (None, Download::File(_)) => return,
        other => panic!("one has a URL, the other has none: {other:?}"),
    };
    let answer = ask("HEAD", &head, None).await;
    assert_eq!((answer.status, answer.length), (200, Some(1000)));
    let answer = ask("GET", &get, None).await;
    assert_eq!((answer.status, answer.body), (200, content.to_vec()));

    assert_eq!(ask("GET", &head, None).await.status, 403);
    assert_eq!(ask("HEAD", &get, None).await.status, 403);
    let altered = head.replace("-a?", "-b?");
    assert_ne!(altered, head);
    assert_eq!(ask("HEAD", &altered, None).await.status, 403);
}
