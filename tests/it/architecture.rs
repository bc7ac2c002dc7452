//! The floors of the house: a `use` that goes up fails here, with its file and line.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom, below `src/`. What stands before `/` is a room; `main`, `lib` and `app` stand for themselves.
const FLOORS: &[(&str, &[&str])] = &[
    ("secret", &[]),
    ("domain", &[]),
    ("supervision", &[]),
    ("demo", &[]),
    ("settings", &["clients", "domain", "secret"]),
    ("logging", &["secret", "settings"]),
    ("clients", &["secret"]),
    ("diagnosis", &["clients"]),
    ("store", &["domain", "secret"]),
    ("checks", &["clients", "diagnosis", "domain", "secret"]),
    ("channels", &["clients", "diagnosis", "domain", "secret"]),
    ("actors", &["checks", "channels", "store", "supervision", "domain"]),
    ("web", &["actors", "store", "supervision", "domain", "secret"]),
    ("parties", &["settings", "clients", "checks", "channels", "domain", "web", "secret"]),
    (
        "app",
        &[
            "actors",
            "checks",
            "channels",
            "clients",
            "domain",
            "logging",
            "parties",
            "settings",
            "store",
            "supervision",
            "web",
        ],
    ),
    (
        "cli",
        &[
            "actors",
            "app",
            "channels",
            "checks",
            "demo",
            "diagnosis",
            "domain",
            "logging",
            "parties",
            "secret",
            "settings",
            "store",
            "supervision",
            "web",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Words that have no place on the ground floor, and why.
const NOT_IN_THE_DOMAIN: &[(&str, &str)] = &[
    ("Utc::now", "`now` is an argument"),
    ("Instant::now", "`now` is an argument"),
    ("SystemTime", "`now` is an argument"),
    ("actix", "the domain does not know that there are actors"),
    ("tokio", "the domain does no I/O"),
    ("async ", "the domain does no I/O"),
    ("std::fs", "the domain does no I/O"),
    ("std::net", "the domain does no I/O"),
    ("std::env", "the domain does no I/O"),
    ("log::", "the domain says nothing, it is asked"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in fs::read_dir(folder).expect("a folder of sources can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The room in which a file stands.
fn room(file: &Path, root: &Path) -> String {
    let inside = file.strip_prefix(root).expect("a source is below src");
    let first = inside.components().next().expect("a path has a part").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that a line names: after `crate::`, and in `use crate::{a, b}`.
fn named(line: &str) -> Vec<String> {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let first_name = |text: &str| -> String { text.chars().take_while(|character| is_name(*character)).collect() };
    let mut rooms = vec![];
    for (_, after) in line.match_indices("crate::").map(|(place, found)| (place, &line[place + found.len()..])) {
        match after.strip_prefix('{') {
            Some(list) => rooms.extend(list.split(", ").map(|name| first_name(name.trim()))),
            None => rooms.push(first_name(after)),
        }
    }
    rooms
}

#[test]
fn no_use_goes_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = vec![];
    for file in sources(&root) {
        let room = room(&file, &root);
        let Some((_, below)) = FLOORS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("{}: the room `{room}` has no floor in {}", file.display(), file!()));
            continue;
        };
        for (number, line) in fs::read_to_string(&file).expect("a source can be read").lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let upward = named(code).into_iter().filter(|other| *other != room && !below.contains(&other.as_str()));
            // A test may use the stand-ins of the outside world, wherever it stands.
            let upward = upward.filter(|other| !(other == "demo" && is_test(&file)));
            faults.extend(upward.map(|other| format!("{}:{}: {room} may not use {other}", file.display(), number + 1)));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn is_test(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    name == "tests" || name.ends_with("_tests")
}

#[test]
fn the_domain_does_no_io_and_asks_no_clock() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain");
    let mut faults = vec![];
    for file in sources(&root) {
        for (number, line) in fs::read_to_string(&file).expect("a source can be read").lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let found = NOT_IN_THE_DOMAIN.iter().filter(|(word, _)| code.contains(word));
            let outside_tests = found.filter(|_| !is_test(&file));
            faults.extend(outside_tests.map(|(word, why)| {
                format!("{}:{}: `{}` has no place here: {why}", file.display(), number + 1, word.trim())
            }));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_reader_of_uses_finds_each_form() {
    assert_eq!(named("use crate::domain::job::Job;"), ["domain"]);
    assert_eq!(named("use crate::{domain, store::Store};"), ["domain", "store"]);
    assert_eq!(named("pub(in crate::web) fn f(a: crate::domain::A, b: crate::cli::B)"), ["web", "domain", "cli"]);
    assert!(named("use super::job::Job;").is_empty());
}
