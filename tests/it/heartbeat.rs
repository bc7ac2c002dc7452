//! The dead man's switch: who waits for our sign of life hears of each cycle, and when the watch itself is not well.

use std::cell::Cell;
use std::rc::Rc;

use auto_operator::demo::Fault;
use auto_operator::demo::journal::Journal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::channels::telegrams;
use crate::support::{Home, SOON, now};

/// What the watcher does with a ping.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers with this status.
    Says(u16),
    /// Never answers.
    Hangs,
}

/// Somebody who waits for our signs of life.
struct Watcher {
    /// What was asked for: the paths, with their queries.
    pings: Journal<String>,
    manner: Rc<Cell<Manner>>,
    url: String,
}

impl Watcher {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hunter2-hunter2?create=1", listener.local_addr().unwrap());
        let (pings, manner) = (Journal::<String>::default(), Rc::new(Cell::new(Manner::Says(200))));
        let (heard, chosen) = (pings.clone(), Rc::clone(&manner));
        actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                actix_rt::spawn(serve(stream, heard.clone(), Rc::clone(&chosen)));
            }
        });
        Self { pings, manner, url }
    }

    /// The pings once there are `count`.
    async fn heard(&self, count: u64) -> Vec<String> {
        assert!(self.pings.wait_for_count(count, SOON).await, "{count} are expected: {:?}", self.pings.all());
        self.pings.all()
    }
}

async fn serve(stream: TcpStream, heard: Journal<String>, manner: Rc<Cell<Manner>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head).await.is_ok_and(|length| length > 0) {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        let mut words = head.split(' ');
        assert_eq!(words.next(), Some("GET"));
        heard.record(words.next().unwrap().to_owned());
        let Manner::Says(status) = manner.get() else { return std::future::pending().await };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nOK");
        stream.write_all(answer.as_bytes()).await.unwrap();
        head.clear();
    }
}

const WELL: &str = "/hunter2-hunter2?create=1";
const ILL: &str = "/hunter2-hunter2/fail?create=1";

async fn home_of(watcher: &Watcher) -> Home {
    let mut home = Home::well();
    home.set("HEARTBEAT_URL", &watcher.url);
    home
}

#[actix_rt::test]
async fn each_complete_cycle_is_a_ping_whatever_it_saw() {
    let watcher = Watcher::start().await;
    let home = home_of(&watcher).await;
    let service = home.serve().await;
    assert_eq!(watcher.heard(1).await, [WELL]);
    home.world.openai.goes_down();
    home.world.jobs_get_stuck(3, now());
    service.cycles(2).await;
    assert_eq!(watcher.heard(3).await, [WELL; 3], "to find that out is what the watch is there for");
    let (_, log) = service.signal("TERM").await;
    assert!(!log.contains("heartbeat") && !log.contains("hunter2"), "{log}");
}

#[actix_rt::test]
async fn a_single_check_pings_too_and_a_dry_run_does_not() {
    let watcher = Watcher::start().await;
    let home = home_of(&watcher).await;
    assert_eq!(home.run(&["check", "--dry-run"]).await.code, Some(0));
    assert_eq!(home.run(&["check"]).await.code, Some(0));
    assert_eq!(watcher.pings.all(), [WELL], "it has been heard when the command ends");
    watcher.manner.set(Manner::Hangs);
    let ended = home.run(&["check"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("the heartbeat is not heard: timeout"), "{}", ended.stderr);
    assert!(!ended.said().contains("hunter2"), "{}", ended.said());
}

#[actix_rt::test]
async fn who_watches_hears_when_nobody_would_hear_an_alert() {
    let watcher = Watcher::start().await;
    let home = home_of(&watcher).await;
    let world = &home.world;
    world.telegram.set_fault(Some(Fault::Status { code: 401, retry_after: None, body: None }));
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.line("telegram: alert ").await;
    service.cycle().await;
    assert_eq!(watcher.heard(2).await, [WELL, ILL], "the first one came before anything was sent");
    service.line("the heartbeat says that we are not well: telegram does not get its notices").await;
    // Telegram was not told of that either.
    service.delivered().await;

    world.telegram.set_fault(None);
    world.openai.goes_down();
    while !service.log.all().iter().any(|line| line.contains("the heartbeat says that we are well again")) {
        service.cycle().await;
    }
    telegrams(world, 1).await;
}

#[actix_rt::test]
async fn nobody_waits_for_a_heartbeat_and_its_failures_are_told_once() {
    let watcher = Watcher::start().await;
    let mut home = home_of(&watcher).await;
    home.set("REQUEST_TIMEOUT", "300ms");
    watcher.manner.set(Manner::Hangs);
    let service = home.serve().await;
    service.cycles(3).await;
    service.line("the heartbeat is not heard: timeout").await;
    watcher.manner.set(Manner::Says(500));
    let heard = watcher.pings.count();
    service.cycle().await;
    watcher.heard(heard + 1).await;
    watcher.manner.set(Manner::Says(200));
    while !service.log.all().iter().any(|line| line.contains("the heartbeat is heard again")) {
        service.cycle().await;
    }
    let (_, log) = service.signal("TERM").await;
    assert_eq!(log.matches("the heartbeat is not heard").count(), 1, "{log}");
}

#[actix_rt::test]
async fn doctor_finds_out_whether_somebody_is_there_without_a_ping() {
    let watcher = Watcher::start().await;
    let mut home = Home::on_demand();
    home.set("HEARTBEAT_URL", &watcher.url);
    let well = home.run(&["doctor"]).await;
    assert!(well.stdout.contains("ok    heartbeat "), "{}", well.said());
    watcher.manner.set(Manner::Says(503));
    let ill = home.run(&["doctor"]).await;
    assert!(ill.stdout.contains("fail  heartbeat "), "{}", ill.said());
    assert!(
        ill.stdout.contains("Do this: wait some minutes and ask again: the dead man's switch has"),
        "{}",
        ill.said()
    );
    assert_eq!(ill.code, Some(1));
    // One try may have been followed by another.
    assert!(watcher.pings.all().iter().all(|path| path == "/robots.txt"), "{:?}", watcher.pings.all());
    assert!(watcher.pings.count() >= 2);

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    home.set("HEARTBEAT_URL", &format!("http://{closed}/hunter2-hunter2"));
    let gone = home.run(&["doctor"]).await;
    assert!(
        gone.stdout.contains("whether this machine reaches the dead man's switch: HEARTBEAT_URL"),
        "{}",
        gone.said()
    );
    assert!(![well.said(), ill.said(), gone.said()].concat().contains("hunter2"), "its address is a secret");
}
