use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::domain::incident::{Acknowledgement, Held, Phase};

const HOUR: Duration = Duration::from_secs(3_600);

fn incident(id: &str, issue: IssueId) -> Incident {
    Incident {
        id: id.into(),
        issue,
        text: "something".into(),
        detail: String::new(),
        magnitude: None,
        since: DateTime::UNIX_EPOCH,
        phase: Phase::Open,
        streak: 0,
        held: Held::No,
        unstable: false,
        told: None,
        acknowledged: None,
        resolved_at: None,
    }
}

fn silence(issue: Option<IssueId>, span: Duration) -> Command {
    Command::Silence { issue, span }
}

#[test]
fn commands_are_read_as_people_write_them() {
    let ack = |names: &[&str]| Command::Acknowledge(names.iter().map(|name| (*name).to_owned()).collect());
    for (text, expected) in [
        ("/status", Command::Status),
        ("/status@Ops_Bot", Command::Status),
        ("/STATUS please", Command::Status),
        ("  /stuck\n", Command::Stuck),
        ("/incidents", Command::Incidents),
        ("/ack", ack(&[])),
        ("/ack@ops_bot stuck_jobs 0199f3a2", ack(&["stuck_jobs", "0199f3a2"])),
        ("/silence 2h", silence(None, 2 * HOUR)),
        ("/silence 1h 30m", silence(None, HOUR * 3 / 2)),
        ("/silence stuck_jobs 2h", silence(Some(IssueId::StuckJobs), 2 * HOUR)),
        ("/silence 2h stuck_jobs", silence(Some(IssueId::StuckJobs), 2 * HOUR)),
        ("/silence off", Command::EndSilences(None)),
        ("/silence OFF stuck_jobs", Command::EndSilences(Some(IssueId::StuckJobs))),
        ("/silence stuck_jobs off", Command::EndSilences(Some(IssueId::StuckJobs))),
        ("/silence undelivered:email 30d", silence(Some(IssueId::Undelivered("email")), 720 * HOUR)),
        ("/check", Command::Check),
        ("/help", Command::Help),
        ("/start", Command::Help),
    ] {
        assert_eq!(parse(text, "ops_bot", false), Some(Ok(expected)), "{text:?}");
    }
}

#[test]
fn a_command_is_shown_as_it_is_written() {
    for text in [
        "/status",
        "/stuck",
        "/incidents",
        "/ack",
        "/ack stuck_jobs 0199abcd",
        "/silence 2h 30m",
        "/silence stuck_jobs 2h",
        "/silence off",
        "/silence stuck_jobs off",
        "/check",
        "/help",
    ] {
        let command = parse(text, "bot", true).unwrap().unwrap();
        assert_eq!(command.to_string(), text);
    }
    let shown = [Press::Acknowledge, Press::Silence(1), Press::Silence(4), Press::Show].map(|press| press.to_string());
    assert_eq!(shown, ["Acknowledge", "Silence 1 h", "Silence 4 h", "Show"]);
}

#[test]
fn what_is_for_nobody_or_for_another_bot_is_no_command() {
    for text in ["", "  ", "status", "hello /status", "/", "/unknown", "/status@other_bot", "/status@", "//status"] {
        assert_eq!(parse(text, "ops_bot", false), None, "{text:?}");
    }
}

#[test]
fn what_is_wrong_comes_back_as_what_would_be_right() {
    for (text, right) in [
        ("/silence", "/silence 2h"),
        ("/silence stuck_jobs", "/silence 2h"),
        ("/silence 0", "at most 30d"),
        ("/silence 31d", "at most 30d"),
        ("/silence for ever", "/silence 2h"),
        ("/silence 2 h", "/silence 2h"),
        ("/silence off now", "/silence off"),
        ("/silence stuck off", "There is no issue stuck; there are openai_offline, "),
        ("/silence stuck 2h", "There is no issue stuck; there are openai_offline, "),
        ("/unknown@ops_bot", "There is no /unknown; /help"),
    ] {
        let wrong = parse(text, "ops_bot", false).and_then(Result::err).unwrap_or_default();
        assert!(wrong.contains(right), "{text:?}: {wrong:?}");
    }
    assert!(matches!(parse("/unknown", "ops_bot", true), Some(Err(_))), "nobody else can be meant");
    let hostile = format!("/{}@ops_bot", "\u{202e}<b>".repeat(10_000));
    let wrong = parse(&hostile, "ops_bot", false).and_then(Result::err).unwrap_or_default();
    assert!(wrong.chars().count() < 100 && !wrong.contains('\u{202e}'), "{wrong}");
}

#[test]
fn incidents_are_meant_by_their_issue_or_the_beginning_of_their_id() {
    let ada = Acknowledgement { by: "Ada".into(), at: DateTime::UNIX_EPOCH };
    let open = [
        incident("0199-aa", IssueId::StuckJobs),
        incident("0199-bb", IssueId::LowCompletion),
        Incident { acknowledged: Some(ada), ..incident("0200-cc", IssueId::OpenaiOffline) },
        Incident { held: Held::By(IssueId::OpenaiOffline), ..incident("0200-dd", IssueId::NoCompletions) },
    ];
    let ids = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        chosen(&open, &names).map(|chosen| chosen.iter().map(|incident| incident.id.clone()).collect::<Vec<_>>())
    };
    assert_eq!(
        ids(&[]).unwrap(),
        ["0199-aa", "0199-bb", "0200-dd"],
        "all but what is taken on, also what is explained"
    );
    assert_eq!(ids(&["stuck_jobs"]).unwrap(), ["0199-aa"]);
    assert_eq!(ids(&["no_completions,", "0199-b"]).unwrap(), ["0200-dd", "0199-bb"]);
    assert_eq!(ids(&["0199", "stuck_jobs"]).unwrap(), ["0199-aa", "0199-bb"], "each once");
    for name in ["019", "stuck", "quality_dropping", "x"] {
        let wrong = ids(&["stuck_jobs", name]).unwrap_err();
        assert!(wrong.contains(&format!("No incident {name} is open; open: stuck_jobs, ")), "{wrong}");
    }
    assert_eq!(chosen(&[], &["x".into()]).unwrap_err(), "No incident x is open; open: nothing is.");
}

#[test]
fn a_button_is_known_again_by_what_it_says() {
    let notice = "0199f3a2-7c1e-7d4b-9a55-0d2f6b1c8e90";
    let rows = buttons(notice, |_| true);
    let labels: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(|button| button.label).collect()).collect();
    assert_eq!(labels, [vec!["Acknowledge", "Silence 1 h", "Silence 4 h"], vec!["Show"]]);
    let presses = [Press::Acknowledge, Press::Silence(1), Press::Silence(4), Press::Show];
    for (button, press) in rows.iter().flatten().zip(presses) {
        assert_eq!(pressed(&button.data), Some((press, notice)));
        assert!(button.data.len() <= 64, "{}", button.data);
    }
    for data in
        ["", "ack", "ack:", ":x", "silence9h:x", "ack:a/b", "ack:a b", "ack:ä", &format!("ack:{}", "a".repeat(41))]
    {
        assert_eq!(pressed(data), None, "{data:?}");
    }
}

#[test]
fn only_buttons_that_still_make_sense_are_left() {
    let stuck = incident("i", IssueId::StuckJobs);
    let ada = Acknowledgement { by: "Ada".into(), at: DateTime::UNIX_EPOCH };
    let taken_on = Incident { acknowledged: Some(ada), ..stuck.clone() };
    let over = Incident { phase: Phase::Resolved, ..stuck.clone() };
    let left = |incidents: &[Incident]| -> Vec<&str> {
        let rows = buttons("n", |press| is_of_use(press, incidents));
        rows.iter().flatten().map(|button| button.label).collect()
    };
    assert_eq!(left(&[over.clone(), stuck]), ["Acknowledge", "Silence 1 h", "Silence 4 h", "Show"]);
    assert_eq!(left(&[taken_on, over.clone()]), ["Silence 1 h", "Silence 4 h", "Show"]);
    assert!(left(&[over]).is_empty() && left(&[]).is_empty());
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused_and_what_is_repeated_is_one_short_line(text in "\\PC{0,60}|/[a-z]{0,8}( \\PC{0,20}){0,4}") {
        if let Some(Err(wrong)) = parse(&text, "ops_bot", true) {
            prop_assert!(wrong.chars().count() < 800 && !wrong.contains('\n'), "{wrong}");
        }
        let line = clipped(&text, 10);
        prop_assert!(line.chars().count() <= 10 && !line.contains('\n') && !line.starts_with(' '), "{line:?}");
    }
}
