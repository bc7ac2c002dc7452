//! auto-operator watches an AI job pipeline: it looks every few minutes, judges what it saw, tells people once when
//! something is wrong and once when it is over. This page is the map; read it before the code.
//!
//! # Bird's eye view
//!
//! ```text
//!            every CHECK_INTERVAL
//! Scheduler ───Look{cycle, now}──▶ HealthActor     ┐
//!     ▲     ───Look──────────────▶ MetricsActor    ├──Looked──▶ Escalator ──Wake──▶ Notifier email
//!     │     ───Look──────────────▶ StuckJobActor   ┘ aggregates │  ▲  │            Notifier telegram
//!     └──────────Completed (one cycle at a time)────────────────┘  │  │            Notifier notion
//!                                                                  ▼  └─Overview─▶ web: /ops-report, the page
//!                         Ledger: the store (incidents, outbox, history, lease), or memory while that fails
//! ```
//!
//! - The **Scheduler** ticks, numbers the cycles, gives each its `now`. It never knows what the checks are.
//! - A **check actor** looks (I/O, under a deadline) and judges (pure rules), and sends one section, also when it was
//!   blind, panicked or too slow.
//! - The **Escalator** gathers the sections of a cycle (one that does not come in time is blind), takes each incident one
//!   step, writes incidents and notices in one transaction, wakes the notifiers and publishes what is known.
//! - The **Ledger** (`store::ledger`) is the store as those have it who keep watch. Where the database fails it goes on in
//!   memory, from a mirror of what was last known, and takes what happened into the database when that is back.
//! - The **Keeper** (`actors::keeper`) is no actor: it asks the database every few seconds whether this process leads. Who
//!   does not lead ticks, escalates and sends nothing, and shows the reports that the leader stores. The **Heart** pings
//!   `HEARTBEAT_URL` beside everything else.
//! - The **Listener** is no actor either: while this process leads, it hears by long polling what people order in Telegram,
//!   and has it carried out on the same ways as what they order over the web (`domain::update` says who is obeyed,
//!   `domain::command` what is meant, `domain::deed` what came of it, `domain::answer` what is said).
//! - The **Telemetry** (`actors::telemetry`) counts what happens where it happens; `web::prometheus` translates it, and what
//!   is known at the moment, into `/metrics`.
//! - A **Notifier** per channel sees to it that what is due is sent, in order, and backs off. Its **Courier** carries: it
//!   records *delivered* after the channel said so, and finishes what it is sending whatever befalls the Notifier. What
//!   waits is merged into one message when it is claimed (`domain::bulletin`).
//! - The **Supervisor** is ours, since actix does not restart after a panic (`supervision`). It starts every actor, watches
//!   each for panic, error, stop, hang and blocked thread, and puts a fresh one in its place; neighbours hold stable
//!   handles and do not notice. An actor that keeps failing is degraded, which is an issue like any other.
//!
//! Each actor has a thread of its own, so that one which blocks stops nobody else. All of them share one runtime, since a
//! connection belongs to the runtime that opened it: with a runtime each, a hung actor would take the connections with it
//! that others share.
//!
//! # Floors: who may use whom
//!
//! ```text
//! main → cli → app ── builds and starts everything; the only file that knows everybody
//!              parties ── from the settings to what each room needs to know
//! web ─────▶ actors (their messages, and what they show and count), store, supervision, domain
//! actors ──▶ checks, channels, store, supervision, domain
//! checks, channels ─▶ clients, diagnosis, domain
//! diagnosis ─▶ clients (what doctor finds, and what to do about it)
//! settings ─▶ clients, domain (what a value is: a chat, a mail server, a maintenance window)
//! clients ─▶ nothing of ours        store ─▶ domain        supervision ─▶ nothing of ours
//! domain ──▶ nothing: no I/O, no async, no clock, no actix
//! demo  ───▶ nothing of ours (stand-ins of the outside world, used by `demo` and by the tests)
//! secret ──▶ nothing; a value that cannot be printed, for everybody
//! ```
//! `tests/it/architecture.rs` reads the `use` lines and fails with file and line when one goes up.
//!
//! # Invariants
//!
//! - The domain cannot fail and never asks the time: `now` is an argument.
//! - A failed look is never zero: it is *blind*, and blindness is shown and alarmed.
//! - Actors hold no `if` about health: pure functions decide (`domain::cycle::advance`, `domain::notice::plan`), an actor
//!   carries it out.
//! - A change of an incident and the notices that it causes are written in one transaction, before anything is sent.
//!   *Delivered* is written after the channel said so: better twice than never.
//! - Exactly one layer retries a delivery: the Notifier. Clients say *later* or *never*, with the wait that the party
//!   asked for.
//! - Only a leader's word counts: what it writes is fenced by the epoch of its lease, in the same transaction, and it
//!   looks at its term right before it sends. Deliberately not fenced is *delivered*: it says what has happened.
//! - A term is reckoned by a clock that goes on while the host sleeps (`actors::moment`). Moments that are written down are
//!   of the wall clock, which may be set back: nothing waits for one that was reckoned from the future.
//! - In a maintenance nothing is sent, whatever waits. What nobody could see in a cycle is neither told nor over.
//! - A notice that may have arrived is sent again as it was, so that the repeat is recognised; what else waits is merged.
//! - What a channel refuses for good has told nobody. Only the end of what was told there goes along with the next notice
//!   (`store::revival`). `actors::hearing_tests` plays random stories to prove what people hear in the end.
//! - An order is obeyed at most once, by the leader, and only if whoever gave it is allowed to and it is new; everybody else
//!   gets silence.
//! - A web GET changes nothing and asks nobody outside. It reads what the Escalator published, so that no actor that
//!   hangs can hang the web.
//! - Every wait has a deadline; every queue, body, page and history has a bound.
//! - Messages live in the file of the actor that receives them. Neighbours are known as stable `Sender<M>`s.
//! - A message that dies with its actor is no loss: a look waits on the check's desk, a notice in the outbox; a gathering
//!   that is lost is begun anew. Incidents are read from the store in each cycle, so that no Escalator knows more than the
//!   next one.
//! - An actor spawns nothing detached and blocks nothing; `clippy.toml` forbids it, and where it is allowed the reason
//!   stands beside it.
//! - Traits only where several real things implement them: `checks::Check`, `channels::Channel`.
//! - The wire format is not the domain: `web::ops_report` has its own structs.
//! - A secret has no `Debug` and no `Display`; errors are built without URLs; the log is scrubbed as well, for what
//!   libraries say.
//!
//! # To add a thing
//!
//! - *A channel*: its file in `channels/`, its `mod` line and its line in `Channels::list`; its settings in `settings/`
//!   and their translation in `parties`; its name in `domain::issue::CHANNELS` and its Notifier's in `ACTORS`; in
//!   `examine` it says how it is. Retry, order, merging, the outbox, supervision, `doctor` and `test-alert` come for free.
//! - *A check*: likewise in `checks/`, with a `CheckName` and, in `domain::report`, the figures that it brings. Deadline,
//!   panic guard, blindness, its alert and supervision come for free; its actor's name belongs into
//!   `domain::issue::ACTORS`.
//! - *A rule*: one function and its line in `domain::rules`, an `IssueId`, its row in the table test.
//! - *A request of the web*: its handler with `#[utoipa::path]` and its line in `web::openapi`; the test of the description
//!   asks for it then. *A figure of `/metrics`*: one line in `web::prometheus`, or in `actors::telemetry` if it is counted.
//! - *A command of the chat*: its line in `domain::command::COMMANDS`, its parsing there, its words in `domain::answer`, and
//!   what it does in `actors::orders`.
//! - *A setting*: a row in `settings::variables`; the tests then ask for its line in `.env.example` and in the README.
//!
//! # The way of one datum: "I am a stuck job"
//!
//! The Scheduler ticks → `checks::stuck_jobs` asks `checks::job_log`, which asks `clients::notion` page by page → I am a
//! row, still `Processing`, last edited 41 minutes ago → `domain::job::StuckJobs` counts me → `domain::rules` make an
//! issue of us, all in one section → the Escalator joins the sections to a `domain::report::Report` →
//! `domain::cycle::advance`: an incident opens → `domain::notice::plan`: nobody was told yet → incident and notices in one
//! transaction → each Notifier sends; *later* backs off, *never* says so → *delivered* → I am done at last: two quiet
//! looks → resolved, told to exactly those who were told. The cycle's number is in every log line on this way.

// What is forbidden to actors is no harm in a test.
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod actors;
pub mod app;
pub mod channels;
pub mod checks;
pub mod cli;
pub mod clients;
pub mod demo;
pub mod diagnosis;
pub mod domain;
pub mod logging;
pub mod parties;
pub mod secret;
pub mod settings;
pub mod store;
pub mod supervision;
pub mod web;
