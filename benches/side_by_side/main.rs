//! The helper of `benches/compare`: runs the release binary against the stand-ins, beside the peers and the limits, and
//! prints a table. Every figure of a row is of one run on one machine, and only ratios say something on another.
//!
//! ```text
//! serving   a request, idling, starting        bare      actix-web alone, the peer
//! cycles    CPU, duration, memory of a cycle   service   the release binary, in a stand-in world
//! alerts    from a change to who is told       notion_pages   rows beside serde_json skipping them
//! ```
//! No figure fails anything: that is for whoever reads the table.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod alerts;
mod bare;
mod cycles;
mod http;
mod notion_pages;
mod process;
mod service;
mod serving;
mod table;

use std::io;
use std::path::Path;

use table::{Bound, Row};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some(bare::ARGUMENT) => bare::serve(),
        Some(binary) => {
            let wanted = &arguments[1..];
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(compare(Path::new(binary), wanted))
        }
        // Cargo runs every bench; without a binary there is nothing to compare.
        None => Ok(()),
    }
}

/// All parts, or those that are `wanted` by name.
async fn compare(binary: &Path, wanted: &[String]) -> io::Result<()> {
    let mut out = io::stdout();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    table::begin(&mut out)?;
    if is_wanted("serving") {
        table::add(&mut out, &serving::measure(binary).await?)?;
    }
    if is_wanted("starting") {
        table::add(&mut out, &serving::starting(binary).await?)?;
    }
    if is_wanted("cycles") {
        table::add(&mut out, &cycles::at_200_ms(binary).await?)?;
        table::add(&mut out, &cycles::cpu(binary).await?)?;
    }
    if is_wanted("memory") {
        table::add(&mut out, &cycles::memory(binary).await?)?;
    }
    if is_wanted("rows") {
        table::add(&mut out, &rows())?;
    }
    if is_wanted("alerts") {
        table::add(&mut out, &alerts::measure(binary).await?)?;
    }
    Ok(())
}

/// Judging rows beside skipping over them.
fn rows() -> Vec<Row> {
    let samples = notion_pages::samples().into_iter();
    let rows = samples.map(|(name, json, columns)| {
        let (judged, skipped) = notion_pages::judged_beside_skipped(&json, columns);
        let must = Bound::AtLeast(if name == "filtered" { 0.35 } else { 0.5 });
        let what = format!("rows of Notion judged ({name}, {} bytes each)", json.len() / notion_pages::ROWS);
        let (measured, limit) = ((judged / 1e3, "thousand/s"), skipped / 1e3);
        Row::beside(what, measured, "`IgnoredAny`", limit, must, Some(Bound::AtLeast(0.85)))
    });
    rows.collect()
}
