//! The connection below lettre's: TCP or TLS, with what lettre leaves out.
//!
//! - A server that talks without end is cut off: lettre reads a line into memory however long it is.
//! - A closed connection is an error, not an empty answer.
//! - No byte behind a line's end is handed out with that line. lettre would keep what somebody on the way put behind
//!   the answer to STARTTLS, and take it for an answer given under encryption; here it ends up in the TLS handshake,
//!   which fails.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// All that a server may say in one connection, in bytes. A dialogue with 50 receivers takes about 8 KiB, a TLS
/// handshake as much again.
const ANSWERS_MAX: usize = 64 * 1024;

/// A stream that is read by lines and not without end.
#[derive(Debug)]
pub(super) struct Wire<S> {
    inner: BufReader<S>,
    peer: SocketAddr,
    left: usize,
}

impl<S: AsyncRead> Wire<S> {
    pub(super) fn new(stream: S, peer: SocketAddr) -> Self {
        Self { inner: BufReader::new(stream), peer, left: ANSWERS_MAX }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { inner, left, .. } = self.get_mut();
        let there = ready!(Pin::new(&mut *inner).poll_fill_buf(cx))?;
        let line = there.iter().position(|byte| *byte == b'\n').map_or(there.len(), |end| end + 1);
        let taken = line.min(out.remaining());
        if there.is_empty() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")));
        }
        *left = left
            .checked_sub(taken)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the server never stops talking"))?;
        out.put_slice(&there[..taken]);
        Pin::new(inner).consume(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream for Wire<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// Connects to the first of the host's addresses that answers. No address may take more than `each`, nor its share of
/// the time until `until`: one that is dead leaves the others their chance.
pub(super) async fn connect(host: &str, port: u16, each: Duration, until: Instant) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (n, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let share = until.saturating_duration_since(now) / u32::try_from(addresses.len() - n).unwrap_or(u32::MAX);
        match timeout_at(now + share.min(each), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "the host does not answer"),
        }
    }
    Err(last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn wire(bytes: &[u8]) -> Wire<&[u8]> {
        Wire::new(bytes, SocketAddr::from(([127, 0, 0, 1], 25)))
    }

    #[tokio::test]
    async fn nothing_is_handed_out_beyond_the_end_of_a_line() {
        let mut wire = wire(b"220 go ahead\r\n250 smuggled\r\n");
        let mut buffer = [0; 100];
        assert_eq!(wire.read(&mut buffer).await.expect("a line"), b"220 go ahead\r\n".len());
        assert_eq!(wire.read(&mut buffer[..5]).await.expect("part of a line"), 5);
    }

    #[tokio::test]
    async fn the_end_and_too_much_are_errors() {
        let mut nothing = Vec::new();
        let error = wire(b"").read_to_end(&mut nothing).await.expect_err("the end");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let flood = vec![b'x'; ANSWERS_MAX + 1];
        let error = wire(&flood).read_to_end(&mut nothing).await.expect_err("too much");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(nothing.len() <= ANSWERS_MAX);
    }
}
