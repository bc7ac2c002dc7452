//! Who leads.

use super::*;
use crate::store::lease::Lease;

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_until_it_gives_the_lease_back() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        assert_eq!(one.leader().await.unwrap(), None);
        let first = one.lead("one", LONG).await.unwrap().unwrap();
        assert_eq!((first.epoch, first.holder.as_str()), (1, "one"));
        assert_eq!(two.lead("two", LONG).await.unwrap(), None);
        assert!(one.renew(&first, LONG).await.unwrap());
        assert_eq!(two.leader().await.unwrap(), Some("one".into()));

        one.release(&first).await.unwrap();
        assert_eq!(two.leader().await.unwrap(), None);
        assert!(!one.renew(&first, LONG).await.unwrap());
        let second = two.lead("two", LONG).await.unwrap().unwrap();
        assert_eq!(second, Lease { epoch: 2, holder: "two".into(), for_good: first.for_good });
        one.release(&first).await.unwrap();
        assert_eq!(one.leader().await.unwrap(), Some("two".into()), "what is no longer one's own cannot be given back");
        assert!(two.renew(&second, LONG).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_has_run_out_is_anybodys() {
    let (one, ground) = on_server().await;
    let two = ground.open().await;
    let first = one.lead("one", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(two.leader().await.unwrap(), None);
    assert!(one.renew(&first, LONG).await.unwrap(), "nobody has taken it meanwhile");
    assert_eq!(two.lead("two", LONG).await.unwrap(), None);
    assert!(one.renew(&first, Duration::ZERO).await.unwrap());
    let second = two.lead("two", LONG).await.unwrap().unwrap();
    assert_eq!(second, Lease { epoch: 2, holder: "two".into(), for_good: false });
    assert!(!one.renew(&first, LONG).await.unwrap());
    assert_eq!(one.lead("one", LONG).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_hear_that_it_leads_has_the_lease_again() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        let unheard = one.lead("one", LONG).await.unwrap().unwrap();
        let again = one.lead("one", LONG).await.unwrap().unwrap();
        assert_eq!((again.epoch, again.for_good), (2, unheard.for_good));
        assert_eq!(two.lead("two", LONG).await.unwrap(), None);
        assert!(!one.renew(&unheard, LONG).await.unwrap(), "what it began without knowing is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_to_lead_at_once_one_does() {
    for (one, ground) in shareable().await {
        let mut stores = vec![one];
        for _ in 0..3 {
            stores.push(ground.open().await);
        }
        let wanting = stores
            .iter()
            .enumerate()
            .map(|(number, store)| async move { store.lead(&format!("{number}"), LONG).await.unwrap() });
        let leases: Vec<_> = futures_util::future::join_all(wanting).await.into_iter().flatten().collect();
        assert_eq!(leases.iter().map(|lease| lease.epoch).collect::<Vec<_>>(), [1]);
        assert_eq!(stores[0].leader().await.unwrap(), Some(leases[0].holder.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_file_a_leader_that_is_gone_is_followed_at_once() {
    let (one, directory) = in_file().await;
    let path = directory.path().join("test.db");
    let two = open(&path).await.unwrap();
    let other_name = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &other_name).unwrap();
    let three = open(&other_name).await.unwrap();
    one.lead("one", LONG).await.unwrap().unwrap();
    let clone = one.under(1);
    drop(one);
    for other in [&two, &three] {
        assert_eq!(other.lead("other", LONG).await.unwrap(), None, "a clone is still there");
    }
    // As when the process is killed: nobody gives the lease back.
    drop(clone);
    assert_eq!(two.lead("two", LONG).await.unwrap().unwrap().epoch, 2);
    assert_eq!(three.lead("three", LONG).await.unwrap(), None);
    two.close().await.unwrap();
    assert_eq!(three.lead("three", LONG).await.unwrap().unwrap().epoch, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_lease_could_not_be_written_keeps_nobody_from_leading() {
    let (one, directory) = in_file().await;
    let two = open(&directory.path().join("test.db")).await.unwrap();
    change(&one, "DELETE FROM lease").await.unwrap();
    assert!(one.lead("one", LONG).await.is_err());
    change(&one, "INSERT INTO lease (name, epoch, holder, until) VALUES ('leader', 7, 'gone', 9999999999999)")
        .await
        .unwrap();
    assert_eq!(two.lead("two", LONG).await.unwrap().unwrap().epoch, 8);
    assert_eq!(one.lead("one", LONG).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_lock_of_a_file_in_which_nothing_can_be_written_goes_on_with_the_last_term() {
    let (one, directory) = in_file().await;
    let two = open(&directory.path().join("test.db")).await.unwrap();
    change(&one, "UPDATE lease SET epoch = 7, holder = 'gone', until = 9999999999999").await.unwrap();
    change(&one, "CREATE TRIGGER full BEFORE UPDATE ON lease BEGIN SELECT RAISE(FAIL, 'full'); END").await.unwrap();
    let lease = one.lead("one", LONG).await.unwrap().unwrap();
    assert_eq!(lease, Lease { epoch: 7, holder: "one".into(), for_good: true });
    one.under(7).post(vec![notice("n1", "email", NoticeKind::Alert, &[])]).await.expect("it is not a former leader's");
    assert_eq!(two.lead("two", LONG).await.unwrap(), None);

    // There is room again.
    change(&one, "DROP TRIGGER full").await.unwrap();
    assert!(!one.renew(&lease, LONG).await.unwrap(), "it was never ours");
    assert_eq!(one.lead("one", LONG).await.unwrap().unwrap().epoch, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_files_cannot_be_locked_the_lease_alone_decides() {
    let (one, directory) = in_file().await;
    let path = directory.path().join("test.db");
    std::fs::create_dir(directory.path().join("test.db.leader")).unwrap();
    let two = open(&path).await.unwrap();
    let lease = one.lead("one", LONG).await.unwrap().unwrap();
    assert!(!lease.for_good, "it has to be renewed");
    assert_eq!(two.lead("two", LONG).await.unwrap(), None);
    assert!(one.renew(&lease, Duration::ZERO).await.unwrap());
    assert_eq!(two.lead("two", LONG).await.unwrap().unwrap().epoch, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_memory_is_led_by_whoever_wants() {
    let store = Ground::Memory.open().await;
    assert_eq!(store.lead("one", LONG).await.unwrap().unwrap().epoch, 1);
    assert_eq!(store.lead("two", LONG).await.unwrap().unwrap().epoch, 2);
}
