//! The program itself over a database: this very program, started again.

// Here is no actor whose thread must not be blocked.
#![allow(clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// With this argument we are the service.
pub const ARGUMENT: &str = "serve";

/// How long we wait for what has to come.
const SOON: Duration = Duration::from_secs(60);

/// The service, until this is dropped.
pub struct Service {
    child: Child,
    connection: Mutex<BufReader<TcpStream>>,
}

impl Service {
    /// Starts it over the database in `file`, with no party and no channel; comes back when there is a report.
    pub fn start(file: &Path) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(ARGUMENT).current_dir(file.parent().unwrap()).env_clear();
        command.env("PORT", port.to_string()).env("DATABASE_URL", format!("sqlite://{}", file.display()));
        command.env("HOST", "127.0.0.1").env("CHECK_INTERVAL", "24h").env("RUST_LOG", "error");
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + SOON;
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let service = Self { child, connection: Mutex::new(BufReader::new(stream)) };
        service.ask("/ops-report");
        service
    }

    /// How long the answer to `GET path` takes.
    pub fn ask(&self, path: &str) -> Duration {
        let mut connection = self.connection.lock().unwrap();
        let began = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n");
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let from = head.len();
            assert!(connection.read_line(&mut head).unwrap() > 0, "the connection was ended after {head:?}");
            if let Some(said) = head[from..].to_ascii_lowercase().strip_prefix("content-length:") {
                length = said.trim().parse().unwrap();
            }
        }
        connection.read_exact(&mut vec![0; length]).unwrap();
        let took = began.elapsed();
        // A report that is not all well is a 503.
        assert!(head.starts_with("HTTP/1.1 200") || path == "/ops-report", "{path}: {head}");
        took
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
