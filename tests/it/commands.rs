//! The commands as scripts use them: what is on which stream, and the exit code.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use serde_json::{Value, json};

use crate::support::channels::{ALERT, mails, telegrams};
use crate::support::{Home, SOON, Service, issues, now};

/// Every line of a log that is meant for people.
fn is_log(stderr: &str) -> bool {
    stderr.lines().all(|line| line.contains("[AutoOperator] "))
}

#[actix_rt::test]
async fn check_prints_the_report_alone_on_stdout_and_tells_by_its_exit_code() {
    let home = Home::well();
    let well = home.run(&["check"]).await;
    assert_eq!((well.code, &well.json()["overall_ok"]), (Some(0), &json!(true)), "{}", well.stderr);
    assert!(well.stdout.starts_with("{\n  \"timestamp\": \""), "pretty, in the order of the contract: {}", well.stdout);
    assert!(is_log(&well.stderr) && well.stderr.contains("all is well"), "{}", well.stderr);

    home.world.jobs_get_stuck(120, now());
    let stuck = home.run(&["check"]).await;
    assert_eq!(stuck.code, Some(1), "{}", stuck.stderr);
    assert_eq!((&stuck.json()["stuck_jobs_count"], &stuck.json()["overall_ok"]), (&json!(120), &json!(false)));
    // It waited until both had their alert, and the board its entry.
    assert_eq!(home.world.telegram.messages().count(), 1);
    assert_eq!(home.world.smtp.mails().count(), 1);
    assert_eq!(home.world.notion.pages(home.world.status_board).len(), 2);

    // The next one knows what was told already.
    let again = home.run(&["check"]).await;
    assert_eq!(again.json()["incidents"][0]["id"], stuck.json()["incidents"][0]["id"]);
    assert_eq!((again.code, telegrams(&home.world, 1).await.len()), (Some(1), 1));
}

#[actix_rt::test]
async fn check_waits_until_each_notice_was_delivered_or_has_failed_once() {
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "500ms");
    home.world.jobs_get_stuck(2, now());
    home.world.telegram.set_fault(Some(Fault::Hang));
    home.world.smtp.fault_next(1, SmtpFault::RefuseGreeting);
    let ended = home.run(&["check"]).await;
    assert_eq!(ended.code, Some(1));
    for line in ["telegram: alert ", "email: alert ", "telegram: 0 delivered, 1 not", "email: 0 delivered, 1 not"] {
        assert!(ended.stderr.contains(line), "no {line:?} in {}", ended.stderr);
    }
    // What is unsent waits for whoever comes next.
    home.world.telegram.set_fault(None);
    let _service = home.serve().await;
    assert!(telegrams(&home.world, 1).await[0].text.starts_with(ALERT));
    mails(&home.world, 1).await;
}

#[actix_rt::test]
async fn a_dry_run_sends_and_writes_nothing_and_leaves_no_incident_behind() {
    let home = Home::well();
    home.world.jobs_get_stuck(3, now());
    let dry = home.run(&["check", "--dry-run"]).await;
    assert_eq!((dry.code, &dry.json()["stuck_jobs_count"]), (Some(1), &json!(3)));
    assert!(dry.stderr.contains("dry run: telegram would be told: 🚨"), "{}", dry.stderr);
    assert_eq!(home.left_behind(), [], "not even an empty database");
    let asked = home.world.notion.requests().all();
    let writes = |request: &&auto_operator::demo::wire::Received| {
        request.method == "PATCH" || (request.method == "POST" && request.path == "/v1/pages")
    };
    assert_eq!(asked.iter().filter(writes).count(), 0);
    assert_eq!((home.world.telegram.requests().count(), home.world.smtp.mails().count()), (0, 0));

    // With a database that knows an incident, it stays as it is: the all-clear is still to come.
    home.run(&["check"]).await;
    home.world.all_is_well_again(20, now());
    for _ in 0..3 {
        let dry = home.run(&["check", "--dry-run"]).await;
        assert_eq!((dry.code, &dry.json()["incidents"][0]["issue"]), (Some(0), &json!("stuck_jobs")), "{}", dry.stderr);
    }
    assert_eq!((home.world.telegram.messages().count(), home.world.smtp.mails().count()), (1, 1));
    home.run(&["check"]).await;
    home.run(&["check"]).await;
    telegrams(&home.world, 2).await;
}

#[actix_rt::test]
async fn with_nothing_configured_the_check_says_so_and_is_not_well() {
    let mut home = Home::on_demand();
    for party in ["NOTION", "OPENAI", "SMTP", "TELEGRAM"] {
        home.without(party);
    }
    let ended = home.run(&["check"]).await;
    let report = ended.json();
    assert_eq!((ended.code, &report["overall_ok"]), (Some(1), &json!(false)));
    assert_eq!(report["health"], json!({"openai": null, "notion": null}));
    assert_eq!(report["metrics"]["total_24h"], Value::Null);
    assert_eq!(issues(&report).len(), 1, "{report:#}");
}

#[actix_rt::test]
async fn a_bad_configuration_names_all_that_is_wrong_and_shows_no_secret() {
    let mut home = Home::new();
    home.set("PORT", "70000");
    home.set("CHECK_INTERVAL", "soon");
    home.set("REQUEST_TIMEOUT", "2m");
    home.set("STATUS_BOARD_MODE", "sometimes");
    home.set("JOB_LOG_DB_ID", "not-an-id");
    home.set("SMTP_URL", "smtp//user:hunter2@mail");
    home.set("TELEGRAM_CHAT_ID", "hunter3 hunter3");
    home.unset(&["TELEGRAM_BOT_TOKEN"]);
    home.set("OPS_TOKEN_FILE", "/nowhere");
    let wrong = [
        "PORT",
        "CHECK_INTERVAL",
        "STATUS_BOARD_MODE",
        "JOB_LOG_DB_ID",
        "SMTP_URL",
        "TELEGRAM_CHAT_ID",
        "TELEGRAM_BOT_TOKEN",
        "OPS_TOKEN",
    ];
    let commands =
        [&["serve"][..], &[], &["check"], &["check", "--dry-run"], &["config"], &["doctor", "--fix"], &["test-alert"]];
    for command in commands {
        let ended = home.run(command).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{command:?}: {}", ended.said());
        for name in wrong {
            assert!(
                ended.stderr.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))),
                "{name}: {}",
                ended.stderr
            );
        }
        assert!(ended.stderr.matches("Right: ").count() >= wrong.len());
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    assert_eq!(home.left_behind(), []);
}

#[actix_rt::test]
async fn config_shows_values_with_their_origin_and_masks_what_is_secret() {
    let mut home = Home::new();
    home.set("CHECK_INTERVALL", "5m");
    std::fs::write(home.file(".env"), "SERVICE_NAME='Echo Lab'\nCHECK_INTERVAL=7m\nQA_LOW=60\n").unwrap();
    std::fs::write(home.file("token"), "s3cret-in-a-file\n").unwrap();
    home.unset(&["OPS_TOKEN"]);
    home.set("OPS_TOKEN_FILE", "token");
    let ended = home.run(&["config"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = |name: &str| {
        let found = ended.stdout.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        found
            .unwrap_or_else(|| panic!("no {name} in {}", ended.stdout))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("CHECK_INTERVAL"), "CHECK_INTERVAL 1s environment", "what is set wins over .env");
    assert_eq!(line("SERVICE_NAME"), "SERVICE_NAME Echo Lab .env");
    assert_eq!(line("QA_LOW"), "QA_LOW 60 .env");
    assert_eq!(line("QA_AVG_MIN"), "QA_AVG_MIN 75 default");
    assert!(line("OPS_TOKEN").starts_with("OPS_TOKEN ******** "), "{}", line("OPS_TOKEN"));
    let world = &home.world;
    let secrets =
        [&world.notion.token(), world.openai.key(), world.telegram.bot_token(), "s3cret-in-a-file", "p@ss", "p%40ss"];
    secrets.iter().for_each(|secret| assert!(!ended.said().contains(secret), "{secret} in {}", ended.said()));
    assert!(ended.stderr.contains("CHECK_INTERVALL") && ended.stderr.contains("did you mean"), "{}", ended.stderr);
}

#[actix_rt::test]
async fn a_secret_may_come_from_a_file_and_dotenv_from_the_working_directory() {
    let mut home = Home::well();
    for (name, secret) in [
        ("NOTION_TOKEN", home.world.notion.token()),
        ("OPENAI_API_KEY", home.world.openai.key().to_owned()),
        ("TELEGRAM_BOT_TOKEN", home.world.telegram.bot_token().to_owned()),
        ("SMTP_URL", home.world.smtp.url()),
    ] {
        home.unset(&[name]);
        std::fs::write(home.file(name), secret + "\n").unwrap();
        home.set(&format!("{name}_FILE"), name);
    }
    home.unset(&["STUCK_AFTER"]);
    std::fs::write(home.file(".env"), "STUCK_AFTER=2h\n").unwrap();
    home.world.jobs_get_stuck(3, now());
    let ended = home.run(&["check"]).await;
    assert_eq!((ended.code, &ended.json()["stuck_jobs_count"]), (Some(0), &json!(0)), "{}", ended.stderr);
    home.set("STUCK_AFTER", "30m");
    assert_eq!(home.run(&["check"]).await.json()["stuck_jobs_count"], 3);
    telegrams(&home.world, 1).await;
    mails(&home.world, 1).await;
}

#[actix_rt::test]
async fn help_and_version_work_everywhere_without_a_configuration() {
    let mut home = Home::new();
    home.set("PORT", "none");
    for command in [&[][..], &["serve"], &["check"], &["config"], &["demo"], &["doctor"], &["test-alert"]] {
        let help = home.run(&[command, &["--help"]].concat()).await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{command:?}");
        assert!(help.stdout.contains("Usage: auto-operator"), "{command:?}: {}", help.stdout);
        let version = home.run(&[command, &["--version"]].concat()).await;
        let ours = version.stdout.starts_with("auto-operator")
            && version.stdout.ends_with(concat!(" ", env!("CARGO_PKG_VERSION"), "\n"));
        assert!(version.code == Some(0) && ours, "{command:?}: {}", version.said());
    }
    for wrong in
        [&["chekc"][..], &["check", "--dry"], &["serve", "now"], &["doctor", "me"], &["test-alert", "--channel"]]
    {
        assert_eq!(home.run(wrong).await.code, Some(2), "{wrong:?}");
    }
}

#[actix_rt::test]
async fn a_port_that_is_taken_is_a_fatal_fault_that_says_what_to_change() {
    let mut home = Home::well();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    home.set("PORT", &taken.local_addr().unwrap().port().to_string());
    let ended = home.run(&["serve"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cannot listen on 127.0.0.1:") && ended.stderr.contains("PORT"), "{}", ended.stderr);
}

#[actix_rt::test]
async fn a_database_that_can_never_be_used_is_a_bad_configuration() {
    let mut home = Home::well();
    std::fs::write(
        home.file("notes.txt"),
        "this is no database, and it is longer than the header of one would be; it is to stay",
    )
    .unwrap();
    for (url, words) in [
        ("sqlite://nowhere/watch.db", "nowhere"),
        ("sqlite://notes.txt", "notes.txt"),
        ("postgres://user:hunter2@localhost", "names no database"),
        ("mysql://user:hunter2@localhost/watch", "DATABASE_URL"),
    ] {
        home.set("DATABASE_URL", url);
        for command in [&["serve"][..], &["check"]] {
            let before = home.left_behind();
            let ended = home.run(command).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{url}: {}", ended.stderr);
            assert!(ended.stderr.contains(words) && !ended.stderr.contains("hunter2"), "{url}: {}", ended.stderr);
            assert_eq!(home.left_behind(), before, "{url}: it is left as it is");
        }
    }
}

#[actix_rt::test]
async fn a_database_of_a_newer_version_is_left_as_it_is() {
    let home = Home::well();
    home.run(&["check"]).await;
    let url = format!("sqlite://{}", home.file("watch.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99990101000000, 'the future', 1, x'00', 1)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    pool.close().await;
    let before = home.left_behind();
    let ended = home.run(&["check"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("newer"), "{}", ended.stderr);
    assert_eq!(home.left_behind(), before);
}

#[actix_rt::test]
async fn the_demo_shows_the_story_when_piped_and_ends_at_once() {
    let mut home = Home::new();
    home.set("PORT", "0");
    for signal in ["INT", "TERM"] {
        let demo = Service::spawn(home.command(&["demo"]));
        let line = async |text: &'static str| {
            let line = demo.stdout.wait_for(|line| line.contains(text), SOON).await;
            line.unwrap_or_else(|| panic!("no {text:?} in {:#?} {:#?}", demo.stdout.all(), demo.log.all()))
        };
        line("auto-operator demo").await;
        line("All is well: 68 jobs").await;
        let said = demo.stdout.all().join("\n");
        assert!(!said.contains('\u{1b}'), "no colours in a pipe: {said:?}");
        if signal == "INT" {
            line("137 jobs get stuck.").await;
            for told in ["🚨 EchoPilot Auto-Operator Alert", "  e-mail", "a new entry on the Status Board"] {
                line(told).await;
            }
        }
        let begun = Instant::now();
        let (status, _) = demo.signal(signal).await;
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{signal}: {:?}", begun.elapsed());
    }
    assert_eq!(home.left_behind(), [], "its database is in memory");
}
