//! The client of Notion against the stand-in, which is as strict as Notion is documented to be and has never seen the
//! client's code. What only a misbehaving server shows is tested beside the client.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auto_operator::clients::error::{ClientError, ErrorKind};
use auto_operator::clients::http::Http;
use auto_operator::clients::notion::pace::Pace;
use auto_operator::clients::notion::query::Selection;
use auto_operator::clients::notion::schema::Wanted;
use auto_operator::clients::notion::version::Version;
use auto_operator::clients::notion::{Config, Notion, Read, TokenSource};
use auto_operator::clients::replit::{Connector, Identity};
use auto_operator::demo;
use auto_operator::demo::Fault;
use auto_operator::demo::notion::{DatabaseId, JobRow, PropertyKind, job_log_schema, status_board_schema};
use auto_operator::secret::Secret;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, json};

const PATIENCE: Duration = Duration::from_secs(60);
const JOB_LOG: Wanted<'_> = Wanted { status: "Status", score: Some("QA Score"), title: true };

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

fn client(world: &demo::Notion, version: Version) -> Notion {
    client_with(world, version, TokenSource::Given(Secret::new(world.token())))
}

fn client_with(world: &demo::Notion, version: Version, token: TokenSource) -> Notion {
    let pace = Arc::new(Pace::per_minute(100_000));
    Notion::new(Http::new(), Config { base_url: world.url(), version, token, pace, request_timeout: PATIENCE })
}

/// A Job Log with a job a status, one a minute from `start` on.
fn job_log(world: &demo::Notion, start: DateTime<Utc>, statuses: &[Option<&str>]) -> DatabaseId {
    let database = world.create_database("Job Log", job_log_schema());
    let job = |(number, status): (i64, &Option<&str>)| JobRow {
        name: format!("Job {number}"),
        status: status.map(str::to_owned),
        qa: (number % 2 == 0).then_some(80.0 + number as f64),
        created: start + TimeDelta::minutes(number),
        last_edited: start + TimeDelta::minutes(number),
    };
    world.add_jobs(database, (0..).zip(statuses).map(job));
    database
}

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

async fn jobs(notion: &Notion, database: &str, select: &Selection<'_>) -> Result<(Vec<String>, Read), ClientError> {
    let mut seen = Vec::new();
    let read = notion
        .jobs(database, &JOB_LOG, select, soon(), &mut |row| {
            seen.push(format!("{} {:?} {:?}", row.title, row.status.as_deref().unwrap_or("-"), row.score));
        })
        .await?;
    Ok((seen, read))
}

/// How many jobs there are, and that each came once.
async fn count(notion: &Notion, database: &str) -> Result<usize, ClientError> {
    let mut ids = HashSet::new();
    let select = Selection::CreatedSince(start());
    let wanted = Wanted { title: false, ..JOB_LOG };
    let read = notion.jobs(database, &wanted, &select, soon(), &mut |row| _ = ids.insert(row.id)).await?;
    assert_eq!(ids.len(), read.rows);
    Ok(read.rows)
}

#[actix_rt::test]
async fn jobs_are_read_in_every_version() {
    let world = demo::Notion::start().unwrap();
    let database = job_log(&world, start(), &[Some("Done"), Some("Processing"), None]);
    let expected = ["Job 0 \"Done\" Some(80.0)", "Job 1 \"Processing\" None", "Job 2 \"-\" Some(82.0)"];
    for version in Version::ALL {
        let notion = client(&world, version);
        assert_eq!(notion.me(soon()).await, Ok(()));
        let (seen, read) = jobs(&notion, &database.to_string(), &Selection::CreatedSince(start())).await.unwrap();
        assert_eq!((seen.as_slice(), read), (expected.map(str::to_owned).as_slice(), Read { rows: 3, unreadable: 0 }));
        let later = Selection::CreatedSince(start() + TimeDelta::seconds(90));
        assert_eq!(jobs(&notion, &database.to_string(), &later).await.unwrap().0, expected[2..], "{version}");
    }
}

#[actix_rt::test]
async fn the_untouched_are_found_with_select_and_status_properties_and_with_none_set() {
    let world = demo::Notion::start().unwrap();
    let log = job_log(&world, start(), &[Some("Done"), Some("Processing"), None, Some("Failed"), Some("Queued")]);
    let queue = world.create_database(
        "Queue",
        vec![
            ("Task".to_owned(), PropertyKind::Title),
            ("Status".to_owned(), PropertyKind::status(&["Queued"], &["Processing"], &["Done", "Failed"])),
            ("QA Score".to_owned(), PropertyKind::Number),
        ],
    );
    for (number, status) in (0..).zip(["Done", "Processing", "Queued"]) {
        let created = start() + TimeDelta::minutes(number);
        let status = Some(status.to_owned());
        world
            .add_job(queue, JobRow { name: format!("Task {number}"), status, qa: None, created, last_edited: created });
    }
    // "Unheard of" is no option of either: in a filter, Notion could refuse it.
    let not_in = ["Done", "Failed", "Unheard of"].map(str::to_owned);
    for version in Version::ALL {
        let notion = client(&world, version);
        let select = Selection::Untouched { edited_before: start() + TimeDelta::minutes(4), not_in: &not_in };
        let (seen, _) = jobs(&notion, &log.to_string(), &select).await.unwrap();
        assert_eq!(seen, ["Job 1 \"Processing\" None", "Job 2 \"-\" Some(82.0)"]);
        let (seen, _) = jobs(&notion, &queue.to_string(), &select).await.unwrap();
        assert_eq!(seen, ["Task 1 \"Processing\" None", "Task 2 \"Queued\" None"]);
    }
}

#[actix_rt::test]
async fn a_database_beyond_notions_limit_is_counted_in_full_or_not_at_all() {
    let world = demo::Notion::start().unwrap();
    let fill = |rows: i64, per_minute: i64| {
        let database = world.create_database("Job Log", job_log_schema());
        let job = |number: i64| {
            let created = start() + TimeDelta::minutes(number / per_minute);
            JobRow { name: String::new(), status: Some("Done".into()), qa: None, created, last_edited: created }
        };
        world.add_jobs(database, (0..rows).map(job));
        database.to_string()
    };
    let (even, bunched, too_bunched) = (fill(25_000, 7), fill(20_500, 9_900), fill(10_050, 10_001));
    for version in [Version::V2022_06_28, Version::V2026_03_11] {
        let notion = client(&world, version);
        assert_eq!(count(&notion, &even).await, Ok(25_000));
        assert_eq!(count(&notion, &bunched).await, Ok(20_500));
        assert_eq!(count(&notion, &too_bunched).await.unwrap_err().kind, ErrorKind::Incomplete);
    }
}

#[actix_rt::test]
async fn the_untouched_beyond_the_limit_are_split_within_two_levels_of_filter() {
    let world = demo::Notion::start().unwrap();
    let database = world.create_database("Job Log", job_log_schema());
    let job = |number: i64| {
        let created = start() + TimeDelta::minutes(number / 5);
        let status = ["Processing", "Done"][usize::from(number % 10 == 0)].to_owned();
        JobRow { name: String::new(), status: Some(status), qa: None, created, last_edited: created }
    };
    world.add_jobs(database, (0..12_000).map(job));
    let not_in = ["Done".to_owned()];
    let select = Selection::Untouched { edited_before: start() + TimeDelta::days(30), not_in: &not_in };
    let (seen, _) = jobs(&client(&world, Version::V2025_09_03), &database.to_string(), &select).await.unwrap();
    assert_eq!(seen.len(), 10_800);
}

#[actix_rt::test]
async fn short_and_partial_pages_lose_nobody() {
    let world = demo::Notion::start().unwrap();
    let database = job_log(&world, start(), &[Some("Done"); 250]).to_string();
    let notion = client(&world, Version::V2025_09_03);
    world.short_pages(Some(7));
    assert_eq!(count(&notion, &database).await, Ok(250));
    world.partial_pages(Some(10));
    let (_, read) = jobs(&notion, &database, &Selection::CreatedSince(start())).await.unwrap();
    assert_eq!(read, Read { rows: 225, unreadable: 25 });
}

#[actix_rt::test]
async fn what_users_change_in_a_database_is_noticed_and_needs_no_restart() {
    for version in Version::ALL {
        let world = demo::Notion::start().unwrap();
        let id = job_log(&world, start(), &[Some("Done"), None]);
        let (notion, database) = (client(&world, version), id.to_string());
        let fault = async || count(&notion, &database).await.unwrap_err();
        assert_eq!(count(&notion, &database).await, Ok(2));

        world.rename_property(id, "Status", "State");
        assert_eq!(fault().await.kind, ErrorKind::Schema);
        assert!(fault().await.detail.contains("no property \"Status\""), "{}", fault().await);
        assert!(fault().await.detail.contains("\"State\""), "{}", fault().await);
        world.rename_property(id, "State", "Status");
        assert_eq!(count(&notion, &database).await, Ok(2));

        world.remove_property(id, "QA Score");
        assert!(fault().await.detail.starts_with("no property \"QA Score\""), "{}", fault().await);
        world.add_property(id, "QA Score", PropertyKind::RichText);
        assert!(fault().await.detail.contains("of type rich_text, not number"), "{}", fault().await);
        world.remove_property(id, "QA Score");
        world.add_property(id, "QA Score", PropertyKind::Number);
        assert_eq!(count(&notion, &database).await, Ok(2));

        world.unshare(id);
        assert_eq!((fault().await.kind, fault().await.status), (ErrorKind::NotFound, Some(404)));
        world.share(id);
        assert_eq!(count(&notion, &database).await, Ok(2));
    }
}

#[actix_rt::test]
async fn a_database_with_several_data_sources_is_read_by_the_id_that_the_error_names() {
    let world = demo::Notion::start().unwrap();
    let id = job_log(&world, start(), &[Some("Done")]);
    let archive = world.add_data_source(id, "Archive", job_log_schema()).to_string();
    for version in Version::ALL {
        let notion = client(&world, version);
        let error = count(&notion, &id.to_string()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Schema);
        assert!(error.detail.contains(&archive), "{error}");
        if version != Version::V2022_06_28 {
            assert!(error.detail.contains("\"Archive\""), "{error}");
            assert_eq!(count(&notion, &archive).await, Ok(0));
            let jobs = world.data_sources(id)[0].to_string();
            assert_eq!(count(&notion, &jobs).await, Ok(1));
        }
    }
}

#[actix_rt::test]
async fn pages_are_created_and_updated_in_every_version() {
    for version in Version::ALL {
        let world = demo::Notion::start().unwrap();
        let board = world.create_database("Status Board", status_board_schema());
        let notion = client(&world, version);
        let schema = notion.schema(&board.to_string(), soon()).await.unwrap();
        assert_eq!(schema.title().map(|title| title.name.as_str()), Some("Name"));
        assert_eq!(schema.property("OK").map(|property| property.kind.as_str()), Some("checkbox"));

        let mut properties = Map::new();
        properties.insert("Name".to_owned(), json!({"title": [{"text": {"content": "Auto-Operator"}}]}));
        properties.insert("Jobs (24h)".to_owned(), json!({"number": 68}));
        let page = notion.create_page(&board.to_string(), &properties, soon()).await.unwrap();
        properties.insert("Jobs (24h)".to_owned(), json!({"number": 69}));
        assert_eq!(notion.update_page(&page, &properties, soon()).await, Ok(()));
        let written = world.pages(board);
        assert_eq!((written.len(), written[0].number("Jobs (24h)")), (1, Some(69.0)));
        assert_eq!((written[0].id.to_string(), written[0].text("Name").as_deref()), (page, Some("Auto-Operator")));

        properties.insert("Nonsense".to_owned(), json!({"number": 1}));
        let error = notion.create_page(&board.to_string(), &properties, soon()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.detail.contains("Nonsense"), "{error}");
        assert_eq!(world.pages(board).len(), 1);
    }
}

#[actix_rt::test]
async fn a_limit_of_notions_is_waited_for_and_the_count_is_whole() {
    let world = demo::Notion::start().unwrap();
    let database = job_log(&world, start(), &[Some("Done"); 1_000]).to_string();
    world.limit_per(5, Duration::from_secs(1));
    assert_eq!(count(&client(&world, Version::V2025_09_03), &database).await, Ok(1_000));
    world.limit_per(2, Duration::from_secs(3_600));
    let error = count(&client(&world, Version::V2025_09_03), &database).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::RateLimited, Some(429)));
    assert!(error.retry_after.is_some_and(|wait| wait > PATIENCE), "{error:?}");
}

#[actix_rt::test]
async fn every_fault_has_its_kind_and_leaves_the_client_well() {
    let world = demo::Notion::start().unwrap();
    let database = job_log(&world, start(), &[Some("Done")]).to_string();
    let (moment, drip) = (Duration::from_millis(300), Fault::Drip { every: Duration::from_millis(50) });
    let rest = Fault::Status { code: 429, retry_after: Some(3_600), body: None };
    for (fault, kind, request_timeout) in [
        (Fault::status(400), ErrorKind::BadRequest, PATIENCE),
        (Fault::status(401), ErrorKind::Unauthorized, PATIENCE),
        (Fault::status(403), ErrorKind::Forbidden, PATIENCE),
        (Fault::status(404), ErrorKind::NotFound, PATIENCE),
        (rest, ErrorKind::RateLimited, PATIENCE),
        (Fault::status(500), ErrorKind::ServerFault, PATIENCE),
        (Fault::status(503), ErrorKind::ServerFault, PATIENCE),
        (Fault::Html { code: 200 }, ErrorKind::Garbage, PATIENCE),
        (Fault::Html { code: 502 }, ErrorKind::ServerFault, PATIENCE),
        (Fault::HalfJson, ErrorKind::Garbage, PATIENCE),
        (Fault::HugeBody { bytes: 50_000_000 }, ErrorKind::Garbage, PATIENCE),
        (Fault::WrongContentType, ErrorKind::Garbage, PATIENCE),
        (Fault::Redirect { to: world.url() }, ErrorKind::Garbage, PATIENCE),
        (Fault::Reset, ErrorKind::Connection, PATIENCE),
        (Fault::Hang, ErrorKind::Timeout, moment),
        (drip, ErrorKind::Timeout, moment),
    ] {
        let (pace, token) = (Arc::new(Pace::new()), TokenSource::Given(Secret::new(world.token())));
        let version = Version::V2025_09_03;
        let config = |request_timeout| Config {
            base_url: world.url(),
            version,
            token: token.clone(),
            pace: Arc::clone(&pace),
            request_timeout,
        };
        let notion = Notion::new(Http::new(), config(request_timeout));
        world.set_fault(Some(fault.clone()));
        assert_eq!(notion.me(soon()).await.unwrap_err().kind, kind, "{fault:?}");
        assert_eq!(count(&notion, &database).await.unwrap_err().kind, kind, "{fault:?}");
        world.set_fault(None);
        let patient = Notion::new(Http::new(), config(PATIENCE));
        assert_eq!(count(&patient, &database).await, Ok(1), "after {fault:?}");
    }
}

#[actix_rt::test]
async fn a_token_that_replit_rotates_is_followed() {
    let world = demo::Notion::start().unwrap();
    let replit = demo::Replit::start(&world.token()).unwrap();
    let connector = Connector::new(&replit.url(), Identity::Workspace(Secret::new(replit.identity())), |_| {});
    let notion = client_with(&world, Version::V2025_09_03, TokenSource::Replit(connector));
    assert_eq!(notion.me(soon()).await, Ok(()));
    world.accept_token("ntn_another_one");
    assert_eq!(notion.me(soon()).await.unwrap_err().kind, ErrorKind::Unauthorized);
    replit.rotate_token("ntn_another_one");
    assert_eq!(notion.me(soon()).await, Ok(()));
}
