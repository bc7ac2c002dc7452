//! Pages of rows as Notion sends them, what a check does with them, and the least that a reader of JSON can do.

use std::hint::black_box;
use std::time::{Duration, Instant};

use auto_operator::clients::notion::listing;
use auto_operator::clients::notion::row::{Columns, Entry};
use serde::de::IgnoredAny;

/// Rows of a page.
pub const ROWS: usize = 100;

/// Rows as they come, about 3.0 KB each: everything that a job carries, with a note somebody wrote.
fn full() -> Vec<u8> {
    page(|row| {
        let note = text("Regenerated after the outline was too short; the second paragraph repeats the first one.");
        format!(
            r#""Job Name":{{"id":"title","type":"title","title":[{}]}},
"Notes":{{"id":"JsfK","type":"rich_text","rich_text":[{note},{note}]}},
"Timestamp":{{"id":"M%3BBw","type":"date","date":{{"start":"2026-11-23T22:14:05.000+00:00","end":null,"time_zone":null}}}},
"Trigger":{{"id":"dIW%3D","type":"checkbox","checkbox":true}},
"Age":{{"id":"%7Do%40%7B","type":"formula","formula":{{"type":"number","number":27}}}},
"Owner":{{"id":"HbZT","type":"people","people":[{{"object":"user","id":"c2f20311-9e54-4d11-8c79-7398424ae41e"}}]}},
"Ref":{{"id":"n%5E%5Eq","type":"relation","relation":[{{"id":"dd456007-6c66-4bba-957e-ea501dcda3a6"}}],"has_more":false}},
"Cost":{{"id":"aB%3Ec","type":"number","number":0.0{row:03}}},
"Duration (ms)":{{"id":"Zz%3Fq","type":"number","number":{}}},
"Task Type":{{"id":"q%40Rt","type":"select","select":{{"id":"0d2f1a34-98b1-4f0e-8c1f-5b9b0f9be1a1","name":"Blog","color":"pink"}}}},
"Commit":{{"id":"pp%3Dk","type":"rich_text","rich_text":[{}]}},
{},
"No":{{"id":"tqqd","type":"unique_id","unique_id":{{"prefix":"JOB","number":{row}}}}}"#,
            text("Blog outline"),
            1_000 + row * 37,
            text("3f2c9ab"),
            status_and_score(row),
        )
    })
}

/// Rows with only the properties that were asked for, about 1.1 KB each.
fn filtered() -> Vec<u8> {
    page(|row| {
        let title = text("Blog outline");
        format!(r#"{},"Job Name":{{"id":"title","type":"title","title":[{title}]}}"#, status_and_score(row))
    })
}

fn status_and_score(row: usize) -> String {
    let status = ["Done", "Processing", "Failed", "Needs review"][row % 4];
    let score = if row.is_multiple_of(5) { "null".to_owned() } else { format!("{}.5", 60 + row % 40) };
    format!(
        r#""Status":{{"id":"%3AUPp","type":"select","select":{{"id":"4b5c2f1e-7e2a-4a51-9c0a-7d4f0e0f5a11","name":"{status}","color":"green"}}}},
"QA Score":{{"id":"fNH%7C","type":"number","number":{score}}}"#
    )
}

fn text(content: &str) -> String {
    format!(
        r#"{{"type":"text","text":{{"content":"{content}","link":null}},"annotations":{{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"}},"plain_text":"{content}","href":null}}"#
    )
}

fn page(properties: impl Fn(usize) -> String) -> Vec<u8> {
    let rows: Vec<String> = (0..ROWS)
        .map(|row| {
            let (properties, minute) = (properties(row), row % 60);
            format!(
                r#"{{"object":"page","id":"393abc1e-edcd-81f5-ae94-ec2d55fe{row:04x}","created_time":"2026-11-23T22:{minute:02}:00.000Z","last_edited_time":"2026-11-23T23:{minute:02}:00.000Z",
"created_by":{{"object":"user","id":"7775f3a3-893f-43fa-b625-460c61094c78"}},"last_edited_by":{{"object":"user","id":"7775f3a3-893f-43fa-b625-460c61094c78"}},
"cover":null,"icon":null,"parent":{{"type":"data_source_id","data_source_id":"b71e1213-3d03-46cb-b9c2-db9856a9f42d","database_id":"e234cdc8-4ad2-4371-a97e-999a238bf8f5"}},
"in_trash":false,"is_archived":false,"is_locked":false,"properties":{{{properties}}},
"url":"https://app.notion.com/p/Blog-outline-393abc1eedcd81f5ae94ec2d55fe{row:04x}","public_url":null,"archived":false}}"#
            )
            // Notion sends no line breaks.
            .replace('\n', "")
        })
        .collect();
    let rows = rows.join(",");
    format!(r#"{{"object":"list","results":[{rows}],"next_cursor":null,"has_more":false,"type":"page_or_data_source","page_or_data_source":{{}},"request_id":"7c8b2f6e-0e34-4c53-9d5c-3f6e3a1b1f10"}}"#)
        .into_bytes()
}

/// What a check does with the rows: how many, how many are done, the sum of the scores.
pub fn judge(json: &[u8], columns: Columns<'_>) -> (usize, usize, f64) {
    let mut seen = (0, 0, 0.0);
    listing::read(json, columns, |entry| {
        if let Entry::Row(row) = entry {
            seen.0 += 1;
            seen.1 += usize::from(row.status.as_deref() == Some("Done"));
            seen.2 += row.score.unwrap_or_default();
        }
    })
    .unwrap();
    seen
}

/// Reads over everything.
pub fn skip(json: &[u8]) -> IgnoredAny {
    serde_json::from_slice(json).unwrap()
}

/// The pages to measure with: what they are, the page, and what is looked for in its rows.
pub fn samples() -> [(&'static str, Vec<u8>, Columns<'static>); 3] {
    let metrics = Columns { status: "Status", score: Some("QA Score"), title: None };
    let with_title = Columns { title: Some("Job Name"), ..metrics };
    [("full", full(), metrics), ("full, with titles", full(), with_title), ("filtered", filtered(), with_title)]
}

/// Rows per second of [`judge`] and of [`skip`] over the same page.
pub fn judged_beside_skipped(json: &[u8], columns: Columns<'_>) -> (f64, f64) {
    side_by_side(|| _ = judge(black_box(json), columns), || _ = skip(black_box(json)))
}

/// Rows per second of both, by their fastest rounds, taken in turns: what else the machine does hits both alike.
fn side_by_side(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    fn round(work: &mut dyn FnMut()) -> Duration {
        let start = Instant::now();
        for _ in 0..20 {
            work();
        }
        start.elapsed()
    }
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..100 {
        best = (best.0.min(round(&mut first)), best.1.min(round(&mut second)));
    }
    let rate = |time: Duration| 20.0 * ROWS as f64 / time.as_secs_f64();
    (rate(best.0), rate(best.1))
}
