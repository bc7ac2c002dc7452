//! What is written about the settings and what the code does are the same: the table of variables, what the reader asks
//! for, `.env.example` and the README.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use auto_operator::settings::variables::{self, Fallback, GROUPS};
use auto_operator::settings::{Effective, Settings};

/// The lines of `.env.example`.
fn example() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// The assignments that are commented out in it, as `(NAME, value)`.
fn assignments() -> Vec<(String, String)> {
    let commented_out = example().into_iter().filter_map(|line| {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        is_name.then(|| (name.to_owned(), value.trim_matches('\'').to_owned()))
    });
    commented_out.collect()
}

fn read(variables: &BTreeMap<String, String>) -> Effective {
    Settings::read(variables, &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems}")).1
}

#[test]
fn the_reader_asks_for_exactly_the_variables_of_the_table() {
    let asked: Vec<_> = read(&BTreeMap::new()).rows.into_iter().map(|row| row.name).collect();
    let table: Vec<_> = variables::all().map(|variable| variable.name).collect();
    assert_eq!(asked, table);
}

#[test]
fn no_variable_is_in_the_table_twice() {
    let mut names: Vec<_> = variables::all().map(|variable| variable.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn the_example_file_has_each_variable_of_the_table_in_its_order() {
    let names: Vec<_> = assignments().into_iter().map(|(name, _)| name).collect();
    let table: Vec<_> = variables::all().map(|variable| variable.name).collect();
    assert_eq!(names, table);
}

#[test]
fn the_example_file_shows_the_default_or_else_an_example_and_the_meaning() {
    let (lines, values) = (example(), BTreeMap::from_iter(assignments()));
    for variable in variables::all() {
        let expected = match variable.default {
            Fallback::Value(default) => default,
            Fallback::Unset | Fallback::Derived(_) => variable.example,
        };
        assert_eq!(values[variable.name], expected, "{}", variable.name);
        assert!(lines.contains(&format!("# {}", variable.meaning)), "{}", variable.meaning);
    }
    for group in GROUPS {
        assert!(lines.contains(&format!("## {}", group.title)), "{}", group.title);
    }
}

#[test]
fn the_example_file_as_it_is_sets_nothing() {
    let set: Vec<_> = example().into_iter().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(set, Vec::<String>::new());
}

#[test]
fn the_example_file_with_everything_uncommented_is_a_valid_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    let text: Vec<_> = assignments().iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
    std::fs::write(&path, text.concat()).unwrap();
    Settings::load_from(std::iter::empty(), &path).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn every_example_of_the_table_is_a_valid_value() {
    let examples = variables::all().map(|variable| (variable.name.to_owned(), variable.example.to_owned())).collect();
    let rows = read(&examples).rows;
    assert!(rows.iter().all(|row| !row.value.is_empty()));
}

/// A row of the README's table, as the table of variables has it.
fn row(variable: &variables::Variable) -> String {
    let default = match variable.default {
        Fallback::Value(value) => format!("`{value}`"),
        Fallback::Derived(words) => words.to_owned(),
        Fallback::Unset => "–".to_owned(),
    };
    let secret = if variable.secret { " Secret." } else { "" };
    format!("| `{}` | {default} | {}{secret} |", variable.name, variable.meaning)
}

#[test]
fn the_readme_has_each_variable_of_the_table_and_no_other() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let is_row = |line: &&str| {
        let name = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()).unwrap_or_default();
        name.contains(|letter: char| letter.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let rows: Vec<&str> = readme.lines().filter(is_row).collect();
    let table: Vec<String> = variables::all().map(row).collect();
    assert_eq!(rows, table, "\nThe table of the README should be:\n{}", table.join("\n"));
}
