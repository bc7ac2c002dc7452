#![allow(clippy::unwrap_used)]

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn fault(cause: Cause, retry_after: Option<u64>) -> Fault {
    let retry_after = retry_after.map(Duration::from_secs);
    Fault { error: ClientError { retry_after, ..ClientError::new(ErrorKind::ServerFault, "") }, cause }
}

fn busy(retry_after: Option<u64>) -> Fault {
    fault(Cause::Rest { shared: true }, retry_after)
}

#[test]
fn a_rest_that_notion_asks_for_is_kept_whatever_was_asked_if_it_ends_in_time() {
    for effect in [Effect::Probe, Effect::Read, Effect::Update, Effect::Create] {
        let mut tries = Tries::default();
        assert_eq!(tries.after(&busy(Some(7)), effect, LONG), Some(Next::Rest(Duration::from_secs(7))));
        assert_eq!(tries.after(&busy(Some(60)), effect, LONG), None, "{effect:?}");
    }
    let endpoint = fault(Cause::Rest { shared: false }, Some(7));
    assert_eq!(Tries::default().after(&endpoint, Effect::Read, LONG), Some(Next::Pause(Duration::from_secs(7))));
}

#[test]
fn rests_of_no_given_length_grow_and_come_to_an_end() {
    let mut tries = Tries::default();
    let rests: Vec<u64> = std::iter::from_fn(|| tries.after(&busy(None), Effect::Read, LONG * 60))
        .map(|next| match next {
            Next::Rest(rest) => rest.as_secs(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rests, [1, 2, 4]);
    let mut tries = Tries::default();
    let told = std::iter::from_fn(|| tries.after(&busy(Some(0)), Effect::Read, LONG));
    assert_eq!(told.collect::<Vec<_>>(), [(); 8].map(|()| Next::Rest(SHORTEST_REST)));
}

#[test]
fn trouble_that_may_pass_is_a_reason_to_read_once_more_and_never_to_write_or_probe() {
    let trouble = || fault(Cause::Passing, None);
    let mut tries = Tries::default();
    assert_eq!(tries.after(&trouble(), Effect::Read, LONG), Some(Next::Pause(PAUSE)));
    assert_eq!(tries.after(&trouble(), Effect::Read, LONG), None);
    assert_eq!(Tries::default().after(&trouble(), Effect::Read, PAUSE), None);
    for effect in [Effect::Probe, Effect::Update, Effect::Create] {
        assert_eq!(Tries::default().after(&trouble(), effect, LONG), None, "{effect:?}");
    }
}

#[test]
fn a_refused_token_is_renewed_once_and_nothing_else_is_asked_again() {
    let mut tries = Tries::default();
    assert_eq!(tries.after(&fault(Cause::Token, None), Effect::Create, LONG), Some(Next::Renew));
    assert_eq!(tries.after(&fault(Cause::Token, None), Effect::Create, LONG), None);
    for cause in [Cause::Other, Cause::Stored("p".into()), Cause::SeveralDataSources(vec![])] {
        assert_eq!(Tries::default().after(&fault(cause, Some(1)), Effect::Read, LONG), None);
    }
}
