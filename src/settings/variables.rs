//! The one table of all variables. The reader takes its defaults from here, `auto-operator config` its order, and tests
//! hold `.env.example` and the README to it.
//!
//! A default that is a value is parsed like any value that somebody sets, so the table cannot disagree with the code.

/// One environment variable.
#[derive(Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is when it is not set.
    pub default: Fallback,
    /// Whether it holds a secret: never shown, and may come as NAME_FILE.
    pub secret: bool,
    /// What it is for, in a sentence.
    pub meaning: &'static str,
    /// A valid value.
    pub example: &'static str,
}

/// What a variable is when it is not set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing.
    Unset,
    /// This value.
    Value(&'static str),
    /// What follows from other variables, in words.
    Derived(&'static str),
}

/// Variables that belong together.
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// Its variables, in the order in which they are shown.
    pub variables: &'static [Variable],
}

/// The variable of this name.
pub fn find(name: &str) -> Option<&'static Variable> {
    all().find(|variable| variable.name == name)
}

/// Every variable, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Variable> {
    GROUPS.iter().flat_map(|group| group.variables)
}

use Fallback::{Derived, Unset, Value};

const OPEN: bool = false;
const SECRET: bool = true;

/// Turns the rows below into a constant for each variable, so that the reader cannot ask for one that is not in the
/// table, and into [`GROUPS`].
macro_rules! table {
    ($($title:literal { $($name:ident $secret:ident $default:expr, $meaning:literal, $example:literal;)* })*) => {
        $($(
            #[doc = $meaning]
            pub const $name: Variable = Variable {
                name: stringify!($name), default: $default, secret: $secret, meaning: $meaning, example: $example,
            };
        )*)*

        /// The table.
        pub const GROUPS: &[Group] = &[$(Group { title: $title, variables: &[$($name),*] }),*];
    };
}

table! {
    "Web" {
        HOST OPEN Value("0.0.0.0"), "The IP address on which the web listens.", "127.0.0.1";
        PORT OPEN Value("5000"), "The port on which the web listens; `0` takes any free one.", "8080";
        PUBLIC_URL OPEN Unset, "This service's own address, for links in alerts.", "https://watch.example.com";
        OPS_TOKEN SECRET Unset,
            "Bearer token for everything that changes something and for details; without it those answer 403.",
            "a-long-random-text";
        OPS_READ_TOKEN SECRET Unset, "If set, reading needs it too (or `OPS_TOKEN`).", "another-long-random-text";
    }
    "The watched service" {
        SERVICE_NAME OPEN Value("EchoPilot"), "The name of the watched service in alerts and on the page.", "EchoPilot";
    }
    "Notion" {
        NOTION_TOKEN SECRET Unset,
            "The token of a Notion integration; without it, Replit's connector is asked where there is one.",
            "ntn_0123456789";
        NOTION_BASE_URL OPEN Value("https://api.notion.com"), "Where Notion's API is, without `/v1`.",
            "https://api.notion.com";
        NOTION_VERSION OPEN Value("2025-09-03"), "Version of Notion's API: `2022-06-28`, `2025-09-03` or `2026-03-11`.",
            "2026-03-11";
        JOB_LOG_DB_ID OPEN Unset, "The database of jobs: its id, or its whole Notion URL.",
            "393abc1eedcd81f5ae94ec2d55fe98ed";
        AUTOMATION_QUEUE_DB_ID OPEN Unset,
            "A second database, of tasks not yet finished; when set, stuck jobs are looked for in both.",
            "b71e1213-3d03-46cb-b9c2-db9856a9f42d";
        NOTION_STATUS_DB_ID OPEN Unset, "The database of the Status Board, where reports are written.",
            "https://www.notion.so/Status-Board-e234cdc84ad24371a97e999a238bf8f5";
        STATUS_BOARD_MODE OPEN Value("changes"),
            "`changes`: a new entry when the set of issues changes; `every`: a new entry each cycle.", "every";
    }
    "OpenAI" {
        OPENAI_API_KEY SECRET Unset, "OpenAI's key.", "sk-proj-0123456789";
        OPENAI_BASE_URL OPEN Value("https://api.openai.com/v1"), "Where the API is, `/v1` included.",
            "https://openrouter.ai/api/v1";
        AI_INTEGRATIONS_OPENAI_API_KEY SECRET Unset, "The key as Replit sets it, used if `OPENAI_API_KEY` is absent.",
            "_DUMMY_API_KEY_";
        AI_INTEGRATIONS_OPENAI_BASE_URL OPEN Value("https://api.openai.com/v1"),
            "The address that belongs to `AI_INTEGRATIONS_OPENAI_API_KEY`.", "http://localhost:1106/modelfarm/openai";
        OPENAI_PROBE OPEN Derived("models; chat where the key comes from AI_INTEGRATIONS_OPENAI_API_KEY"),
            "`models`: list the models; `chat`: a capped completion, which also sees an empty account.", "chat";
        OPENAI_PROBE_MODEL OPEN Value("gpt-4o-mini"), "The model that the `chat` probe asks.", "gpt-6-luna";
    }
    "E-mail" {
        ALERT_TO OPEN Unset, "Who gets alerts by e-mail; several are separated by commas.",
            "ops@example.com, oncall@example.com";
        ALERT_FROM OPEN Derived("the user of SMTP_URL"), "The sender of alerts.", "watch@example.com";
        SMTP_URL SECRET Unset, "The mail server, with user and password percent-encoded.",
            "smtps://watch%40example.com:password@smtp.example.com";
    }
    "Telegram" {
        TELEGRAM_BOT_TOKEN SECRET Unset, "The bot's token, from @BotFather.", "123456789:AAF-0123456789abcdefghijklmnopqrstuv";
        TELEGRAM_CHAT_ID OPEN Unset, "The chat that gets alerts: a number, or `@name` of a channel.", "-1001234567890";
        TELEGRAM_THREAD_ID OPEN Unset, "The topic of a forum group.", "42";
        TELEGRAM_ALLOWED_USER_IDS OPEN Unset, "Who may command the bot, by commas; empty: nobody.", "123456789";
        TELEGRAM_API_URL OPEN Value("https://api.telegram.org"), "Where the Bot API is.", "https://api.telegram.org";
    }
    "Database" {
        DATABASE_URL SECRET Value("sqlite://auto-operator.db"), "SQLite file, `sqlite::memory:`, or `postgres://…`.",
            "sqlite:///var/lib/auto-operator/auto-operator.db";
    }
    "Timing" {
        CHECK_INTERVAL OPEN Value("5m"), "The time from one cycle to the next.", "1m";
        CHECK_TIMEOUT OPEN Value("60s"), "The deadline of one check.", "45s";
        REQUEST_TIMEOUT OPEN Value("10s"), "The deadline of one request outside, body included.", "15s";
    }
    "Limits" {
        STUCK_AFTER OPEN Value("30m"), "A job not finished and not edited for longer is stuck.", "2h 30m";
        METRICS_WINDOW OPEN Value("24h"), "How far back the metrics look.", "12h";
        QA_AVG_MIN OPEN Value("75"), "An average QA score below it is an issue.", "70";
        QA_LOW OPEN Value("80"), "A single QA score below it counts as low.", "85";
        COMPLETION_MIN_PERCENT OPEN Value("50"), "A completion rate below it is an issue.", "62.5";
        COMPLETION_MIN_JOBS OPEN Value("5"), "From so many jobs on the completion rate is judged.", "10";
        NO_COMPLETION_MIN_JOBS OPEN Value("10"), "No job done although at least so many were there is an issue.", "20";
        STATUS_DONE OPEN Value("Done"), "Names of the status that means finished well, by commas.", "Done,Published";
        STATUS_TERMINAL OPEN Value("Done,Completed,Failed,Cancelled"),
            "Names of the status that are never stuck; those of `STATUS_DONE` always belong to them.",
            "Done,Completed,Failed,Cancelled,Archived";
        JOB_STATUS_PROPERTY OPEN Value("Status"), "The job's property with its status, a `select` or a `status`.", "State";
        JOB_QA_PROPERTY OPEN Value("QA Score"), "The job's property with its QA score, a number.", "Quality";
    }
    "Alerting" {
        OPEN_AFTER OPEN Value("1"), "Cycles in a row with an issue until its incident opens.", "2";
        RESOLVE_AFTER OPEN Value("2"), "Cycles in a row without it until the incident is resolved.", "3";
        REMINDER_INTERVAL OPEN Value("4h"), "An incident still open is told again after this; `0` turns it off.", "12h";
        MAINTENANCE OPEN Unset, "Windows in which nothing is told, several separated by `;`.", "Sun 02:00-04:00 UTC";
        LIFECYCLE_NOTICES OPEN Value("false"), "A notice when the service starts and when it is stopped.", "true";
        HEARTBEAT_URL SECRET Unset, "Pinged after each complete cycle, a dead man's switch.", "https://hc-ping.com/your-uuid";
    }
    "Logs" {
        LOG_FORMAT OPEN Value("text"), "`text` or `json`.", "json";
        RUST_LOG OPEN Value("info"), "The level, or levels by module.", "info,auto_operator=debug";
    }
    "Set by the host" {
        REPLIT_CONNECTORS_HOSTNAME OPEN Unset, "Where Replit's connectors answer.", "connectors.replit.com";
        REPL_IDENTITY SECRET Unset, "Proof of identity towards Replit's connectors in a workspace.", "v2.public.abc";
        WEB_REPL_RENEWAL SECRET Unset, "The same in a deployment.", "v2.public.def";
        GIT_COMMIT OPEN Unset, "The commit that runs, for the Status Board.", "2fcff5b";
        HEROKU_BUILD_COMMIT OPEN Unset, "The same as Heroku says it.", "2fcff5b";
        HEROKU_SLUG_COMMIT OPEN Unset, "The same as Heroku said it formerly.", "2fcff5b";
        GIT_BRANCH OPEN Unset, "The branch that runs, for the Status Board.", "main";
    }
}
