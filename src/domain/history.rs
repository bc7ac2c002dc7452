//! What happened to an incident, as it is written down for whoever asks later.
//!
//! That an incident was acknowledged is written down when somebody does it: no cycle does that.

use super::incident::{Change, Held, Incident, Phase};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It opened.
    Opened,
    /// It became much more than was told.
    Worsened,
    /// Another incident explains it.
    Held,
    /// It has outlived its cause.
    Released,
    /// It was no longer seen.
    Recovering,
    /// It was seen again.
    Returned,
    /// It was over.
    Resolved,
    /// It came and went so often that from here on one incident stands for all its comings.
    Unstable,
    /// Somebody took it on.
    Acknowledged,
}

impl What {
    /// Everything that can happen.
    const ALL: [Self; 9] = [
        Self::Opened,
        Self::Worsened,
        Self::Held,
        Self::Released,
        Self::Recovering,
        Self::Returned,
        Self::Resolved,
        Self::Unstable,
        Self::Acknowledged,
    ];

    /// What has that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }

    /// The name in the store and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Worsened => "worsened",
            Self::Held => "held",
            Self::Released => "released",
            Self::Recovering => "recovering",
            Self::Returned => "returned",
            Self::Resolved => "resolved",
            Self::Unstable => "unstable",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// A line of an incident's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub what: What,
    /// What there is to say of it.
    pub text: String,
}

/// What a step that made `after` of `before` adds to the story of the incident. What is only suspected has none.
pub fn entries(before: Option<&Incident>, after: &Incident, change: Change) -> Vec<Entry> {
    let mut entries = vec![];
    let mut add = |what, text: String| entries.push(Entry { what, text });
    let before = before.filter(|before| before.is_live());
    match (change, before.map(|before| before.phase), after.phase) {
        (Change::Opened, ..) => add(What::Opened, after.text.clone()),
        (Change::Resolved, ..) => add(What::Resolved, after.text.clone()),
        (_, Some(Phase::Open), Phase::Recovering) => add(What::Recovering, after.text.clone()),
        (_, Some(Phase::Recovering), Phase::Open) => add(What::Returned, after.text.clone()),
        _ => {}
    }
    if change == Change::Opened && after.unstable {
        add(What::Unstable, "it comes and goes: from here on one incident stands for all its comings".into());
    }
    if change == Change::Worsened {
        add(What::Worsened, worsened(before, after));
    }
    if after.is_live() {
        match (before.map_or(Held::No, |before| before.held), after.held) {
            (Held::By(before), Held::By(cause)) if before == cause => {}
            (_, Held::By(cause)) => add(What::Held, format!("explained by {cause}")),
            (Held::By(cause) | Held::Released(cause), Held::No) => add(What::Released, format!("outlived {cause}")),
            (_, Held::Released(_)) | (Held::No, Held::No) => {}
        }
    }
    entries
}

fn worsened(before: Option<&Incident>, after: &Incident) -> String {
    let told = before.and_then(|before| before.told.as_ref()).map(|told| format!("; told: {}", told.text));
    let former = before.and_then(|before| before.acknowledged.as_ref());
    let acknowledged = former.map(|former| format!("; no longer acknowledged by {}", former.by));
    format!("{}{}{}", after.text, told.unwrap_or_default(), acknowledged.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::domain::incident::{Acknowledgement, Telling};
    use crate::domain::issue::IssueId;

    fn incident(phase: Phase, held: Held) -> Incident {
        Incident {
            id: "one".into(),
            issue: IssueId::StuckJobs,
            text: "7 job(s)".into(),
            detail: String::new(),
            magnitude: None,
            since: DateTime::<Utc>::UNIX_EPOCH,
            phase,
            streak: 0,
            held,
            unstable: false,
            told: None,
            acknowledged: None,
            resolved_at: None,
        }
    }

    fn story(before: Option<&Incident>, after: &Incident, change: Change) -> Vec<String> {
        let entries = entries(before, after, change).into_iter();
        entries.map(|entry| format!("{}: {}", entry.what.name(), entry.text)).collect()
    }

    #[test]
    fn each_turn_of_an_incident_is_a_line_of_its_story() {
        let (openai, notion) = (IssueId::OpenaiOffline, IssueId::NotionOffline);
        let open = |held| incident(Phase::Open, held);
        let [suspected, recovering, resolved] =
            [Phase::Suspected, Phase::Recovering, Phase::Resolved].map(|phase| incident(phase, Held::No));
        let quiet = open(Held::No);
        for (before, after, change, expected) in [
            (None, &suspected, Change::None, &[][..]),
            (Some(&suspected), &suspected, Change::Forgotten, &[]),
            (None, &quiet, Change::Opened, &["opened: 7 job(s)"]),
            (Some(&suspected), &quiet, Change::Opened, &["opened: 7 job(s)"]),
            (
                Some(&incident(Phase::Suspected, Held::By(openai))),
                &open(Held::By(openai)),
                Change::Opened,
                &["opened: 7 job(s)", "held: explained by openai_offline"],
            ),
            (Some(&quiet), &quiet, Change::None, &[]),
            (Some(&quiet), &recovering, Change::None, &["recovering: 7 job(s)"]),
            (Some(&recovering), &recovering, Change::None, &[]),
            (Some(&recovering), &quiet, Change::None, &["returned: 7 job(s)"]),
            (Some(&recovering), &resolved, Change::Resolved, &["resolved: 7 job(s)"]),
            (Some(&quiet), &resolved, Change::Resolved, &["resolved: 7 job(s)"]),
            (Some(&quiet), &open(Held::By(openai)), Change::None, &["held: explained by openai_offline"]),
            (Some(&open(Held::By(openai))), &open(Held::By(openai)), Change::None, &[]),
            (
                Some(&open(Held::By(openai))),
                &open(Held::By(notion)),
                Change::None,
                &["held: explained by notion_offline"],
            ),
            (Some(&open(Held::By(openai))), &open(Held::Released(openai)), Change::None, &[]),
            (Some(&open(Held::Released(openai))), &quiet, Change::None, &["released: outlived openai_offline"]),
            (
                Some(&incident(Phase::Recovering, Held::By(openai))),
                &resolved,
                Change::Resolved,
                &["resolved: 7 job(s)"],
            ),
        ] {
            assert_eq!(story(before, after, change), expected, "{before:?} {after:?} {change:?}");
        }
    }

    #[test]
    fn what_is_unstable_or_worse_says_so() {
        let open = incident(Phase::Open, Held::No);
        let unstable = Incident { unstable: true, ..open.clone() };
        let expected = "unstable: it comes and goes: from here on one incident stands for all its comings";
        assert_eq!(story(None, &unstable, Change::Opened), ["opened: 7 job(s)", expected]);
        assert_eq!(story(Some(&unstable), &unstable, Change::None).len(), 0, "once");

        let at = DateTime::<Utc>::UNIX_EPOCH;
        let before = Incident {
            told: Some(Telling { at, text: "3 job(s)".into(), magnitude: Some(3) }),
            acknowledged: Some(Acknowledgement { by: "ada".into(), at }),
            ..open.clone()
        };
        let expected = "worsened: 7 job(s); told: 3 job(s); no longer acknowledged by ada";
        assert_eq!(story(Some(&before), &open, Change::Worsened), [expected]);
    }
}
