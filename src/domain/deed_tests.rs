use super::*;
use crate::domain::answer::Line;
use crate::domain::incident::{Acknowledgement, Held, Phase};

const HINDERED: Deed = Deed::NotDone(Hindrance::Database);
const FULL: Deed = Deed::NotDone(Hindrance::TooManySilences);

fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-27T12:00:00Z".parse::<DateTime<Utc>>().expect("a moment") + chrono::TimeDelta::minutes(minutes)
}

fn incident(issue: IssueId, by: Option<&str>) -> Incident {
    Incident {
        id: format!("i-{issue}"),
        issue,
        text: "3 job(s) stuck".into(),
        detail: String::new(),
        magnitude: None,
        since: at(-1),
        phase: Phase::Open,
        streak: 0,
        held: Held::No,
        unstable: false,
        told: None,
        acknowledged: by.map(|by| Acknowledgement { by: by.into(), at: at(0) }),
        resolved_at: None,
    }
}

fn silence(issue: Option<IssueId>) -> Silence {
    Silence { id: "s".into(), issue, created: at(-1), until: at(59), by: "Bob".into(), reason: String::new() }
}

fn text(answer: &Answer) -> String {
    answer.iter().map(|line: &Line| line.text.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn who_acknowledges_hears_what_came_of_it() {
    let ours = incident(IssueId::StuckJobs, Some("Ada"));
    let theirs = incident(IssueId::LowCompletion, Some("Bob"));
    let over = incident(IssueId::OpenaiOffline, None);
    let all = [Taken::Now(ours), Taken::Already(theirs), Taken::Over(over)];
    assert_eq!(
        text(&taken(&all)),
        "✔️ Acknowledged by Ada: ⚠️ 3 job(s) stuck\nAcknowledged by Bob already: ⚠️ 3 job(s) stuck\n\
         Over by now: ❌ 3 job(s) stuck"
    );
    assert!(taken_briefly(&all).starts_with("Acknowledged. "));
    assert_eq!(taken_briefly(&all[1..]), "Acknowledged by Bob already.");
    assert_eq!(taken_briefly(&all[2..]), "It is over by now.");
    assert!(text(&taken(&[])).starts_with("Nothing is open that nobody"));
}

#[test]
fn nothing_was_done_is_said_only_if_nothing_was() {
    let done = Taken::Now(incident(IssueId::StuckJobs, Some("Ada")));
    let failed = |deed| Taken::Failed(incident(IssueId::LowCompletion, None), deed);
    let part = [done, failed(HINDERED)];
    assert_eq!(
        text(&taken(&part)),
        "✔️ Acknowledged by Ada: ⚠️ 3 job(s) stuck\n❌ Not acknowledged: ⚠️ 3 job(s) stuck\n\
         The database does not answer: try again later."
    );
    let brief = "Acknowledged: stuck_jobs. Not: low_completion. The database does not answer: try again later.";
    assert_eq!(taken_briefly(&part), brief);

    let late = [failed(Deed::Unknown)];
    let sure = "The database did not answer in time: repeat it later to be sure.";
    assert_eq!(text(&taken(&late)), format!("❔ Perhaps acknowledged: ⚠️ 3 job(s) stuck\n{sure}"));
    assert_eq!(taken_briefly(&late), format!("Perhaps: low_completion. {sure}"));
    let both = [failed(Deed::Unknown), failed(HINDERED)];
    assert_eq!(taken_briefly(&both), format!("Not: low_completion. Perhaps: low_completion. {sure}"));

    for none in [vec![failed(HINDERED)], vec![failed(HINDERED), failed(HINDERED)]] {
        assert_eq!((text(&taken(&none)), taken_briefly(&none)), (NO_DATABASE.into(), NO_DATABASE.into()));
    }
}

#[test]
fn a_silence_of_several_issues_says_which_of_them_are_silent() {
    let (stuck, low) = (IssueId::StuckJobs, IssueId::LowCompletion);
    let said = |of: &[(IssueId, Deed)]| silenced_briefly(at(59), of);
    assert_eq!(said(&[]), "It is over by now.");
    assert_eq!(said(&[(stuck, Deed::Done), (low, Deed::Done)]), "Silence until 12:59 UTC.");
    let part = said(&[(stuck, Deed::Done), (low, HINDERED)]);
    let expected =
        "Silence until 12:59 UTC: stuck_jobs. Not: low_completion. The database does not answer: try again later.";
    assert_eq!(part, expected);
    assert!(
        said(&[(stuck, Deed::Done), (low, FULL)]).ends_with("There are 100 silences already: end some of them first.")
    );
    assert_eq!(said(&[(stuck, HINDERED), (low, HINDERED)]), NO_DATABASE);
    let one = silence(Some(stuck));
    assert_eq!(begun(&one, Deed::Done, at(0)), "🔕 Silence of stuck_jobs until 12:59 UTC, by Bob");
    assert_eq!(begun(&one, HINDERED, at(0)), NO_DATABASE);
    assert!(begun(&one, FULL, at(0)).starts_with("There are 100 silences already"));
    let late = begun(&one, Deed::Unknown, at(0));
    assert!(late.starts_with("❔ Perhaps: 🔕 Silence of stuck_jobs until ") && late.ends_with(BE_SURE), "{late}");
}

#[test]
fn whoever_ends_silences_hears_which_are_over_and_which_hold() {
    let (stuck, low, all) = (silence(Some(IssueId::StuckJobs)), silence(Some(IssueId::LowCompletion)), silence(None));
    assert_eq!(ended(&[], &[], at(0)), "🔔 There was no such silence.");
    let both = [(stuck.clone(), Deed::Done), (low.clone(), Deed::Done)];
    let left = "🔕 Silence of everything until 12:59 UTC, by Bob";
    assert_eq!(
        ended(&both, std::slice::from_ref(&all), at(0)),
        format!("🔔 No more silence of stuck_jobs, low_completion.\n{left}")
    );
    assert_eq!(
        ended(&[(stuck.clone(), Deed::Done), (low.clone(), HINDERED)], std::slice::from_ref(&all), at(0)),
        format!(
            "🔔 No more silence of stuck_jobs.\n❌ Not ended: 🔕 Silence of low_completion until 12:59 UTC, by Bob\n\
             The database does not answer: try again later.\n{left}"
        )
    );
    let late = ended(&[(stuck, Deed::Unknown), (low.clone(), HINDERED)], &[], at(0));
    assert!(late.starts_with("❔ Perhaps ended: 🔕 Silence of stuck_jobs") && late.ends_with(BE_SURE), "{late}");
    assert_eq!(ended(&[(low, HINDERED)], &[all], at(0)), NO_DATABASE);
}
