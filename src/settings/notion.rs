//! Notion: the token or where it comes from, and the three databases.
//!
//! Without any database Notion is off. Replit sets its connector's variables for every program, so those alone say
//! nothing; a token of its own, or any other variable of Notion, without a database is a mistake.

use url::Url;

use super::problem::Fault;
use super::reader::Reader;
use super::values::{self, choice, token, web_address};
use super::variables::{
    AUTOMATION_QUEUE_DB_ID, JOB_LOG_DB_ID, NOTION_BASE_URL, NOTION_STATUS_DB_ID, NOTION_TOKEN, NOTION_VERSION,
    REPL_IDENTITY, REPLIT_CONNECTORS_HOSTNAME, STATUS_BOARD_MODE, WEB_REPL_RENEWAL,
};
use crate::clients::replit::Identity;
use crate::secret::Secret;

const PARTY: &str = "Notion";

/// How Notion is reached, and which databases are ours to read and write. At least one of them is there.
pub struct Notion {
    /// The token, or whom to ask for it.
    pub token: NotionToken,
    /// The API's address without `/v1` and without a slash at its end.
    pub base_url: String,
    /// The version of the API.
    pub version: NotionVersion,
    /// The database of jobs: a UUID, as all ids here.
    pub job_log: Option<String>,
    /// The database of tasks not yet finished; only together with `job_log`.
    pub queue: Option<String>,
    /// The Status Board, which is the channel of this party.
    pub status_board: Option<StatusBoard>,
}

/// Where Notion's token comes from.
pub enum NotionToken {
    /// It was given.
    Given(Secret),
    /// Replit's connector is asked for it.
    Replit {
        /// The connector's host.
        hostname: String,
        /// Who we are to it.
        identity: Identity,
    },
}

/// A version of Notion's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotionVersion {
    /// The last one without data sources.
    V2022_06_28,
    /// The first one with data sources.
    V2025_09_03,
    /// The newest one.
    V2026_03_11,
}

impl NotionVersion {
    /// As the header `Notion-Version` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2022_06_28 => "2022-06-28",
            Self::V2025_09_03 => "2025-09-03",
            Self::V2026_03_11 => "2026-03-11",
        }
    }
}

/// The database to which reports are written.
pub struct StatusBoard {
    /// Its id.
    pub database: String,
    /// When a new entry is made.
    pub mode: BoardMode,
}

/// When the Status Board gets a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoardMode {
    /// When the set of issues changes; otherwise the last one is updated in place.
    Changes,
    /// Each cycle.
    Every,
}

impl Notion {
    /// Reads all variables of Notion; `None` if it is off or something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let token = read_token(reader);
        let base_url = reader.value(NOTION_BASE_URL, web_address);
        let version = reader.value(
            NOTION_VERSION,
            choice(
                &[NotionVersion::V2022_06_28, NotionVersion::V2025_09_03, NotionVersion::V2026_03_11]
                    .map(|version| (version.as_str(), version)),
            ),
        );
        let job_log = reader.given(JOB_LOG_DB_ID, id);
        let queue = reader.given(AUTOMATION_QUEUE_DB_ID, id);
        let board = reader.given(NOTION_STATUS_DB_ID, id);
        let mode =
            reader.value(STATUS_BOARD_MODE, choice(&[("changes", BoardMode::Changes), ("every", BoardMode::Every)]));

        check_what_is_missing(reader);
        check_that_databases_differ(
            reader,
            [(JOB_LOG_DB_ID.name, &job_log), (AUTOMATION_QUEUE_DB_ID.name, &queue)],
            &board,
        );
        if let Some(url) = base_url.as_deref().filter(|url| values::is_readable_on_the_way(url)) {
            reader.warn(format!(
                "{} is plain http to another machine: Notion's token can be read on the way ({url})",
                NOTION_BASE_URL.name
            ));
        }
        if job_log.is_none() && board.is_none() {
            return None;
        }
        let status_board = match (board, mode) {
            (Some(database), Some(mode)) => Some(StatusBoard { database, mode }),
            _ => None,
        };
        Some(Self { token: token?, base_url: base_url?, version: version?, job_log, queue, status_board })
    }
}

/// The token that was given, else Replit's connector if its host is there with a proof of identity.
fn read_token(reader: &mut Reader<'_>) -> Option<NotionToken> {
    let given = reader.given(NOTION_TOKEN, token);
    let hostname = reader.given(REPLIT_CONNECTORS_HOSTNAME, host_name);
    let workspace = reader.given(REPL_IDENTITY, token);
    let deployment = reader.given(WEB_REPL_RENEWAL, token);
    if let Some(token) = given {
        return Some(NotionToken::Given(token));
    }
    let identity = match (workspace, deployment) {
        (Some(identity), _) => Identity::Workspace(identity),
        (None, Some(renewal)) => Identity::Deployment(renewal),
        (None, None) => return None,
    };
    Some(NotionToken::Replit { hostname: hostname?, identity })
}

fn check_what_is_missing(reader: &mut Reader<'_>) {
    let database = [JOB_LOG_DB_ID, NOTION_STATUS_DB_ID, AUTOMATION_QUEUE_DB_ID].into_iter().find(|v| reader.is_set(*v));
    let has_identity = reader.is_set(REPL_IDENTITY) || reader.is_set(WEB_REPL_RENEWAL);
    if let Some(database) = database {
        if reader.is_set(AUTOMATION_QUEUE_DB_ID) && !reader.is_set(JOB_LOG_DB_ID) {
            reader.missing(JOB_LOG_DB_ID, AUTOMATION_QUEUE_DB_ID, "the queue");
        }
        if reader.is_set(STATUS_BOARD_MODE) && !reader.is_set(NOTION_STATUS_DB_ID) {
            reader.missing(NOTION_STATUS_DB_ID, STATUS_BOARD_MODE, "the Status Board");
        }
        if !reader.is_set(NOTION_TOKEN) && !reader.is_set(REPLIT_CONNECTORS_HOSTNAME) {
            reader.missing(NOTION_TOKEN, database, PARTY);
        } else if !reader.is_set(NOTION_TOKEN) && !has_identity {
            reader.problem(
                NOTION_TOKEN,
                format!("is missing, and {} comes without a proof of identity", REPLIT_CONNECTORS_HOSTNAME.name),
                format!("a token here, or {} or {} as Replit sets them", REPL_IDENTITY.name, WEB_REPL_RENEWAL.name),
            );
        }
    } else if let Some(set) =
        [NOTION_TOKEN, NOTION_BASE_URL, NOTION_VERSION, STATUS_BOARD_MODE].into_iter().find(|v| reader.is_set(*v))
    {
        let wrong = format!("is missing, and so is {}, although {} is set", NOTION_STATUS_DB_ID.name, set.name);
        reader.problem(JOB_LOG_DB_ID, wrong, "the id of at least one database, or nothing of Notion");
    }
}

/// The Status Board's entries would be judged as jobs.
fn check_that_databases_differ(reader: &mut Reader<'_>, others: [(&str, &Option<String>); 2], board: &Option<String>) {
    let [(job_log_name, job_log), (queue_name, queue)] = others;
    for (variable, own, other_name, other) in
        [(NOTION_STATUS_DB_ID, board, job_log_name, job_log), (NOTION_STATUS_DB_ID, board, queue_name, queue)]
    {
        if own.is_some() && own == other {
            reader.problem(variable, format!("is the same database as {other_name}"), "a database of its own");
        }
    }
}

/// A host's name, as Replit gives it; an address with its scheme is taken as it is.
fn host_name(text: &str) -> Result<String, Fault> {
    if text.contains("://") {
        return web_address(text);
    }
    match Url::parse(&format!("https://{text}")) {
        Ok(url) if url.as_str().eq_ignore_ascii_case(&format!("https://{text}/")) && !text.contains('@') => {
            Ok(text.to_owned())
        }
        _ => Err(Fault::new("is not a host name", "a host such as connectors.replit.com")),
    }
}

/// A database's id in its canonical form (lower case, with hyphens), out of 32 hexadecimal digits, a UUID, or the
/// database's whole Notion URL, in which the id ends the last part of the path (`?v=` names a view and is ignored).
fn id(text: &str) -> Result<String, Fault> {
    let fault = || {
        Fault::new(
            "is not the id of a Notion database",
            "32 hexadecimal digits such as 393abc1eedcd81f5ae94ec2d55fe98ed, with or without hyphens, or the database's \
             whole Notion URL",
        )
    };
    if !text.contains('/') {
        return uuid::Uuid::try_parse(text)
            .ok()
            .filter(|_| is_plain_id(text))
            .map(|id| id.to_string())
            .ok_or_else(fault);
    }
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&with_scheme).map_err(|_| fault())?;
    let last = url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty())).ok_or_else(fault)?;
    [36, 32].into_iter().find_map(|length| id_at_end(last, length)).ok_or_else(fault)
}

/// The id that the last `length` bytes of a path's part are, if a hyphen or nothing stands before it.
fn id_at_end(part: &str, length: usize) -> Option<String> {
    let start = part.len().checked_sub(length)?;
    let (title, id) = part.split_at_checked(start)?;
    let stands_alone = title.is_empty() || title.ends_with('-');
    let id = uuid::Uuid::try_parse(id).ok().filter(|_| stands_alone && is_plain_id(id))?;
    Some(id.to_string())
}

/// Neither braces nor `urn:`, which the parser of UUIDs would take too.
fn is_plain_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ID: &str = "393abc1e-edcd-81f5-ae94-ec2d55fe98ed";

    #[test]
    fn an_id_is_found_in_all_its_forms() {
        let table = [
            "393abc1eedcd81f5ae94ec2d55fe98ed",
            "393ABC1E-EDCD-81F5-AE94-EC2D55FE98ED",
            "https://www.notion.so/393abc1eedcd81f5ae94ec2d55fe98ed",
            "https://www.notion.so/team/Job-Log-393abc1eedcd81f5ae94ec2d55fe98ed?v=e234cdc84ad24371a97e999a238bf8f5",
            "https://app.notion.com/p/Deface-393abc1eedcd81f5ae94ec2d55fe98ed/#top",
            "https://team.notion.site/Job-Log-393abc1e-edcd-81f5-ae94-ec2d55fe98ed",
            "www.notion.so/team/393abc1eedcd81f5ae94ec2d55fe98ed?v=1",
        ];
        for text in table {
            assert_eq!(id(text).as_deref(), Ok(ID), "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_with_a_picture_of_one() {
        let table = [
            "393abc1eedcd81f5ae94ec2d55fe98e",
            "{393abc1e-edcd-81f5-ae94-ec2d55fe98ed}",
            "Job Log",
            "https://www.notion.so/team?v=393abc1eedcd81f5ae94ec2d55fe98ed",
            "https://www.notion.so/Deface393abc1eedcd81f5ae94ec2d55fe98ed",
            "https://www.notion.so/ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ",
            "https://",
        ];
        for text in table {
            assert!(id(text).unwrap_err().right.contains("393abc1eedcd81f5ae94ec2d55fe98ed"), "{text}");
        }
    }

    #[test]
    fn a_host_name_is_nothing_more() {
        assert!(host_name("Connectors.replit.com").is_ok());
        assert!(host_name("localhost:1106").is_ok());
        for text in ["a/b", "u:p@h", "h?x", "", "a b"] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }
}
