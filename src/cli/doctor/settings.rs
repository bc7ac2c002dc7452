//! What is doubtful about the settings although each of them can be understood.

use crate::diagnosis::{Asked, Finding, Remedy};
use crate::settings::{Effective, MISSPELT, NOBODY_TOLD, NOTHING_WATCHED, Settings};

/// A line for each doubt.
pub(super) fn examine(settings: &Settings, effective: &Effective) -> Vec<Asked> {
    let of_warning = |warning: &String| match warning.as_str() {
        NOTHING_WATCHED => Finding::fail(warning, Remedy::NothingWatched),
        NOBODY_TOLD => Finding::warn(warning, Remedy::NobodyTold),
        // `config` does not list what is no setting.
        misspelt if misspelt.contains(MISSPELT) => Finding::warn(warning, Remedy::MisspeltSetting),
        _ => Finding::warn(warning, Remedy::OtherSetting),
    };
    let no_token = settings.web.ops_token.is_none().then(|| {
        Finding::warn("without OPS_TOKEN nobody sees details or changes anything over the web", Remedy::NoOpsToken)
    });
    let no_url = (settings.web.public_url.is_none())
        .then(|| Finding::warn("without PUBLIC_URL alerts hold no link to the report", Remedy::NoPublicUrl));
    let doubts: Vec<_> = effective.warnings.iter().map(of_warning).chain(no_token).chain(no_url).collect();
    let findings = if doubts.is_empty() { vec![Finding::ok(in_order(settings))] } else { doubts };
    findings.into_iter().map(|finding| Asked::at_home("settings", "environment and .env", finding)).collect()
}

/// It is not wrong to be watched by nobody; it is only good to know.
fn in_order(settings: &Settings) -> &'static str {
    match settings.heartbeat {
        Some(_) => "in order",
        None => "in order; without HEARTBEAT_URL nobody is told should this program be gone",
    }
}
