//! Whether the databases of jobs are such that the settings fit them: the properties, and the names in the status.

use std::time::Instant;

use super::{JobsConfig, usual};
use crate::clients::notion::Notion;
use crate::clients::notion::schema::{Property, Schema};
use crate::diagnosis::party::notion_remedy;
use crate::diagnosis::{Asked, Finding, Question, Remedy, quoted};
use crate::domain::job::StatusNames;

/// The database of jobs: its status and its score.
pub(super) async fn job_log(notion: &Notion, config: &JobsConfig, deadline: Instant) -> Vec<Asked> {
    const NAME: &str = "notion:job_log";
    let question = Question::put(NAME, property_of(&config.status_property, "JOB_LOG_DB_ID"));
    match notion.schema(&config.job_log, deadline).await {
        Ok(schema) => vec![
            question.found(of_status(&schema, &config.status_property, &config.statuses, Jobs::All)),
            Asked::at_home(NAME, property_of(&config.qa_property, "it"), of_score(&schema, &config.qa_property)),
        ],
        Err(error) => {
            let remedy = notion_remedy(&error, "JOB_LOG_DB_ID", notion.asks_replit());
            vec![question.found(Finding::fail(error.to_string(), remedy))]
        }
    }
}

/// The database of tasks not yet finished: its status.
pub(super) async fn queue(notion: &Notion, config: &JobsConfig, database: &str, deadline: Instant) -> Vec<Asked> {
    let question = Question::put("notion:queue", property_of(&config.status_property, "AUTOMATION_QUEUE_DB_ID"));
    let finding = match notion.schema(database, deadline).await {
        Ok(schema) => of_status(&schema, &config.status_property, &config.statuses, Jobs::Waiting),
        Err(error) => {
            let remedy = notion_remedy(&error, "AUTOMATION_QUEUE_DB_ID", notion.asks_replit());
            Finding::fail(error.to_string(), remedy)
        }
    };
    vec![question.found(finding)]
}

fn property_of(property: &str, database: &str) -> String {
    format!("the property \"{property}\" of {database}")
}

/// Which jobs a database holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Jobs {
    All,
    /// None of them is finished, so that no name for that need be there.
    Waiting,
}

fn of_status(schema: &Schema, name: &str, statuses: &StatusNames, jobs: Jobs) -> Finding {
    let status = match wanted(schema, name, "JOB_STATUS_PROPERTY", &["select", "status"], "select or status") {
        Ok(status) => status,
        Err(finding) => return finding,
    };
    let known = |option: &&String| statuses.is_terminal(Some(option.as_str()));
    let (over, others): (Vec<_>, Vec<_>) = status.options.iter().partition(known);
    let is_end = |option: &&&String| {
        status.complete.contains(**option)
            || usual::is_end(option)
            || statuses.terminal.iter().any(|name| is_nearly(name, option.as_str()))
    };
    let ends: Vec<String> = others.iter().filter(is_end).map(|option| (**option).clone()).collect();
    let list = |names: &[&String]| match names {
        [] => "none".to_owned(),
        names => quoted(names.iter().map(|name| name.as_str())),
    };
    let says = format!("a {}; over: {}; not over: {}", status.kind, list(&over), list(&others));
    let is_done = |option: &&String| statuses.is_done(Some(option.as_str()));
    if jobs == Jobs::All && !status.options.iter().any(|option| is_done(&option)) {
        return without_done(&says, &status.options);
    }
    if !ends.is_empty() {
        return Finding::warn(says, Remedy::TerminalNames { names: ends });
    }
    // Where Notion itself tells ends from the rest, there is nothing left to doubt.
    let is_doubtful = |option: &&String| status.kind != "status" && !usual::is_under_way(option);
    let names: Vec<String> = others.into_iter().filter(is_doubtful).cloned().collect();
    match names.is_empty() {
        true => Finding::ok(says),
        false => Finding::warn(says, Remedy::UnlistedNames { names }),
    }
}

/// No job can be done by these names, and the completion rate is 0, whatever happens. Where all of them are of jobs under way,
/// the first one may simply not have ended yet: a `select` has no name that was never used.
fn without_done(says: &str, there: &[String]) -> Finding {
    let says = format!("{says}; no name of STATUS_DONE");
    let remedy = Remedy::DoneNames { there: there.to_vec() };
    match there {
        [] => Finding::ok(says).hint(remedy),
        there if there.iter().all(|option| usual::is_under_way(option)) => Finding::warn(says, remedy),
        _ => Finding::fail(says, remedy),
    }
}

/// The same name to people, another one to Notion.
fn is_nearly(name: &str, option: &str) -> bool {
    name != option && name.trim().to_lowercase() == option.trim().to_lowercase()
}

fn of_score(schema: &Schema, name: &str) -> Finding {
    match wanted(schema, name, "JOB_QA_PROPERTY", &["number"], "number") {
        Ok(_) => Finding::ok("a number"),
        Err(finding) => finding,
    }
}

/// The property, or what is said of it if it is missing or of another type.
fn wanted<'s>(
    schema: &'s Schema,
    name: &str,
    variable: &'static str,
    kinds: &[&str],
    words: &'static str,
) -> Result<&'s Property, Finding> {
    let wrong = match schema.property(name) {
        Some(property) if kinds.contains(&property.kind.as_str()) => return Ok(property),
        Some(property) => format!("of type {}, not {words}", property.kind),
        None => "missing".to_owned(),
    };
    let there: Vec<String> = schema.of_kinds(kinds).map(str::to_owned).collect();
    let all = quoted(schema.properties.iter().map(|property| property.name.as_str()));
    Err(Finding::fail(format!("{wrong}; there are {all}"), Remedy::JobProperty { variable, kinds: words, there }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::notion::schema::Source;
    use crate::diagnosis::Verdict;

    fn schema(kind: &str, options: &[&str], complete: &[&str]) -> Schema {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (options, complete) = (names(options), names(complete));
        let status = Property { name: "Status".into(), id: "s".into(), kind: kind.into(), options, complete };
        Schema { source: Source::Database("d".into()), properties: vec![status] }
    }

    #[test]
    fn names_are_doubted_as_far_as_there_is_reason_to() {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let statuses = StatusNames { done: texts(&["Done"]), terminal: texts(&["Done", "Failed"]) };
        let unlisted = |names: &[&str]| Some(Remedy::UnlistedNames { names: texts(names) });
        let terminal = |names: &[&str]| Some(Remedy::TerminalNames { names: texts(names) });
        let done = |there: &[&str]| Some(Remedy::DoneNames { there: texts(there) });
        for (kind, options, complete, jobs, remedy) in [
            ("select", &["Done", "Failed"][..], &[][..], Jobs::All, None),
            ("select", &[], &[], Jobs::All, done(&[])),
            ("select", &[], &[], Jobs::Waiting, None),
            ("select", &["Done", "Queued", "In_Progress", "On-Hold "], &[], Jobs::All, None),
            ("select", &["Done", "Queued", "Brewing"], &[], Jobs::All, unlisted(&["Brewing"])),
            ("select", &["Done", "Brewing", "Aborted"], &[], Jobs::All, terminal(&["Aborted"])),
            ("select", &["Done", "failed", "Queued"], &[], Jobs::All, terminal(&["failed"])),
            ("select", &["done", "Queued"], &[], Jobs::All, done(&["done", "Queued"])),
            ("select", &["Queued"], &[], Jobs::All, done(&["Queued"])),
            ("select", &["Queued"], &[], Jobs::Waiting, None),
            ("select", &["Brewing"], &[], Jobs::Waiting, unlisted(&["Brewing"])),
            ("status", &["Done", "Queued", "Brewing"], &["Done"], Jobs::All, None),
            ("status", &["Done", "Queued", "Dropped"], &["Done", "Dropped"], Jobs::All, terminal(&["Dropped"])),
        ] {
            let found = of_status(&schema(kind, options, complete), "Status", &statuses, jobs);
            assert_eq!(found.remedy, remedy, "{options:?} {}", found.says);
        }
    }

    #[test]
    fn names_of_which_none_is_done_are_no_small_matter_once_a_job_may_have_ended() {
        let statuses = StatusNames { done: vec!["Done".into()], terminal: vec!["Done".into()] };
        for (options, verdict) in [
            (&[][..], Verdict::Ok),
            (&["Queued", "In progress"], Verdict::Warn),
            (&["Queued", "Finished"], Verdict::Fail),
            (&["Queued", "done"], Verdict::Fail),
            (&["Stage 1"], Verdict::Fail),
            (&["Queued", "Done"], Verdict::Ok),
        ] {
            let found = of_status(&schema("select", options, &[]), "Status", &statuses, Jobs::All);
            assert_eq!(found.verdict, verdict, "{options:?}");
        }
    }
}
