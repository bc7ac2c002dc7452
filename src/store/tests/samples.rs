//! What cycles measured, one by one and by day, and when nobody looked.

use super::*;
use crate::store::days::SAMPLES_KEPT;
use crate::store::prune::BATCH;

/// The beginning of the day of the test's time.
fn midnight() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_659_200, 0).unwrap()
}

fn sample(minutes: i64, stuck: Option<u64>) -> Sample {
    Sample {
        at: midnight() + TimeDelta::minutes(minutes),
        ok: stuck == Some(0),
        openai: Some(true),
        notion: stuck.map(|_| true),
        jobs: stuck.map(|_| 68),
        done: stuck.map(|_| 4),
        low_qa: stuck.map(|_| 3),
        avg_qa_tenths: stuck.filter(|stuck| *stuck > 0).map(|_| 823),
        stuck,
        health_ms: Some(200),
        openai_ms: Some(150),
        notion_ms: None,
    }
}

async fn keep(store: &Store, samples: impl IntoIterator<Item = Sample>) {
    for sample in samples {
        store.settle(|_| Decision { sample: Some(sample), ..Decision::default() }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_back_as_they_were_and_the_first_of_a_moment_counts() {
    for (store, _ground) in each().await {
        let kept = [sample(0, Some(0)), sample(5, None), sample(10, Some(7))];
        keep(&store, kept.clone()).await;
        keep(&store, [sample(10, Some(9))]).await;
        let all = store.samples(midnight(), midnight() + TimeDelta::days(1)).await.unwrap();
        assert_eq!(all, kept);
        let part = store.samples(kept[1].at, kept[2].at).await.unwrap();
        assert_eq!(part, [kept[1].clone()], "what is before the end");
        assert_eq!(store.known().await.unwrap().last_cycle, Some(kept[2].at));
        let last = |now| store.last_cycle(now);
        assert_eq!(last(kept[2].at).await.unwrap(), Some(kept[2].at));
        assert_eq!(last(kept[2].at - TimeDelta::seconds(1)).await.unwrap(), Some(kept[1].at), "not one of the future");
        assert_eq!(last(kept[0].at - TimeDelta::seconds(1)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_of_a_day_make_the_same_together_whoever_adds_them() {
    for (store, _ground) in each().await {
        let first = [sample(0, Some(0)), sample(5, None), sample(1_439, Some(7))];
        let next = Sample { openai: None, health_ms: None, ..sample(1_440, Some(0)) };
        keep(&store, first.iter().chain([&next]).cloned()).await;
        let day = |samples: &[Sample], day| {
            let mut together = SampleDay { day, ..SampleDay::default() };
            samples.iter().for_each(|sample| together.add(sample));
            together
        };
        let days = [day(&first, midnight()), day(&[next], midnight() + TimeDelta::days(1))];
        assert_eq!(store.recent_days(midnight()).await.unwrap(), days);
        assert_eq!(store.recent_days(midnight() + TimeDelta::days(1)).await.unwrap(), days[1..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_a_month_old_is_kept_by_day_and_nothing_counts_twice() {
    for (store, _ground) in each().await {
        let figures = [Some(0), None, Some(7), Some(2)];
        keep(&store, figures.into_iter().zip([0, 60, 120, 1_439]).map(|(stuck, minutes)| sample(minutes, stuck))).await;
        keep(&store, [sample(1_440, Some(1))]).await;

        store.prune(midnight() + SAMPLES_KEPT + TimeDelta::hours(23)).await.unwrap();
        assert_eq!(store.sample_days(midnight()).await.unwrap(), [], "whole days only");
        let now = midnight() + SAMPLES_KEPT + TimeDelta::days(1);
        assert_eq!(store.prune(now).await.unwrap(), 4);
        let first = SampleDay {
            day: midnight(),
            samples: 4,
            ok: 1,
            openai: YesNo { yes: 4, no: 0 },
            notion: YesNo { yes: 3, no: 0 },
            jobs: Total { known: 3, sum: 204 },
            done_sum: 12,
            low_qa_sum: 9,
            avg_qa_tenths: Total { known: 2, sum: 1_646 },
            stuck: Total { known: 3, sum: 9 },
            stuck_max: 7,
            health_ms: Total { known: 4, sum: 800 },
        };
        let days = |store: &Store| {
            let store = store.clone();
            async move { store.sample_days(midnight()).await.unwrap() }
        };
        assert_eq!(days(&store).await, std::slice::from_ref(&first));
        assert_eq!(number(&store, "SELECT COUNT(*) AS it FROM samples").await, 1);
        assert_eq!(store.prune(now).await.unwrap(), 0);
        assert_eq!(days(&store).await, std::slice::from_ref(&first), "once more changes nothing");

        // One that comes late, such as one that was kept in memory.
        keep(&store, [sample(30, Some(11))]).await;
        store.prune(now).await.unwrap();
        let [day] = days(&store).await.try_into().unwrap();
        assert_eq!((day.samples, day.stuck.sum, day.stuck_max, day.openai.yes), (5, 20, 11, 5));
        assert_eq!(store.sample_days(midnight() + TimeDelta::days(1)).await.unwrap(), []);
        assert_eq!(store.prune(midnight() + TimeDelta::days(401)).await.unwrap(), 2, "the day, and the other sample");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_up_that_is_broken_off_between_two_batches_loses_nothing() {
    for (store, _ground) in each().await {
        let many = i64::try_from(BATCH).unwrap() + 50;
        let decide = |sample| move |_: Known| Decision { sample: Some(sample), ..Decision::default() };
        for minutes in 0..many {
            store.settle(decide(sample(minutes, Some(1)))).await.unwrap();
        }
        let before = midnight() + TimeDelta::days(1);
        assert_eq!(store.roll_up_batch(before.timestamp_millis()).await.unwrap(), BATCH);
        let counted = "SELECT (SELECT COUNT(*) FROM samples) + CAST(SUM(samples) AS BIGINT) AS it FROM sample_days";
        assert_eq!(number(&store, counted).await, many);
        store.prune(before + SAMPLES_KEPT).await.unwrap();
        let [day] = store.sample_days(midnight()).await.unwrap().try_into().unwrap();
        assert_eq!(i64::try_from(day.samples).unwrap(), many);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_moment_is_the_one_that_was_the_newest_then() {
    for (store, _ground) in each().await {
        assert_eq!(store.newest_report(at(0)).await.unwrap(), None);
        for second in [0, 600, 300] {
            let report = Some(StoredReport { at: at(second), body: format!("{{\"second\":{second}}}") });
            store.settle(|_| Decision { report, ..Decision::default() }).await.unwrap();
        }
        let second = |report: Option<StoredReport>| report.map(|report| report.at);
        let newest = async |now| second(store.newest_report(at(now)).await.unwrap());
        assert_eq!(newest(600).await, Some(at(600)), "whenever it was written");
        assert_eq!(newest(540).await, Some(at(600)), "clocks may differ a little");
        assert_eq!(newest(539).await, Some(at(300)), "a clock that was ahead is not believed");
        assert_eq!(second(store.report_at(at(599)).await.unwrap()), Some(at(300)));
        assert_eq!(second(store.report_at(at(-1)).await.unwrap()), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_grows_is_one() {
    for (store, _ground) in each().await {
        for until in [60, 120] {
            let gap = Some(Gap { since: at(0), until: at(until) });
            store.settle(move |_| Decision { gap, ..Decision::default() }).await.unwrap();
        }
        assert_eq!(store.gaps(at(119)).await.unwrap(), [Gap { since: at(0), until: at(120) }]);
        assert_eq!(store.gaps(at(120)).await.unwrap(), []);
    }
}
