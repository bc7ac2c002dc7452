//! The account of what was told: what the service says of each notice, held against what the channels have got.
//!
//! A mail names its notice in its Message-ID. A message on Telegram is named by the ledger, by its number there; a repeat
//! of it by having the same text, or the same beginning if it was merged into another later.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use auto_operator::demo::telegram::Delivered;
use auto_operator::demo::world::World;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::time::interval;

use super::Service;

/// What the service says of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// Whom it is for.
    pub channel: String,
    /// Why it goes out.
    pub kind: String,
    /// What has become of it.
    pub state: String,
    /// Its first line.
    pub subject: String,
    /// When it was posted, as its text says.
    pub created: String,
    /// How many times it was tried.
    pub attempts: u64,
    /// What the channel answered when it took it.
    pub answer: Option<String>,
    /// The notice that tells what it was to tell.
    pub merged_into: Option<String>,
    /// The incidents that it is about, and what it tells of each.
    pub about: BTreeSet<(String, String)>,
    /// What came of each attempt, and what the channel said.
    pub tries: Vec<(String, String)>,
}

/// A notice that has reached a channel.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The channel.
    pub channel: &'static str,
    /// The notice.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The channels that are told what changed.
pub const TOLD: [&str; 2] = ["email", "telegram"];

/// All notices of channels that are told, and all that reached these.
pub struct Account {
    /// Oldest first.
    pub records: Vec<Record>,
    /// By channel, oldest first.
    pub arrivals: Vec<Arrival>,
}

impl Account {
    /// Puts together what the service says and what has arrived in `world`. Nothing may have arrived that the service does
    /// not know of.
    pub fn new(records: Vec<Record>, world: &World) -> Self {
        let records: Vec<Record> =
            records.into_iter().filter(|record| TOLD.contains(&record.channel.as_str())).collect();
        let mails = world.smtp.mails().all().into_iter().map(|mail| {
            let id = mail.header("Message-ID").expect("a Message-ID").trim_matches(['<', '>']);
            let id = id.split('@').next().unwrap_or_default().to_owned();
            Arrival { channel: "email", id, at: mail.at }
        });
        let messages = world.telegram.messages().all();
        let named = |message: &Delivered| {
            let answer = format!("message {}", message.message_id);
            let says =
                |said: &str| said.strip_prefix(&answer).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
            let is_it = |record: &&Record| record.channel == "telegram" && record.answer.as_deref().is_some_and(says);
            records.iter().find(is_it).map(|record| record.id.clone())
        };
        let messages = messages.iter().map(|message| {
            let same = || messages.iter().filter(|other| other.text == message.text).find_map(named);
            let begun = || {
                let text = |record: &Record| format!("{}\n\nTimestamp: {}\n", record.subject, record.created);
                let is_it = |record: &&Record| record.channel == "telegram" && message.text.starts_with(&text(record));
                records.iter().find(is_it).map(|record| record.id.clone())
            };
            let id = named(message).or_else(same).or_else(begun);
            let id = id.unwrap_or_else(|| panic!("nobody knows of this message: {}\n{records:#?}", message.text));
            Arrival { channel: "telegram", id, at: message.date }
        });
        let arrivals: Vec<Arrival> = mails.chain(messages).collect();
        for arrival in &arrivals {
            let known = |record: &Record| (record.channel.as_str(), &record.id) == (arrival.channel, &arrival.id);
            assert!(records.iter().any(known), "nobody knows of {arrival:?}");
        }
        Self { records, arrivals }
    }

    /// The notice that has told what `record` was to tell.
    fn teller<'a>(&'a self, record: &'a Record) -> &'a Record {
        let mut teller = record;
        // Merged notices may be merged again; never in a circle, since each time the newer one remains.
        while let Some(next) =
            teller.merged_into.as_ref().and_then(|id| self.records.iter().find(|next| next.id == *id))
        {
            assert_eq!((teller.state.as_str(), &teller.channel), ("merged", &next.channel), "{teller:#?}");
            teller = next;
        }
        teller
    }

    /// Every notice was delivered, or merged into one that was, and has arrived.
    pub fn nothing_is_lost(&self) {
        for record in &self.records {
            let teller = self.teller(record);
            assert_eq!(teller.state, "delivered", "{record:#?}\n{teller:#?}");
            let arrived =
                self.arrivals.iter().filter(|arrival| arrival.channel == teller.channel && arrival.id == teller.id);
            let arrived = arrived.count() as u64;
            assert!(arrived >= 1, "it has not arrived: {teller:#?}");
            assert!(arrived <= teller.attempts, "it has arrived {arrived} times: {teller:#?}");
        }
    }

    /// How many times a channel has got what it had already.
    pub fn repeats(&self, channel: &str) -> usize {
        let arrived = self.arrivals.iter().filter(|arrival| arrival.channel == channel).count();
        let delivered = self.records.iter().filter(|record| record.channel == channel && record.state == "delivered");
        arrived.checked_sub(delivered.count()).expect("what was delivered has arrived")
    }

    /// What came twice carries the same name, or nobody could know that it is nothing new. Only what was given up too early
    /// is told again as a part of what followed: that it has arrived was known to nobody.
    pub fn each_repeat_can_be_recognised(&self) {
        for arrival in &self.arrivals {
            let record = self.records.iter().find(|record| record.id == arrival.id).expect("it is known");
            let given_up = self.was_given_up_too_early(&record.id);
            assert!(record.state != "merged" || given_up, "told twice, under two names: {record:#?}");
        }
    }

    /// Whether the channel took longer, at least once, to say what came of it than it was waited for.
    pub fn was_given_up_too_early(&self, id: &str) -> bool {
        let mut tries = self.records.iter().filter(|record| record.id == id).flat_map(|record| &record.tries);
        tries.any(|(_, answer)| answer.contains("timeout"))
    }

    /// Nothing came twice.
    pub fn nothing_is_repeated(&self) {
        for channel in TOLD {
            let arrivals: Vec<_> = self.arrivals.iter().filter(|arrival| arrival.channel == channel).collect();
            assert_eq!(self.repeats(channel), 0, "{arrivals:#?}");
        }
    }

    /// Who was told that an incident opened was told so once, and once that it is over: in one message, or in two.
    /// Says how many incidents somebody was told of.
    pub fn each_incident_is_told_and_ended_once(&self) -> usize {
        let mut told: BTreeMap<(&str, &str, &str), BTreeSet<&str>> = BTreeMap::new();
        for record in &self.records {
            for (incident, step) in &record.about {
                let by = told.entry((incident, &record.channel, step)).or_default();
                by.insert(&self.teller(record).id);
            }
        }
        let mut incidents = BTreeSet::new();
        let once = |incident, channel, step| told.get(&(incident, channel, step)).map_or(0, BTreeSet::len);
        for &(incident, channel, _) in told.keys() {
            let (opened, resolved) = (once(incident, channel, "opened"), once(incident, channel, "resolved"));
            let story: Vec<_> =
                self.records.iter().filter(|record| record.about.iter().any(|about| about.0 == incident)).collect();
            assert_eq!((opened, resolved), (1, 1), "{incident} on {channel}: {story:#?}");
            incidents.insert(incident);
        }
        incidents.len()
    }
}

/// All notices, as the service tells of them to its owner, the oldest first.
pub async fn of_service(service: &Service) -> Vec<Record> {
    let mut records: Vec<Record> = service.history("deliveries").await.iter().map(record).collect();
    records.reverse();
    records
}

/// The account once nothing waits to be told any more.
pub async fn all_is_told(service: &Service, world: &World) -> Account {
    let mut often = interval(Duration::from_millis(100));
    loop {
        often.tick().await;
        let records = of_service(service).await;
        let waits = |record: &Record| record.state == "pending" && TOLD.contains(&record.channel.as_str());
        if !records.iter().any(waits) {
            return Account::new(records, world);
        }
    }
}

fn record(told: &Value) -> Record {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let needed = |value: &Value| text(value).unwrap_or_else(|| panic!("a text is missing in {told:#}"));
    let list = |name: &str| told[name].as_array().unwrap_or_else(|| panic!("no {name} in {told:#}"));
    Record {
        id: needed(&told["id"]),
        channel: needed(&told["channel"]),
        kind: needed(&told["kind"]),
        state: needed(&told["state"]),
        subject: needed(&told["subject"]),
        created: needed(&told["created"]),
        attempts: told["attempts"].as_u64().expect("a number"),
        answer: text(&told["answer"]),
        merged_into: text(&told["merged_into"]),
        about: list("incidents").iter().map(|about| (needed(&about["id"]), needed(&about["step"]))).collect(),
        tries: list("tries").iter().map(|tried| (needed(&tried["outcome"]), needed(&tried["answer"]))).collect(),
    }
}

/// The file of an SQLite database is sound.
pub async fn is_sound(path: &Path) {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut file = SqliteConnection::connect_with(&options).await.expect("the file can be read");
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut file).await.expect("an answer");
    assert_eq!(sound, "ok");
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut file).await.expect("an answer");
    assert!(broken.is_empty(), "{} links to nothing", broken.len());
    file.close().await.expect("it can be closed");
}
