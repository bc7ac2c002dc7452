//! The licences of everything that is built in: only such as let a user do with the binary what they like.

use std::process::Command;

use serde_json::Value;

const FINE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be met with the licences that are fine: one of each `OR`, all of each `AND`.
fn is_fine(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let alternatives =
        |group: &str| group.trim_matches(|c| "() ".contains(c)).split(" OR ").any(|one| FINE.contains(&one.trim()));
    FINE.contains(&expression.as_str()) || expression.split(" AND ").all(alternatives)
}

/// The platform on which this runs, as cargo names it.
fn platform() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc can be run");
    let text = String::from_utf8(output.stdout).expect("rustc writes UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

#[test]
fn every_dependency_may_be_used_by_everybody() {
    let output = Command::new(env!("CARGO"))
        // Of this platform only: the others' dependencies are not on this machine.
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &platform()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages are a list");
    assert!(packages.len() > 100, "only {} packages were looked at", packages.len());
    let faults: Vec<String> = packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap_or("?"), package["license"].as_str().unwrap_or("none")))
        .filter(|(_, licence)| !is_fine(licence))
        .map(|(name, licence)| format!("{name}: {licence}"))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn an_expression_is_read_as_it_is_meant() {
    for (expression, fine) in [
        ("MIT", true),
        ("MIT OR Apache-2.0", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("none", false),
    ] {
        assert_eq!(is_fine(expression), fine, "{expression}");
    }
}
