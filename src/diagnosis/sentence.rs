//! Every sentence that stands behind "Do this: ", in one file.

use std::fmt;

use super::party::Party;
use super::quoted;
use super::remedy::Remedy;

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(Party { name, address, .. }) => {
                write!(f, "see whether this machine reaches {name}: {address} may be wrong, or a firewall in between")
            }
            Self::Slow(Party { name, .. }) => {
                write!(f, "ask again; if {name} is always so slow from here, raise REQUEST_TIMEOUT")
            }
            Self::Encryption(Party { address, .. }) => write!(
                f,
                "see who answers there: a proxy that opens TLS, or one that speaks no TLS although {address} begins with \
                 https; a wrong clock does it too"
            ),
            Self::TheirTrouble(Party { name, status_page, .. }) => {
                let page = status_page.map(|page| format!(" ({page})")).unwrap_or_default();
                write!(f, "wait some minutes and ask again: {name} has trouble of its own{page}")
            }
            Self::TooMany { wait } => {
                let wait = wait.map_or_else(|| "a minute".to_owned(), |wait| format!("{} s", wait.as_secs().max(1)));
                write!(f, "wait {wait} and ask again; if it stays so, something else uses up what this account may ask")
            }
            Self::Misaddressed(Party { name, address, .. }) => {
                write!(f, "correct {address}: what answers there does not speak the language of {name}")
            }

            Self::OpenAiKey { variable } => {
                write!(f, "set {variable} to a key that is valid (see https://platform.openai.com/api-keys)")
            }
            Self::OpenAiMoney => f.write_str(
                "put money into the account, or raise its limit (https://platform.openai.com/settings/organization/billing)",
            ),
            Self::OpenAiForbidden => f.write_str(
                "see what the key may do: its project, its country and its addresses \
                 (https://platform.openai.com/settings)",
            ),
            Self::OpenAiModel { there } if there.is_empty() => {
                f.write_str("set OPENAI_PROBE_MODEL to a model that this account has")
            }
            Self::OpenAiModel { there } => {
                write!(f, "set OPENAI_PROBE_MODEL to a model that this account has, such as {}", there.join(", "))
            }
            Self::OpenAiRetires => f.write_str("set OPENAI_PROBE_MODEL to another model before that day"),

            Self::NotionToken => f.write_str(
                "set NOTION_TOKEN to the secret of an integration (see https://www.notion.so/profile/integrations)",
            ),
            Self::NotionConnector => {
                f.write_str("connect Notion (again) among the integrations of this Repl, or set NOTION_TOKEN")
            }
            Self::NotShared { variable } => write!(
                f,
                "share the database with the integration (in Notion: ••• → Connections), or set {variable} to the address \
                 of the database itself, not of the page that it is on"
            ),
            Self::NotionCapability { capability } => write!(
                f,
                "tick \"{capability} content\" among the capabilities of the integration \
                 (https://www.notion.so/profile/integrations)"
            ),
            Self::NotionForbidden => f.write_str(
                "see what the integration may do: Notion knows the token, but refuses even to say whose it is; tick \
                 \"Read content\" among its capabilities, or have an owner of the workspace allow it \
                 (https://www.notion.so/profile/integrations)",
            ),
            Self::DataSource { variable } => write!(
                f,
                "set {variable} to the id of the one data source that is meant (in Notion: Manage data sources → Copy \
                 data source ID), with NOTION_VERSION 2025-09-03 or newer"
            ),
            Self::JobProperty { variable, kinds, there } if there.is_empty() => {
                write!(f, "add a property of type {kinds} to the database, or set {variable} to the one that is meant")
            }
            Self::JobProperty { variable, there, .. } => {
                write!(f, "set {variable} to the one that is meant, such as {}", quoted(strs(there)))
            }
            Self::DoneNames { there } if there.is_empty() => {
                f.write_str("see that the jobs' status will have a name of STATUS_DONE: no job is done without one")
            }
            Self::DoneNames { there } => write!(
                f,
                "set STATUS_DONE to the names that mean finished well, as they are written there: {}",
                quoted(strs(there))
            ),
            Self::TerminalNames { names } => {
                write!(f, "add {} to STATUS_TERMINAL; a job that ends so counts as stuck otherwise", quoted(strs(names)))
            }
            Self::UnlistedNames { names } => {
                write!(f, "if {} means that a job is over, add it to STATUS_TERMINAL", either(names))
            }
            Self::BoardProperties => {
                f.write_str("run `auto-operator doctor --fix`, which adds them; what is not there is not shown")
            }
            Self::BoardTypes { wanted } => {
                let wanted: Vec<_> = wanted.iter().map(|(name, kind)| format!("\"{name}\" the type {kind}")).collect();
                write!(f, "give {}, or another name and run `auto-operator doctor --fix`", wanted.join(", "))
            }

            Self::BotToken => {
                f.write_str("set TELEGRAM_BOT_TOKEN to the token that @BotFather shows (/mybots → API Token)")
            }
            Self::WriteToBot { bot } => {
                write!(f, "open https://t.me/{bot} and press Start; if that was done, correct TELEGRAM_CHAT_ID")
            }
            Self::AddBot { bot } => {
                write!(f, "add @{bot} to the group or channel; if it is there, correct TELEGRAM_CHAT_ID")
            }
            Self::DeleteWebhook => f.write_str(
                "open https://api.telegram.org/bot<TELEGRAM_BOT_TOKEN>/deleteWebhook, or give this service a bot of its \
                 own: one bot serves a webhook or commands here, not both",
            ),
            Self::MakeAdmin { bot } => {
                write!(f, "make @{bot} an administrator of the channel who may post messages")
            }
            Self::LetBotIn { bot } => write!(f, "unblock @{bot}, or add it to the group again"),
            Self::LetBotSpeak { bot } => write!(f, "let @{bot} send messages, by the permissions of the group"),
            Self::NewChat { id } => write!(f, "set TELEGRAM_CHAT_ID={id}; alerts follow the group meanwhile"),
            Self::NoTopics => f.write_str("unset TELEGRAM_THREAD_ID, or turn on Topics in the settings of the group"),

            Self::GeneralTopic => f.write_str("unset TELEGRAM_THREAD_ID: the topic General is the one without a number"),
            Self::UnknownTopic => f.write_str(
                "set TELEGRAM_THREAD_ID to the number of a topic that is there: the last but one in the link of a message \
                 of it (https://t.me/c/<group>/<topic>/<message>)",
            ),
            Self::NoOrdersFromChannel => f.write_str(
                "set TELEGRAM_CHAT_ID to a group, or to a chat with the bot, if commands are to work; in a channel only \
                 the buttons do",
            ),

            Self::GmailPassword => f.write_str(
                "put an app password into SMTP_URL: Gmail takes no other (https://myaccount.google.com/apppasswords, \
                 after turning on 2-Step Verification)",
            ),
            Self::MicrosoftPassword => f.write_str(
                "turn on authenticated SMTP for the mailbox, or use another mail server: Microsoft takes no passwords \
                 otherwise",
            ),
            Self::MailLogin => f.write_str(
                "correct user and password in SMTP_URL; what is special there is percent-encoded (%40 for @)",
            ),
            Self::NoMailLogin => f.write_str(
                "take user and password out of SMTP_URL, or write smtps:// or ?tls=required: many servers offer a login \
                 only behind TLS",
            ),
            Self::MailEncryption => f.write_str(
                "write SMTP_URL as the port wants it: smtps://… (465) or smtp://…?tls=required (587)",
            ),
            Self::MailCertificate => f.write_str(
                "write the host in SMTP_URL as it stands in its certificate, or have this machine trust who issued that",
            ),
            Self::Port25 => f.write_str(
                "write smtps://… (465) or smtp://…?tls=required (587) in SMTP_URL: most hosts block port 25",
            ),
            Self::MailTurnedAway => {
                f.write_str("ask who runs the mail server why it does not want this machine, or use another one")
            }

            Self::MailAddresses => f.write_str(
                "correct ALERT_TO, or ALERT_FROM, whichever the answer is about, or have the mail server take mail for it",
            ),

            Self::TestAgain { channel } => {
                write!(f, "see what it says, and send it again: `auto-operator test-alert --channel {channel}`")
            }

            Self::LostFiles { host } => write!(
                f,
                "set DATABASE_URL to a PostgreSQL server, such as the add-on of the host: {host} loses its files at each \
                 restart, and with them which incidents were told"
            ),
            Self::InMemory => f.write_str(
                "set DATABASE_URL to a file or a server: after a restart nobody knows which incidents were told",
            ),
            Self::NewerDatabase => f.write_str("run that newer version, or set another DATABASE_URL"),
            Self::NoDirectory { directory } => write!(f, "create {directory}, or set another DATABASE_URL"),
            Self::LockedDatabase => f.write_str("end the other program that works with the database file"),
            Self::DatabaseAway => f.write_str(
                "see whether the database server runs, and whether this machine reaches the host and port of \
                 DATABASE_URL",
            ),
            Self::OtherDatabase => f.write_str("mend what it says, or set another DATABASE_URL"),

            Self::HerokuMaySleep => {
                f.write_str("an Eco dyno sleeps when nobody visits, and the watch with it: `heroku ps:type basic`")
            }
            Self::ReplitMaySleep => {
                f.write_str("an Autoscale deployment stops when nobody visits: it has to be a Reserved VM")
            }
            Self::ScalesToZero => f.write_str(
                "let one instance run all the time (on Replit: a Reserved VM): this host stops what nobody visits",
            ),
            Self::ReplitWorkspace => {
                f.write_str("deploy it as a Reserved VM: a workspace stops soon after its owner has left")
            }

            Self::NothingWatched => f.write_str("set OPENAI_API_KEY, or NOTION_TOKEN and JOB_LOG_DB_ID, or all of them"),
            Self::NobodyTold => f.write_str(
                "set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID, or SMTP_URL and ALERT_TO, or NOTION_STATUS_DB_ID",
            ),
            Self::NoOpsToken => {
                f.write_str("set OPS_TOKEN to a long random text, if somebody is to see details and act over the web")
            }
            Self::NoPublicUrl => f.write_str("set PUBLIC_URL, so that alerts say where the report is"),
            Self::MisspeltSetting => {
                f.write_str("correct the name, or take it out, where it is set: in .env, or in the environment of this program")
            }
            Self::OtherSetting => f.write_str("change it where it is set; `auto-operator config` says where that is"),
        }
    }
}

fn strs(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

/// `"A"`, `"A" or "B"`, `"A", "B" or "C"`.
fn either(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => quoted([only.as_str()]),
        [others @ .., last] => format!("{} or {}", quoted(strs(others)), quoted([last.as_str()])),
    }
}
