//! The real program as a child process, in a world of its own.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use auto_operator::demo::journal::Journal;
use auto_operator::demo::world::World;
use awc::http::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long a test waits for what has to come. It is never waited out when all is well.
pub const SOON: Duration = Duration::from_secs(30);

/// The token of the service's owner in tests.
pub const OPS_TOKEN: &str = "the-owner-of-the-service";

/// A world, a folder, and the variables of a service that lives there.
pub struct Home {
    /// The world outside.
    pub world: World,
    /// The working directory of the service.
    pub folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl Home {
    /// A world, and a service that is set up in it, with a database on disk and quick cycles.
    pub fn new() -> Self {
        let world = World::start().expect("there are free ports on loopback");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut home = Self { variables: world.variables(), world, folder };
        home.set("OPS_TOKEN", OPS_TOKEN);
        home.set("DATABASE_URL", "sqlite://watch.db");
        home.set("CHECK_INTERVAL", "1s");
        home.set("CHECK_TIMEOUT", "5s");
        home.set("REQUEST_TIMEOUT", "2s");
        home
    }

    /// Sets a variable of the service.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.into(), value.into());
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// The program with `arguments`, in this home and nothing else.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auto-operator"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(&self.variables);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs the program to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let output = tokio::time::timeout(SOON, self.command(arguments).output()).await;
        output.expect("the program ends").expect("the program can be run")
    }

    /// Starts the service and waits until it listens.
    pub async fn serve(&self) -> Service {
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().expect("the program can be run");
        let log: Journal<String> = Journal::default();
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let heard = log.clone();
        actix_rt::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                heard.record(line);
            }
        });
        let service = Service { child, log, url: String::new() };
        let listening = service.line("listening on ").await;
        let url = listening.rsplit("listening on ").next().unwrap_or_default().to_owned();
        Service { url, ..service }
    }
}

/// The service, running.
pub struct Service {
    child: Child,
    /// What it wrote to stderr, line by line.
    pub log: Journal<String>,
    /// Where it listens.
    pub url: String,
}

impl Service {
    /// The first line of its log, past or to come, that contains `text`.
    pub async fn line(&self, text: &str) -> String {
        let line = self.log.wait_for(|line| line.contains(text), SOON).await;
        line.unwrap_or_else(|| panic!("no line with {text:?} in\n{}", self.log.all().join("\n")))
    }

    /// The first line after the `seen` first ones that contains `text`.
    pub async fn line_after(&self, seen: usize, text: &str) -> String {
        let mut number = 0;
        let wanted = |line: &String| {
            number += 1;
            number > seen && line.contains(text)
        };
        let line = self.log.wait_for(wanted, SOON).await;
        line.unwrap_or_else(|| panic!("no new line with {text:?} in\n{}", self.log.all().join("\n")))
    }

    /// Waits until a cycle that begins from now on is complete.
    pub async fn full_cycle(&self) {
        let seen = self.log.all().len();
        let number = |line: &str| -> Option<u64> { line.split("cycle=").nth(1)?.split(' ').next()?.parse().ok() };
        let is_end = |line: &str| line.contains("cycle=") && line.contains(" took ") && line.contains(" ms: ");
        let last = self.log.all().iter().filter(|line| is_end(line)).filter_map(|line| number(line)).next_back();
        // The one that may be running now does not count.
        let enough = last.unwrap_or(0) + 2;
        let wanted = |line: &String| is_end(line) && number(line).is_some_and(|number| number >= enough);
        let line = self.log.wait_for(wanted, SOON).await;
        assert!(line.is_some(), "no full cycle after line {seen} in\n{}", self.log.all().join("\n"));
    }

    /// Asks for `path`, with the owner's token if `token` says so.
    pub async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let request =
            awc::Client::builder().timeout(SOON).disable_redirects().finish().get(format!("{}{path}", self.url));
        let request = match token {
            Some(token) => request.insert_header(("authorization", format!("Bearer {token}"))),
            None => request,
        };
        let mut response = request.send().await.expect("the service answers");
        let body = response.body().limit(16 << 20).await.expect("the answer comes whole");
        (response.status(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// The report as its owner sees it.
    pub async fn report(&self) -> Value {
        self.get("/ops-report", Some(OPS_TOKEN)).await.1
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the service runs")
    }

    /// Sends a signal by its name and waits for the end.
    pub async fn signal(mut self, name: &str) -> (ExitStatus, Vec<String>) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().await;
        assert!(sent.expect("kill can be run").success());
        let status = tokio::time::timeout(SOON, self.child.wait()).await.expect("the service ends");
        (status.expect("its end is known"), self.log.all())
    }
}
