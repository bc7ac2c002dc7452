//! The tests that look at the whole: one binary, so that it is linked once.

// In a test a failed expectation is the outcome. `pub` marks what a module offers to the others.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, clippy::type_complexity, unreachable_pub)]
// What is forbidden to actors is no harm in a test.
#![allow(clippy::disallowed_methods)]

/// What people do through the API while the service works: acknowledge, silence, read the ledger.
mod api;
/// Who may use whom: the floors of the house.
mod architecture;
/// The Status Board: which entries there are, and what stands in them.
mod board;
/// Channels misbehave in every way: nobody waits for them, nothing is lost.
mod channel_faults;
/// Harm is done to every actor in every way, while the service works: nobody else feels it.
mod chaos;
/// The commands as scripts use them: streams and exit codes, configurations good and bad.
mod commands;
/// Counts are complete or unknown, however many jobs there are and however their databases are laid out.
mod counts;
/// An actor fails over and over: seen, told by those who can, over once it lives again.
mod degraded;
/// `doctor`: each sentence that it can say, and the fault that makes it say so.
mod doctor;
/// What is watched misbehaves in every way: said by name, in time, never as a zero; then it comes back.
mod faults;
/// The host sleeps, or we were down: it is said when nobody looked.
mod gap;
/// The dead man's switch: a ping after each cycle, and what is said when the watch itself is not well.
mod heartbeat;
/// What the host sees: signals, the end of the process, the log.
mod host;
/// The life of an incident as people see it: told once, kept quiet about, over, whatever happens to the process.
mod incidents;
/// kill -9 at two hundred moments of a run in which incidents open and resolve and channels fail.
mod kills;
/// Harm and the process: a line of the log for each end, the ordered stop, the last resort.
mod last_resort;
/// Several instances on one database: one leads, the others take over.
mod leadership;
/// What the ledger says is what the channels have got, however they refuse.
mod ledger;
/// The licences of everything that is built in.
mod licences;
/// The service comes and goes: notices of it, maintenance, times in which nobody looked.
mod lifecycle;
/// What Prometheus reads, and the rules and the dashboard that are made for it.
mod metrics;
/// The client of Notion against its stand-in: versions, paging, faults.
mod notion_client;
/// The same service with its memory on a PostgreSQL server.
mod on_postgres;
/// The description of the API against its real answers.
mod openapi;
/// The database cannot be written: the watch goes on, people hear of everything, and all is written later.
mod outage;
/// The status page in a real browser.
mod page;
mod pauses;
/// A PostgreSQL server for tests.
#[path = "../postgres/mod.rs"]
mod postgres;
/// Ten thousand incidents, a thousand stuck jobs, hostile names: no answer is long.
mod scale;
/// No secret is seen anywhere, whatever happens and however much the libraries talk.
mod secrets;
/// `.env.example`, the table of variables, the README and what the reader asks for agree.
mod settings_documents;
/// A thousand random kills.
mod storm;
/// The real program as a child process, in a world of its own.
mod support;
/// Orders in the chat: who is obeyed, and what comes of it.
mod telegram_commands;
/// How orders are heard: by the leader, once, whatever happens meanwhile.
mod telegram_listening;
/// `test-alert`: what arrives, and what is said of it.
mod test_alert;
/// Two services on one database: one leads, and whatever happens to it, nothing is lost or told twice.
mod two_instances;
/// From a tick to an alert in three channels.
mod watch;
/// The web as its callers see it: the report, its details for holders of a token, no side effects.
mod web;
