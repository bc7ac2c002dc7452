//! `doctor`, as people and scripts see it.

use std::process::Stdio;
use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::demo::notion::{PropertyKind, job_log_schema};
use auto_operator::demo::smtp::SmtpFault;
use auto_operator::demo::wire::Received;
use tokio::process::Command;

use crate::support::{Home, SOON, Service};

/// The faults of channels.
mod of_channels;
/// The faults of what is our own.
mod of_home;
/// The faults of Notion.
mod of_notion;
/// Each sentence that it can say, and the fault that makes it say so.
mod sentences;

/// Whether all its words were heard.
mod words;

/// What it says to somebody who is well: the parts in their order, without what they answered.
const WELL: [&str; 10] = [
    "ok    openai               GET /models → 4 models",
    "ok    notion               GET /v1/users/me → the integration ",
    "ok    notion:job_log       the property \"Status\" of JOB_LOG_DB_ID → a select; over: \"Done\", \"Failed\", ",
    "ok    notion:job_log       the property \"QA Score\" of it → a number",
    "ok    email                greeting, TLS and login at 127.0.0.1:",
    "ok    telegram             getMe → @auto_operator_demo_bot",
    "ok    telegram:chat        getChat -1002147483001 → the supergroup \"Operations\", where the bot is member",
    "ok    notion:status_board  the properties of NOTION_STATUS_DB_ID → all that an entry fills are there",
    "ok    database             open the file watch.db → is not there yet; the service will make it",
    "ok    settings             environment and .env → in order; without HEARTBEAT_URL nobody is told",
];

/// Somebody about whom there is nothing to say.
fn patient() -> Home {
    let mut home = Home::on_demand();
    home.set("PUBLIC_URL", "https://watch.example.com");
    let mut schema = job_log_schema();
    for (_, kind) in schema.iter_mut().filter(|(name, _)| name == "Status") {
        *kind = PropertyKind::select(["Done", "Failed", "Completed", "Cancelled"]);
    }
    home.world.job_log = home.world.notion.create_database("Job Log", schema);
    home.set("JOB_LOG_DB_ID", &home.world.job_log.to_string());
    home
}

/// Whether the lines of `stdout` are those of somebody who is well, in their order.
fn assert_well(stdout: &str) {
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), WELL.len() + 1, "{stdout}");
    lines.iter().zip(WELL).for_each(|(line, start)| assert!(line.starts_with(start), "no {start:?} in\n{stdout}"));
    assert_eq!(lines[WELL.len()], "All is well.");
}

/// Whether something would have been written.
fn is_writing(request: &&Received) -> bool {
    request.method == "PATCH" || request.path == "/v1/pages" || request.path.ends_with("/sendMessage")
}

#[actix_rt::test]
async fn who_is_well_is_told_so_and_nothing_is_sent_or_written() {
    let home = patient();
    let ended = home.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    assert_well(&ended.stdout);
    for line in ended.stdout.lines().filter(|line| line.starts_with("ok    telegram")) {
        assert!(line.ends_with(" ms)"), "how long it took: {line}");
    }
    assert!(ended.stderr.lines().all(|line| line.contains("[AutoOperator] ")), "{}", ended.stderr);
    assert!(ended.stderr.contains("asking health, metrics, stuck_jobs, email, telegram, notion, database, settings"));
    assert!(ended.stderr.contains("telegram has answered ("), "{}", ended.stderr);

    let world = &home.world;
    let asked =
        [world.notion.requests().all(), world.telegram.requests().all(), world.openai.requests().all()].concat();
    assert_eq!(asked.iter().filter(is_writing).count(), 0);
    assert_eq!(world.smtp.mails().count(), 0);
    assert_eq!(home.left_behind(), [], "not even an empty database");

    // The same while the service runs, and has made its database.
    let service = home.serve().await;
    service.get("/ops-report").await;
    let ended = home.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    assert!(ended.stdout.contains("→ its schema is up to date, it takes writes ("), "{}", ended.stdout);
}

#[actix_rt::test]
async fn the_parties_are_asked_side_by_side_and_shown_in_their_order() {
    let mut home = patient();
    // Nobody's answer comes before somebody ends this.
    home.set("REQUEST_TIMEOUT", "5s");
    let parties = [home.world.openai.requests(), home.world.telegram.requests(), home.world.notion.requests()];
    home.world.openai.set_fault(Some(Fault::Hang));
    home.world.telegram.set_fault(Some(Fault::Hang));
    home.world.notion.set_fault(Some(Fault::Hang));
    let doctor = Service::spawn(home.command(&["doctor"]));
    for requests in &parties {
        assert!(requests.wait_for_count(1, SOON).await);
    }
    assert_eq!(doctor.stdout.count(), 0, "{:?}", doctor.stdout.all());
    doctor.signal("TERM").await;

    // OpenAI is first, however late it is.
    home.world.telegram.set_fault(None);
    home.world.notion.set_fault(None);
    home.world.openai.set_fault(Some(Fault::Delay(Duration::from_millis(300))));
    assert_well(&home.run(&["doctor"]).await.stdout);
}

#[actix_rt::test]
async fn fix_says_what_it_adds_to_the_board_adds_it_and_has_nothing_left_to_do() {
    for version in ["2022-06-28", "2025-09-03", "2026-03-11"] {
        let mut home = patient();
        home.set("NOTION_VERSION", version);
        let board = home.world.notion.create_database("Status Board", vec![]);
        home.set("NOTION_STATUS_DB_ID", &board.to_string());
        let missing = "\"When\" (date), \"OK\" (checkbox), \"Jobs (24h)\" (number), \"Avg QA (24h)\" (number), \
                       \"Low-QA Count\" (number), \"Commit\" (rich_text), \"Branch\" (rich_text), \"Notes\" (rich_text)";

        let told = home.run(&["doctor"]).await;
        assert_eq!(told.code, Some(0), "{}", told.said());
        assert!(told.stdout.contains(&format!("→ {missing} missing; there are \"Name\"")), "{}", told.stdout);
        assert!(told.stdout.ends_with("\nAll is well; 1 thing is worth a look.\n"), "{}", told.stdout);
        assert_eq!(home.world.notion.requests().all().iter().filter(is_writing).count(), 0);

        let fixed = home.run(&["doctor", "--fix"]).await;
        assert_eq!(fixed.code, Some(0), "{}", fixed.said());
        let lines: Vec<_> = fixed.stdout.lines().collect();
        let fix =
            lines.iter().position(|line| *line == format!("      Fix: add {missing}")).expect("it says what it does");
        assert!(
            lines[fix + 1].starts_with("ok    notion:status_board  add the properties → added ("),
            "{}",
            fixed.stdout
        );
        assert_eq!(lines.last(), Some(&"All is well."));
        assert_eq!(home.world.notion.requests().all().iter().filter(is_writing).count(), 1);

        for again in [&["doctor"][..], &["doctor", "--fix"]] {
            assert_well(&home.run(again).await.stdout);
        }
        assert_eq!(home.world.notion.requests().all().iter().filter(is_writing).count(), 1, "there was nothing to do");
    }
}

#[actix_rt::test]
async fn a_cause_that_shows_in_many_places_is_one_thing_to_do() {
    let home = patient();
    home.world.notion.revoke_token();
    home.world.openai.revoke_key();
    let ended = home.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1));
    let count = |start: &str| ended.stdout.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((count("fail  notion"), count("fail  openai")), (3, 1), "{}", ended.stdout);
    assert_eq!(count("      Do this: "), 2, "{}", ended.stdout);
    assert!(ended.stdout.ends_with("\n2 things need a hand.\n"), "{}", ended.stdout);
}

#[actix_rt::test]
async fn no_secret_is_shown_whatever_is_found_and_however_much_the_libraries_talk() {
    let mut home = patient();
    home.set("RUST_LOG", "trace");
    home.set("DATABASE_URL", "postgres://user:hunter2@127.0.0.1:1/watch");
    home.world.smtp.set_fault(Some(SmtpFault::EchoLogin));
    home.world.notion.revoke_token();
    home.world.openai.revoke_key();
    home.world.telegram.set_fault(Some(Fault::status(404)));
    let world = &home.world;
    let secrets = [
        &world.notion.token(),
        world.openai.key(),
        world.telegram.bot_token(),
        "p@ss",
        "p%40ss",
        "hunter2",
        crate::support::OPS_TOKEN,
    ];
    for command in ["doctor", "test-alert"] {
        let ended = home.run(&[command]).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(ended.stderr.contains(" TRACE "), "they do talk");
        for secret in secrets {
            assert!(!ended.said().contains(secret), "{command} shows {secret}");
        }
    }
}

#[actix_rt::test]
async fn what_is_not_configured_is_not_asked() {
    let mut home = patient();
    for party in ["NOTION", "SMTP", "TELEGRAM"] {
        home.without(party);
    }
    let ended = home.run(&["doctor"]).await;
    let parts: Vec<_> = ended.stdout.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(parts, ["openai", "database", "settings", "this:", "is"], "{}", ended.stdout);
}

#[actix_rt::test]
async fn on_a_terminal_it_shows_whom_it_waits_for_and_takes_that_away_again() {
    let home = patient();
    home.world.openai.set_fault(Some(Fault::Delay(Duration::from_millis(300))));
    let seen = on_a_terminal(&home, 100).await;
    assert!(seen.contains(" have answered; waiting for health"), "{seen:?}");
    assert!(!seen.contains("[AutoOperator]"), "{seen:?}");
    // What is left when all is drawn: each line without what was on it before.
    let left: Vec<_> =
        seen.lines().map(|line| line.rsplit("\r\u{1b}[2K").next().unwrap_or_default().trim_end()).collect();
    assert!(left.iter().any(|line| line.starts_with("\u{1b}[32mok  \u{1b}[0m  openai ")), "{left:#?}");
    assert_eq!(left.iter().filter(|line| line.contains("waiting for")).count(), 0, "{left:#?}");

    // What is drawn over has to be on one line, or the start of it would stay.
    for columns in [20, 44, 100] {
        let seen = on_a_terminal(&home, columns).await;
        let drawn: Vec<_> = seen.split("\r\u{1b}[2K").filter(|drawn| drawn.contains(" of 8 have")).collect();
        assert!(!drawn.is_empty(), "{seen:?}");
        assert!(drawn.iter().all(|drawn| drawn.chars().count() < columns), "{columns}: {drawn:#?}");
        assert!(
            columns > 80 || drawn.iter().any(|drawn| drawn.chars().count() == columns - 1),
            "{columns}: {drawn:#?}"
        );
    }
}

/// What `doctor` draws on a terminal of so many columns.
async fn on_a_terminal(home: &Home, columns: usize) -> String {
    // `script` lends it one.
    let doctor = format!("stty cols {columns}; exec {} doctor", env!("CARGO_BIN_EXE_auto-operator"));
    let mut command = Command::new("script");
    command.args(["-qec", &doctor, "/dev/null"]).current_dir(home.folder.path()).env_clear().envs(home.variables());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
