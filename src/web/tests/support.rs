//! A server to be asked, with everything around it in the test's hands.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix::prelude::*;
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use chrono::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::sample;
use crate::actors::acknowledgements::Acknowledgements;
use crate::actors::delivery_board::DeliveryBoard;
use crate::actors::leadership::{Leadership, Standing};
use crate::actors::scheduler::RunCycle;
use crate::actors::telemetry::Telemetry;
use crate::domain::report::Overview;
use crate::secret::Secret;
use crate::store::{Location, Store};
use crate::supervision::{Limits, Supervisor};
use crate::web::{PATIENCE, Ping, Sources, WebSettings, WebState, server};

/// No step of a test takes longer, unless something is broken.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// Where the stores of tests run, apart from the web as they do in the service.
static STORES: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A store in memory.
pub(super) fn memory() -> Store {
    let opening = || STORES.block_on(Store::open(&Location::Memory, STORES.handle().clone())).unwrap();
    std::thread::spawn(opening).join().unwrap()
}

/// What the stand-in of the Scheduler does with a request for a cycle.
#[derive(Clone)]
pub(super) enum Cycle {
    /// Answers with this.
    Gives(Option<Arc<Overview>>),
    /// Never answers.
    Hangs,
}

struct Scheduler {
    cycle: Cycle,
    asked: Arc<AtomicU32>,
}

impl Actor for Scheduler {
    type Context = Context<Self>;
}

impl Handler<RunCycle> for Scheduler {
    type Result = ResponseFuture<Option<Arc<Overview>>>;

    fn handle(&mut self, _: RunCycle, _: &mut Context<Self>) -> Self::Result {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.cycle.clone() {
            Cycle::Gives(overview) => Box::pin(async { overview }),
            Cycle::Hangs => Box::pin(std::future::pending()),
        }
    }
}

/// What a test can choose.
pub(super) struct Choice {
    pub(super) ops_token: Option<&'static str>,
    pub(super) read_token: Option<&'static str>,
    pub(super) public_url: Option<&'static str>,
    pub(super) patience: Duration,
    pub(super) cycle: Cycle,
    pub(super) ping: Ping,
    pub(super) standing: Standing,
    pub(super) chaos: bool,
}

impl Default for Choice {
    fn default() -> Self {
        let ping: Ping = Arc::new(|| Box::pin(async { Ok(()) }));
        Self {
            ops_token: None,
            read_token: None,
            public_url: None,
            patience: PATIENCE,
            cycle: Cycle::Gives(None),
            ping,
            standing: Standing::Beside,
            chaos: false,
        }
    }
}

/// A server that runs until it is dropped.
pub(super) struct Web {
    pub(super) address: SocketAddr,
    pub(super) reports: watch::Sender<Option<Arc<Overview>>>,
    pub(super) deliveries: DeliveryBoard,
    pub(super) supervisor: Supervisor,
    pub(super) cycles_asked: Arc<AtomicU32>,
    pub(super) store: Store,
    handle: ServerHandle,
}

impl Drop for Web {
    fn drop(&mut self) {
        // The order is given at once; nobody has to wait for it to be carried out.
        drop(self.handle.stop(false));
    }
}

/// An answer, as far as tests look at it.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Told {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A cookie that is set.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all("set-cookie").map(|cookie| cookie.to_str().unwrap());
        cookies.into_iter().find(|cookie| cookie.starts_with(&format!("{name}=")))
    }

    /// What the page is to say came of an order that leads back to it.
    pub(super) fn did(&self) -> Option<&str> {
        assert_eq!((self.status.as_u16(), self.header("location")), (303, Some("/")), "{}", self.body);
        let cookie = self.cookie("did")?;
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        cookie.split(['=', ';']).nth(1)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Web {
    pub(super) fn start(choice: Choice) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, reports) = watch::channel(None);
        let deliveries = DeliveryBoard::new(["email"]);
        let cycles_asked = Arc::new(AtomicU32::new(0));
        let scheduler = Scheduler { cycle: choice.cycle, asked: Arc::clone(&cycles_asked) }.start();
        let supervisor = Supervisor::start(Limits::default(), |why| panic!("{why}")).unwrap();
        let settings = WebSettings {
            ops_token: choice.ops_token.map(Secret::new),
            read_token: choice.read_token.map(Secret::new),
            service: "EchoPilot".into(),
            public_url: choice.public_url.map(str::to_owned),
            thresholds: sample::thresholds(),
            interval: Duration::from_secs(300),
            check_timeout: Duration::from_secs(60),
            patience: choice.patience,
            commit: Some("2fcff5b".into()),
        };
        let store = memory();
        let sources = Sources {
            reports,
            run_cycle: scheduler.recipient().into(),
            ping: choice.ping,
            store: store.clone(),
            degraded: Arc::new(Vec::new),
            deliveries: deliveries.clone(),
            acknowledgements: Acknowledgements::default(),
            telemetry: Telemetry::new(Utc::now(), &["email"]).unwrap(),
            leadership: Leadership::fixed(choice.standing),
            supervisor: supervisor.clone(),
            chaos: choice.chaos,
        };
        let server = server(Arc::new(WebState::new(settings, sources)), listener).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { address, reports: sender, deliveries, supervisor, cycles_asked, store, handle }
    }

    pub(super) fn showing(overview: Overview, choice: Choice) -> Self {
        let web = Self::start(choice);
        web.publish(overview);
        web
    }

    pub(super) fn publish(&self, overview: Overview) {
        self.reports.send_replace(Some(Arc::new(overview)));
    }

    pub(super) async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, &[]).await
    }

    pub(super) async fn get_with(&self, token: &str, path: &str) -> Told {
        self.ask("GET", path, &[("Authorization", &format!("Bearer {token}"))]).await
    }

    pub(super) async fn post(&self, path: &str, token: Option<&str>) -> Told {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let header = authorization.as_ref().map(|value| ("Authorization", value.as_str()));
        self.ask("POST", path, header.as_slice()).await
    }

    pub(super) async fn ask(&self, method: &str, path: &str, headers: &[(&'static str, &str)]) -> Told {
        self.send(method, path, headers, "").await
    }

    /// Gives an order as the owner, whose token is `ops`, with a body of JSON.
    pub(super) async fn order(&self, method: &str, path: &str, body: &str) -> Told {
        let headers = [("Authorization", "Bearer ops"), ("Content-Type", "application/json")];
        self.send(method, path, &headers, body).await
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &[(&'static str, &str)], body: &str) -> Told {
        let url = format!("http://{}{path}", self.address);
        let client = awc::Client::builder().disable_redirects().finish();
        let mut request = client.request(method.parse().unwrap(), url).timeout(LONG);
        for header in headers {
            request = request.insert_header(*header);
        }
        let sent = if body.is_empty() { request.send() } else { request.send_body(body.to_owned()) };
        let mut answer = sent.await.unwrap();
        let body = answer.body().await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Told { status: answer.status(), headers: answer.headers().clone(), body }
    }

    /// Says `bytes` on a new connection.
    pub(super) async fn say(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may have had enough before all of it is said.
        let _ = stream.write_all(bytes).await;
        stream
    }
}

/// Everything that comes until the other side closes.
pub(super) async fn hear_out(stream: &mut TcpStream) -> String {
    let mut heard = vec![];
    // A reset is an end too.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut heard)).await.expect("the connection stays open");
    String::from_utf8_lossy(&heard).into_owned()
}

/// Everything that comes until `end` has come.
pub(super) async fn hear_until(stream: &mut TcpStream, end: &str) -> String {
    let mut heard = vec![];
    while !heard.ends_with(end.as_bytes()) {
        let read = tokio::time::timeout(LONG, stream.read_buf(&mut heard)).await.expect("nothing comes").unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&heard));
    }
    String::from_utf8(heard).unwrap()
}
