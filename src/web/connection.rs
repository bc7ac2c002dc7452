//! Connections that only take up room are closed.
//!
//! actix-http limits the time of a connection's first request's head, and the rest between two requests; but it drops
//! both limits as soon as one byte of a second request is there, and it waits without limit for a client that does not
//! read its answer. A few hundred such connections would be all that we serve. So each connection is looked at once
//! every [`LIMIT`], and one that has not begun a request since the last look is shut. No client that means well
//! notices: at rest for that long, it would have been closed anyway, and no request takes that long.

use std::any::Any;
use std::cell::Cell;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::rt::net::TcpStream;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::{spawn, time};
use socket2::{SockRef, Socket};

use super::KEEP_ALIVE;

/// The time in which a connection has to begin a request: later than it would be closed for being at rest.
const LIMIT: Duration = KEEP_ALIVE.saturating_add(Duration::from_secs(5));

/// Whether a request has begun since the last look.
type Pulse = Rc<Cell<bool>>;

/// Looks after a connection for as long as it is there.
struct Watch {
    pulse: Pulse,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to watch a new connection, over a second descriptor of its socket.
pub(super) fn watch(stream: &dyn Any, extensions: &mut Extensions) {
    watch_for(LIMIT, stream, extensions);
}

fn watch_for(limit: Duration, stream: &dyn Any, extensions: &mut Extensions) {
    let socket = stream.downcast_ref::<TcpStream>().map(|stream| SockRef::from(stream).try_clone());
    // Without a descriptor to spare, the connection is merely not watched.
    let Some(Ok(socket)) = socket else { return };
    let pulse = Pulse::default();
    #[expect(clippy::disallowed_methods, reason = "no part of an actor; it ends with its connection")]
    let task = spawn(shut_when_still(socket, Rc::clone(&pulse), limit));
    extensions.insert(Watch { pulse, task });
}

async fn shut_when_still(socket: Socket, pulse: Pulse, limit: Duration) {
    loop {
        time::sleep(limit).await;
        if !pulse.replace(false) {
            // An error means that the other side was faster.
            let _ = socket.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Notes that a request has begun.
pub(super) fn beat(request: &ServiceRequest) {
    if let Some(watch) = request.conn_data::<Watch>() {
        watch.pulse.set(true);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use actix_web::{App, HttpResponse, HttpServer, web};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;
    use crate::web::guard::guarded;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const LONG: Duration = Duration::from_secs(20);

    /// A server as ours, that is only less patient.
    fn serve(limit: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = HttpServer::new(|| {
            App::new().default_service(web::to(|| async { HttpResponse::Ok().body("served") })).wrap_fn(guarded)
        })
        .workers(1)
        .keep_alive(KEEP_ALIVE)
        .on_connect(move |stream, extensions| watch_for(limit, stream, extensions))
        .disable_signals()
        .listen(listener)
        .unwrap();
        spawn(server.run());
        address
    }

    async fn hear(stream: &mut TcpStream) -> String {
        let mut heard = vec![];
        while !heard.ends_with(b"served") {
            let read = timeout(LONG, stream.read_buf(&mut heard)).await.expect("nothing comes").unwrap();
            assert!(read > 0, "closed");
        }
        String::from_utf8(heard).unwrap()
    }

    #[actix_web::test]
    async fn a_second_head_or_a_body_that_never_ends_is_cut() {
        let address = serve(Duration::from_millis(100));
        let chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\nx";
        for more in [&b"GET / HTTP/1.1\r\nX-Slow: "[..], b"G", b"", chunked] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(REQUEST).await.unwrap();
            hear(&mut stream).await;
            stream.write_all(more).await.unwrap();
            let mut rest = vec![];
            let end = timeout(LONG, stream.read_to_end(&mut rest)).await;
            assert!(end.is_ok(), "still open after {:?}", String::from_utf8_lossy(more));
        }
    }

    #[actix_web::test]
    async fn a_connection_in_use_is_left_alone() {
        let limit = Duration::from_secs(1);
        let mut stream = TcpStream::connect(serve(limit)).await.unwrap();
        let mut beat = time::interval(limit / 8);
        for _ in 0..24 {
            beat.tick().await;
            stream.write_all(REQUEST).await.unwrap();
            assert!(hear(&mut stream).await.starts_with("HTTP/1.1 200"));
        }
    }
}
