//! `demo`: the service in a world of its own, in which a little story happens over and over.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use chrono::Utc;
use tokio::sync::{mpsc, oneshot};

use super::serve::{self, Stop};
use super::{BAD_CONFIGURATION, NOT_OK, begin_log, fail, warn};
use crate::app::{self, Mode, Watch};
use crate::demo::telegram::Delivered;
use crate::demo::world::World;
use crate::settings::Settings;
use crate::supervision::{Chaos, Event, Intensity, Limits, Supervisor};

/// The port where the README says the demo is, if it is free.
const PORT: u16 = 5_000;

/// The token that the demo's own hints use. It opens nothing but the demo.
const TOKEN: &str = "demo-token";

/// What is different from a service in earnest: a clock on which the whole story takes less than a minute.
const FAST_CLOCK: [(&str, &str); 4] =
    [("CHECK_INTERVAL", "2s"), ("CHECK_TIMEOUT", "6s"), ("REQUEST_TIMEOUT", "2s"), ("REMINDER_INTERVAL", "0")];

/// On this clock the pace that Notion itself is used to would hold up the story.
/// Harm may be done to actors, and is found out about as quickly.
fn mode() -> Mode {
    let soon = Duration::from_secs(1);
    let often = Intensity { restarts: 1_000, within: Duration::from_secs(60) };
    let limits = Limits {
        tick: Duration::from_millis(100),
        block_after: soon,
        stuck_after: soon,
        // Whoever plays with all actors at once is not to end the demo.
        root_intensity: often,
        ..Limits::default()
    };
    Mode { notion_pace: 6_000, limits: Some(limits), chaos: true, ..Mode::SERVICE }
}

/// Who may give orders in the demo's chat.
const SOMEBODY: i64 = 42;

/// Jobs in the pipeline when it is well.
const GOOD_JOBS: usize = 68;

/// A part of the story: how long it takes, what is said of it, and what happens.
type Chapter = (Duration, &'static str, fn(&World, &Supervisor));

/// The story. It begins anew when it is over.
const STORY: [Chapter; 7] = [
    (Duration::from_secs(7), "All is well: 68 jobs, nine of ten done, good scores.", |_, _| {}),
    (Duration::from_secs(7), "137 jobs get stuck.", |world, _| world.jobs_get_stuck(137, Utc::now())),
    (Duration::from_secs(5), "Somebody presses Acknowledge below the alert in Telegram.", |world, _| {
        acknowledges(world);
    }),
    (Duration::from_secs(5), "The health check panics. Nobody else notices.", |_, supervisor| {
        harm(supervisor, "health", Chaos::Panic);
    }),
    (Duration::from_secs(11), "OpenAI goes down.", |world, _| world.openai.goes_down()),
    (Duration::from_secs(5), "The thread of the Telegram notifier hangs.", |_, supervisor| {
        harm(supervisor, "notifier:telegram", Chaos::Block);
    }),
    (Duration::from_secs(14), "All is well again.", |world, _| world.all_is_well_again(GOOD_JOBS, Utc::now())),
];

/// Plays until it is told to stop.
pub(super) fn run() -> ExitCode {
    let outcome = World::start().context("the stand-ins cannot be started").and_then(|world| play(&world));
    outcome.unwrap_or_else(|error| fail(NOT_OK, &format_args!("{error:#}")))
}

fn play(world: &World) -> anyhow::Result<ExitCode> {
    world.has_good_jobs(GOOD_JOBS, Utc::now());
    // Kept from here on: another demo may be looking for a port, too.
    let free = if own("PORT").is_some_and(|port| port != "0") { None } else { Some(free_listener()?) };
    let variables = variables(world, free.as_ref());
    let (settings, effective) = match Settings::read(&variables, &BTreeMap::new()) {
        Ok(read) => read,
        Err(problems) => return Ok(fail(BAD_CONFIGURATION, &problems)),
    };
    let scrubber = begin_log(&settings)?;
    warn(&effective);
    let listener = free.map_or_else(|| serve::listener(&settings), Ok)?;
    if greet(&settings, world).is_err() {
        // Nobody reads: `demo | head` is over.
        return Ok(ExitCode::SUCCESS);
    }
    app::run(async {
        let mut ended = Stop::listen()?;
        let stop = Stop::listen()?;
        let (say, mut said) = mpsc::channel(100);
        let (begin, begun) = oneshot::channel();
        let started = |watch: &Watch| drop(begin.send(watch.supervisor.clone()));
        let plot = async {
            // An error means that the service did not start, which it says itself.
            let Ok(supervisor) = begun.await else { return std::future::pending().await };
            tokio::join!(story(world, &supervisor, say.clone()), listen(world, &supervisor, say));
        };
        tokio::select! {
            served = serve::until(&settings, listener, scrubber, mode(), stop, started) => served,
            _ = ended.next() => Ok(ExitCode::SUCCESS),
            told = tell(&mut said) => told,
            () = plot => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Somebody takes on what the newest alert tells of.
fn acknowledges(world: &World) {
    let data = |message: &Delivered| {
        let markup = message.reply_markup.as_ref()?;
        let rows = markup["inline_keyboard"].as_array()?;
        let button = rows.iter().filter_map(|row| row.as_array()).flatten().find(|it| it["text"] == "Acknowledge")?;
        button["callback_data"].as_str().map(str::to_owned)
    };
    let messages = world.telegram.messages().all();
    let newest = messages.iter().rev().find_map(|message| Some((message.message_id, data(message)?)));
    if let Some((message, data)) = newest {
        world.telegram.press_button(SOMEBODY, message, &data);
    }
}

fn harm(supervisor: &Supervisor, actor: &str, way: Chaos) {
    if let Err(unknown) = supervisor.harm(actor, way) {
        log::error!("{actor}: {unknown}");
    }
}

/// The world's variables, a fast clock, and what the caller's environment says about the port and what to log.
fn variables(world: &World, free: Option<&TcpListener>) -> BTreeMap<String, String> {
    let mut variables = world.variables();
    let free = free.and_then(|listener| listener.local_addr().ok()).map(|address| address.port().to_string());
    let port = free.or_else(|| own("PORT"));
    variables.extend(FAST_CLOCK.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables.insert("OPS_TOKEN".into(), TOKEN.into());
    variables.insert("TELEGRAM_ALLOWED_USER_IDS".into(), SOMEBODY.to_string());
    variables.extend(port.map(|port| ("PORT".to_owned(), port)));
    // The story is what the terminal is for; the log of the service is a variable away.
    variables.insert("RUST_LOG".into(), own("RUST_LOG").unwrap_or_else(|| "off".into()));
    variables
}

/// What the caller's environment says.
fn own(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// On [`PORT`], or on another one that is free: it is told before the service serves there.
fn free_listener() -> anyhow::Result<TcpListener> {
    let free = |port| TcpListener::bind(("127.0.0.1", port));
    free(PORT).or_else(|_| free(0)).context("there is no free port on 127.0.0.1")
}

fn greet(settings: &Settings, world: &World) -> io::Result<()> {
    let url = format!("http://127.0.0.1:{}", settings.web.port);
    let bold = Style::new().bold();
    let mut out = anstream::stdout();
    writeln!(out, "{bold}auto-operator demo{bold:#}: the service and all parties on this machine. Ctrl-C ends it.\n")?;
    writeln!(out, "  the status page     {url}/   (sign in with {TOKEN})")?;
    writeln!(out, "  the report          curl {url}/ops-report")?;
    writeln!(out, "  who was told what   curl {url}/api/deliveries")?;
    writeln!(out, "  with all details    curl -H 'Authorization: Bearer {TOKEN}' {url}/ops-report")?;
    writeln!(out, "  a cycle right now   curl -H 'Authorization: Bearer {TOKEN}' '{url}/ops-report?refresh=1'")?;
    writeln!(out, "  ready or not        curl -i {url}/readyz")?;
    writeln!(
        out,
        "  harm an actor       curl -X POST {url}/demo/actors/notifier:telegram/panic   (or stop, hang, block)"
    )?;
    writeln!(out, "  its own log         RUST_LOG=info auto-operator demo\n")?;
    let (notion, openai) = (world.notion.url(), world.openai.url());
    writeln!(out, "  stand-ins: Notion {notion}, OpenAI {openai}, Telegram {}, SMTP", world.telegram.url())?;
    writeln!(out, "  127.0.0.1:{}. It looks every 2 s; an all-clear needs two good looks.\n", world.smtp.port())
}

/// A line on the terminal, and how it is set off.
struct Line {
    who: &'static str,
    style: Style,
    text: String,
}

async fn tell(said: &mut mpsc::Receiver<Line>) -> anyhow::Result<ExitCode> {
    let mut out = anstream::stdout();
    while let Some(Line { who, style, text }) = said.recv().await {
        let time = Utc::now().format("%H:%M:%S");
        let mut lines = text.lines();
        let written = writeln!(out, "{time} {style}{who:>8}{style:#}  {}", lines.next().unwrap_or_default())
            .and_then(|()| lines.try_for_each(|line| writeln!(out, "{:17}  {line}", "")))
            .and_then(|()| out.flush());
        // Nobody reads any more: `demo | head` is over.
        if written.is_err() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn story(world: &World, supervisor: &Supervisor, say: mpsc::Sender<Line>) {
    for (length, text, happens) in STORY.iter().cycle() {
        let line = Line { who: "world", style: AnsiColor::Magenta.on_default().bold(), text: (*text).to_owned() };
        if say.send(line).await.is_err() {
            return;
        }
        happens(world, supervisor);
        tokio::time::sleep(*length).await;
    }
}

/// Says what arrives at the parties, as it arrives.
async fn listen(world: &World, supervisor: &Supervisor, say: mpsc::Sender<Line>) {
    let (messages, mails) = (world.telegram.messages(), world.smtp.mails());
    let pages = world.notion.requests();
    let colour = |colour: AnsiColor| colour.on_default();
    tokio::join!(
        actors(supervisor, &say),
        each(&messages, &say, |message| {
            let text = if message.edited { format!("(edited) {}", message.text) } else { message.text.clone() };
            Some(Line { who: "telegram", style: colour(AnsiColor::Cyan), text })
        }),
        each(&mails, &say, |mail| {
            let text = format!("{}  (to {})", mail.subject, mail.to.join(", "));
            Some(Line { who: "e-mail", style: colour(AnsiColor::Green), text })
        }),
        each(&pages, &say, |request| {
            let created = request.method == "POST" && request.path == "/v1/pages";
            let text = "a new entry on the Status Board".to_owned();
            created.then(|| Line { who: "notion", style: colour(AnsiColor::Yellow), text })
        }),
    );
}

/// Says which actor failed, and how.
async fn actors(supervisor: &Supervisor, say: &mpsc::Sender<Line>) {
    let mut events = supervisor.events();
    while let Ok(event) = events.recv().await {
        let text = match event {
            Event::Exited { id, exit } => format!("{id} failed ({exit})"),
            Event::Started { id, generation } if generation > 1 => {
                format!("{id} is back: a fresh actor, number {generation}")
            }
            _ => continue,
        };
        let line = Line { who: "actor", style: AnsiColor::Red.on_default(), text };
        if say.send(line).await.is_err() {
            return;
        }
    }
}

/// Follows a journal for ever.
async fn each<T: Clone>(
    journal: &crate::demo::Journal<T>,
    say: &mpsc::Sender<Line>,
    line: impl Fn(&T) -> Option<Line>,
) {
    let mut heard = 0;
    loop {
        if !journal.wait_for_count(heard + 1, Duration::from_secs(3_600)).await {
            continue;
        }
        let all = journal.all();
        let new = usize::try_from(journal.count() - heard).unwrap_or(usize::MAX).min(all.len());
        heard = journal.count();
        for entry in &all[all.len() - new..] {
            if let Some(line) = line(entry)
                && say.send(line).await.is_err()
            {
                return;
            }
        }
    }
}
