//! What the host does to a program that is to run all the time: as far as it can be known from what it sets in the
//! environment.

use crate::diagnosis::{Asked, Finding, Remedy};
use crate::settings::Database;

/// The host.
pub(super) struct Host {
    /// What it is called, if its files are gone after a restart.
    loses_files: Option<&'static str>,
    /// Whether it stops what nobody visits, if that is known or to be feared.
    sleep: Option<Finding>,
}

impl Host {
    /// The one that this process is on.
    pub(super) fn here() -> Self {
        Self::of(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    }

    fn of(is_set: impl Fn(&str) -> bool) -> Self {
        // Heroku names each dyno; Replit a deployment, and any Repl; and Knative, on which hosts that scale to zero are
        // built (Cloud Run, Replit's Autoscale), the service.
        let [heroku, deployment, knative, repl] = ["DYNO", "REPLIT_DEPLOYMENT", "K_SERVICE", "REPL_ID"].map(is_set);
        let loses_files = match () {
            () if heroku => Some("Heroku"),
            () if deployment => Some("a deployment on Replit"),
            () if knative => Some("this host"),
            () => None,
        };
        let sleep = match () {
            () if knative => Some(Finding::warn("it stops what nobody visits", Remedy::ScalesToZero)),
            () if heroku => {
                Some(Finding::ok("Heroku does not say what kind of dyno it is").hint(Remedy::HerokuMaySleep))
            }
            () if deployment => {
                Some(Finding::ok("Replit does not say what kind of deployment it is").hint(Remedy::ReplitMaySleep))
            }
            () if repl => Some(Finding::warn("it is a workspace on Replit", Remedy::ReplitWorkspace)),
            () => None,
        };
        Self { loses_files, sleep }
    }

    /// Whether it lets the watch sleep; nothing where nothing speaks for it.
    pub(super) fn examine(&self) -> Option<Asked> {
        self.sleep.clone().map(|finding| Asked::at_home("host", "does it sleep", finding))
    }

    /// What is to be said about how long `database` is kept here.
    pub(super) fn keeps(&self, database: &Database) -> Option<Finding> {
        match (database, self.loses_files) {
            (Database::Postgres(_), _) | (Database::SqliteFile(_), None) => None,
            // A file in its place would be lost as well.
            (Database::SqliteFile(_) | Database::SqliteMemory, Some(host)) => {
                Some(Finding::warn("until the next restart", Remedy::LostFiles { host }))
            }
            (Database::SqliteMemory, None) => Some(Finding::warn("until the next restart", Remedy::InMemory)),
        }
    }
}
