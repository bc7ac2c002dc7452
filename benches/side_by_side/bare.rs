//! The peer: actix-web alone, in a process of its own, with one handler that returns the same bytes from as many workers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use actix_web::{App, HttpResponse, HttpServer, web};

use super::process::Process;

/// The argument that makes this program the bare server.
pub const ARGUMENT: &str = "bare";

/// As many as the service has.
const WORKERS: usize = 1;

/// The bare server, running.
pub struct Bare {
    pub process: Process,
    pub port: u16,
}

impl Bare {
    /// Starts this program anew as a server of `body`.
    pub fn start(body: &[u8]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let stdin = process.0.stdin.take();
        stdin.ok_or_else(|| io::Error::other("no stdin"))?.write_all(body)?;
        let stdout = process.0.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { process, port })
    }
}

/// Serves what comes from stdin, says on which port, and never ends by itself.
pub fn serve() -> io::Result<()> {
    let mut body = vec![];
    io::stdin().read_to_end(&mut body)?;
    let body = web::Bytes::from(body);
    actix_web::rt::System::new().block_on(async {
        let answer = move |body: web::Data<web::Bytes>| async move {
            HttpResponse::Ok().content_type("application/json").body((**body).clone())
        };
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::new(body.clone())).route("/ops-report", web::get().to(answer))
        });
        let server = server.workers(WORKERS).disable_signals().bind(("127.0.0.1", 0))?;
        let port = server.addrs().first().map_or(0, std::net::SocketAddr::port);
        writeln!(io::stdout(), "{port}")?;
        server.run().await
    })
}
