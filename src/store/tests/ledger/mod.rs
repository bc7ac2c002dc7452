//! The watch goes on while the database fails, and what happened is in it when it is back.

mod crossing;
mod memory;
mod return_home;

use super::*;
use crate::domain::history::What;
use crate::store::database::Transaction;

/// What goes wrong with a database.
enum Fault {
    /// Somebody has the file locked.
    Locked(SqliteConnection),
    /// The file may only be read.
    ReadOnly,
    /// The server is stopped.
    Stopped(&'static postgres::Server),
    /// Somebody keeps the tables to himself.
    Kept(Option<Transaction>),
}

/// A database that fails on demand, and the ledger over it.
struct Frail {
    ledger: Ledger,
    store: Store,
    ground: Ground,
    fault: Fault,
}

fn hasty() -> Limits {
    Limits { busy: Duration::from_millis(50), acquire: Duration::from_millis(200), operation: LIMITS.operation }
}

impl Frail {
    async fn new(ground: Ground, fault: Fault) -> Self {
        let store = loop {
            // In haste, on a machine that is busy.
            match Store::open_within(&ground.location(), Handle::current(), hasty()).await {
                Err(StoreError::Unreachable(_)) => {}
                opened => break opened.unwrap(),
            }
        };
        Self { ledger: Ledger::new(store.clone()), store, ground, fault }
    }

    async fn locked() -> Self {
        let ground = Ground::Directory(tempfile::tempdir().unwrap());
        let Location::File(path) = ground.location() else { unreachable!() };
        let other = raw(&path).await;
        Self::new(ground, Fault::Locked(other)).await
    }

    async fn read_only() -> Self {
        Self::new(Ground::Directory(tempfile::tempdir().unwrap()), Fault::ReadOnly).await
    }

    async fn stopped() -> Self {
        let server: &'static postgres::Server = Box::leak(Box::new(postgres::Server::start()));
        Self::new(Ground::Server(server.database()), Fault::Stopped(server)).await
    }

    async fn kept() -> Self {
        Self::new(Ground::Server(postgres::shared().database()), Fault::Kept(None)).await
    }

    /// Everything there is.
    async fn each() -> [Self; 4] {
        [Self::locked().await, Self::read_only().await, Self::stopped().await, Self::kept().await]
    }

    /// One of each sort of database, those that fail and heal at once.
    async fn of_each_sort() -> [Self; 2] {
        [Self::locked().await, Self::kept().await]
    }

    async fn fails(&mut self) {
        match &mut self.fault {
            // The transaction is ended by its connection, with `ROLLBACK`.
            Fault::Locked(other) => drop(sqlx::query("BEGIN IMMEDIATE").execute(other).await.unwrap()),
            Fault::ReadOnly => self.query_only("PRAGMA query_only = ON").await,
            Fault::Stopped(server) => server.stop(),
            Fault::Kept(kept) => {
                let other = self.ground.open().await;
                let mut transaction = other.database.begin().await.unwrap();
                let Transaction::Postgres(postgres) = &mut transaction else { unreachable!() };
                // For as long as it takes.
                let patience = "SET LOCAL idle_in_transaction_session_timeout = 0";
                sqlx::query(patience).execute(&mut **postgres).await.unwrap();
                sqlx::query("LOCK TABLE incidents, notices, channel_state").execute(&mut **postgres).await.unwrap();
                *kept = Some(transaction);
            }
        }
        assert!(self.store.ping().await.is_err(), "it fails");
    }

    async fn heals(&mut self) {
        match &mut self.fault {
            Fault::Locked(other) => drop(sqlx::query("ROLLBACK").execute(other).await.unwrap()),
            Fault::ReadOnly => self.query_only("PRAGMA query_only = OFF").await,
            Fault::Stopped(server) => server.start_again(),
            Fault::Kept(kept) => *kept = None,
        }
    }

    async fn query_only(&self, pragma: &'static str) {
        sqlx::query(pragma).execute(sqlite_of(&self.store).0).await.unwrap();
    }

    /// It heals, and the ledger finds out.
    async fn is_back(&mut self) {
        self.heals().await;
        recovered(&self.ledger).await;
    }

    /// What it says of each notice: its id, what became of it, how often it was tried.
    async fn notices(&self) -> Vec<String> {
        texts(&self.store, "SELECT id || ' ' || state || ' ' || attempts AS it FROM notices ORDER BY id").await
    }

    /// What it says of each incident.
    async fn incidents(&self) -> Vec<String> {
        texts(&self.store, "SELECT id || ' ' || phase AS it FROM incidents ORDER BY id").await
    }
}

async fn recovered(ledger: &Ledger) {
    let recovering = async {
        while !ledger.recover().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), recovering).await.expect("the database is found again");
    assert!(ledger.fault().await.is_none());
}

/// A decision that opens those incidents and posts those notices.
fn opens(incidents: &[(&str, IssueId)], notices: &[Notice]) -> Decision {
    let opened = |(id, issue): &(&str, IssueId)| (incident(id, *issue, Phase::Open), Change::Opened);
    let stepped: Vec<_> = incidents.iter().map(opened).collect();
    let entry = |(incident, _): &(Incident, Change)| Recorded {
        incident_id: incident.id.clone(),
        at: at(0),
        what: What::Opened,
        text: incident.text.clone(),
        by: None,
    };
    Decision { entries: stepped.iter().map(entry).collect(), stepped, notices: notices.to_vec(), ..Decision::default() }
}

/// A decision with which the incident is over.
fn resolves(id: &str, issue: IssueId, notices: &[Notice]) -> Decision {
    let over = Incident { resolved_at: Some(at(60)), ..incident(id, issue, Phase::Resolved) };
    Decision { stepped: vec![(over, Change::Resolved)], notices: notices.to_vec(), ..Decision::default() }
}

fn all_clear(id: &str, channel: &str, incident: &str) -> Notice {
    notice(id, channel, NoticeKind::Resolved, &[(incident, Step::Resolved)])
}

/// The same, with figures as those of a cycle at that second.
fn cycle(second: i64, decision: Decision) -> Decision {
    let sample = Sample {
        at: at(second),
        ok: false,
        openai: Some(true),
        notion: None,
        jobs: Some(68),
        done: None,
        low_qa: None,
        avg_qa_tenths: None,
        stuck: Some(137),
        health_ms: None,
        openai_ms: None,
        notion_ms: Some(92),
    };
    let report = StoredReport { at: at(second), body: format!("{{\"second\":{second}}}") };
    Decision { sample: Some(sample), report: Some(report), ..decision }
}

impl Ledger {
    /// Settles to that, in the database or in memory.
    async fn decides(&self, decision: Decision) -> Option<StoreError> {
        self.settle(move |_| decision.clone()).await.unwrap().from_memory
    }

    /// What a cycle would know that changes nothing.
    async fn knows(&self) -> Known {
        let (known, seen) = std::sync::mpsc::channel();
        let looks = move |now: Known| {
            known.send(now).unwrap();
            Decision::default()
        };
        self.settle(looks).await.unwrap();
        seen.iter().last().unwrap()
    }

    /// Claims it and has it delivered in that second.
    async fn delivers(&self, channel: &str, second: i64, id: &str) {
        assert_eq!(self.claims(channel, second).await.as_deref(), Some(id));
        self.delivered(id, at(second), "250 ok").await.unwrap();
    }

    /// Claims it and fails to have it delivered in that second.
    async fn fails(&self, channel: &str, second: i64, id: &str, retry_at: Option<i64>) {
        assert_eq!(self.claims(channel, second).await.as_deref(), Some(id));
        self.failed(id, at(second), "502", retry_at.map(at)).await.unwrap();
    }

    /// What is claimed at that second, for a minute.
    async fn claims(&self, channel: &str, second: i64) -> Option<String> {
        let due = self.claim(channel, at(second), at(second + 60), "test", joined).await.unwrap();
        due.map(|due| due.notice.id)
    }
}
