//! What there is to do, by its reasons. The sentences are in `sentence.rs`.
//!
//! Each variant is something that a person can do, so that two findings with the same cause have the same remedy and are
//! counted as one thing. `tests/it/doctor/sentences.rs` brings each of them about, and fails over one that it does not.

use std::time::Duration;

use super::party::Party;

/// What to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nobody is there.
    Unreachable(Party),
    /// No complete answer in time.
    Slow(Party),
    /// Somebody is there, but no trusted encrypted connection to them.
    Encryption(Party),
    /// The party has trouble of its own.
    TheirTrouble(Party),
    /// Too many requests for now; how long it wants us to wait.
    TooMany {
        /// If it said so.
        wait: Option<Duration>,
    },
    /// What answers there does not understand us, or we it.
    Misaddressed(Party),

    /// OpenAI does not know the key in this variable.
    OpenAiKey {
        /// The variable.
        variable: &'static str,
    },
    /// The account is empty or over its limit.
    OpenAiMoney,
    /// The key is known but not allowed.
    OpenAiForbidden,
    /// The account does not have the model.
    OpenAiModel {
        /// Some that it has.
        there: Vec<String>,
    },
    /// The model will be gone soon.
    OpenAiRetires,

    /// Notion does not know the token.
    NotionToken,
    /// Replit has no token for us, or Notion does not know it.
    NotionConnector,
    /// The database is not there, or not shared with the integration.
    NotShared {
        /// The variable with its id.
        variable: &'static str,
    },
    /// The integration may not do it.
    NotionCapability {
        /// `Read` or `Update`.
        capability: &'static str,
    },
    /// The integration may not even ask who it is.
    NotionForbidden,
    /// The database has several data sources, or none for us.
    DataSource {
        /// The variable with the id.
        variable: &'static str,
    },
    /// A property of the jobs is missing or of another type.
    JobProperty {
        /// The variable with its name.
        variable: &'static str,
        /// The types that it may have.
        kinds: &'static str,
        /// The properties of the right type that are there.
        there: Vec<String>,
    },
    /// No name of `STATUS_DONE` is one of the database's.
    DoneNames {
        /// Those of the database.
        there: Vec<String>,
    },
    /// Names that look like an end are in no list.
    TerminalNames {
        /// Which.
        names: Vec<String>,
    },
    /// Names that are in no list.
    UnlistedNames {
        /// Which.
        names: Vec<String>,
    },
    /// The Status Board lacks properties.
    BoardProperties,
    /// Properties of the Status Board are of another type.
    BoardTypes {
        /// The name and the type that is needed.
        wanted: Vec<(&'static str, &'static str)>,
    },

    /// Telegram does not know the bot's token.
    BotToken,
    /// A person has not written to the bot yet.
    WriteToBot {
        /// Its name.
        bot: String,
    },
    /// The bot is in no such group or channel.
    AddBot {
        /// Its name.
        bot: String,
    },
    /// What people write is sent to a webhook.
    DeleteWebhook,
    /// The bot may not post in the channel.
    MakeAdmin {
        /// Its name.
        bot: String,
    },
    /// The bot was blocked or put out.
    LetBotIn {
        /// Its name.
        bot: String,
    },
    /// The bot is in the group but must be silent.
    LetBotSpeak {
        /// Its name.
        bot: String,
    },
    /// The group has become a supergroup.
    NewChat {
        /// Its new id.
        id: i64,
    },
    /// The chat has no topics.
    NoTopics,
    /// The topic is the one of a forum that is named by no number.
    GeneralTopic,
    /// There is no such topic.
    UnknownTopic,
    /// What people write in a channel does not arrive.
    NoOrdersFromChannel,

    /// Gmail wants an app password.
    GmailPassword,
    /// Microsoft takes no passwords any more.
    MicrosoftPassword,
    /// The mail server does not know user or password.
    MailLogin,
    /// The mail server offers no login.
    NoMailLogin,
    /// The port wants another kind of encryption.
    MailEncryption,
    /// The mail server's certificate is not trusted.
    MailCertificate,
    /// Port 25 leads nowhere.
    Port25,
    /// The mail server wants nothing to do with us.
    MailTurnedAway,
    /// The mail server is well, and takes no mail of ours, or none for some of the receivers.
    MailAddresses,

    /// A channel is well, and did not take a letter.
    TestAgain {
        /// Which.
        channel: &'static str,
    },

    /// The database is a file, or in memory, on a host that loses files.
    LostFiles {
        /// What the host is called.
        host: &'static str,
    },
    /// The database is in memory, on a host that keeps files.
    InMemory,
    /// The database is of a newer version of this program.
    NewerDatabase,
    /// The directory of the database is missing.
    NoDirectory {
        /// Which.
        directory: String,
    },
    /// Another process holds the database.
    LockedDatabase,
    /// The database server cannot be reached.
    DatabaseAway,
    /// The database cannot be used for a reason that the answer names.
    OtherDatabase,

    /// A dyno may be one that sleeps.
    HerokuMaySleep,
    /// A deployment may be one that is stopped when nobody visits it.
    ReplitMaySleep,
    /// The host stops what nobody visits.
    ScalesToZero,
    /// A workspace stops when its owner leaves.
    ReplitWorkspace,

    /// Nothing is watched.
    NothingWatched,
    /// Nobody is told.
    NobodyTold,
    /// There is no `OPS_TOKEN`.
    NoOpsToken,
    /// There is no `PUBLIC_URL`.
    NoPublicUrl,
    /// A variable has a name that nobody reads, and nearly one that is read.
    MisspeltSetting,
    /// A setting is doubtful, as the answer says.
    OtherSetting,
}
