//! What channels answered, attempt by attempt, and how it is with each.

use super::*;
use crate::domain::delivery::{ChannelDelivery, DeliveryState};

async fn email(store: &Store) -> ChannelDelivery {
    let [email] = store.deliveries(&["email"]).await.unwrap().try_into().unwrap();
    email
}

fn untouched() -> ChannelDelivery {
    ChannelDelivery {
        channel: "email".into(),
        state: DeliveryState::Ok,
        pending: 0,
        waiting_since: None,
        last_delivered: None,
        last_error: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_it_is_with_a_channel_follows_what_it_says() {
    for (store, _ground) in each().await {
        assert_eq!(email(&store).await, untouched());
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n9", "telegram", "i1")]).await;
        let waiting = ChannelDelivery { pending: 1, waiting_since: Some(at(0)), ..untouched() };
        assert_eq!(email(&store).await, waiting);
        claimed(&store, "email", 1).await;
        assert_eq!(email(&store).await, waiting, "it is being sent for the first time");
        store.failed("n1", at(2), "421 busy", Some(at(7))).await.unwrap();
        let last_error = Some("421 busy".into());
        assert_eq!(email(&store).await, ChannelDelivery { state: DeliveryState::Retrying, last_error, ..waiting });
        claimed(&store, "email", 7).await;
        assert_eq!(email(&store).await.state, DeliveryState::Retrying);
        store.delivered("n1", at(8), "250 ok").await.unwrap();
        let taken = ChannelDelivery { last_delivered: Some(at(8)), ..untouched() };
        assert_eq!(email(&store).await, taken);

        store.post(vec![Notice { created: at(9), ..alert("n2", "email", "i1") }]).await.unwrap();
        store.failed("n2", at(10), "550 who?", None).await.unwrap();
        let last_error = Some("550 who?".into());
        let failing = ChannelDelivery { state: DeliveryState::Failing, last_error, ..taken.clone() };
        assert_eq!(email(&store).await, failing);
        // Another one that waits is no reason for hope, what it says is the news.
        store.post(vec![Notice { created: at(11), ..alert("n3", "email", "i1") }]).await.unwrap();
        store.failed("n3", at(12), "timeout", Some(at(20))).await.unwrap();
        let both =
            ChannelDelivery { pending: 1, waiting_since: Some(at(11)), last_error: Some("timeout".into()), ..failing };
        assert_eq!(email(&store).await, both);
        store.delivered("n3", at(21), "250 ok").await.unwrap();
        assert_eq!(email(&store).await, ChannelDelivery { last_delivered: Some(at(21)), ..untouched() });

        let channels: Vec<_> = store.deliveries(&["notion", "telegram"]).await.unwrap();
        assert_eq!(channels.iter().map(|channel| channel.pending).collect::<Vec<_>>(), [0, 1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_written_down_and_what_is_said_twice_once() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        claimed(&store, "email", 0).await;
        store.failed("n1", at(1), "421 busy", Some(at(5))).await.unwrap();
        claimed(&store, "email", 5).await;
        store.failed("n1", at(6), "550 no", None).await.unwrap();
        for second in [7, 8] {
            // The second time it was not heard whether the first one was.
            store.delivered("n1", at(second), "250 after all").await.unwrap();
        }
        // A second sender, who knew nothing of the first one.
        store.delivered("n1", at(9), "250 again").await.unwrap();
        store.failed("n1", at(10), "timeout", Some(at(20))).await.unwrap();
        store.failed("no such notice", at(10), "timeout", None).await.unwrap();

        let page = store.deliveries_page(None, None, 10).await.unwrap();
        let record = &page.items[0];
        let tries: Vec<_> = record
            .tries
            .iter()
            .map(|attempt| (attempt.number, attempt.at, attempt.outcome, attempt.answer.as_str()))
            .collect();
        let expected = [
            (1, at(1), Outcome::Later, "421 busy"),
            (2, at(6), Outcome::Never, "550 no"),
            (2, at(7), Outcome::Delivered, "250 after all"),
            (2, at(9), Outcome::Delivered, "250 again"),
            (2, at(10), Outcome::Later, "timeout"),
        ];
        assert_eq!(tries, expected);
        assert_eq!((record.state, record.delivered_at), (NoticeState::Delivered, Some(at(7))));
    }
}
