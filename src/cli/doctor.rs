//! `doctor`: asks every configured party a harmless question, and says what to do where the answer is not a good one.
//!
//! The parties are asked side by side, each with deadlines of its own; what they say is shown in a fixed order. What a
//! party is asked is the business of whoever knows it: a check, a channel. What is asked here is what nobody else knows:
//! the dead man's switch, the database, the host, the settings themselves.

mod database;
mod heartbeat;
mod host;
mod settings;

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::stream::{FuturesOrdered, StreamExt};
use futures_util::{FutureExt, future::LocalBoxFuture};

use self::host::Host;
use super::NOT_OK;
use super::findings::Printer;
use super::progress::Progress;
use crate::app::{self, Mode};
use crate::channels::Channel;
use crate::checks::CheckSpec;
use crate::diagnosis::Asked;
use crate::logging::Scrubber;
use crate::parties::{self, Parties};
use crate::settings::{Effective, Settings};

/// How many requests one part of a party may cost, one after the other.
const REQUESTS: u32 = 3;

const UNPRINTABLE: &str = "the findings cannot be printed";

/// What is being asked: whom, and what comes of it.
type Asking<'a> = (&'static str, LocalBoxFuture<'a, Vec<Asked>>);

/// The channels by their names.
type Channels = Vec<(&'static str, Rc<dyn Channel>)>;

/// Asks and shows; with `fix` it mends what it can, after saying what that is. The exit code says whether all is well.
pub(super) fn run(
    settings: &Settings,
    effective: &Effective,
    scrubber: Scrubber,
    fix: bool,
) -> anyhow::Result<ExitCode> {
    app::run(async {
        let learned = scrubber.clone();
        let parties = Parties::new(settings, Mode::SERVICE.notion_pace, move |secret| learned.learn(secret));
        let channels = parties.channels(settings).list().into_iter().map(|spec| (spec.name, (spec.build)())).collect();
        let limit = settings.timing.request_timeout * REQUESTS;
        let askings = askings(settings, effective, &parties, &channels, limit);

        let mut printer = Printer::new(anstream::stdout(), scrubber);
        let progress = RefCell::new(Progress::begin(askings.iter().map(|(name, _)| *name).collect()));
        let answers = askings.into_iter().map(|(name, asking)| {
            let progress = &progress;
            asking.map(move |asked| {
                progress.borrow_mut().done(name);
                (name, asked)
            })
        });
        let mut answers: FuturesOrdered<_> = answers.collect();
        while let Some((name, asked)) = answers.next().await {
            progress.borrow().aside(|| printer.show_all(&asked, fix)).context(UNPRINTABLE)?;
            let is_mendable = asked.iter().any(|asked| asked.finding.mend.is_some());
            if let Some((_, channel)) = channels.iter().find(|(known, _)| fix && is_mendable && *known == name) {
                let mended = channel.mend(Instant::now() + limit).await;
                progress.borrow().aside(|| printer.show_all(&mended, false)).context(UNPRINTABLE)?;
            }
        }
        printer.say(&printer.summary()).context(UNPRINTABLE)?;
        Ok(if printer.all_well() { ExitCode::SUCCESS } else { ExitCode::from(NOT_OK) })
    })
}

/// Everybody who is asked, in the order in which the answers are shown.
fn askings<'a>(
    settings: &'a Settings,
    effective: &Effective,
    parties: &Parties,
    channels: &'a Channels,
    limit: Duration,
) -> Vec<Asking<'a>> {
    let of_check = |spec: CheckSpec| -> Asking<'a> {
        let examined = async move {
            let check = (spec.build)();
            check.examine(Instant::now() + limit).await
        };
        (spec.name.name(), examined.boxed_local())
    };
    let host = Host::here();
    let at_home = host.examine().into_iter().chain(settings::examine(settings, effective)).collect();

    let mut askings: Vec<Asking<'a>> = parties.checks(settings).list().into_iter().map(of_check).collect();
    askings.extend(channels.iter().map(|(name, channel)| (*name, channel.examine(Instant::now() + limit))));
    let heartbeat = parties::heartbeat(settings).map(|heartbeat| heartbeat::examine(heartbeat).boxed_local());
    askings.extend(heartbeat.map(|asking| ("heartbeat", asking)));
    askings.push(("database", database::examine(&settings.database, host).boxed_local()));
    askings.push(("settings", std::future::ready(at_home).boxed_local()));
    askings
}
