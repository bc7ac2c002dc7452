//! The account of what was told: what the service says of each notice, held against what the channels have got.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use auto_operator::demo::world::World;
use chrono::{DateTime, Utc};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// What the service says of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: String,
    pub channel: String,
    pub kind: String,
    pub state: String,
    pub subject: String,
    pub body: String,
    pub attempts: i64,
    pub merged_into: Option<String>,
    /// The incidents that it is about, and what it tells of each.
    pub about: BTreeSet<(String, String)>,
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
        let messages = world.telegram.messages().all().into_iter().map(|message| {
            let is_it = |record: &&Record| {
                let text = format!("{}\n\n{}", record.subject, record.body);
                record.channel == "telegram" && text.trim_end() == message.text.trim_end()
            };
            let known = records.iter().find(is_it);
            let id = known.unwrap_or_else(|| panic!("nobody knows of this message: {}", message.text)).id.clone();
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
            let arrived = i64::try_from(arrived.count()).expect("few");
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

/// The notices that are in the SQLite file at `path`; the file has to be sound.
pub async fn of_file(path: &Path) -> Vec<Record> {
    let mut file = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path).read_only(true))
        .await
        .expect("the file can be read");
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut file).await.expect("an answer");
    assert_eq!(sound, "ok");
    let broken: Vec<(String,)> =
        sqlx::query_as("PRAGMA foreign_key_check").fetch_all(&mut file).await.expect("an answer");
    assert_eq!(broken, []);
    let links: Vec<(String, String, String)> =
        sqlx::query_as("SELECT notice_id, incident_id, step FROM notice_incidents")
            .fetch_all(&mut file)
            .await
            .expect("an answer");
    let notices: Vec<(String, String, String, String, String, String, i64, Option<String>)> = sqlx::query_as(
        "SELECT id, channel, kind, CASE state WHEN 'failed' THEN 'undelivered' ELSE state END, subject, body, attempts,
             merged_into
         FROM notices ORDER BY seq",
    )
    .fetch_all(&mut file)
    .await
    .expect("an answer");
    file.close().await.expect("it can be closed");
    let record = |(id, channel, kind, state, subject, body, attempts, merged_into): (String, _, _, _, _, _, _, _)| {
        let about = links.iter().filter(|link| link.0 == id).map(|link| (link.1.clone(), link.2.clone())).collect();
        Record { id, channel, kind, state, subject, body, attempts, merged_into, about }
    };
    notices.into_iter().map(record).collect()
}
