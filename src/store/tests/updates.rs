//! Up to where orders of a chat have been obeyed, and what a notice was about.

use super::*;

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn each_bot_has_its_own_place_and_the_last_word_counts() {
    for (store, _ground) in each().await {
        assert_eq!(store.first_update(7).await.unwrap(), None);
        store.updates_before(7, 501).await.unwrap();
        store.updates_before(8, 900).await.unwrap();
        // After a week without any, Telegram begins to count anew, perhaps further down.
        store.updates_before(7, 12).await.unwrap();
        assert_eq!((store.first_update(7).await.unwrap(), store.first_update(8).await.unwrap()), (Some(12), Some(900)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_no_longer_leads_obeys_nothing() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        let first = one.lead("one", LONG).await.unwrap().unwrap();
        let former = one.under(first.epoch);
        former.updates_before(7, 501).await.unwrap();
        one.release(&first).await.unwrap();
        let second = two.lead("two", LONG).await.unwrap().unwrap();
        let refused = former.updates_before(7, 502).await;
        assert!(matches!(refused, Err(StoreError::NotLeading)), "{refused:?}");
        assert_eq!(former.first_update(7).await.unwrap(), Some(501));
        two.under(second.epoch).updates_before(7, 502).await.unwrap();
        assert_eq!(former.first_update(7).await.unwrap(), Some(502));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_known_what_a_notice_was_about_and_how_that_is_by_now() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "telegram", "i1")]).await;
        assert_eq!(store.subjects("n2").await.unwrap(), None);
        let of = store.subjects("n1").await.unwrap().unwrap();
        assert_eq!(of.incidents.iter().map(|incident| incident.id.as_str()).collect::<Vec<_>>(), ["i1"]);
        assert!(of.incidents[0].is_live() && of.incidents[0].acknowledged.is_none(), "{of:?}");
        assert!(!of.subject.is_empty() && !of.body.is_empty(), "{of:?}");
        store.acknowledge("i1", "Ada", at(5)).await.unwrap();
        let of = store.subjects("n1").await.unwrap().unwrap();
        assert_eq!(of.incidents[0].acknowledged, Some(Acknowledgement { by: "Ada".into(), at: at(5) }));
    }
}
