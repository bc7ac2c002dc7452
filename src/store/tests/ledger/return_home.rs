//! What is in the database when it is back.

use super::*;
use crate::store::lease::Lease;

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_in_it_and_nothing_twice() {
    for mut frail in Frail::each().await {
        let ledger = frail.ledger.clone();
        let posted = [alert("n1", "email", "i1"), alert("n2", "telegram", "i1")];
        ledger.decides(cycle(0, opens(&[("i1", IssueId::StuckJobs)], &posted))).await;
        ledger.delivers("email", 1, "n1").await;
        ledger.fails("telegram", 1, "n2", Some(30)).await;
        let suspected = incident("s1", IssueId::NoCompletions, Phase::Suspected);
        ledger.decides(Decision { stepped: vec![(suspected.clone(), Change::None)], ..Decision::default() }).await;

        frail.fails().await;
        let posted = [alert("m1", "email", "i2"), alert("m2", "telegram", "i2")];
        let gap = Gap { since: at(-100), until: at(-50) };
        let opened = opens(&[("i2", IssueId::LowCompletion)], &posted);
        ledger.decides(cycle(60, Decision { gap: Some(gap), ..opened })).await;
        ledger.delivers("email", 60, "m1").await;
        let due = ledger.claim("telegram", at(60), at(120), "test", joined).await.unwrap().unwrap();
        assert_eq!(due.notice.body, "n2+m2");
        ledger.failed("m2", at(61), "502", Some(at(200))).await.unwrap();
        let resolved = resolves("i1", IssueId::StuckJobs, &[all_clear("m3", "email", "i1")]);
        let forgotten =
            Decision { stepped: [resolved.stepped, vec![(suspected, Change::Forgotten)]].concat(), ..resolved };
        ledger.decides(cycle(120, forgotten)).await;
        ledger.remember("notion", "memory", "page-7").await.unwrap();

        frail.is_back().await;
        assert_eq!(frail.incidents().await, ["i1 resolved", "i2 open"]);
        assert_eq!(
            frail.notices().await,
            ["m1 delivered 1", "m2 pending 2", "m3 pending 0", "n1 delivered 1", "n2 merged 1"]
        );
        assert_eq!(number(&frail.store, "SELECT COUNT(*) AS it FROM incident_changes").await, 2);
        assert_eq!(number(&frail.store, "SELECT COUNT(*) AS it FROM deliveries").await, 4);
        assert_eq!(frail.store.samples(at(0), at(999)).await.unwrap().len(), 3);
        assert_eq!(frail.store.newest_report(at(120)).await.unwrap().unwrap().at, at(120));
        assert_eq!(frail.store.gaps(at(-999)).await.unwrap(), [gap]);
        assert_eq!(frail.store.recall("notion", "memory").await.unwrap(), Some("page-7".into()));
        let told = frail.store.told().await.unwrap();
        assert_eq!((told["i2"]["email"].as_str(), told["i2"]["telegram"].as_str()), ("m1", "m2"));

        let known = ledger.knows().await;
        assert!(known.from_memory.is_none());
        assert_eq!(known.last_cycle, Some(at(120)));
        assert_eq!(ledger.claims("email", 130).await, Some("m3".into()));
        ledger.delivered("m3", at(131), "").await.unwrap();
        assert_eq!(ledger.claims("email", 9_999).await, None, "nothing is sent again");
        let due = ledger.claim("telegram", at(200), at(260), "test", joined).await.unwrap().unwrap();
        assert_eq!((due.notice.body.as_str(), due.attempts), ("n2+m2", 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_has_written_before_it_failed_is_not_decided_twice() {
    for frail in Frail::of_each_sort().await {
        let hasty = Limits { operation: Duration::from_millis(100), ..hasty() };
        let ledger = Ledger::new(Store { limits: hasty, ..frail.store.clone() });
        let decision = cycle(0, opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "email", "i1")]));
        let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let settled = {
            let (asked, decision) = (Arc::clone(&asked), decision.clone());
            ledger.settle(move |_| {
                asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(150));
                decision.clone()
            })
        };
        let from_memory = settled.await.unwrap().from_memory;
        assert!(matches!(from_memory, Some(StoreError::Timeout)), "{from_memory:?}");
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert_eq!(ledger.claims("email", 0).await, Some("n1".into()));
        ledger.delivered("n1", at(1), "250 ok").await.unwrap();

        // As if only the answer to the commit had been lost; perhaps it really was.
        let written = |known: Known| if known.incidents.is_empty() { decision } else { Decision::default() };
        frail.store.settle(written).await.unwrap();
        recovered(&ledger).await;
        assert_eq!(frail.incidents().await, ["i1 open"]);
        assert_eq!(frail.notices().await, ["n1 delivered 1"]);
        assert_eq!(number(&frail.store, "SELECT COUNT(*) AS it FROM incident_changes").await, 1);
        assert_eq!(number(&frail.store, "SELECT COUNT(*) AS it FROM reports").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_without_the_database_an_incident_goes_on_as_the_one_that_is_there() {
    let (store, directory) = in_file().await;
    let location = Location::File(directory.path().join("test.db"));
    let server: &'static postgres::Server = Box::leak(Box::new(postgres::Server::start()));
    let database = server.database();
    let on_server = Location::Postgres(Secret::new(database.url()));
    let there = Store::open(&on_server, Handle::current()).await.unwrap();
    let mut other = raw(&directory.path().join("test.db")).await;
    for (store, location) in [(store, location), (there, on_server)] {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        store.delivered("n1", at(1), "").await.unwrap();
        store.close().await.unwrap();
        match &location {
            Location::Postgres(_) => server.stop(),
            _ => drop(sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap()),
        }
        let ledger = Ledger::new(Store::open_patiently_within(&location, Handle::current(), hasty()).await.unwrap());
        let posted = [alert("m1", "email", "x1"), alert("m2", "telegram", "x1"), alert("m3", "notion", "x1")];
        assert!(ledger.decides(cycle(60, opens(&[("x1", IssueId::StuckJobs)], &posted))).await.is_some());
        assert_eq!(ledger.claims("telegram", 60).await, Some("m2".into()));
        ledger.delivered("m2", at(61), "").await.unwrap();
        match &location {
            Location::Postgres(_) => server.start_again(),
            _ => drop(sqlx::query("ROLLBACK").execute(&mut other).await.unwrap()),
        }
        recovered(&ledger).await;

        let known = ledger.knows().await;
        let [stuck] = known.incidents.try_into().unwrap();
        assert_eq!(stuck.id, "i1");
        let mut told: Vec<_> = known.told["i1"].clone().into_iter().collect();
        told.sort();
        let told: Vec<_> = told.iter().map(|(channel, id)| (channel.as_str(), id.as_str())).collect();
        assert_eq!(told, [("email", "n1"), ("notion", "m3"), ("telegram", "m2")], "all hear the all-clear");
        assert_eq!(ledger.claims("email", 99).await, None, "it was told by the one before us");
        assert_eq!(ledger.claims("notion", 99).await, Some("m3".into()));
        let story = ledger.store().incident("x1").await.unwrap().unwrap();
        assert_eq!((story.incident.phase, story.incident.resolved_at), (Phase::Resolved, Some(at(60))));
        assert!(story.changes.iter().any(|change| change.text.contains("i1")), "{:?}", story.changes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_leader_has_done_meanwhile_counts() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.decides(cycle(0, opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "email", "i1")]))).await;
        ledger.delivers("email", 1, "n1").await;
        frail.fails().await;
        let reminder = notice("m1", "email", NoticeKind::Reminder, &[("i1", Step::Reminded)]);
        let opened = opens(&[("i2", IssueId::LowCompletion)], &[reminder, alert("m2", "telegram", "i2")]);
        ledger.decides(cycle(60, opened)).await;

        frail.heals().await;
        let other = frail.ground.open().await;
        let decision = cycle(90, resolves("i1", IssueId::StuckJobs, &[all_clear("o1", "email", "i1")]));
        other.settle(move |_| decision).await.unwrap();
        recovered(&ledger).await;
        assert_eq!(frail.incidents().await, ["i1 resolved", "i2 open"]);
        assert_eq!(
            frail.notices().await,
            ["m2 pending 0", "n1 delivered 1", "o1 pending 0"],
            "no reminder of what is over"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_merged_into_what_another_leader_tells_waits_there_as_before() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.decides(cycle(0, opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "telegram", "i1")]))).await;
        ledger.fails("telegram", 1, "n1", Some(10)).await;
        frail.fails().await;
        let reminder = notice("m1", "telegram", NoticeKind::Reminder, &[("i1", Step::Reminded)]);
        ledger.decides(cycle(60, opens(&[], &[reminder]))).await;
        ledger.fails("telegram", 61, "m1", Some(70)).await;

        frail.heals().await;
        let other = frail.ground.open().await;
        let decision = cycle(90, opens(&[], &[]));
        other.settle(move |_| decision).await.unwrap();
        recovered(&ledger).await;
        assert_eq!(frail.notices().await, ["n1 pending 1"], "or nobody would ever be told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_took_an_incident_on_just_before_is_not_forgotten() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &[])).await;
        frail.store.acknowledge("i1", "ada", at(1)).await.unwrap();
        frail.fails().await;
        ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &[])).await;
        frail.is_back().await;
        let known = ledger.knows().await;
        assert_eq!(known.incidents[0].acknowledged, Some(Acknowledgement { by: "ada".into(), at: at(1) }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_outage_comes_home_in_parts_also_if_it_is_broken_off() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        let status = |number: i64| notice(&format!("s{number:04}"), "notion", NoticeKind::Status, &[]);
        let shown = async |ledger: &Ledger, numbers: std::ops::Range<i64>| {
            for number in numbers {
                ledger.decides(cycle(number, Decision { notices: vec![status(number)], ..Decision::default() })).await;
                assert_eq!(ledger.claims("notion", number).await, Some(format!("s{number:04}")));
                ledger.delivered(&format!("s{number:04}"), at(number), "page").await.unwrap();
            }
        };
        shown(&ledger, 0..2).await;
        frail.fails().await;
        shown(&ledger, 2..252).await;
        let gap = Some(Gap { since: at(-20), until: at(-10) });
        ledger.decides(Decision { gap, ..Decision::default() }).await;
        // Half of it is there when the database fails again.
        frail.heals().await;
        change(&frail.store, "DROP TABLE gaps").await.unwrap();
        let some_of_it = async {
            while number(&frail.store, "SELECT COUNT(*) AS it FROM samples").await < 200 {
                assert!(!ledger.recover().await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), some_of_it).await.unwrap();
        shown(&ledger, 252..254).await;
        change(&frail.store, "CREATE TABLE gaps (since BIGINT PRIMARY KEY NOT NULL, until BIGINT NOT NULL)")
            .await
            .unwrap();
        recovered(&ledger).await;
        for statement in [
            "SELECT COUNT(*) AS it FROM samples",
            "SELECT COUNT(*) AS it FROM reports",
            "SELECT COUNT(*) AS it FROM notices WHERE state = 'delivered'",
            "SELECT COUNT(*) AS it FROM deliveries",
        ] {
            assert_eq!(number(&frail.store, statement).await, 254, "{statement}");
        }
        shown(&ledger, 254..256).await;
        assert!(ledger.fault().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_replaced_in_memory_is_not_shown_later() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        let status = |id, second| {
            let status = Notice { created: at(second), ..notice(id, "notion", NoticeKind::Status, &[]) };
            Decision { notices: vec![status], ..Decision::default() }
        };
        ledger.decides(status("s1", 0)).await;
        frail.fails().await;
        ledger.decides(status("s2", 1)).await;
        frail.is_back().await;
        assert_eq!(frail.notices().await, ["s2 pending 0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leads_by_then_what_has_happened_is_written() {
    for mut frail in Frail::of_each_sort().await {
        let lead = async |store: &Store, who| -> Lease { store.lead(who, Duration::ZERO).await.unwrap().unwrap() };
        let ours = frail.ledger.under(lead(&frail.store, "one").await.epoch);
        ours.decides(cycle(0, opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "email", "i1")]))).await;
        frail.fails().await;
        assert_eq!(ours.claims("email", 0).await, Some("n1".into()));
        ours.delivered("n1", at(1), "250 ok").await.unwrap();
        ours.decides(cycle(60, opens(&[("i2", IssueId::LowCompletion)], &[]))).await;
        frail.heals().await;
        let next = frail.ledger.under(lead(&frail.store, "one").await.epoch);
        recovered(&ours).await;
        assert_eq!(frail.notices().await, ["n1 delivered 1"]);
        assert_eq!(frail.incidents().await, ["i1 open", "i2 open"]);
        let refused = ours.settle(|_| Decision::default()).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotLeading), "{refused}");
        assert_eq!(next.knows().await.incidents.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_memory_is_taken_home_before_the_end_if_it_can_be() {
    for mut frail in Frail::of_each_sort().await {
        frail.fails().await;
        frail.ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "email", "i1")])).await;
        frail.heals().await;
        frail.ledger.close().await.unwrap();
        let store = frail.ground.open().await;
        assert_eq!(store.unresolved().await.unwrap().len(), 1);
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_that_fails_half_way_makes_no_gap() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.decides(cycle(0, Decision::default())).await;
        frail.fails().await;
        ledger.decides(cycle(60, opens(&[("i1", IssueId::StuckJobs)], &[]))).await;
        frail.heals().await;
        change(&frail.store, "ALTER TABLE incident_changes RENAME TO away").await.unwrap();
        while number(&frail.store, "SELECT COUNT(*) AS it FROM samples").await < 2 {
            assert!(!ledger.recover().await);
            tokio::task::yield_now().await;
        }
        assert_eq!(ledger.knows().await.last_cycle, Some(at(60)), "though its figures are in the database by now");
        change(&frail.store, "ALTER TABLE away RENAME TO incident_changes").await.unwrap();
        recovered(&ledger).await;
        assert_eq!(frail.incidents().await, ["i1 open"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_again_at_once_leaves_memory_with_all_that_it_had() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.decides(cycle(0, Decision::default())).await;
        ledger.remember("telegram", "memory", "old").await.unwrap();
        frail.fails().await;
        let posted = [alert("n1", "email", "i1"), alert("n2", "telegram", "i1")];
        ledger.decides(cycle(60, opens(&[("i1", IssueId::StuckJobs)], &posted))).await;
        ledger.delivers("email", 61, "n1").await;
        ledger.remember("telegram", "memory", "new").await.unwrap();
        frail.heals().await;
        // Of what a cycle asks for, something that nothing has to be written into.
        change(&frail.store, "ALTER TABLE silences RENAME TO away").await.unwrap();
        recovered(&ledger).await;
        assert_eq!(frail.incidents().await, ["i1 open"], "it is there");

        let known = ledger.knows().await;
        assert!(known.from_memory.is_some());
        assert_eq!(known.incidents.iter().map(|incident| &*incident.id).collect::<Vec<_>>(), ["i1"]);
        assert_eq!((known.told["i1"].len(), known.last_cycle), (2, Some(at(60))));
        assert_eq!(ledger.claims("email", 62).await, None);
        assert_eq!(ledger.recall("telegram", "memory").await.unwrap().as_deref(), Some("new"));
        ledger.delivers("telegram", 62, "n2").await;
        change(&frail.store, "ALTER TABLE away RENAME TO silences").await.unwrap();
        recovered(&ledger).await;
        assert_eq!(frail.notices().await, ["n1 delivered 1", "n2 delivered 1"]);
        assert_eq!(frail.incidents().await, ["i1 open"]);
    }
}
