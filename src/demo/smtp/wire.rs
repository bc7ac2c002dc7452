//! The server's end of a connection: lines with a limit, and the ways to break it.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A line, without its end.
pub(super) enum Line {
    Whole(Vec<u8>),
    /// It was too long, and is gone.
    TooLong,
    /// It had a bare carriage return or line feed in it or at its end.
    Bare,
}

pub(super) struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// The next line of at most `max` bytes with its end; `None` when the client has gone.
    pub(super) async fn line(&mut self, max: usize) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX);
        (&mut self.stream).take(limit).read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            if line.len() < max {
                return Ok(None);
            }
            return Ok(self.skip_line().await?.then_some(Line::TooLong));
        }
        match line.strip_suffix(b"\r\n") {
            Some(inside) if !inside.contains(&b'\r') => Ok(Some(Line::Whole(inside.to_vec()))),
            _ => Ok(Some(Line::Bare)),
        }
    }

    /// Reads to the end of the line without keeping it; false when the client has gone.
    async fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            let there = self.stream.fill_buf().await?;
            let (length, end) = (there.len(), there.iter().position(|byte| *byte == b'\n'));
            self.stream.consume(end.map_or(length, |end| end + 1));
            if length == 0 || end.is_some() {
                return Ok(end.is_some());
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes).await
    }

    /// Sends `part` until there were so many bytes or the client has gone.
    pub(super) async fn flood(&mut self, part: &[u8], bytes: u64) -> io::Result<()> {
        let mut sent = 0;
        while sent < bytes {
            self.send(part).await?;
            sent += part.len() as u64;
        }
        Ok(())
    }

    /// Says nothing more, and takes what comes until the client has gone.
    pub(super) async fn hang(&mut self) -> io::Result<bool> {
        tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await?;
        Ok(false)
    }

    /// Makes the end of the connection a RST instead of a FIN.
    pub(super) fn reset_on_close(&self) -> io::Result<()> {
        SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO))
    }
}
