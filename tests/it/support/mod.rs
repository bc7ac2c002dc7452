//! The real program as a child process, in a world of its own.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use auto_operator::demo::world::World;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

pub mod account;
pub mod browser;
pub mod channels;
pub mod chat;
pub mod disk;
pub mod inside;
pub mod pair;
pub mod plot;
pub mod server;
pub mod service;

pub use inside::Inside;
pub use service::Service;

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

    /// The same, but after its first cycle the service looks only when it is asked to ([`Service::cycle`]), so that a
    /// test knows what happens in which cycle.
    pub fn on_demand() -> Self {
        let mut home = Self::new();
        home.set("CHECK_INTERVAL", "24h");
        home
    }

    /// The same in a world where all is well.
    pub fn well() -> Self {
        let home = Self::on_demand();
        home.world.has_good_jobs(20, now());
        home
    }

    /// Sets a variable of the service.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.into(), value.into());
    }

    /// Takes variables away.
    pub fn unset(&mut self, names: &[&str]) {
        names.iter().for_each(|name| drop(self.variables.remove(*name)));
    }

    /// Takes the party away: nothing is watched there, nobody is told there.
    pub fn without(&mut self, party: &str) {
        let ours = |name: &&String| name.starts_with(party) || (party == "NOTION" && *name == "JOB_LOG_DB_ID");
        let names: Vec<String> = self.variables.keys().filter(ours).cloned().collect();
        names.iter().for_each(|name| drop(self.variables.remove(name)));
        if party == "SMTP" {
            self.unset(&["ALERT_TO", "ALERT_FROM"]);
        }
    }

    /// The variables of a service that lives here but has another working directory.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        if let Some(url) = variables.get_mut("DATABASE_URL") {
            *url = url.replace("sqlite://watch.db", &format!("sqlite://{}", self.file("watch.db").display()));
        }
        variables
    }

    /// A file in the working directory of the service.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with `arguments`, in this home and nothing else.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.of(env!("CARGO_BIN_EXE_auto-operator"));
        command.args(arguments);
        command
    }

    /// Another program in this home, which is to become ours.
    pub fn of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear().envs(&self.variables);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs the program to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let output = tokio::time::timeout(SOON * 2, self.command(arguments).output()).await;
        Ended::new(output.expect("the program ends").expect("the program can be run"))
    }

    /// Starts the service and waits until it listens.
    pub async fn serve(&self) -> Service {
        Service::start(self.command(&["serve"])).await
    }

    /// What the processes have left behind in the working directory, byte by byte.
    pub fn left_behind(&self) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder can be read");
        let mut files: Vec<(String, Vec<u8>)> = entries
            .map(|entry| {
                let entry = entry.expect("the folder can be read");
                let mut bytes = Vec::new();
                let file = std::fs::File::open(entry.path());
                file.expect("a file can be opened").read_to_end(&mut bytes).expect("a file can be read");
                (entry.file_name().to_string_lossy().into_owned(), bytes)
            })
            .collect();
        files.sort();
        files
    }
}

/// A run of the program that has come to its end.
pub struct Ended {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ended {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("what it says is UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Everything that is on stdout, as JSON.
    pub fn json(&self) -> Value {
        let json = serde_json::from_str(&self.stdout);
        json.unwrap_or_else(|error| panic!("{error} in stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }

    /// Everything that it said, on whatever way.
    pub fn said(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// The time.
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A number that whoever runs the tests has set.
pub fn of_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// The section of a check in a report.
pub fn section<'r>(report: &'r Value, check: &str) -> &'r Value {
    let sections = report["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = sections.iter().find(|section| section["name"] == check);
    found.unwrap_or_else(|| panic!("no section {check} in {report:#}"))
}

/// The issues of a report.
pub fn issues(report: &Value) -> Vec<&str> {
    let issues = report["issues"].as_array().expect("a list of issues");
    issues.iter().map(|issue| issue.as_str().expect("an issue is a text")).collect()
}
