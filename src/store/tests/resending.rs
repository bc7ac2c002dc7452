//! What is sent again, and what goes on with what was sent.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_next_try_is_tried_at_once_if_others_wait_behind_it() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("t1", "telegram", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.failed("n1", at(1), "450 later", Some(at(100))).await.unwrap();
        store.hasten("n1", at(2)).await.unwrap();
        assert_eq!(
            store.next_due("email", at(10_000)).await.unwrap(),
            Some(at(100)),
            "nobody of its channel waits behind it"
        );

        store.post(vec![Notice { created: at(3), ..alert("n2", "email", "i1") }]).await.unwrap();
        store.hasten("n1", at(4)).await.unwrap();
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), Some(at(4)));
        assert_eq!(claimed(&store, "email", 4).await, Some("n2".into()), "merged");
        store.failed("n2", at(5), "450 later", Some(at(100))).await.unwrap();
        store.hasten("n1", at(6)).await.unwrap();
        assert_eq!(
            store.next_due("email", at(10_000)).await.unwrap(),
            Some(at(100)),
            "the first is not the one that waits"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_notice_is_that_to_the_one_it_was_merged_into() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "email", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n2".into()));
        assert_eq!(store.receipt_of("n1").await.unwrap(), None);
        store.delivered("n2", at(1), "250 ok").await.unwrap();
        for id in ["n1", "n2"] {
            assert_eq!(store.receipt_of(id).await.unwrap().as_deref(), Some("250 ok"), "{id}");
        }
        assert_eq!(store.receipt_of("nobody's").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_holds_up_nothing_but_what_waits_for_a_moment() {
    for (store, _ground) in each().await {
        let posted = |id, not_before| Notice { created: at(10_000), not_before, ..alert(id, "email", "i1") };
        open_stuck(&store, &[posted("n1", None)]).await;
        assert_eq!(store.next_due("email", at(100)).await.unwrap(), Some(at(100)), "it was due when it was posted");
        assert_eq!(claimed(&store, "email", 100).await, Some("n1".into()));

        // Refused, and to be tried again after 50 s, by the clock as it was before.
        store.failed("n1", at(10_010), "timeout", Some(at(10_060))).await.unwrap();
        assert_eq!(
            store.next_due("email", at(200)).await.unwrap(),
            Some(at(200)),
            "nobody knows how long it has waited"
        );
        assert_eq!(claimed(&store, "email", 200).await, Some("n1".into()));
        store.failed("n1", at(210), "timeout", Some(at(260))).await.unwrap();
        assert_eq!(store.next_due("email", at(211)).await.unwrap(), Some(at(260)), "by the clock as it is now");
        store.delivered("n1", at(212), "").await.unwrap();

        store.post(vec![posted("n2", Some(at(12_000)))]).await.unwrap();
        assert_eq!(store.next_due("email", at(300)).await.unwrap(), Some(at(12_000)), "the end of a maintenance");
        assert_eq!(claimed(&store, "email", 11_999).await, None);
    }
}
