//! The release binary as a child process, in a stand-in world, with everything on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auto_operator::demo::world::World;
use tempfile::TempDir;

use super::http::{Answer, Connection, get};
use super::process::Process;

/// How long we wait for what has to come.
const SOON: Duration = Duration::from_secs(60);

const TOKEN: &str = "the-owner-of-the-service";

/// The service, running.
pub struct Service {
    pub process: Process,
    pub port: u16,
    folder: TempDir,
}

impl Service {
    /// Starts `binary` in `world` with a SQLite file and all channels, and `extra` variables.
    pub fn start(binary: &Path, world: &World, extra: &[(&str, &str)]) -> io::Result<Self> {
        let (folder, port) = (tempfile::tempdir()?, free_port()?);
        let mut variables: BTreeMap<String, String> = world.variables();
        let port_text = port.to_string();
        let own = [("PORT", port_text.as_str()), ("DATABASE_URL", "sqlite://watch.db"), ("OPS_TOKEN", TOKEN)];
        for (name, value) in own.iter().chain(extra) {
            variables.insert((*name).to_owned(), (*value).to_owned());
        }
        let mut command = Command::new(binary);
        command.current_dir(folder.path()).env_clear().envs(variables).stdin(Stdio::null());
        command.stderr(File::create(folder.path().join("log"))?);
        Ok(Self { process: Process::start(&mut command)?, port, folder })
    }

    /// Asks for `path`, as the owner if `token` says so.
    pub async fn ask(&self, path: &str, owner: bool) -> io::Result<Answer> {
        let mut connection = Connection::open(self.port).await?;
        let asked = tokio::time::timeout(SOON, connection.ask(&get(path, owner.then_some(TOKEN)))).await;
        asked.map_err(|_| io::Error::other("no answer"))?
    }

    /// Runs a cycle now; comes back when it is complete.
    pub async fn cycle(&self) -> io::Result<()> {
        let answer = self.ask("/ops-report?refresh=1", true).await?;
        match answer.status {
            200 | 503 if !answer.body.starts_with(b"{\"type\"") => Ok(()),
            status => Err(io::Error::other(format!("{status}: {}", String::from_utf8_lossy(&answer.body)))),
        }
    }

    /// Waits until it answers, asking again every 100 µs.
    pub async fn up(&self) -> io::Result<()> {
        until_answered(self.port, "/healthz").await
    }

    /// How long each cycle so far took, as the log says, in ms.
    pub fn cycles(&self) -> io::Result<Vec<f64>> {
        let log = fs::read_to_string(self.folder.path().join("log"))?;
        let took = log.lines().filter(|line| line.contains("cycle=")).filter_map(|line| {
            let (time, _) = line.split_once(" took ")?.1.split_once(" ms: ")?;
            time.parse().ok()
        });
        Ok(took.collect())
    }

    /// Waits until so many cycles are complete.
    pub async fn cycles_complete(&self, count: usize) -> io::Result<()> {
        let end = Instant::now() + SOON;
        while self.cycles()?.len() < count {
            if Instant::now() > end {
                return Err(io::Error::other(fs::read_to_string(self.folder.path().join("log"))?));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Waits until something answers on `port`, asking again every 100 µs.
pub async fn until_answered(port: u16, path: &str) -> io::Result<()> {
    let end = Instant::now() + SOON;
    loop {
        if let Ok(mut connection) = Connection::open(port).await {
            return connection.ask(&get(path, None)).await.map(drop);
        }
        if Instant::now() > end {
            return Err(io::Error::other("nothing listens"));
        }
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
}

/// A port of loopback that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
