//! The service inside the test's own process, where its supervisor is at hand, and harm.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use auto_operator::actors::scheduler::RunCycle;
use auto_operator::app::{self, Mode, Watch};
use auto_operator::logging::{self, Scrubber};
use auto_operator::settings::{LogFormat, Settings};
use auto_operator::supervision::{Backoff, Chaos, ChildInfo, Event, Exit, Intensity, Limits};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Home, OPS_TOKEN, SOON};
use crate::support::service::bearer;

/// How often the report is asked for, and a cycle ordered: the machine is not to be busy with that alone.
const OFTEN: Duration = Duration::from_millis(10);

/// An answer about the report takes no longer, whatever becomes of the actors.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The service, and its web on a port of its own.
pub struct Inside {
    /// All but the web.
    pub watch: Watch,
    /// Where it listens.
    pub url: String,
    web: ServerHandle,
}

/// Limits under which who is hung or blocked is replaced soon, and nobody fails too often.
pub fn quick() -> Limits {
    let never = Intensity { restarts: 100_000, within: SOON };
    Limits {
        tick: Duration::from_millis(20),
        block_after: Duration::from_millis(500),
        stuck_after: Duration::from_millis(500),
        intensity: never,
        backoff: Backoff { first: Duration::from_millis(1), max: Duration::from_millis(5) },
        root_intensity: never,
        abandoned_threads: 1_000,
        escalation_stop: Duration::from_secs(1),
        watchdog: SOON,
        ..Limits::default()
    }
}

/// Runs a test as the service runs: in a system on the shared runtime.
pub fn inside(test: impl Future<Output = ()>) {
    let run = app::run(async {
        timeout(SOON * 4, test).await.expect("the test hangs");
        Ok(())
    });
    run.expect("a system can be had");
}

impl Inside {
    /// Starts the service of `home`, harm allowed, and waits for its first report.
    pub async fn start(home: &Home, limits: Limits) -> Self {
        Self::start_with(&home.variables(), limits).await
    }

    /// The same for a service that is set up by `variables`.
    pub async fn start_with(variables: &BTreeMap<String, String>, limits: Limits) -> Self {
        let (settings, _) = Settings::read(variables, &BTreeMap::new()).unwrap_or_else(|faulty| panic!("{faulty}"));
        let mode = Mode { notion_pace: 1_000_000, limits: Some(limits), chaos: true, ..Mode::SERVICE };
        let watch = Watch::start(&settings, Scrubber::new(&[]), mode).await.expect("the service starts");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = app::serve_web(&settings, &watch, listener).expect("the web starts");
        let web = server.handle();
        actix_rt::spawn(server);
        let service = Self { watch, url, web };
        service.report().await;
        service
    }

    /// Does `what`, while cycles run one after the other and anybody asks for the report all the time. Every answer has
    /// to be a whole report, and every cycle that is asked for has to come.
    pub async fn throughout<T>(&self, what: impl Future<Output = T>) -> T {
        let asking = async {
            // As a browser does: over a connection that is kept.
            let client = awc::Client::builder().timeout(AT_ONCE).finish();
            let mut often = often();
            loop {
                often.tick().await;
                whole(&self.report_by(&client).await);
            }
        };
        let running = async {
            let (mut often, mut last) = (often(), 0);
            loop {
                often.tick().await;
                let cycle =
                    self.watch.scheduler.call(RunCycle, SOON).await.map(|made| made.map(|made| made.report.cycle));
                assert!(
                    matches!(cycle, Ok(Some(number)) if number > last),
                    "asked for a cycle after {last}: {cycle:?}"
                );
                last = cycle.ok().flatten().unwrap_or(last);
            }
        };
        let done = tokio::select! {
            done = what => done,
            never = asking => never,
            never = running => never,
        };
        whole(&self.report().await);
        done
    }

    /// The newest report as the owner sees it.
    pub async fn report(&self) -> Value {
        self.report_by(&awc::Client::builder().timeout(SOON).finish()).await
    }

    async fn report_by(&self, client: &awc::Client) -> Value {
        let request = client.get(format!("{}/ops-report", self.url));
        let asked = request.insert_header(("authorization", bearer(OPS_TOKEN))).send().await;
        let mut answer = asked.expect("the report is answered");
        let report: Value = answer.json().limit(1 << 20).await.expect("the answer is whole");
        let expected = if report["overall_ok"] == true { 200 } else { 503 };
        assert_eq!(answer.status(), expected, "{report:#}");
        report
    }

    /// Does harm to an actor as people do it in the demo, and says how it ended, once the next one is at work.
    pub async fn harm(&self, actor: &str, way: Chaos) -> Exit {
        let mut news = self.news();
        let request =
            awc::Client::builder().timeout(SOON).finish().post(format!("{}/demo/actors/{actor}/{way}", self.url));
        assert_eq!(request.send().await.expect("an answer").status(), 202);
        news.replaced(actor).await
    }

    /// What happens to actors from here on.
    pub fn news(&self) -> News {
        News(self.watch.supervisor.events())
    }

    /// An actor, as its supervisor sees it.
    pub fn child(&self, actor: &str) -> ChildInfo {
        let children = self.watch.supervisor.children();
        children.into_iter().find(|child| &*child.id == actor).expect("there is such an actor")
    }

    /// Ends it in order.
    pub async fn stop(self) {
        self.web.stop(true).await;
        self.watch.stop().await;
    }
}

fn often() -> tokio::time::Interval {
    let mut often = interval(OFTEN);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    often
}

/// Nothing may be missing in a report.
fn whole(report: &Value) {
    let keys =
        ["timestamp", "health", "metrics", "stuck_jobs_count", "overall_ok", "issues", "incidents", "stuck_jobs"];
    keys.iter().for_each(|key| assert!(report.get(key).is_some(), "no {key} in {report:#}"));
    for (list, length) in [("checks", 3), ("supervision", 8)] {
        assert_eq!(report[list].as_array().map(Vec::len), Some(length), "{list} in {report:#}");
    }
}

/// The row of an actor in a report.
pub fn row<'r>(report: &'r Value, actor: &str) -> &'r Value {
    let rows = report["supervision"].as_array().expect("a list of actors");
    rows.iter().find(|row| row["actor"] == actor).unwrap_or_else(|| panic!("no {actor} in {report:#}"))
}

/// Events, waited for.
pub struct News(Receiver<Event>);

impl News {
    /// The first event from here on of which `pick` makes something.
    pub async fn wait<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                match self.0.recv().await {
                    Ok(event) => {
                        if let Some(found) = pick(event) {
                            return found;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => panic!("the supervisor has ended"),
                }
            }
        };
        timeout(SOON, search).await.expect("the event does not come")
    }

    /// Waits until an actor has ended and the next one is at work; how it ended.
    pub async fn replaced(&mut self, actor: &str) -> Exit {
        let exit = self.wait(|event| exit_of(event, actor)).await;
        let next = exit.generation + 1;
        let begins =
            |event| matches!(&event, Event::Started { id, generation } if &**id == actor && *generation >= next);
        self.wait(|event| begins(event).then_some(())).await;
        exit
    }
}

/// The end of an actor, if the event tells of it.
pub fn exit_of(event: Event, actor: &str) -> Option<Exit> {
    match event {
        Event::Exited { id, exit } if &*id == actor => Some(exit),
        _ => None,
    }
}

/// Runs `test`, which is the whole of the test `name`, in a process of its own; its exit code, and what it said.
pub fn in_own_process(
    name: &str,
    variables: &BTreeMap<String, String>,
    test: impl Future<Output = ()>,
) -> (Option<i32>, String) {
    const MARK: &str = "AUTO_OPERATOR_TEST_PROCESS";
    if std::env::var_os(MARK).is_some() {
        let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "off".into());
        logging::init(LogFormat::Text, Some(&filter), Scrubber::new(&[])).expect("there is no other log");
        inside(test);
        return (Some(0), String::new());
    }
    let mut myself = std::process::Command::new(std::env::current_exe().expect("this program has a path"));
    myself.env(MARK, "1").env("RUST_BACKTRACE", "0").envs(variables).args(["--exact", name, "--nocapture"]);
    let output = myself.output().expect("it can be run once more");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    (output.status.code(), said)
}
