//! What the host sees: signals and the end of the process, and the log.

use std::time::{Duration, Instant};

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use serde_json::Value;

use crate::support::channels::{ALERT, RESOLVED, subjects, telegrams};
use crate::support::service::bearer;
use crate::support::{Home, OPS_TOKEN, SOON, now};

/// What the contract allows between the signal and the end.
const END_LIMIT: Duration = Duration::from_secs(5);

#[actix_rt::test]
async fn a_signal_ends_the_service_in_time_whatever_hangs() {
    futures_util::future::join_all(["TERM", "INT"].map(ends_in_time)).await;
}

async fn ends_in_time(signal: &str) {
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "20s");
    home.set("CHECK_TIMEOUT", "40s");
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    world.telegram.set_fault(Some(Fault::Hang));
    world.smtp.set_fault(Some(SmtpFault::HangAtGreeting));
    world.notion.set_fault_on("/v1/pages", Some(Fault::Hang));
    let service = home.serve().await;
    assert!(world.telegram.requests().wait_for_count(1, SOON).await);
    assert!(world.notion.requests().wait_for(|request| request.path == "/v1/pages", SOON).await.is_some());
    // A cycle hangs as well, and somebody waits for it.
    world.openai.set_fault(Some(Fault::Hang));
    let asked = world.openai.requests().count();
    let token = bearer(OPS_TOKEN);
    let refresh = [("authorization", token.as_str())];
    let ended = async {
        assert!(world.openai.requests().wait_for_count(asked + 1, SOON).await);
        service.tell(signal).await;
        Instant::now()
    };
    let client = awc::Client::builder().timeout(SOON).finish();
    let waiting = client.get(format!("{}/ops-report?refresh=1", service.url)).insert_header(refresh[0]).send();
    let (_, begun) = futures_util::future::join(waiting, ended).await;
    let (status, log) = service.end().await;
    assert!(begun.elapsed() < END_LIMIT, "{signal}: {:?}\n{log}", begun.elapsed());
    assert_eq!(status.code(), Some(0), "{signal}: {log}");
    assert!(log.contains(&format!("SIG{signal}: ")), "{log}");
}

#[actix_rt::test]
async fn what_is_being_sent_is_finished_before_the_end_and_not_sent_again() {
    let home = Home::well();
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    // Telegram has the message at once and says so later.
    world.telegram.set_fault(Some(Fault::Delay(Duration::from_millis(1_200))));
    let service = home.serve().await;
    telegrams(world, 1).await;
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0));
    let (signal, delivered) = (log.find("SIGTERM: ").unwrap(), log.find("telegram: delivered alert "));
    assert!(delivered.is_some_and(|delivered| delivered > signal), "{log}");
    assert!(log.trim_end().ends_with("stopped"), "{log}");

    world.telegram.set_fault(None);
    let service = home.serve().await;
    world.all_is_well_again(20, now());
    service.cycles(2).await;
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
}

#[actix_rt::test]
async fn an_idle_service_ends_at_once_and_takes_no_more_connections() {
    let home = Home::well();
    let service = home.serve().await;
    service.cycle().await;
    let url = service.url.clone();
    let begun = Instant::now();
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}\n{log}", begun.elapsed());
    assert!(awc::Client::new().get(format!("{url}/healthz")).send().await.is_err());
    let files: Vec<String> = home.left_behind().into_iter().map(|(name, _)| name).collect();
    assert_eq!(files, ["watch.db", "watch.db.leader"], "the database is closed in order");
}

#[actix_rt::test]
async fn the_line_of_the_start_is_the_one_that_scripts_look_for() {
    let mut home = Home::well();
    home.unset(&["CHECK_INTERVAL"]);
    let service = home.serve().await;
    let line = service.line("Auto-operator monitoring started").await;
    assert!(line.ends_with(" INFO [AutoOperator] Auto-operator monitoring started (checks every 5min)"), "{line}");
    service.signal("TERM").await;
}

#[actix_rt::test]
async fn a_log_in_json_is_one_object_a_line() {
    let mut home = Home::well();
    home.set("LOG_FORMAT", "json");
    home.set("RUST_LOG", "debug");
    home.set("TELEGRAM_TOKEN", "a name that is nearly right");
    home.world.openai.goes_down();
    let service = home.serve().await;
    service.cycle().await;
    telegrams(&home.world, 1).await;
    let (_, log) = service.signal("TERM").await;
    let mut messages = vec![];
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["time", "level", "target", "message"] {
            assert!(event[key].is_string(), "no {key} in {line}");
        }
        let message = event["message"].as_str().unwrap();
        for field in ["cycle", "incident"] {
            let said = message.split([' ', ':']).find_map(|word| word.strip_prefix(&format!("{field}=")));
            let as_field = event.get(field).map(|field| field.as_str().map_or(field.to_string(), str::to_owned));
            assert_eq!(as_field.as_deref(), said, "{line}");
        }
        messages.push(event["message"].as_str().unwrap().to_owned());
    }
    assert!(
        messages.iter().any(|message| message == "Auto-operator monitoring started (checks every 1440min)"),
        "{log}"
    );
    assert!(messages.iter().any(|message| message.contains("❌ OpenAI integration offline")), "{log}");
    let posted = messages.iter().find(|message| message.contains(" telegram: posted alert ")).unwrap();
    let notice = posted.split(' ').find(|word| word.ends_with(':') && word.len() == 37).unwrap().trim_end_matches(':');
    let delivered = format!("telegram: delivered alert {notice}: ");
    let delivered = messages.iter().find(|message| message.contains(&delivered)).expect("it leads to the delivery");
    let incident = delivered.split(' ').next().unwrap();
    let opened = format!(" {incident} openai_offline opened: ");
    assert!(messages.iter().any(|message| message.contains(&opened)), "{delivered} leads to the incident: {log}");
}

#[actix_rt::test]
async fn what_others_say_cannot_begin_a_line_of_the_log() {
    let home = Home::well();
    let body =
        r#"{"error":{"message":"no\n2026-01-01T00:00:00Z INFO [AutoOperator] all is well\u001b[31m\r","code":null}}"#;
    home.world.openai.set_fault(Some(Fault::Status { code: 400, retry_after: None, body: Some(body.into()) }));
    let ended = home.run(&["check"]).await;
    assert!(ended.stderr.lines().all(|line| !line.starts_with("2026-01-01")), "{}", ended.stderr);
    assert!(!ended.said().contains('\u{1b}'), "{}", ended.said());
}
