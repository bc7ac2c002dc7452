//! PostgreSQL for tests, from the packages of the distribution (`tests/run` installs them): a server of its own in a
//! directory of its own, which ends when the test program ends, however it ends. It never runs as root.
//!
//! A machine without PostgreSQL makes the tests fail; they never pass for want of it.

// Each test program uses a part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps one server. `stop` on its standard input ends the server, the end of the input does too and removes its
/// directory: that is how it outlives no test program.
const KEEPER: &str = r#"
set -u
bin=$1 port=$2 dir=$3 certificate=$4 key=$5
if [ -z "$dir" ]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/watch-postgres.XXXXXX") || exit 1
    "$bin/initdb" -D "$dir/data" -U watch -A trust -N -E UTF8 --locale=C >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
    (umask 077; printf '%s' "$key" >"$dir/server.key"; printf '%s' "$certificate" >"$dir/server.crt")
fi
echo "$dir"
"$bin/postgres" -D "$dir/data" -k "$dir" -p "$port" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=400 \
    -c shared_buffers=32MB -c ssl=on -c "ssl_cert_file=$dir/server.crt" -c "ssl_key_file=$dir/server.key" \
    </dev/null >>"$dir/log" 2>&1 &
server=$!
if read -r order; then kill -INT "$server"; wait "$server"; exit 0; fi
kill -INT "$server"; wait "$server"; rm -rf "$dir"
"#;

/// A server.
pub struct Server {
    bin: PathBuf,
    port: u16,
    directory: PathBuf,
    running: Mutex<Option<(Child, ChildStdin)>>,
}

/// A database on a server, empty at first, and gone when it is dropped.
pub struct Database {
    server: &'static Server,
    name: String,
}

/// The server that the tests of this program share.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::start)
}

impl Server {
    /// A new server.
    pub fn start() -> Self {
        let bin = programs();
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let (directory, child, input) = keep(&bin, port, None);
            let server = Self { bin: bin.clone(), port, directory, running: Mutex::new(Some((child, input))) };
            if server.is_up() {
                return server;
            }
            // Somebody else took the port in between.
        }
        panic!("PostgreSQL does not start");
    }

    /// Starts it again where it was, after [`Server::stop`].
    pub fn start_again(&self) {
        let (_, child, input) = keep(&self.bin, self.port, Some(&self.directory));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((child, input));
        assert!(self.is_up(), "PostgreSQL does not start again");
    }

    /// Stops it; whoever is connected is thrown out.
    pub fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (mut child, mut input) = running.expect("a server that runs");
        input.write_all(b"stop\n").unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// A database for one test.
    pub fn database(&'static self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Relaxed));
        assert!(self.says("postgres", &format!("CREATE DATABASE {name}")), "a database can be created");
        Database { server: self, name }
    }

    /// Has `statement` run in `database`; says whether that went well.
    pub fn says(&self, database: &str, statement: &str) -> bool {
        let said = self.psql(database).args(["-c", statement]).stdin(Stdio::null()).output();
        said.expect("psql can be run").status.success()
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-q", "-U", "watch", "-v", "ON_ERROR_STOP=1", "-d", database, "-h"]).arg(&self.directory);
        psql.args(["-p", &self.port.to_string()]);
        psql
    }

    fn is_up(&self) -> bool {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if self.says("postgres", "SELECT 1") {
                return true;
            }
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            if log.contains("database system is shut down") && log.contains("could not create any TCP/IP sockets") {
                return false;
            }
            if running.as_mut().is_none_or(|(keeper, _)| keeper.try_wait().unwrap().is_some()) {
                return false;
            }
            drop(running);
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Database {
    /// Its URL, over the socket.
    pub fn url(&self) -> String {
        let Self { server, name } = self;
        format!("postgres:///{name}?user=watch&host={}&port={}", server.directory.display(), server.port)
    }

    /// Its URL over TCP, with `password`, which the server does not ask for, and `options` such as `sslmode=require`.
    pub fn tcp(&self, password: &str, options: &str) -> String {
        format!("postgres://watch:{password}@127.0.0.1:{}/{}?{options}", self.server.port, self.name)
    }

    /// Has `statement` run in it in a transaction of somebody else, and leaves that open.
    pub fn holds(&self, statement: &str) -> Held {
        let mut child = self.server.psql(&self.name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "BEGIN;\n{statement};\n\\echo held").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held", "{statement}");
        Held(child)
    }

    /// Has `statement` run in it by somebody else.
    pub fn says(&self, statement: &str) -> bool {
        self.server.says(&self.name, statement)
    }
}

/// Somebody else's transaction, which is open until this is dropped.
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // It is rolled back with its connection.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.server.says("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Where the programs of the newest PostgreSQL are.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, bin)| bin.join("postgres").exists() && bin.join("initdb").exists())
        .collect();
    found.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&on_path).find(|bin| bin.join("postgres").exists());
    found.pop().map(|(_, bin)| bin).or(on_path).expect(
        "PostgreSQL is not installed, and the store has to be tested on it: apt-get install postgresql (tests/run does)",
    )
}

/// Starts a keeper, not as root, and returns where its server lives.
fn keep(bin: &Path, port: u16, directory: Option<&Path>) -> (PathBuf, Child, ChildStdin) {
    let (certificate, key) = match directory {
        Some(_) => (String::new(), String::new()),
        None => {
            let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            (pem("CERTIFICATE", signed.cert.der()), pem("PRIVATE KEY", &signed.signing_key.serialize_der()))
        }
    };
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut child = command
        .args(["-c", KEEPER, "keeper"])
        .arg(bin)
        .arg(port.to_string())
        .arg(directory.unwrap_or(Path::new("")))
        .args([certificate, key])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell can be run as the user postgres");
    let input = child.stdin.take().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.trim().is_empty(), "initdb failed");
    (line.trim().into(), child, input)
}

fn pem(what: &str, bytes: &[u8]) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<String> = encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id can be run");
    id.stdout.trim_ascii() == b"0"
}
