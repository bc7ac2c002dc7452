//! The service as a child process: its log, its web, its end.

use std::cell::RefCell;
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use auto_operator::demo::journal::Journal;
use awc::http::StatusCode;
use awc::http::header::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::{OPS_TOKEN, SOON};

/// The service, running.
pub struct Service {
    child: Child,
    /// What it wrote to stderr, line by line.
    pub log: Journal<String>,
    /// The same without a bound, as one text.
    transcript: Rc<RefCell<String>>,
    /// What it wrote to stdout, line by line.
    pub stdout: Journal<String>,
    /// Where it listens.
    pub url: String,
}

/// An answer of the web.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header as text; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Service {
    /// Starts `command` and waits until it says where it listens.
    pub async fn start(command: Command) -> Self {
        let service = Self::spawn(command);
        let listening = service.line("listening on ").await;
        // In a line of JSON it is followed by the rest of the object.
        let url = listening.rsplit("listening on ").next().unwrap_or_default();
        let url = url.trim_end_matches(['"', '}']).to_owned();
        Self { url, ..service }
    }

    /// Starts `command` and hears what it says.
    pub fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be run");
        let (log, transcript) = follow(child.stderr.take().expect("stderr is a pipe"));
        let (stdout, _) = follow(child.stdout.take().expect("stdout is a pipe"));
        Self { child, log, transcript, stdout, url: String::new() }
    }

    /// The first line of its log, past or to come, that contains `text`.
    pub async fn line(&self, text: &str) -> String {
        let line = self.log.wait_for(|line| line.contains(text), SOON).await;
        line.unwrap_or_else(|| panic!("no line with {text:?} in\n{}", self.log.all().join("\n")))
    }

    /// Waits until a cycle that begins from now on is complete.
    pub async fn full_cycle(&self) {
        let number = |line: &str| -> Option<u64> { line.split("cycle=").nth(1)?.split(' ').next()?.parse().ok() };
        let last =
            self.log.all().iter().filter(|line| is_end_of_cycle(line)).filter_map(|line| number(line)).next_back();
        // The one that may be running now does not count.
        let enough = last.unwrap_or(0) + 2;
        let wanted = |line: &String| is_end_of_cycle(line) && number(line).is_some_and(|number| number >= enough);
        let line = self.log.wait_for(wanted, SOON).await;
        assert!(line.is_some(), "no cycle {enough} in\n{}", self.log.all().join("\n"));
    }

    /// Runs a cycle now and gives its report, as the owner sees it. Waits for the end of one that is running already,
    /// which may have begun before something that the test did.
    pub async fn cycle(&self) -> Value {
        self.cycle_took().await.0
    }

    /// The same, and how long the answer took.
    pub async fn cycle_took(&self) -> (Value, Duration) {
        // The first one began by itself.
        self.get("/ops-report").await;
        let begun = Instant::now();
        let answer = self.ask("GET", "/ops-report?refresh=1", &[("authorization", &bearer(OPS_TOKEN))]).await;
        let took = begun.elapsed();
        let report = answer.json();
        assert!(report["checks"].is_array(), "{} {report:#}\n{}", answer.status, self.log.all().join("\n"));
        assert_eq!(answer.status, if report["overall_ok"] == true { 200 } else { 503 }, "{report:#}");
        (report, took)
    }

    /// So many cycles; the report of the last one.
    pub async fn cycles(&self, count: usize) -> Value {
        let mut report = Value::Null;
        for _ in 0..count {
            report = self.cycle().await;
        }
        report
    }

    /// Asks for `path` as anybody may.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    /// Asks with a method and headers.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, path, headers, Vec::new()).await
    }

    /// Asks for `path` as the owner.
    pub async fn get_all(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &[("authorization", &bearer(OPS_TOKEN))]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// Gives an order as the owner, with a body of JSON unless it is `null`.
    pub async fn order(&self, method: &str, path: &str, body: &Value) -> Answer {
        let authorization = bearer(OPS_TOKEN);
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let (headers, body) =
            if body.is_null() { (&headers[..1], vec![]) } else { (&headers[..], body.to_string().into()) };
        self.send(method, path, headers, body).await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let client = awc::Client::builder().timeout(SOON).disable_redirects().finish();
        let method = method.parse().expect("a method");
        let mut request = client.request(method, format!("{}{path}", self.url)).force_close();
        for header in headers {
            request = request.insert_header(*header);
        }
        let sent = if body.is_empty() { request.send() } else { request.send_body(body) };
        let mut response = sent.await.expect("the service answers");
        let body = response.body().limit(16 << 20).await.expect("the answer comes whole");
        Answer { status: response.status(), headers: response.headers().clone(), body: body.to_vec() }
    }

    /// The report of when nothing waits for any channel.
    pub async fn delivered(&self) -> Value {
        let nothing_waits = |channel: &Value| channel["pending"] == 0;
        self.report_with(|report| report["delivery"].as_array().is_some_and(|all| all.iter().all(nothing_waits))).await
    }

    /// The first report that is as it should be, soon.
    pub async fn report_with(&self, is_right: impl Fn(&Value) -> bool) -> Value {
        let mut often = tokio::time::interval(Duration::from_millis(20));
        let begun = Instant::now();
        loop {
            often.tick().await;
            let report = self.report().await;
            if is_right(&report) {
                return report;
            }
            assert!(begun.elapsed() < SOON, "it does not come to that: {report:#}\n{}", self.log.all().join("\n"));
        }
    }

    /// The newest report as the owner sees it.
    pub async fn report(&self) -> Value {
        self.ask("GET", "/ops-report", &[("authorization", &bearer(OPS_TOKEN))]).await.json()
    }

    /// Everything in `/api/deliveries` or `/api/incidents` as the owner sees it, page after page, the newest first.
    pub async fn history(&self, what: &str) -> Vec<Value> {
        let (token, mut all, mut cursor) = (bearer(OPS_TOKEN), vec![], String::new());
        loop {
            let answer = self.ask("GET", &format!("/api/{what}?limit=50{cursor}"), &[("authorization", &token)]).await;
            let page = answer.json();
            let items = page[what].as_array();
            all.extend(items.unwrap_or_else(|| panic!("{}: {page:#}", answer.status)).iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// How many cycles it has carried out so far.
    pub fn ticks(&self) -> usize {
        self.log.all().iter().filter(|line| is_end_of_cycle(line)).count()
    }

    /// Waits until it has carried out more than `ticks` cycles; says whether that came within `deadline`.
    pub async fn ticks_on(&self, ticks: usize, deadline: Duration) -> bool {
        let mut seen = 0;
        let wanted = |line: &String| {
            seen += usize::from(is_end_of_cycle(line));
            seen > ticks
        };
        self.log.wait_for(wanted, deadline).await.is_some()
    }

    /// The most memory that the process ever had in use, in MiB.
    pub fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the service runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory is known");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    /// Its number among the processes.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the service runs")
    }

    /// Sends a signal by its name and goes on.
    pub async fn tell(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.pid().to_string()]).status().await;
        assert!(sent.expect("kill can be run").success());
    }

    /// Kills it, wherever it is in its work; everything that it wrote to stderr is given.
    pub async fn kill(mut self) -> String {
        self.child.start_kill().expect("it can be killed");
        self.end().await.1
    }

    /// Has it stand still, as on a host that sleeps, until [`Self::thaw`].
    pub async fn freeze(&self) {
        self.tell("STOP").await;
        // The signal is delivered to one thread after the other.
        let mut often = tokio::time::interval(Duration::from_millis(5));
        let stands = async {
            while !self.threads().iter().all(|state| state == "T") {
                often.tick().await;
            }
        };
        tokio::time::timeout(SOON, stands).await.expect("it stands still");
    }

    /// Lets it go on.
    pub async fn thaw(&self) {
        self.tell("CONT").await;
    }

    /// What each of its threads is doing, in the letters of the kernel.
    fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("the service runs");
        let states = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
        // After the name, which is in brackets.
        let state =
            |stat: String| stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next().map(str::to_owned));
        states.filter_map(state).collect()
    }

    /// Waits for its end; everything that it wrote to stderr is given too.
    pub async fn end(mut self) -> (ExitStatus, String) {
        let status = tokio::time::timeout(SOON, self.child.wait()).await.expect("the service ends");
        let transcript = async {
            // Whoever reads its last words lets go of the text after them.
            while Rc::strong_count(&self.transcript) > 1 {
                tokio::task::yield_now().await;
            }
            self.transcript.take()
        };
        let transcript = tokio::time::timeout(SOON, transcript).await.expect("its stderr ends with it");
        (status.expect("its end is known"), transcript)
    }

    /// Ends it with a signal, by its name.
    pub async fn signal(self, name: &str) -> (ExitStatus, String) {
        self.tell(name).await;
        self.end().await
    }
}

fn is_end_of_cycle(line: &str) -> bool {
    line.contains("cycle=") && line.contains(" took ") && line.contains(" ms: ")
}

/// The value of the header that shows `token`.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// The lines of `stream` as they come, and all of them.
fn follow(stream: impl AsyncRead + Unpin + 'static) -> (Journal<String>, Rc<RefCell<String>>) {
    let journal: Journal<String> = Journal::default();
    let transcript = Rc::<RefCell<String>>::default();
    let (heard, written) = (journal.clone(), Rc::clone(&transcript));
    actix_rt::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            written.borrow_mut().push_str(&(line.clone() + "\n"));
            heard.record(line);
        }
    });
    (journal, transcript)
}
