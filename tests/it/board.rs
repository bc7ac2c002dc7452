//! The Status Board: which entries there are, and what stands in them.

use std::cell::Cell;

use auto_operator::demo::Fault;
use auto_operator::demo::notion::{DatabaseId, PageSnapshot, PropertyKind};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Home, SOON, Service, now};

/// A service whose only channel is a board.
struct Board {
    home: Home,
    service: Service,
    database: DatabaseId,
    /// How many times the board was written to, or refused.
    written: Cell<usize>,
}

impl Board {
    /// With the board of the world.
    async fn new(mut home: Home) -> Self {
        home.without("SMTP");
        home.without("TELEGRAM");
        let database = home.world.status_board;
        home.set("NOTION_STATUS_DB_ID", &database.to_string());
        Self::on(database, home).await
    }

    /// With another one.
    async fn on(database: DatabaseId, home: Home) -> Self {
        let board = Self { service: home.serve().await, home, database, written: Cell::new(0) };
        board.is_written().await;
        board
    }

    /// Waits until the entry of the newest cycle was written, or refused.
    async fn is_written(&self) {
        let written = self.written.get() + 1;
        self.written.set(written);
        let mut seen = 0;
        let wanted = |line: &String| {
            seen += usize::from(line.contains("notion: delivered status ") || line.contains("notion: status "));
            seen == written
        };
        let line = self.service.log.wait_for(wanted, SOON).await;
        assert!(line.is_some(), "{written} times:\n{}", self.service.log.all().join("\n"));
    }

    /// The entries after one more cycle.
    async fn cycle(&self) -> Vec<PageSnapshot> {
        self.service.cycle().await;
        self.is_written().await;
        self.entries()
    }

    /// The entries that are not in the trash.
    fn entries(&self) -> Vec<PageSnapshot> {
        self.home.world.notion.pages(self.database).into_iter().filter(|page| !page.in_trash).collect()
    }
}

fn verdicts(entries: &[PageSnapshot]) -> Vec<Option<bool>> {
    entries.iter().map(|entry| entry.checkbox("OK")).collect()
}

#[actix_rt::test]
async fn an_entry_shows_everything_that_the_board_has_a_place_for() {
    let mut home = Home::on_demand();
    home.world.has_the_sample_jobs(now());
    home.set("HEROKU_BUILD_COMMIT", "2fcff5b0c1d2");
    home.set("GIT_BRANCH", "main");
    let board = Board::new(home).await;
    let entries = board.cycle().await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    let report = board.service.report().await;
    assert_eq!(entry.text("Name").as_deref(), Some("Auto-Operator"));
    let when = entry.date("When").expect("a moment");
    assert_eq!(when.get(..19), report["timestamp"].as_str().and_then(|moment| moment.get(..19)));
    assert_eq!((entry.checkbox("OK"), entry.number("Jobs (24h)")), (Some(false), Some(68.0)));
    assert_eq!((entry.number("Avg QA (24h)"), entry.number("Low-QA Count")), (Some(82.3), Some(3.0)));
    assert_eq!(entry.text("Commit").as_deref(), Some("2fcff5b0c1d2"));
    assert_eq!(entry.text("Branch").as_deref(), Some("main"));
    let notes = entry.text("Notes").expect("notes");
    let words = ["OpenAI: OK", "Notion: OK", "⚠️ 50 job(s) stuck >30 minutes", "⚠️ Low completion rate: 5.9%"];
    words.iter().for_each(|word| assert!(notes.contains(word), "no {word} in {notes}"));
}

#[actix_rt::test]
async fn an_entry_is_updated_in_place_until_the_set_of_issues_changes() {
    let board = Board::new(Home::well()).await;
    let world = &board.home.world;
    let first = board.entries()[0].id;
    world.has_good_jobs(5, now());
    let entries = board.cycle().await;
    assert_eq!((entries.len(), entries[0].id, entries[0].number("Jobs (24h)")), (1, first, Some(25.0)));
    world.jobs_get_stuck(2, now());
    assert_eq!(verdicts(&board.cycle().await), [Some(true), Some(false)]);
    // More of the same changes the figures, not the set.
    world.jobs_get_stuck(3, now());
    let entries = board.cycle().await;
    assert_eq!(verdicts(&entries), [Some(true), Some(false)]);
    assert!(entries[1].text("Notes").expect("notes").contains("5 job(s) stuck"));
    world.all_is_well_again(20, now());
    assert_eq!(verdicts(&board.cycle().await), [Some(true), Some(false), Some(true)]);
    let last = board.entries()[2].id;

    // It is remembered over a restart.
    let Board { home, service, database, .. } = board;
    service.signal("TERM").await;
    let board = Board::on(database, home).await;
    let entries = board.cycle().await;
    assert_eq!((entries.len(), entries[2].id), (3, last));
}

#[actix_rt::test]
async fn every_cycle_has_its_entry_where_that_is_wanted() {
    let mut home = Home::well();
    home.set("STATUS_BOARD_MODE", "every");
    let board = Board::new(home).await;
    board.cycle().await;
    board.home.world.openai.goes_down();
    assert_eq!(verdicts(&board.cycle().await), [Some(true), Some(true), Some(false)]);
}

#[actix_rt::test]
async fn a_figure_that_is_not_known_is_left_empty_and_not_zero() {
    let board = Board::new(Home::well()).await;
    board.home.world.notion.set_fault_on("/query", Some(Fault::status(403)));
    let entries = board.cycle().await;
    let entry = entries.last().expect("an entry");
    assert_eq!((entries.len(), entry.checkbox("OK")), (2, Some(false)));
    for figure in ["Jobs (24h)", "Avg QA (24h)", "Low-QA Count"] {
        assert_eq!(entry.number(figure), None, "{figure}");
    }
    let notes = entry.text("Notes").expect("notes");
    assert!(notes.contains("⚪ Job metrics unknown: Notion forbidden (403)"), "{notes}");
    assert!(notes.contains("Stuck jobs: unknown"), "{notes}");
}

#[actix_rt::test]
async fn only_what_the_board_has_with_the_right_type_is_filled() {
    let mut home = Home::well();
    home.without("SMTP");
    home.without("TELEGRAM");
    home.set("GIT_COMMIT", "2fcff5b");
    let schema = [
        ("Titel", PropertyKind::Title),
        ("OK", PropertyKind::RichText),
        ("When", PropertyKind::CreatedTime),
        ("Jobs (24h)", PropertyKind::Number),
        ("Commit", PropertyKind::select(["unknown"])),
        ("Owner", PropertyKind::People),
    ];
    let schema = schema.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    let database = home.world.notion.create_database("A board of their own", schema);
    home.set("NOTION_STATUS_DB_ID", &database.to_string());
    let board = Board::on(database, home).await;
    let entries = board.cycle().await;
    assert_eq!(entries.len(), 1, "{}", board.service.log.all().join("\n"));
    assert_eq!(entries[0].text("Titel").as_deref(), Some("Auto-Operator"));
    assert_eq!((entries[0].number("Jobs (24h)"), entries[0].text("OK")), (Some(20.0), Some(String::new())));
    assert_eq!(entries[0].option("Commit"), None);
}

#[actix_rt::test]
async fn a_board_that_changes_under_a_running_service_is_looked_at_again() {
    let board = Board::new(Home::well()).await;
    let notion = &board.home.world.notion;
    notion.rename_property(board.database, "When", "Wann");
    notion.remove_property(board.database, "Commit");
    board.cycle().await;
    board.home.world.has_good_jobs(5, now());
    let entries = board.cycle().await;
    let log = || board.service.log.all().join("\n");
    assert_eq!(entries.last().and_then(|entry| entry.number("Jobs (24h)")), Some(25.0), "{}", log());
    notion.rename_property(board.database, "Wann", "When");
    board.cycle().await;
}

#[actix_rt::test]
async fn an_entry_that_somebody_deleted_gets_a_successor() {
    let board = Board::new(Home::well()).await;
    let first = board.entries()[0].id;
    // Into the trash, as a user does.
    let notion = &board.home.world.notion;
    let request = awc::Client::new()
        .patch(format!("{}/v1/pages/{first}", notion.url()))
        .insert_header(("authorization", format!("Bearer {}", notion.token())))
        .insert_header(("notion-version", "2026-03-11"));
    let answer = request.send_json(&json!({"in_trash": true})).await.expect("Notion answers");
    assert_eq!(answer.status(), 200);
    let entries = board.cycle().await;
    assert!(entries.len() == 1 && entries[0].id != first, "{}", board.service.log.all().join("\n"));
    // Out of the trash too: it is not there at all.
    let second = entries[0].id;
    notion.clear_jobs(board.database);
    let entries = board.cycle().await;
    assert!(entries.len() == 1 && entries[0].id != second, "{}", board.service.log.all().join("\n"));
    let again = board.cycle().await;
    assert_eq!((again.len(), again[0].id), (1, entries[0].id));
}

#[actix_rt::test]
async fn the_board_works_in_every_version() {
    join_all(["2022-06-28", "2025-09-03", "2026-03-11"].map(works_in_version)).await;
}

async fn works_in_version(version: &str) {
    let mut home = Home::well();
    home.set("NOTION_VERSION", version);
    let board = Board::new(home).await;
    board.home.world.jobs_get_stuck(2, now());
    assert_eq!(verdicts(&board.cycle().await), [Some(true), Some(false)], "{version}");
}
