//! What is left to say when several messages waited for the same channel.

use std::slice;

use super::*;
use crate::domain::message::Message;

fn wording() -> Wording {
    Wording { service: "EchoPilot".into(), public_url: None, window: Duration::from_secs(86_400) }
}

fn moment(text: &str) -> DateTime<Utc> {
    format!("2025-10-{text}:00Z").parse().unwrap_or_else(|_| panic!("{text} is no time"))
}

/// A line of `at` about an incident of an hour before, in which so many jobs are stuck.
fn line(incident: &str, news: News, jobs: u32, at: &str) -> Line {
    Line {
        incident: incident.into(),
        news,
        sign: "⚠️".into(),
        text: format!("{jobs} job(s) stuck"),
        detail: String::new(),
        since: moment("17T12:01"),
        at: moment(at),
        told: None,
        acknowledged_by: None,
        unstable: false,
    }
}

fn told(jobs: u32, line: Line) -> Line {
    Line { told: Some(format!("{jobs} job(s) stuck")), ..line }
}

fn bulletin(at: &str, lines: Vec<Line>) -> Bulletin {
    let figures = Figures { at: moment(at), lines: vec![format!("Total jobs (24h): {}", at.len())] };
    Bulletin { lines, figures: Some(figures), ..Bulletin::empty(moment(at)) }
}

fn opened(incident: &str, jobs: u32, at: &str) -> Bulletin {
    bulletin(at, vec![line(incident, News::Opened, jobs, at)])
}

/// Subject, and the body between the timestamp and the figures.
fn text(bulletin: &Bulletin) -> (String, String) {
    let Message { subject, body } = message::bulletin(bulletin, &wording());
    let inner: Vec<&str> = body.split("\n\n").filter(|block| !block.starts_with("Metrics:")).skip(1).collect();
    (subject, inner.join("\n\n"))
}

#[test]
fn what_came_and_went_becomes_one_line() {
    for (resolved, expected) in [
        ("17T12:09", "⚠️ 50 job(s) stuck: was down 12:01–12:09"),
        ("18T00:09", "⚠️ 50 job(s) stuck: was down 2025-10-17 12:01–2025-10-18 00:09"),
    ] {
        let over = bulletin(resolved, vec![line("one", News::Resolved, 50, resolved)]);
        let merged = Bulletin::merge(&[opened("one", 7, "17T12:01")], over);
        assert_eq!(merged.kind(), NoticeKind::Resolved);
        let subject = "✅ EchoPilot Auto-Operator Resolved";
        assert_eq!(text(&merged), (subject.into(), format!("MEANWHILE:\n  • {expected}")));
    }
}

#[test]
fn what_came_and_went_yesterday_says_so() {
    let over = bulletin("17T12:09", vec![line("one", News::Resolved, 50, "17T12:09")]);
    let merged = Bulletin::merge(&[opened("one", 7, "17T12:01"), over], opened("two", 3, "18T08:00"));
    let (subject, body) = text(&merged);
    assert_eq!(subject, "🚨 EchoPilot Auto-Operator Alert");
    assert_eq!(
        body,
        "ISSUES DETECTED:\n  • ⚠️ 3 job(s) stuck\n\nMEANWHILE:\n  • ⚠️ 50 job(s) stuck: was down 2025-10-17 12:01–12:09"
    );
}

#[test]
fn an_alert_that_waited_says_how_things_are_now() {
    let still = told(50, line("one", News::StillOpen, 70, "17T16:06"));
    let reminder = bulletin("17T16:06", vec![Line { acknowledged_by: Some("ada".into()), ..still }]);
    let merged = Bulletin::merge(&[opened("one", 50, "17T12:01")], reminder.clone());
    assert_eq!((merged.kind(), merged.at, &merged.figures), (NoticeKind::Alert, reminder.at, &reminder.figures));
    assert_eq!(
        text(&merged).1,
        "ISSUES DETECTED:\n  • ⚠️ 70 job(s) stuck (acknowledged by ada)",
        "nobody was told of 50"
    );
    // Alone it says what it was, since that was told.
    let expected = "STILL OPEN:\n  • ⚠️ 70 job(s) stuck (for 4h 5m; was: 50 job(s) stuck; acknowledged by ada)";
    assert_eq!(text(&reminder).1, expected);
}

#[test]
fn what_a_channel_was_told_before_it_fell_silent_is_what_it_is_compared_with() {
    let first = bulletin("17T13:01", vec![told(10, line("one", News::Worsened, 20, "17T13:01"))]);
    let second = bulletin("17T14:01", vec![told(20, line("one", News::Worsened, 40, "17T14:01"))]);
    let third = bulletin("17T15:01", vec![told(40, line("one", News::StillOpen, 41, "17T15:01"))]);
    let merged = Bulletin::merge(&[first, second], third);
    let expected = "GETTING WORSE:\n  • ⚠️ 41 job(s) stuck (for 3h; was: 10 job(s) stuck)";
    assert_eq!(text(&merged), ("🚨 EchoPilot Auto-Operator Alert".into(), expected.into()));
}

#[test]
fn the_all_clear_of_what_was_told_stays_one() {
    let worse = bulletin("17T13:01", vec![told(10, line("one", News::Worsened, 20, "17T13:01"))]);
    let over = bulletin("17T14:01", vec![line("one", News::Resolved, 20, "17T14:01")]);
    let merged = Bulletin::merge(&[worse], over);
    assert_eq!(text(&merged).1, "RESOLVED:\n  • ⚠️ 20 job(s) stuck (after 2h)");
}

#[test]
fn that_something_is_still_open_is_said_only_by_the_newest_report() {
    let reminder = bulletin("17T16:01", vec![line("one", News::StillOpen, 7, "17T16:01")]);
    let merged = Bulletin::merge(slice::from_ref(&reminder), opened("two", 3, "17T16:06"));
    assert_eq!(text(&merged).1, "ISSUES DETECTED:\n  • ⚠️ 3 job(s) stuck", "the other may be recovering");
    let merged = Bulletin::merge(&[reminder], Bulletin::stopped("0.1.0", moment("17T16:07")));
    assert_eq!(merged.kind(), NoticeKind::Reminder);
    let expected = "Stopped: version 0.1.0, no checks until it or another instance goes on\n\nSTILL OPEN:\n  • ⚠️ 7 job(s) stuck (for 4h)";
    assert_eq!(text(&merged).1, expected);
}

#[test]
fn a_start_and_a_stop_are_said_and_merged() {
    let started = Bulletin::started("0.1.0", Duration::from_secs(300), moment("17T12:01"));
    let expected = "Timestamp: 2025-10-17T12:01:00Z\n\nStarted: version 0.1.0, checks every 5m";
    let message = message::bulletin(&started, &wording());
    assert_eq!((message.subject.as_str(), message.body.as_str()), ("▶️ EchoPilot Auto-Operator Started", expected));
    let stopped = Bulletin::stopped("0.1.0", moment("18T12:01"));
    assert_eq!(text(&stopped).0, "⏹️ EchoPilot Auto-Operator Stopped");
    let merged = Bulletin::merge(&[started], stopped);
    let expected = "Started: version 0.1.0, checks every 5m (at 2025-10-17 12:01)\n\
                    Stopped: version 0.1.0, no checks until it or another instance goes on";
    assert_eq!(text(&merged), ("⏹️ EchoPilot Auto-Operator Stopped".into(), expected.into()));
    assert_eq!(Bulletin::merge(slice::from_ref(&merged), opened("one", 7, "18T12:06")).kind(), NoticeKind::Alert);
    let merged = Bulletin::merge(&[merged], Bulletin::took_over("0.1.0", Duration::from_secs(300), moment("18T12:02")));
    let (subject, body) = text(&merged);
    assert_eq!(subject, "▶️ EchoPilot Auto-Operator Took Over");
    let took_over = "Took over: version 0.1.0, in place of another instance, checks every 5m";
    assert_eq!(body.lines().last(), Some(took_over), "{body}");
}

#[test]
fn a_start_that_another_version_has_posted_is_understood() {
    let started = Bulletin::started("0.1.0", Duration::from_secs(300), moment("17T12:01"));
    let before = started.to_json().replace(r#""took_over":false,"#, "");
    assert_eq!((before == started.to_json(), Bulletin::parse(&before)), (false, Some(started)));
}

#[test]
fn of_a_message_of_another_version_the_words_are_passed_on() {
    let quoted = Bulletin::quoting(NoticeKind::Alert, "🚨 Alert", "ISSUES DETECTED:\n  • ❌ old", moment("17T12:00"));
    let over = bulletin("17T12:09", vec![line("one", News::Resolved, 50, "17T12:09")]);
    let merged = Bulletin::merge(&[quoted], over);
    assert_eq!(merged.kind(), NoticeKind::Alert);
    let expected = "RESOLVED:\n  • ⚠️ 50 job(s) stuck (after 8m)\n\n🚨 Alert\nISSUES DETECTED:\n  • ❌ old";
    assert_eq!(text(&merged).1, expected);
}

#[test]
fn a_bulletin_has_a_bound() {
    let came_and_went = |number: usize| {
        let over = bulletin("17T12:09", vec![line(&number.to_string(), News::Resolved, 50, "17T12:09")]);
        Bulletin::merge(&[opened(&number.to_string(), 7, "17T12:01")], over)
    };
    let many: Vec<Bulletin> = (0..60).map(came_and_went).collect();
    let turns = vec![Bulletin::stopped("0.1.0", moment("17T12:09")); 30];
    let merged = Bulletin::merge(&[many, turns].concat(), opened("two", 3, "17T13:00"));
    assert_eq!((merged.lines.len(), merged.left_out, merged.turns.len()), (51, 10, 20));
    assert_eq!(merged.lines[0].incident, "10", "the newest are kept");
    let (_, body) = text(&merged);
    assert!(body.contains("MEANWHILE:\n  • 10 more, before these\n  • ⚠️ 50 job(s) stuck: was down"), "{body}");
    let again = Bulletin::merge(&[merged], came_and_went(60));
    assert_eq!((again.lines.len(), again.left_out), (51, 11));
}

#[test]
fn a_bulletin_reads_itself() {
    let one = Bulletin::merge(
        &[opened("one", 50, "17T12:01"), Bulletin::quoting(NoticeKind::Reminder, "a", "b", moment("17T12:02"))],
        Bulletin::stopped("0.1.0", moment("17T12:02")),
    );
    assert_eq!(Bulletin::parse(&one.to_json()), Some(one));
    assert_eq!(Bulletin::parse("{}"), None);
    assert_eq!(Bulletin::parse("🚨"), None);
}

/// What can be said of one incident in one bulletin, nothing included.
fn all_news() -> Vec<Option<News>> {
    let news = [News::Opened, News::Worsened, News::Resolved, News::Meanwhile, News::StillOpen];
    [None].into_iter().chain(news.map(Some)).collect()
}

#[test]
fn it_does_not_matter_in_which_order_bulletins_are_merged() {
    for first in all_news() {
        for second in all_news() {
            for third in all_news() {
                let [a, b, c] = [(first, 12), (second, 13), (third, 14)].map(|(news, hour)| {
                    let at = format!("17T{hour}:01");
                    let lines = news.map(|news| told(hour - 10, line("one", news, hour, &at)));
                    bulletin(&at, lines.into_iter().collect())
                });
                let merge = |one: &Bulletin, other: Bulletin| Bulletin::merge(slice::from_ref(one), other);
                let left = merge(&merge(&a, b.clone()), c.clone());
                let right = merge(&a, merge(&b, c.clone()));
                assert_eq!(left, right, "{first:?}, {second:?}, {third:?}");
                assert_eq!(left, Bulletin::merge(&[a, b], c));
            }
        }
    }
}
