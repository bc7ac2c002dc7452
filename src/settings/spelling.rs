//! "Did you mean …?": variables that nobody reads, but whose names are a letter or two away from one that is read. A
//! typing error must not switch alerting off without a word.
//!
//! Only names are compared and shown, never values. Short names are left alone: too many of them resemble each other.

use super::reader::file_form;
use super::variables;

/// What a warning about such a name says of it.
pub const MISSPELT: &str = " is not a setting; did you mean ";

/// Names shorter than this are not compared.
const SHORTEST: usize = 6;

/// So many letters may differ, be missing, too many or swapped.
const MAX_DISTANCE: usize = 2;

/// Names of other programs that come too near to ours (all of them to `OPS_TOKEN`).
const OTHERS: [&str; 4] = ["APP_TOKEN", "AWS_TOKEN", "K8S_TOKEN", "NPM_TOKEN"];

/// A warning for each of `names` that looks like a known one mistyped.
pub(super) fn doubts<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known: Vec<String> = variables::all()
        .flat_map(|variable| {
            let file = variable.secret.then(|| file_form(variable.name));
            std::iter::once(variable.name.to_owned()).chain(file)
        })
        .collect();
    let unknown =
        names.filter(|name| name.len() >= SHORTEST && !OTHERS.contains(name) && !known.iter().any(|k| k == name));
    unknown.filter_map(|name| doubt(name, &known)).collect()
}

fn doubt(name: &str, known: &[String]) -> Option<String> {
    let capitals = name.to_ascii_uppercase();
    // Names that differ more in length cannot be near. Without this, an environment of a hundred variables made up a
    // third of the CPU of a start: comparing two names takes a table as large as both together.
    let letters = capitals.chars().count();
    let candidates = known
        .iter()
        .filter(|candidate| candidate.len() >= SHORTEST && candidate.len().abs_diff(letters) <= MAX_DISTANCE);
    let (distance, nearest) = candidates
        .map(|candidate| (strsim::damerau_levenshtein(&capitals, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= MAX_DISTANCE).then(|| format!("{}{MISSPELT}{nearest}?", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(name: &str) -> Option<String> {
        let doubts = doubts(std::iter::once(name));
        doubts.first().and_then(|warning| Some(warning.rsplit_once("mean ")?.1.trim_end_matches('?').to_owned()))
    }

    #[test]
    fn a_name_a_letter_or_two_off_is_doubted() {
        let table = [
            ("TELEGRAM_BOT_TOKE", "TELEGRAM_BOT_TOKEN"),
            ("TELEGRAM_CHATID", "TELEGRAM_CHAT_ID"),
            ("CHECK_INTREVAL", "CHECK_INTERVAL"),
            ("ALRET_TO", "ALERT_TO"),
            ("SMTP_ULR", "SMTP_URL"),
            ("OPENAI_API_KEYS", "OPENAI_API_KEY"),
            ("NOTION_TOKEN_FLIE", "NOTION_TOKEN_FILE"),
            ("notion_token", "NOTION_TOKEN"),
            ("STUCK_AFTER_", "STUCK_AFTER"),
            ("CHCK_INTRVAL", "CHECK_INTERVAL"),
            ("ALRET_TOO", "ALERT_TO"),
            ("OP_TOKEN", "OPS_TOKEN"),
        ];
        for (name, expected) in table {
            assert_eq!(meant(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_name_three_letters_off_or_a_short_one_is_left_alone() {
        for name in ["CHCK_INTRVL", "SMTP_USER", "POTR", "HSOT", "PORTT"] {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn no_name_of_others_is_listed_without_need() {
        let known: Vec<_> = variables::all().map(|variable| variable.name.to_owned()).collect();
        for name in OTHERS {
            assert!(doubt(name, &known).is_some(), "{name}");
        }
    }

    #[test]
    fn known_names_are_not_doubted() {
        for variable in variables::all() {
            assert_eq!(meant(variable.name), None);
        }
        assert_eq!(meant("OPS_TOKEN_FILE"), None);
    }

    #[test]
    fn the_usual_names_of_a_machine_give_no_false_alarm() {
        let usual = "HOME HOSTNAME HOSTTYPE PATH PWD OLDPWD LOGNAME USER SHELL SHLVL TERM COLORTERM DISPLAY EDITOR PAGER \
            LANG LC_ALL TZ TMPDIR MAIL XDG_RUNTIME_DIR SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS CARGO_HOME RUSTUP_HOME \
            RUST_BACKTRACE RUST_LOG_STYLE NPM_TOKEN AWS_TOKEN GH_TOKEN GITHUB_TOKEN DYNO REPL_ID REPL_SLUG \
            REPL_OWNER REPLIT_DOMAINS REPLIT_DEPLOYMENT HEROKU_APP_ID HEROKU_APP_NAME HEROKU_RELEASE_VERSION \
            OPENAI_ORG_ID OPENAI_PROJECT_ID OPENAI_MODEL SMTP_USER SMTP_PASS SMTP_HOST SMTP_PORT SMTP_FROM \
            TELEGRAM_API_ID TELEGRAM_API_HASH AUTOMATION_LOG_DB_ID ALERT_WEBHOOK_URL PORTS REPORT IMPORT EXPORT HOSTS \
            GIT_AUTHOR_NAME GIT_DIR GIT_EDITOR DEBUG NODE_ENV PGHOST PGPORT PGDATABASE REDIS_URL SENTRY_DSN";
        for name in usual.split_whitespace() {
            assert_eq!(meant(name), None, "{name}");
        }
    }
}
