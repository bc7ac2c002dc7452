//! Notion: the token, the databases and what is in them.

use auto_operator::demo::notion::PropertyKind;
use auto_operator::demo::{Fault, Replit};
use auto_operator::diagnosis::{Party, Remedy};
use futures_util::FutureExt;

use super::patient;
use super::sentences::{Cases, Heard};
use crate::support::{Ended, Home};

pub fn of_notion(heard: &Heard) -> Cases<'_> {
    let replit = |home: &mut Home| {
        let replit = Replit::start(&home.world.notion.token()).unwrap();
        home.unset(&["NOTION_TOKEN"]);
        home.set("REPLIT_CONNECTORS_HOSTNAME", &replit.url());
        home.set("REPL_IDENTITY", replit.identity());
        replit
    };
    let board = |name: &'static str, kind: Option<PropertyKind>| {
        move |home: &mut Home| {
            home.world.notion.remove_property(home.world.status_board, name);
            kind.into_iter().for_each(|kind| home.world.notion.add_property(home.world.status_board, name, kind));
        }
    };
    vec![
        heard.in_order("GET /v1/users/me → an integration without a name (", |home| {
            let body = Some(r#"{"object":"user","name":null}"#.to_owned());
            let nameless = Fault::Status { code: 200, retry_after: None, body };
            home.world.notion.set_fault_on("/v1/users/me", Some(nameless));
        }),
        heard.of("fail  notion  ", Remedy::NotionToken, |home| home.world.notion.revoke_token()),
        heard.of("fail  notion  ", Remedy::NotionConnector, move |home| {
            let replit = replit(home);
            replit.disconnect();
            replit
        }),
        heard.of("fail  notion  ", Remedy::NotionConnector, move |home| {
            let replit = replit(home);
            home.world.notion.revoke_token();
            replit
        }),
        heard.of("fail  notion  ", Remedy::NotionForbidden, |home| {
            home.world.notion.set_fault_on("/v1/users/me", Some(Fault::status(403)));
        }),
        heard.of("fail  notion  ", Remedy::Misaddressed(Party::NOTION), |home| {
            home.world.notion.set_fault_on("/v1/users/me", Some(Fault::Html { code: 403 }));
        }),
        heard.of("fail  notion:job_log  ", Remedy::NotShared { variable: "JOB_LOG_DB_ID" }, |home| {
            home.world.notion.unshare(home.world.job_log);
        }),
        heard.of("fail  notion:status_board  ", Remedy::NotShared { variable: "NOTION_STATUS_DB_ID" }, |home| {
            home.world.notion.unshare(home.world.status_board);
        }),
        heard.of("fail  notion:queue  ", Remedy::NotShared { variable: "AUTOMATION_QUEUE_DB_ID" }, |home| {
            let queue = home.world.notion.create_database("Queue", vec![]);
            home.world.notion.unshare(queue);
            home.set("AUTOMATION_QUEUE_DB_ID", &queue.to_string());
        }),
        heard.of("fail  notion:job_log  ", Remedy::NotionCapability { capability: "Read" }, |home| {
            home.world.notion.set_fault_on("/v1/databases", Some(Fault::status(403)));
        }),
        heard.of("fail  notion:job_log  ", Remedy::DataSource { variable: "JOB_LOG_DB_ID" }, |home| {
            home.world.notion.add_data_source(home.world.job_log, "Old jobs", vec![]);
        }),
        heard.of("fail  notion:status_board  ", Remedy::DataSource { variable: "NOTION_STATUS_DB_ID" }, |home| {
            home.set("NOTION_VERSION", "2022-06-28");
            home.world.notion.add_data_source(home.world.status_board, "Another", vec![]);
        }),
        heard.of("warn  notion:status_board  ", Remedy::BoardProperties, board("Branch", None)),
        heard.of(
            "warn  notion:status_board  ",
            Remedy::BoardTypes { wanted: vec![("OK", "checkbox")] },
            board("OK", Some(PropertyKind::RichText)),
        ),
        async {
            let home = patient();
            home.world.notion.remove_property(home.world.status_board, "Notes");
            home.world.notion.only_reads(true);
            let ended = home.run(&["doctor", "--fix"]).await;
            heard.listen(&ended);
            let line = ended.stdout.lines().position(|line| line == "      Fix: add \"Notes\" (rich_text)").unwrap();
            let rest: Vec<_> = ended.stdout.lines().skip(line + 1).collect();
            let ended = Ended { stdout: rest.join("\n"), ..ended };
            let capability = Remedy::NotionCapability { capability: "Update" };
            heard.expect(&ended, &[("fail  notion:status_board  ", capability)]);
        }
        .boxed_local(),
    ]
}

pub fn of_jobs(heard: &Heard) -> Cases<'_> {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let property = |variable, kinds, there| Remedy::JobProperty { variable, kinds, there };
    let (status, score) = ("JOB_STATUS_PROPERTY", "JOB_QA_PROPERTY");
    let numbers = texts(&["Cost", "Duration (ms)", "Tokens In", "Tokens Out"]);
    vec![
        heard.of(
            "fail  notion:job_log  ",
            property(status, "select or status", texts(&["State", "Task Type"])),
            |home| {
                home.world.notion.rename_property(home.world.job_log, "Status", "State");
            },
        ),
        heard.of("fail  notion:job_log  ", property(status, "select or status", vec![]), |home| {
            home.world.notion.remove_property(home.world.job_log, "Status");
            home.world.notion.remove_property(home.world.job_log, "Task Type");
            home.world.notion.add_property(home.world.job_log, "Status", PropertyKind::RichText);
        }),
        heard.of("fail  notion:job_log  ", property(score, "number", numbers), |home| {
            home.world.notion.remove_property(home.world.job_log, "QA Score");
        }),
        heard.of(
            "fail  notion:job_log  ",
            Remedy::DoneNames { there: texts(&["Done", "Failed", "Completed", "Cancelled"]) },
            |home| home.set("STATUS_DONE", "Finished"),
        ),
        heard.of("warn  notion:job_log  ", Remedy::TerminalNames { names: texts(&["Cancelled"]) }, |home| {
            home.set("STATUS_TERMINAL", "Failed,Completed,cancelled");
        }),
        heard.of("warn  notion:job_log  ", Remedy::TerminalNames { names: texts(&["Dropped"]) }, |home| {
            let kind = PropertyKind::status(&["Queued"], &["Processing"], &["Done", "Dropped"]);
            home.world.notion.add_property(home.world.job_log, "Stage", kind);
            home.set("JOB_STATUS_PROPERTY", "Stage");
        }),
        heard.of("warn  notion:job_log  ", Remedy::TerminalNames { names: texts(&["Aborted", "Skipped"]) }, |home| {
            stages(home, &["Done", "Brewing", "Aborted", "Skipped"]);
        }),
        heard.in_order("over: \"Done\"; not over: \"Queued\", \"Processing\", \"Draft\"", |home| {
            stages(home, &["Done", "Queued", "Processing", "Draft"]);
        }),
        heard.of("warn  notion:job_log  ", Remedy::UnlistedNames { names: texts(&["Brewing", "Dreaming"]) }, |home| {
            stages(home, &["Done", "Queued", "Brewing", "Dreaming"]);
        }),
        heard.of(
            "warn  notion:job_log  ",
            Remedy::UnlistedNames { names: texts(&["Brewing", "Dreaming", "Humming"]) },
            |home| stages(home, &["Done", "Brewing", "Dreaming", "Humming"]),
        ),
        heard.of("warn  notion:queue  ", Remedy::UnlistedNames { names: texts(&["Brewing"]) }, |home| {
            let schema = vec![("Status".to_owned(), PropertyKind::select(["Waiting", "Brewing"]))];
            let queue = home.world.notion.create_database("Queue", schema);
            home.set("AUTOMATION_QUEUE_DB_ID", &queue.to_string());
        }),
        heard.of("warn  notion:job_log  ", Remedy::DoneNames { there: texts(&["Queued", "Processing"]) }, |home| {
            stages(home, &["Queued", "Processing"]);
        }),
        heard.of("ok    notion:job_log  ", Remedy::DoneNames { there: vec![] }, |home| stages(home, &[])),
        heard.of("fail  notion:job_log  ", Remedy::DoneNames { there: many() }, |home| {
            let many = many();
            stages(home, &many.iter().map(String::as_str).collect::<Vec<_>>());
        }),
    ]
}

/// The jobs' status has these names.
fn stages(home: &mut Home, names: &[&str]) {
    home.world.notion.add_property(home.world.job_log, "Stage", PropertyKind::select(names.iter().copied()));
    home.set("JOB_STATUS_PROPERTY", "Stage");
}

/// More names than are listed.
fn many() -> Vec<String> {
    (1..=14).map(|number| format!("Stage {number}")).collect()
}
