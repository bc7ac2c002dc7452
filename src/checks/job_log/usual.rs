//! What the statuses of jobs are usually called, so that nobody is asked what goes without saying.

/// Of a job that is over. One of these that is in no list is an end that somebody has forgotten.
const ENDS: [&str; 27] = [
    "aborted",
    "abandoned",
    "archived",
    "canceled",
    "cancelled",
    "closed",
    "complete",
    "completed",
    "dead",
    "delivered",
    "done",
    "dropped",
    "error",
    "errored",
    "expired",
    "failed",
    "failure",
    "finished",
    "published",
    "rejected",
    "resolved",
    "skipped",
    "stopped",
    "succeeded",
    "success",
    "successful",
    "timed out",
];

/// Of one that is not over: these need be in no list.
const UNDER_WAY: [&str; 28] = [
    "active",
    "backlog",
    "blocked",
    "draft",
    "in process",
    "in progress",
    "in review",
    "new",
    "not started",
    "on hold",
    "open",
    "paused",
    "pending",
    "planned",
    "processing",
    "queue",
    "queued",
    "ready",
    "retrying",
    "review",
    "running",
    "scheduled",
    "started",
    "to do",
    "todo",
    "waiting",
    "wip",
    "working",
];

/// Whether a job of this status is over, by its usual meaning.
pub(super) fn is_end(option: &str) -> bool {
    is_one_of(&ENDS, option)
}

/// Whether one of this status is not over, by its usual meaning.
pub(super) fn is_under_way(option: &str) -> bool {
    is_one_of(&UNDER_WAY, option)
}

/// Whether it is one of the usual names, however it is written: `In_Progress`, `in-progress`.
fn is_one_of(usual: &[&str], option: &str) -> bool {
    let plain = option.trim().to_lowercase().replace(['_', '-'], " ");
    usual.contains(&plain.as_str())
}
