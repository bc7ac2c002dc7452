//! What a cycle knows and leaves behind, and what people say to it.

use super::*;
use crate::domain::flapping::Past;
use crate::domain::history::What;
use crate::domain::issue::CHANNELS;
use crate::domain::silence::Silence;

fn silence(id: &str, issue: Option<IssueId>, until: i64) -> Silence {
    Silence { id: id.into(), issue, created: at(0), until: at(until), by: "ada".into(), reason: "deploy".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_knows_what_was_and_leaves_its_figures() {
    for (store, _ground) in each().await {
        let known = store.known().await.unwrap();
        assert!(known.incidents.is_empty() && known.past.is_empty() && known.silences.is_empty());
        assert_eq!((known.last_cycle, known.deliveries.len()), (None, CHANNELS.len()));

        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        let over = |id: &str, second| Incident {
            resolved_at: Some(at(second)),
            ..incident(id, IssueId::OpenaiOffline, Phase::Resolved)
        };
        store.commit(&[(over("o1", 10), Change::Resolved), (over("o2", 20), Change::Resolved)], &[]).await.unwrap();
        store.silence(&silence("s1", Some(IssueId::StuckJobs), 60)).await.unwrap();
        let sample = Sample {
            at: at(30),
            ok: false,
            openai: Some(true),
            notion: None,
            jobs: Some(68),
            done: Some(4),
            low_qa: Some(0),
            avg_qa_tenths: Some(823),
            stuck: None,
            health_ms: Some(412),
            openai_ms: Some(231),
            notion_ms: Some(92),
        };
        let decision = Decision {
            report: Some(StoredReport { at: at(30), body: "{}".into() }),
            sample: Some(sample),
            gap: Some(Gap { since: at(0), until: at(29) }),
            ..Decision::default()
        };
        let (again, longer) = (decision.clone(), Gap { since: at(0), until: at(30) });
        store.settle(|_| decision).await.unwrap();
        store.settle(move |_| Decision { gap: Some(longer), ..again }).await.unwrap();

        let known = store.known().await.unwrap();
        assert_eq!(known.incidents, store.unresolved().await.unwrap());
        assert_eq!(known.told, store.told().await.unwrap());
        let past = |second| Past { issue: IssueId::OpenaiOffline, since: at(0), resolved_at: at(second) };
        assert_eq!(known.past, [past(20), past(10)]);
        assert_eq!(known.silences, [silence("s1", Some(IssueId::StuckJobs), 60)]);
        assert_eq!((known.deliveries[0].channel.as_str(), known.deliveries[0].pending), ("email", 1));
        assert_eq!(known.last_cycle, Some(at(30)));

        let figures =
            "SELECT ok || ' ' || openai || ' ' || COALESCE(notion, -1) || ' ' || jobs || ' ' || done || ' ' ||
                           low_qa || ' ' || avg_qa_tenths || ' ' || COALESCE(stuck, -1) || ' ' || health_ms ||
                           ' ' || openai_ms || ' ' || notion_ms AS it
                       FROM samples";
        assert_eq!(texts(&store, figures).await, ["0 1 -1 68 4 0 823 -1 412 231 92"]);
        assert_eq!(number(&store, "SELECT until - since AS it FROM gaps").await, 30_000);
        assert_eq!(number(&store, "SELECT COUNT(*) AS it FROM reports").await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_taken_on_once_by_one() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[]).await;
        let over = incident("over", IssueId::OpenaiOffline, Phase::Resolved);
        let suspected = incident("suspected", IssueId::LowCompletion, Phase::Suspected);
        store.commit(&[(over, Change::Resolved), (suspected, Change::None)], &[]).await.unwrap();

        let acknowledgement = Acknowledgement { by: "ada".into(), at: at(5) };
        let taken_on =
            Incident { acknowledged: Some(acknowledgement), ..incident("i1", IssueId::StuckJobs, Phase::Open) };
        assert_eq!(store.acknowledge("i1", "ada", at(5)).await.unwrap(), Acknowledged::Done(taken_on.clone()));
        assert_eq!(store.acknowledge("i1", "bob", at(6)).await.unwrap(), Acknowledged::Already(taken_on.clone()));
        assert_eq!(store.acknowledge("over", "ada", at(5)).await.unwrap(), Acknowledged::NotOpen);
        assert_eq!(store.acknowledge("suspected", "ada", at(5)).await.unwrap(), Acknowledged::NotOpen);
        assert_eq!(store.acknowledge("nothing", "ada", at(5)).await.unwrap(), Acknowledged::Unknown);

        let story = store.incident("i1").await.unwrap().unwrap();
        let entry = Recorded {
            incident_id: "i1".into(),
            at: at(5),
            what: What::Acknowledged,
            text: taken_on.text.clone(),
            by: Some("ada".into()),
        };
        assert_eq!((story.incident, story.changes), (taken_on, vec![entry]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_an_incident_on_in_the_middle_of_a_cycle_is_not_overwritten() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        open_stuck(&one, &[]).await;
        let (pause, paused) = pause();
        let settling = tokio::spawn({
            let one = one.clone();
            async move {
                let step = |known: Known| {
                    pause.wait();
                    let stepped = known.incidents.into_iter().map(|incident| (incident, Change::None)).collect();
                    Decision { stepped, ..Decision::default() }
                };
                one.settle(step).await.unwrap()
            }
        });
        paused.entered.await.unwrap();
        let acknowledging = tokio::spawn(async move { two.acknowledge("i1", "ada", at(5)).await.unwrap() });
        if let Ground::Server(_) = ground {
            waiting_for_locks(&one, 1).await;
        }
        paused.go_on.send(()).unwrap();
        assert!(settling.await.unwrap().stepped[0].0.acknowledged.is_none(), "it did not know yet");
        assert!(matches!(acknowledging.await.unwrap(), Acknowledged::Done(_)));
        let known = one.settle(|known| Decision {
            stepped: vec![(known.incidents[0].clone(), Change::None)],
            ..Decision::default()
        });
        assert_eq!(
            known.await.unwrap().stepped[0].0.acknowledged,
            Some(Acknowledgement { by: "ada".into(), at: at(5) })
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_lasts_until_it_is_over_or_ended() {
    for (store, _ground) in each().await {
        let (all, stuck) = (silence("s1", None, 100), silence("s2", Some(IssueId::StuckJobs), 200));
        for silence in [&all, &stuck, &all] {
            store.silence(silence).await.unwrap();
        }
        assert_eq!(store.silences(at(99)).await.unwrap(), [stuck.clone(), all]);
        assert_eq!(store.silences(at(100)).await.unwrap(), std::slice::from_ref(&stuck));
        assert!(!store.end_silence("s1", at(100)).await.unwrap(), "it is over");
        assert!(!store.end_silence("no such silence", at(100)).await.unwrap());
        assert!(store.end_silence("s2", at(150)).await.unwrap());
        assert!(!store.end_silence("s2", at(151)).await.unwrap());
        assert_eq!(store.silences(at(149)).await.unwrap(), [Silence { until: at(150), ..stuck }]);
        assert_eq!(store.silences(at(150)).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_of_what_a_newer_version_knows_silences_nothing_here() {
    for (store, _ground) in each().await {
        store.silence(&silence("s1", Some(IssueId::StuckJobs), 100)).await.unwrap();
        store.silence(&silence("s2", Some(IssueId::OpenaiOffline), 100)).await.unwrap();
        change(&store, "UPDATE silences SET issue = 'actor_tired' WHERE id = 's1'").await.unwrap();
        let silences = store.silences(at(0)).await.unwrap();
        assert_eq!(silences.iter().map(|silence| silence.id.as_str()).collect::<Vec<_>>(), ["s2"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_silences_at_a_time_than_anybody_keeps_track_of() {
    use crate::domain::silence::MOST;
    for (store, _ground) in each().await {
        for number in 0..MOST {
            assert!(store.silence(&silence(&format!("s{number}"), None, 60)).await.unwrap(), "{number}");
        }
        assert!(!store.silence(&silence("one too many", None, 60)).await.unwrap());
        assert!(store.end_silence("s0", at(0)).await.unwrap());
        assert!(store.silence(&silence("in its place", None, 60)).await.unwrap());
        assert_eq!(store.silences(at(1)).await.unwrap().len(), MOST);
    }
}
