//! What watches: the actors, the channels, and when nobody looked.

use std::fmt::Display;

use super::super::auth::Access;
use super::super::standing::Standing;
use super::words::{When, cut, span};
use crate::domain::delivery::{ChannelDelivery, DeliveryState};
use crate::domain::report::Gap;
use crate::supervision::{ChildInfo, State};

/// An actor.
pub(super) struct ActorRow {
    pub(super) name: String,
    pub(super) standing: &'static str,
    pub(super) sign: &'static str,
    pub(super) state: &'static str,
    pub(super) restarts: u64,
    pub(super) last_restart: Option<When>,
    pub(super) failure: String,
    pub(super) restart: String,
    pub(super) restart_label: String,
}

/// A channel.
pub(super) struct ChannelRow<'a> {
    pub(super) name: &'a str,
    pub(super) standing: &'static str,
    pub(super) sign: &'static str,
    pub(super) state: &'static str,
    pub(super) pending: String,
    pub(super) last: Option<When>,
    pub(super) no_last: &'static str,
    pub(super) error: String,
}

/// A time in which nobody looked.
pub(super) struct GapRow {
    pub(super) since: When,
    pub(super) until: When,
    pub(super) lasted: String,
}

/// An actor.
pub(super) fn actor(child: &ChildInfo, access: Access) -> ActorRow {
    let (standing, state) = match child.state {
        State::Running => (Standing::Up, "running"),
        State::Restarting => (Standing::Unknown, "restarting"),
        State::Degraded | State::Stopped => (Standing::Issues, "degraded"),
    };
    let failure = child.last_failure.as_deref();
    let said = |exit: &dyn Display| cut(&exit.to_string(), 200);
    ActorRow {
        name: child.id.to_string(),
        standing: standing.name(),
        sign: standing.sign(),
        state,
        restarts: child.restarts(),
        last_restart: child.last_restart.map(When),
        failure: failure.map_or_else(
            || "none".into(),
            |exit| if access > Access::Nobody { said(exit) } else { said(&exit.reason) },
        ),
        restart: format!("/actors/{}/restart", child.id),
        restart_label: format!("Restart {}", child.id),
    }
}

/// A channel.
pub(super) fn channel<'c>(name: &'c str, known: Option<&ChannelDelivery>, access: Access) -> ChannelRow<'c> {
    let Some(delivery) = known else { return unknown(name) };
    let standing = match delivery.state {
        DeliveryState::Ok => Standing::Up,
        DeliveryState::Retrying => Standing::Unknown,
        DeliveryState::Failing => Standing::Issues,
    };
    let error = match (&delivery.last_error, access) {
        (None, _) => "none".into(),
        (Some(_), Access::Nobody) => delivery.error_kind().unwrap_or("unknown").to_owned(),
        (Some(error), _) => cut(error, 200),
    };
    ChannelRow {
        name,
        standing: standing.name(),
        sign: standing.sign(),
        state: delivery.state.name(),
        pending: delivery.pending.to_string(),
        last: delivery.last_delivered.map(When),
        no_last: "never",
        error,
    }
}

/// A channel before anybody has asked how it is.
fn unknown(name: &str) -> ChannelRow<'_> {
    let standing = Standing::Unknown;
    ChannelRow {
        name,
        standing: standing.name(),
        sign: standing.sign(),
        state: "not known yet",
        pending: "unknown".into(),
        last: None,
        no_last: "unknown",
        error: "unknown".into(),
    }
}

/// A time in which nobody looked.
pub(super) fn gap(gap: &Gap) -> GapRow {
    GapRow { since: When(gap.since), until: When(gap.until), lasted: span(gap.since, gap.until) }
}
