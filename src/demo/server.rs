//! A stand-in's server: actix-web on 127.0.0.1, port 0, in a thread of its own.
//!
//! The thread has its own runtime, so that a stand-in can be started, switched and dropped from synchronous code and
//! from any runtime, and cannot be slowed down by what it is there to test. One worker.

use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use socket2::{SockRef, Socket};
use tokio::sync::watch;

use super::fault::Fault;
use super::misbehaviour;
use super::stand_in::{Core, Party};
use super::wire::{Received, Reply};

/// No party takes a body that is longer; its own limit may be lower.
const BODY_LIMIT: usize = 1024 * 1024;

/// A running server; dropping it stops it.
pub(super) struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds, starts the thread and returns once the server can be stopped; connections are taken from then on.
    pub(super) fn start<P: Party>(core: Arc<Core<P>>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (tell, told) = mpsc::channel();
        let thread = thread::Builder::new().name(format!("demo-{}", P::NAME)).spawn(move || {
            if let Err(error) = run(listener, core, &tell) {
                // Nobody listens any more if it had started: then it was stopped.
                let _ = tell.send(Err(error));
            }
        })?;
        let handle = told.recv().map_err(|_| io::Error::other("the stand-in's thread ended at its start"))??;
        Ok(Self { address, handle, thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent by the call itself; its future would only wait for the end, as the join does.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // A panic in there was shown by the panic hook already.
            let _ = thread.join();
        }
    }
}

fn run<P: Party>(
    listener: TcpListener,
    core: Arc<Core<P>>,
    tell: &mpsc::Sender<io::Result<ServerHandle>>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let core = web::Data::from(core);
    runtime.block_on(async {
        let app = move || App::new().app_data(core.clone()).default_service(web::to(answer::<P>));
        let server = HttpServer::new(app)
            .workers(1)
            .worker_max_blocking_threads(1)
            .disable_signals()
            .h1_allow_half_closed(false)
            .on_connect(|stream, data| {
                let stream = stream.downcast_ref::<TcpStream>();
                if let Some(Ok(socket)) = stream.map(|stream| SockRef::from(stream).try_clone()) {
                    data.insert(Connection(socket));
                }
            })
            .listen(listener)?
            .run();
        // The receiver waits for it.
        let _ = tell.send(Ok(server.handle()));
        server.await
    })
}

/// A second descriptor of the connection's socket, through which a request can have it reset.
struct Connection(Socket);

async fn answer<P: Party>(core: web::Data<Core<P>>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let busy = Busy::new(&core.busy);
    let body = match payload.to_bytes_limited(BODY_LIMIT).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return HttpResponse::BadRequest().finish(),
        Err(_) => return respond(core.party.refusal(413, None)),
    };
    let received = Received::new(&request, body);
    let fault = core.faults.meet(&received.path);
    core.requests.record(received.for_the_journal());
    match fault {
        None => respond(core.party.answer(&received).await),
        Some(Fault::Delay(time)) => {
            let reply = core.party.answer(&received).await;
            tokio::time::sleep(time).await;
            respond(reply)
        }
        Some(Fault::Status { code, retry_after, body }) => {
            let mut reply = core.party.refusal(code, retry_after);
            reply.body = body.unwrap_or(reply.body);
            respond(reply)
        }
        Some(Fault::Hang) => pending().await,
        Some(Fault::Reset) => reset(&request),
        Some(Fault::Html { code }) => misbehaviour::html(code),
        Some(Fault::HalfJson) => misbehaviour::half_json(),
        Some(Fault::HugeBody { bytes }) => misbehaviour::huge_body(bytes, busy),
        Some(Fault::Drip { every }) => misbehaviour::drip(every, busy),
        Some(Fault::WrongContentType) => misbehaviour::wrong_content_type(),
        Some(Fault::Redirect { to }) => misbehaviour::redirect(&to),
    }
}

fn respond(reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::build(status(reply.status));
    response.content_type("application/json; charset=utf-8");
    for header in reply.headers {
        response.insert_header(header);
    }
    response.body(reply.body)
}

/// The status `code`, or 500 if there is no such status.
pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Ends the connection's task, with a socket that answers its end with RST.
///
/// actix-web has no way to leave a request without an answer but to unwind: the task of the connection ends, its
/// neighbours and the worker do not notice. Unlike `panic!`, this bothers no panic hook.
fn reset(request: &HttpRequest) -> HttpResponse {
    if let Some(Connection(socket)) = request.conn_data() {
        // Without it the peer sees the connection closed instead, which is nearly as bad.
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
    std::panic::resume_unwind(Box::new("the connection is reset on purpose"))
}

/// Counts a request as being worked on while it exists.
pub(super) struct Busy(watch::Sender<usize>);

impl Busy {
    fn new(busy: &watch::Sender<usize>) -> Self {
        busy.send_modify(|busy| *busy += 1);
        Self(busy.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}
