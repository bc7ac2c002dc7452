//! Up to where orders of a chat have been obeyed, and what a notice was about.

use super::*;

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn each_bot_has_its_own_place_and_no_update_is_obeyed_twice() {
    for (store, _ground) in each().await {
        assert_eq!(store.first_update(7).await.unwrap(), None);
        assert!(store.obeys_update(7, None, 501).await.unwrap());
        assert!(store.obeys_update(8, Some(13), 900).await.unwrap());
        // Who did not know of it gets what was never confirmed once more.
        for asked in [None, Some(400), Some(500)] {
            assert!(!store.obeys_update(7, asked, 450).await.unwrap(), "{asked:?}");
            assert!(!store.obeys_update(7, asked, 501).await.unwrap(), "{asked:?}");
        }
        assert_eq!(
            (store.first_update(7).await.unwrap(), store.first_update(8).await.unwrap()),
            (Some(501), Some(900))
        );
        assert!(store.obeys_update(7, Some(400), 502).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_begin_anew_further_down_are_followed() {
    for (store, _ground) in each().await {
        assert!(store.obeys_update(7, None, 501).await.unwrap());
        // Asked from 501 on, and there are two: Telegram counts anew.
        assert!(store.obeys_update(7, Some(501), 12).await.unwrap());
        assert!(store.obeys_update(7, Some(501), 13).await.unwrap());
        assert_eq!(store.first_update(7).await.unwrap(), Some(13));
        assert!(!store.obeys_update(7, None, 13).await.unwrap(), "from here on as before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_no_longer_leads_obeys_nothing() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        let first = one.lead("one", LONG).await.unwrap().unwrap();
        let former = one.under(first.epoch);
        former.obeys_update(7, None, 501).await.unwrap();
        one.release(&first).await.unwrap();
        let second = two.lead("two", LONG).await.unwrap().unwrap();
        let refused = former.obeys_update(7, Some(501), 502).await;
        assert!(matches!(refused, Err(StoreError::NotLeading)), "{refused:?}");
        assert_eq!(former.first_update(7).await.unwrap(), Some(501));
        assert!(two.under(second.epoch).obeys_update(7, Some(501), 502).await.unwrap());
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

#[tokio::test(flavor = "multi_thread")]
async fn of_each_incident_the_newest_message_is_found_that_can_be_edited() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "telegram", "i1"), alert("m1", "email", "i1")]).await;
        let low = incident("i2", IssueId::LowCompletion, Phase::Open);
        store.commit(&[(low, Change::Opened)], &[alert("n2", "telegram", "i2")]).await.unwrap();
        let about = async |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            let posted = store.messages_about("telegram", &ids).await.unwrap();
            posted.into_iter().map(|posted| (posted.notice, posted.receipt)).collect::<Vec<_>>()
        };
        let pair = |notice: &str, receipt: &str| (notice.to_owned(), receipt.to_owned());
        assert_eq!(about(&["i1", "i2", "i3"]).await, [], "nothing has arrived yet");
        store.delivered("n1", at(1), "message 1 in 5").await.unwrap();
        store.delivered("m1", at(1), "250 OK").await.unwrap();
        store.delivered("n2", at(1), "message 2 in 5").await.unwrap();
        assert_eq!(about(&["i1"]).await, [pair("n1", "message 1 in 5")]);
        assert_eq!(about(&["i1", "i2", "i3"]).await, [pair("n2", "message 2 in 5"), pair("n1", "message 1 in 5")]);

        let both = [("i1", Step::Reminded), ("i2", Step::Reminded)];
        let over = [("i1", Step::Resolved)];
        let later = [
            notice("n3", "telegram", NoticeKind::Reminder, &both),
            notice("n4", "telegram", NoticeKind::Resolved, &over),
        ];
        store.commit(&[], &later).await.unwrap();
        store.delivered("n3", at(2), "message 3 in 5").await.unwrap();
        store.delivered("n4", at(2), "message 4 in 5").await.unwrap();
        assert_eq!(
            about(&["i1", "i2"]).await,
            [pair("n3", "message 3 in 5")],
            "one message for both, without the all-clear"
        );
    }
}
