//! As much of HTTP/1.1 as it takes to ask a server on loopback, and to ask it over and over.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Keep-alive connections of a load.
const CONNECTIONS: usize = 64;

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// The request for `path`, with a bearer token if there is one.
pub fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n").into_bytes()
}

impl Connection {
    pub async fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4096) })
    }

    /// Sends `request` and reads the whole answer, which has to tell its length.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let (status, head) = self.exchange(request).await?;
        Ok(Answer { status, body: self.received.split_off(head) })
    }

    /// The status, and how long the head is; head and body are in `received`.
    async fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let mut whole = None;
        loop {
            if let Some((status, head, length)) = whole
                && self.received.len() >= head + length
            {
                return Ok((status, head));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            whole = whole.or_else(|| read_head(&self.received));
        }
    }
}

/// The status, the length of the head, and that of the body; nothing as long as the head is not complete.
fn read_head(received: &[u8]) -> Option<(u16, usize, usize)> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = str::from_utf8(&received[..end]).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((status, end, length?))
}

/// Asks for `path` over 64 connections at a time, each as fast as it is answered; says how many answers came.
pub async fn load(port: u16, path: &str, time: Duration) -> io::Result<u64> {
    let end = Instant::now() + time;
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (request, mut connection) = (get(path, None), Connection::open(port).await?);
        clients.spawn(async move {
            let mut answers = 0;
            while Instant::now() < end {
                connection.exchange(&request).await?;
                answers += 1;
            }
            Ok::<u64, io::Error>(answers)
        });
    }
    let mut sum = 0;
    for answers in clients.join_all().await {
        sum += answers?;
    }
    Ok(sum)
}
