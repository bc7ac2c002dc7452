//! Stories of whole environments: what is on, what is off, what is refused and in which words.

#![allow(clippy::unwrap_used)]

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::*;
use crate::clients::replit::Identity;

const ID: &str = "393abc1e-edcd-81f5-ae94-ec2d55fe98ed";
const OTHER_ID: &str = "e234cdc8-4ad2-4371-a97e-999a238bf8f5";
const SECRET: &str = "hunter2-hunter2";

type Set<'a> = &'a [(&'a str, &'a str)];

fn map(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(variables: &[(&str, &str)]) -> Result<(Settings, Effective), Problems> {
    Settings::read(&map(variables), &BTreeMap::new())
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    read(variables).map(|(settings, _)| settings).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(variables: &[(&str, &str)]) -> Vec<Problem> {
    read(variables).map_or_else(|problems| problems.0, |_| panic!("{variables:?} was accepted"))
}

fn warnings(variables: &[(&str, &str)]) -> Vec<String> {
    read(variables).unwrap_or_else(|problems| panic!("{problems}")).1.warnings
}

/// Each faulty variable with what is wrong with it, on a line.
fn wrong(variables: &[(&str, &str)]) -> Vec<String> {
    problems(variables).into_iter().map(|problem| format!("{} {}", problem.variable, problem.wrong)).collect()
}

#[test]
fn nothing_set_is_the_contracts_defaults() {
    let settings = settings(&[]);
    assert_eq!((settings.web.host.to_string().as_str(), settings.web.port), ("0.0.0.0", 5000));
    assert_eq!(settings.service_name, "EchoPilot");
    assert!(settings.notion.is_none() && settings.openai.is_none() && settings.email.is_none());
    assert!(settings.telegram.is_none() && settings.web.ops_token.is_none() && settings.web.public_url.is_none());
    assert!(matches!(settings.database, Database::SqliteFile(path) if path == Path::new("auto-operator.db")));
    let Timing { interval, check_timeout, request_timeout } = settings.timing;
    assert_eq!([interval, check_timeout, request_timeout].map(|time| time.as_secs()), [300, 60, 10]);
    let limits = settings.limits;
    assert_eq!([limits.stuck_after, limits.metrics_window].map(|time| time.as_secs()), [1800, 86_400]);
    assert_eq!([limits.qa_avg_min, limits.qa_low, limits.completion_min_percent], [75.0, 80.0, 50.0]);
    assert_eq!([limits.completion_min_jobs, limits.no_completion_min_jobs], [5, 10]);
    assert_eq!(limits.status_done, ["Done"]);
    assert_eq!(limits.status_terminal, ["Done", "Completed", "Failed", "Cancelled"]);
    assert_eq!((limits.status_property.as_str(), limits.qa_property.as_str()), ("Status", "QA Score"));
    assert_eq!((settings.patience.open_after, settings.patience.resolve_after), (1, 2));
    assert!(settings.heartbeat.is_none() && !settings.lifecycle_notices);
    assert_eq!(settings.maintenance, Windows::default());
    assert_eq!(settings.patience.reminder_interval, Some(Duration::from_secs(4 * 3600)));
    assert_eq!((settings.log_format, settings.log_filter.as_str()), (LogFormat::Text, "info"));
}

#[test]
fn every_problem_is_told_at_once() {
    let faulty = [
        ("PORT", "65536"),
        ("CHECK_INTERVAL", "0"),
        ("QA_LOW", "101"),
        ("TELEGRAM_CHAT_ID", "42"),
        ("SMTP_URL", "https://me:hunter2@example.com"),
        ("JOB_LOG_DB_ID", "jobs"),
        ("OPENAI_BASE_URL", "https://example.com/v1"),
        ("DATABASE_URL", "postgres://me:hunter2@db"),
        ("OPS_TOKEN_FILE", "/nowhere/at/all"),
    ];
    let problems = Problems(problems(&faulty));
    let mut named: Vec<_> = problems.0.iter().map(|problem| problem.variable.as_str()).collect();
    named.sort_unstable();
    let expected = [
        "ALERT_TO",
        "CHECK_INTERVAL",
        "DATABASE_URL",
        "JOB_LOG_DB_ID",
        "NOTION_TOKEN",
        "OPENAI_API_KEY",
        "OPS_TOKEN",
        "PORT",
        "QA_LOW",
        "SMTP_URL",
        "TELEGRAM_BOT_TOKEN",
    ];
    assert_eq!(named, expected, "{problems}");
    assert!(problems.0.iter().all(|problem| !problem.right.is_empty()));
    assert!(!problems.to_string().contains("hunter2"), "{problems}");
}

#[test]
fn a_request_takes_no_longer_than_its_check() {
    let timing = |variables: &[(&str, &str)]| settings(variables).timing;
    assert_eq!(timing(&[("CHECK_TIMEOUT", "5s")]).request_timeout, Duration::from_secs(5), "nobody asked for 10s");
    let Err(problems) = Settings::read(&map(&[("CHECK_TIMEOUT", "5s"), ("REQUEST_TIMEOUT", "6s")]), &BTreeMap::new())
    else {
        panic!("accepted")
    };
    assert!(problems.to_string().contains("REQUEST_TIMEOUT is 6s, longer than CHECK_TIMEOUT, 5s"), "{problems}");
}

#[test]
fn single_values_are_checked_for_what_they_mean() {
    let table: [(&str, &str, &str); 24] = [
        ("HOST", "example.com", "HOST is `example.com`, which is not an IP address"),
        ("PORT", "http", "PORT is `http`, which is not a whole number in its range"),
        ("PUBLIC_URL", "watch.example.com", "PUBLIC_URL is not a web address"),
        ("OPS_TOKEN", "two words", "OPS_TOKEN holds spaces, line breaks or letters beyond ASCII"),
        ("CHECK_INTERVAL", "999ms", "CHECK_INTERVAL is `999ms`, which is too short"),
        ("CHECK_INTERVAL", "400d", "CHECK_INTERVAL is too long"),
        ("REQUEST_TIMEOUT", "0", "REQUEST_TIMEOUT is `0`, which is too short"),
        ("STUCK_AFTER", "0s", "STUCK_AFTER is `0s`, which is too short"),
        ("METRICS_WINDOW", "59s", "METRICS_WINDOW is `59s`, which is too short"),
        ("QA_AVG_MIN", "-1", "QA_AVG_MIN is `-1`, which is not a percentage"),
        ("COMPLETION_MIN_PERCENT", "half", "COMPLETION_MIN_PERCENT is `half`, which is not a percentage"),
        ("COMPLETION_MIN_JOBS", "0", "COMPLETION_MIN_JOBS is `0`, which is not a whole number in its range"),
        ("OPEN_AFTER", "0", "OPEN_AFTER is `0`, which is not a whole number in its range"),
        ("RESOLVE_AFTER", "1001", "RESOLVE_AFTER is `1001`, which is not a whole number in its range"),
        ("REMINDER_INTERVAL", "1ms", "REMINDER_INTERVAL is `1ms`, which is too short"),
        ("STATUS_DONE", ",", "STATUS_DONE is not a list"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT is `xml`, which is not one of its choices"),
        ("LIFECYCLE_NOTICES", "maybe", "LIFECYCLE_NOTICES is `maybe`, which is neither true nor false"),
        ("MAINTENANCE", "Sun 2-4", "MAINTENANCE cannot be used: has `Sun 2-4` in it, which is not a window"),
        ("HEARTBEAT_URL", "hc-ping.com/x", "HEARTBEAT_URL is not a web address"),
        ("HEARTBEAT_URL", "https://me:pw@h/x", "HEARTBEAT_URL has a user or a password in it"),
        ("DATABASE_URL", "mysql://x", "DATABASE_URL is not the URL of a database"),
        ("DATABASE_URL", "sqlite://a.db?mode=ro", "DATABASE_URL has options or control characters in its path"),
        ("SERVICE_NAME", "a\nb", "SERVICE_NAME is not a short text of one line"),
    ];
    for (name, value, expected) in table {
        assert_eq!(wrong(&[(name, value)]), [expected], "{name}={value}");
    }
}

#[test]
fn one_fault_is_not_told_twice() {
    assert_eq!(wrong(&[("CHECK_TIMEOUT", "soon")]), ["CHECK_TIMEOUT is `soon`, which is not a duration"]);
    assert_eq!(wrong(&[("SMTP_URL", "x"), ("ALERT_TO", "a@b.example")]), ["SMTP_URL is not a URL"]);
}

#[test]
fn a_party_half_configured_is_refused_and_what_is_missing_is_named() {
    let table: &[(Set<'_>, &[&str])] = &[
        (&[("TELEGRAM_BOT_TOKEN", "1:a")], &["TELEGRAM_CHAT_ID is missing, although TELEGRAM_BOT_TOKEN is set"]),
        (&[("TELEGRAM_CHAT_ID", "1")], &["TELEGRAM_BOT_TOKEN is missing, although TELEGRAM_CHAT_ID is set"]),
        (
            &[("TELEGRAM_THREAD_ID", "1")],
            &[
                "TELEGRAM_BOT_TOKEN is missing, although TELEGRAM_THREAD_ID is set",
                "TELEGRAM_CHAT_ID is missing, although TELEGRAM_THREAD_ID is set",
            ],
        ),
        (&[("ALERT_TO", "a@b.example")], &["SMTP_URL is missing, although ALERT_TO is set"]),
        (&[("SMTP_URL", "smtp://localhost")], &["ALERT_TO is missing, although SMTP_URL is set"]),
        (
            &[("ALERT_FROM", "a@b.example")],
            &["ALERT_TO is missing, although ALERT_FROM is set", "SMTP_URL is missing, although ALERT_FROM is set"],
        ),
        (
            &[("ALERT_TO", "a@b.example"), ("SMTP_URL", "smtps://me:pw@h")],
            &["ALERT_FROM is missing, and the user of SMTP_URL is not a mail address"],
        ),
        (&[("JOB_LOG_DB_ID", ID)], &["NOTION_TOKEN is missing, although JOB_LOG_DB_ID is set"]),
        (
            &[("NOTION_TOKEN", "x")],
            &["JOB_LOG_DB_ID is missing, and so is NOTION_STATUS_DB_ID, although NOTION_TOKEN is set"],
        ),
        (
            &[("NOTION_VERSION", "2026-03-11")],
            &["JOB_LOG_DB_ID is missing, and so is NOTION_STATUS_DB_ID, although NOTION_VERSION is set"],
        ),
        (
            &[("NOTION_TOKEN", "x"), ("AUTOMATION_QUEUE_DB_ID", ID)],
            &["JOB_LOG_DB_ID is missing, although AUTOMATION_QUEUE_DB_ID is set"],
        ),
        (
            &[("NOTION_TOKEN", "x"), ("JOB_LOG_DB_ID", ID), ("STATUS_BOARD_MODE", "every")],
            &["NOTION_STATUS_DB_ID is missing, although STATUS_BOARD_MODE is set"],
        ),
        (
            &[
                ("NOTION_TOKEN", "x"),
                ("JOB_LOG_DB_ID", ID),
                ("NOTION_STATUS_DB_ID", "393ABC1EEDCD81F5AE94EC2D55FE98ED"),
            ],
            &["NOTION_STATUS_DB_ID is the same database as JOB_LOG_DB_ID"],
        ),
        (
            &[("REPLIT_CONNECTORS_HOSTNAME", "c.example"), ("JOB_LOG_DB_ID", ID)],
            &["NOTION_TOKEN is missing, and REPLIT_CONNECTORS_HOSTNAME comes without a proof of identity"],
        ),
        (&[("OPENAI_BASE_URL", "https://x.example")], &["OPENAI_API_KEY is missing, although OPENAI_BASE_URL is set"]),
        (&[("OPENAI_PROBE", "chat")], &["OPENAI_API_KEY is missing, although OPENAI_PROBE is set"]),
        (
            &[("AI_INTEGRATIONS_OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "https://x.example")],
            &["OPENAI_API_KEY is missing, although OPENAI_BASE_URL is set"],
        ),
    ];
    for (variables, expected) in table {
        assert_eq!(&wrong(variables), expected, "{variables:?}");
    }
}

#[test]
fn notions_token_is_given_or_comes_from_replit() {
    let replit = ("REPLIT_CONNECTORS_HOSTNAME", "c.example");
    let header = |variables: &[(&str, &str)]| match settings(variables).notion.unwrap().token {
        NotionToken::Given(token) => token.expose().to_owned(),
        NotionToken::Replit { hostname, identity } => match identity {
            Identity::Workspace(proof) => format!("{hostname} repl {}", proof.expose()),
            Identity::Deployment(proof) => format!("{hostname} depl {}", proof.expose()),
        },
    };
    let job_log = ("JOB_LOG_DB_ID", ID);
    assert_eq!(header(&[job_log, replit, ("REPL_IDENTITY", "a"), ("WEB_REPL_RENEWAL", "b")]), "c.example repl a");
    assert_eq!(header(&[job_log, replit, ("WEB_REPL_RENEWAL", "b")]), "c.example depl b");
    assert_eq!(header(&[job_log, replit, ("REPL_IDENTITY", "a"), ("NOTION_TOKEN", "given")]), "given");
    assert!(settings(&[replit, ("REPL_IDENTITY", "a")]).notion.is_none(), "the host alone says nothing");
}

#[test]
fn notions_databases_are_canonical() {
    let url = "https://www.notion.so/team/Board-e234cdc84ad24371a97e999a238bf8f5?v=393abc1eedcd81f5ae94ec2d55fe98ed";
    let notion = settings(&[
        ("NOTION_TOKEN", "x"),
        ("NOTION_STATUS_DB_ID", url),
        ("STATUS_BOARD_MODE", "every"),
        ("NOTION_VERSION", "2022-06-28"),
        ("NOTION_BASE_URL", "http://127.0.0.1:9/"),
    ])
    .notion
    .unwrap();
    let board = notion.status_board.unwrap();
    assert_eq!((board.database.as_str(), board.mode), (OTHER_ID, BoardMode::Every));
    assert_eq!((notion.version.as_str(), notion.base_url.as_str()), ("2022-06-28", "http://127.0.0.1:9"));
    assert!(notion.job_log.is_none() && notion.queue.is_none());
}

#[test]
fn an_openai_address_goes_with_its_own_key() {
    let own = [("OPENAI_API_KEY", "own")];
    let integration = [
        ("AI_INTEGRATIONS_OPENAI_API_KEY", "dummy"),
        ("AI_INTEGRATIONS_OPENAI_BASE_URL", "http://localhost:1106/modelfarm/openai"),
    ];
    let table = [
        (own.to_vec(), ("own", "https://api.openai.com/v1", Probe::Models)),
        ([&own[..], &integration].concat(), ("own", "https://api.openai.com/v1", Probe::Models)),
        (integration.to_vec(), ("dummy", "http://localhost:1106/modelfarm/openai", Probe::Chat)),
        (integration[..1].to_vec(), ("dummy", "https://api.openai.com/v1", Probe::Chat)),
        ([&integration[..], &[("OPENAI_PROBE", "models")]].concat(), ("dummy", integration[1].1, Probe::Models)),
    ];
    for (variables, expected) in table {
        let openai = settings(&variables).openai.unwrap();
        assert_eq!((openai.key.expose(), openai.base_url.as_str(), openai.probe), expected, "{variables:?}");
    }
    let address_alone = &integration[1..];
    assert!(settings(address_alone).openai.is_none());
    assert!(warnings(address_alone).iter().any(|warning| warning.ends_with("OpenAI is not watched")));
}

#[test]
fn the_sender_of_mails_is_the_servers_user_unless_said() {
    let server = ("SMTP_URL", "smtps://me%40example.com:pw@smtp.example.com");
    let email = |variables: &[(&str, &str)]| settings(variables).email.unwrap();
    let to = ("ALERT_TO", "a@example.com, b@example.com");
    assert_eq!(email(&[server, to]).from.address(), "me@example.com");
    let receivers = email(&[server, to]).to;
    let receivers: Vec<_> = receivers.iter().map(|receiver| receiver.address()).collect();
    assert_eq!(receivers, ["a@example.com", "b@example.com"]);
    assert_eq!(email(&[server, to, ("ALERT_FROM", "watch@example.com")]).from.address(), "watch@example.com");
}

#[test]
fn the_environment_wins_over_dotenv_and_blank_is_not_set() {
    let dotenv = map(&[("PORT", "1"), ("SERVICE_NAME", "FromFile"), ("OPS_TOKEN", "")]);
    let environment = map(&[("PORT", "2"), ("SERVICE_NAME", " "), ("CHECK_INTERVAL", "")]);
    let (settings, effective) = Settings::read(&environment, &dotenv).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((settings.web.port, settings.service_name.as_str()), (2, "FromFile"));
    assert!(settings.web.ops_token.is_none());
    let origin = |name| effective.rows.iter().find(|row| row.name == name).map(|row| row.origin.clone());
    assert_eq!(
        ["PORT", "SERVICE_NAME", "CHECK_INTERVAL", "OPS_TOKEN"].map(origin),
        [Origin::Environment, Origin::Dotenv, Origin::Default, Origin::Unset].map(Some)
    );
}

#[test]
fn a_secret_may_come_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let good = file("good", b"hunter2-hunter2\r\n\n");
    let (settings, effective) = read(&[("OPS_TOKEN_FILE", &good)]).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(settings.web.ops_token.is_some_and(|token| token.expose() == SECRET));
    let row = effective.rows.into_iter().find(|row| row.name == "OPS_TOKEN").unwrap();
    assert_eq!((row.value.as_str(), row.origin), (MASK, Origin::File(good.clone())));

    let bad = [
        (file("empty", b"\n"), "empty"),
        (file("binary", b"\xFF\xFE"), "not UTF-8 text"),
        (file("large", &vec![b'a'; 64 * 1024 + 1]), "larger than 64 KiB"),
        (directory.path().display().to_string(), "not a regular file"),
        (directory.path().join("missing").display().to_string(), "entity not found"),
    ];
    for (path, expected) in bad {
        assert_eq!(
            wrong(&[("OPS_TOKEN_FILE", &path)]),
            [format!("OPS_TOKEN cannot be had from the file {path:?}: {expected}")]
        );
    }
    assert!(read(&[("OPS_TOKEN_FILE", &file("bound", &vec![b'a'; 64 * 1024]))]).is_ok());
    assert_eq!(
        wrong(&[("OPS_TOKEN", "a"), ("OPS_TOKEN_FILE", &good)]),
        ["OPS_TOKEN is set together with OPS_TOKEN_FILE"]
    );
}

#[test]
fn what_would_do_nothing_or_looks_mistyped_is_warned_about() {
    let quiet = [("OPENAI_API_KEY", "k"), ("TELEGRAM_BOT_TOKEN", "1:a"), ("TELEGRAM_CHAT_ID", "1")];
    assert_eq!(warnings(&quiet), Vec::<String>::new());
    let table = [
        (
            "HEARTBEAT_URL",
            "http://example.com/x",
            "HEARTBEAT_URL is plain http to another machine: it can be read on the way",
        ),
        ("CHECK_INTERVALL", "1m", "CHECK_INTERVALL is not a setting; did you mean CHECK_INTERVAL?"),
        ("OPS_TOKEN", "short", "OPS_TOKEN has fewer than 8 characters: it can be guessed"),
        (
            "TELEGRAM_API_URL",
            "http://example.com",
            "TELEGRAM_API_URL is plain http to another machine: the bot's token can be read on the way (http://example.com)",
        ),
    ];
    for (name, value, expected) in table {
        assert_eq!(warnings(&[&quiet[..], &[(name, value)]].concat()), [expected]);
    }
    let nothing = [
        "Neither Notion nor OpenAI is configured: nothing is watched",
        "No channel is configured: alerts reach nobody",
    ];
    assert_eq!(warnings(&[]), nothing);
}

#[test]
fn windows_of_maintenance_are_read_where_there_are_any() {
    let windows = "Sun 02:00-04:00 UTC; Mon-Fri 22:00-23:30 UTC";
    assert_eq!(Ok(settings(&[("MAINTENANCE", windows)]).maintenance), Windows::parse(windows));
    assert_eq!(settings(&[("MAINTENANCE", " ")]).maintenance, Windows::default());
}

#[test]
fn the_commit_of_the_operator_comes_before_the_hosts() {
    let commit = |variables: &[(&str, &str)]| settings(variables).build.commit;
    let heroku = [("HEROKU_SLUG_COMMIT", "slug"), ("HEROKU_BUILD_COMMIT", "build")];
    assert_eq!(commit(&heroku).as_deref(), Some("build"));
    assert_eq!(commit(&heroku[..1]).as_deref(), Some("slug"));
    assert_eq!(commit(&[&heroku[..], &[("GIT_COMMIT", "own")]].concat()).as_deref(), Some("own"));
}

#[test]
fn names_of_finished_well_always_belong_to_the_terminal_ones() {
    let limits = settings(&[("STATUS_DONE", "Published, Done"), ("STATUS_TERMINAL", "Failed")]).limits;
    assert_eq!(limits.status_terminal, ["Failed", "Published", "Done"]);
}

#[test]
fn databases_are_told_apart_by_their_urls() {
    let file = |url| match settings(&[("DATABASE_URL", url)]).database {
        Database::SqliteFile(path) => path.display().to_string(),
        Database::SqliteMemory => ":memory:".into(),
        Database::Postgres(_) => "postgres".into(),
    };
    let table = [
        ("sqlite://a.db", "a.db"),
        ("sqlite:///var/a.db", "/var/a.db"),
        ("sqlite:a.db", "a.db"),
        ("sqlite::memory:", ":memory:"),
    ];
    for (url, expected) in table {
        assert_eq!(file(url), expected);
    }
    for url in
        ["postgres://u:p@h:5432/d", "postgresql://u@h/d?sslmode=verify-full", "postgres:///d?host=/run/postgresql"]
    {
        assert_eq!(file(url), "postgres");
    }
    for (url, told) in [
        ("postgres://u:p@h", "names no database"),
        ("postgres://u:hunter2@h:x/d", "is not a URL (is its password percent-encoded?)"),
        ("postgres://u:hunt#er2@h/d", "is not a URL (is its password percent-encoded?)"),
        ("postgres://u:p@h/d#hunter2", "has a `#` in it (is its password percent-encoded?)"),
        ("postgres://u:p@h/d?sslmode=hunter2", "has an unknown sslmode"),
        ("mysql://u:p@h/d", "is not the URL of a database"),
    ] {
        assert_eq!(wrong(&[("DATABASE_URL", url)]), [format!("DATABASE_URL {told}")], "{url}");
    }
}

#[test]
fn of_the_url_of_a_server_only_what_everybody_may_know_is_shown() {
    let url = "postgres://me:p%40ss@db.example.com:5433/watch?sslmode=require";
    let given = BTreeMap::from([("DATABASE_URL".to_owned(), url.to_owned())]);
    let (settings, effective) =
        Settings::read(&given, &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems}"));
    let Database::Postgres(server) = &settings.database else { panic!("a server") };
    let secrets: Vec<_> = server.secrets.iter().map(|secret| secret.expose().to_owned()).collect();
    assert_eq!(secrets[1..], ["p%40ss", "p@ss"]);
    let row = effective.rows.into_iter().find(|row| row.name == "DATABASE_URL").unwrap();
    assert_eq!(row.value, "postgres://********@db.example.com:5433/watch");
}

#[test]
fn broken_lines_and_bytes_are_told_together_with_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let dotenv = directory.path().join(".env");
    std::fs::write(&dotenv, "PORT=x\nhunter2 is here\n").unwrap();
    let environment = [("HOST", b"\xFF".to_vec()), ("SMTP_URL_FILE", b"\xFF".to_vec()), ("OTHER", b"\xFF".to_vec())]
        .map(|(name, value)| (name.into(), OsString::from_vec(value)));
    let Err(problems) = Settings::load_from(environment.into_iter(), &dotenv) else { panic!("accepted") };
    let told: Vec<_> = problems.0.iter().map(|problem| format!("{} {}", problem.variable, problem.wrong)).collect();
    assert_eq!(
        told,
        [
            ".env cannot be understood in line 2",
            "HOST is not UTF-8 text",
            "SMTP_URL_FILE is not UTF-8 text",
            "PORT is `x`, which is not a whole number in its range",
        ]
    );
    assert!(!problems.to_string().contains("hunter2"));
}

/// Every secret variable with a value that is valid but for what `change` does to it, and all that they need.
fn planted(change: impl Fn(String) -> String) -> BTreeMap<String, String> {
    let mut variables = map(&[("ALERT_TO", "a@example.com"), ("TELEGRAM_CHAT_ID", "1"), ("JOB_LOG_DB_ID", ID)]);
    for variable in variables::all().filter(|variable| variable.secret) {
        let value = match variable.name {
            "SMTP_URL" => format!("smtps://me%40example.com:{SECRET}@smtp.example.com"),
            "DATABASE_URL" => "sqlite::memory:".to_owned(),
            "TELEGRAM_BOT_TOKEN" => format!("1:{SECRET}"),
            "HEARTBEAT_URL" => format!("https://hc-ping.com/{SECRET}"),
            _ => SECRET.to_owned(),
        };
        variables.insert(variable.name.to_owned(), change(value));
    }
    variables
}

#[test]
fn a_planted_secret_appears_nowhere() {
    let (_, effective) = Settings::read(&planted(|value| value), &BTreeMap::new()).unwrap_or_else(|p| panic!("{p}"));
    let shown = format!("{effective:?}");
    assert!(!shown.contains("hunter2"), "{shown}");

    let changes: [fn(String) -> String; 4] = [
        |value| format!("{value} {value}"),
        |value| format!("{value}\u{e9}"),
        |value| value.replace(':', " :"),
        |value| format!("hunter2/{value}"),
    ];
    for change in changes {
        let Err(problems) = Settings::read(&planted(change), &BTreeMap::new()) else { panic!("accepted") };
        assert!(!format!("{problems} {problems:?}").contains("hunter2"), "{problems}");
    }
}

#[test]
fn all_secrets_are_handed_to_whoever_cleans_the_log() {
    let environment = planted(|value| value);
    let (settings, _) = Settings::read(&environment, &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems}"));
    let secrets: Vec<_> = settings.secrets().iter().map(|secret| secret.expose().to_owned()).collect();
    let expected = [
        SECRET, // OPS_TOKEN
        SECRET, // OPS_READ_TOKEN
        SECRET, // NOTION_TOKEN
        SECRET, // OPENAI_API_KEY
        "1:hunter2-hunter2",
        "smtps://me%40example.com:hunter2-hunter2@smtp.example.com",
        SECRET,
        SECRET,
        "https://hc-ping.com/hunter2-hunter2",
        SECRET,
    ];
    assert_eq!(secrets, expected);
}
