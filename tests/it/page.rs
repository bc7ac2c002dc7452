//! The status page as people see and use it, in a real browser: whole, readable and quiet in every state, at every width,
//! in the light and in the dark. What it looks like is kept in `target/screenshots`.

mod reading;
mod refreshing;

use auto_operator::demo::notion::JobRow;
use auto_operator::store::{Decision, Location, Sample, Store};
use chrono::TimeDelta;

use crate::support::browser::Browser;
use crate::support::{Home, OPS_TOKEN, Service, now};

/// A window that shows the page whole.
const WIDTHS: [(u32, u32); 2] = [(360, 740), (1280, 900)];

/// A home that somebody has watched for three months: mostly well, a bad day and a blind one, and a bad hour and a gap
/// within the last day.
async fn with_a_past(mut home: Home) -> Home {
    home.set("CHECK_INTERVAL", "5m");
    let runtime = tokio::runtime::Handle::current();
    let store = Store::open(&Location::File(home.file("watch.db")), runtime).await.expect("a store can be opened");
    let now = now();
    let sample = |minutes: i64, share: u64, stuck: u64| Sample {
        at: now - TimeDelta::minutes(minutes),
        ok: stuck == 0,
        openai: Some(true),
        notion: Some(true),
        jobs: Some(68),
        done: Some(68 * share / 100),
        low_qa: Some(3),
        avg_qa_tenths: Some(840 + (minutes as u64 / 40) % 5 * 9),
        stuck: Some(stuck),
        health_ms: Some(70 + (minutes as u64 * 7) % 50),
        openai_ms: Some(70 + (minutes as u64 * 7) % 50),
        notion_ms: Some(40 + (minutes as u64 * 11) % 30),
    };
    let days = (2..85).rev().flat_map(|day| [day * 1_440, day * 1_440 + 300]).map(|minutes| match minutes / 1_440 {
        20 => Sample { openai: Some(false), stuck: Some(40), done: Some(3), ..sample(minutes, 90, 40) },
        33 | 34 => Sample {
            notion: Some(false),
            jobs: None,
            done: None,
            avg_qa_tenths: None,
            stuck: None,
            ..sample(minutes, 0, 0)
        },
        _ => sample(minutes, 91, 0),
    });
    let hours = (1..=288).rev().filter(|number| !(150..165).contains(number)).map(|number| {
        let minutes = number * 5 + 1;
        let share = 88 + (number as u64 / 9) % 5;
        match number {
            60..75 => Sample { openai: Some(number % 3 == 0), ..sample(minutes, 70, 12) },
            75..80 => sample(minutes, share, 4),
            _ => sample(minutes, share, 0),
        }
    });
    for sample in days.chain(hours) {
        let decision = Decision { sample: Some(sample), ..Decision::default() };
        store.settle(|_| decision).await.expect("a sample can be kept");
    }
    store.close().await.expect("a store can be closed");
    home
}

/// Looks at a page at every width, in the light and in the dark.
async fn look(browser: &Browser, service: &Service, name: &str) {
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        for (width, height) in WIDTHS {
            browser.resize(width, height).await;
            browser.run("document.activeElement.blur(); scrollTo(0, 0)").await;
            browser.picture(&format!("{name}-{width}-{scheme}")).await;
            let wide = browser.run("return document.documentElement.scrollWidth").await;
            assert_eq!(wide, width, "{name} does not fit into {width} pixels");
            let found = browser.axe().await;
            assert!(found.is_empty(), "{name} at {width} pixels in the {scheme}: {found:#?}");
        }
    }
    assert_eq!(browser.console().await, Vec::<String>::new(), "the console says something of {name}");
    let elsewhere = |url: &&String| !url.starts_with(&service.url) && !url.starts_with("data:");
    let requests = browser.requests().await;
    assert!(requests.iter().any(|url| url.starts_with(&service.url)), "the page is asked for: {requests:?}");
    let left: Vec<&String> = requests.iter().filter(elsewhere).collect();
    assert!(left.is_empty(), "requests leave the host: {left:#?}");
}

async fn sign_in(browser: &Browser, service: &Service) {
    browser.open(&format!("{}/sign-in", service.url)).await;
    browser.fill("#token", OPS_TOKEN).await;
    browser.press("main form button").await;
    browser.wait_for(".said", "You are signed in.").await;
}

#[actix_rt::test]
async fn the_page_is_whole_when_all_is_well() {
    let home = with_a_past(Home::well()).await;
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    browser.open(&service.url).await;
    browser.wait_for("h1", "EchoPilot is well").await;
    assert_eq!(browser.count("#openai .cells").await, 2);
    assert_eq!(browser.count("#jobs svg.chart").await, 3);
    let time = browser.find("#now time").await;
    let utc = time.attr("title").await.expect("it has attributes").unwrap_or_default();
    assert!(utc.ends_with(" UTC"), "{utc:?}");
    look(&browser, &service, "well").await;
    browser.close().await;
}

#[actix_rt::test]
async fn the_page_is_whole_when_much_is_wrong_and_names_are_hostile() {
    let home = with_a_past(Home::on_demand()).await;
    home.world.has_the_sample_jobs(now());
    let names =
        ["<script>document.title = 'hacked'</script>".to_owned(), "ß🦀".repeat(900), "\u{202e}gpj.ecnis".to_owned()];
    let job = |name: String| JobRow {
        name,
        status: Some("Processing".into()),
        qa: None,
        created: now() - TimeDelta::hours(9),
        last_edited: now() - TimeDelta::hours(8),
    };
    home.world.notion.add_jobs(home.world.job_log, names.map(job));
    home.world.openai.revoke_key();
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    browser.open(&service.url).await;
    browser.wait_for("h1", "EchoPilot has 3 issues").await;
    assert_eq!(browser.count("#stuck").await, 0, "job names are for holders of a token");
    look(&browser, &service, "ill").await;
    sign_in(&browser, &service).await;
    let stuck = browser.text("#stuck").await;
    assert!(stuck.contains("<script>document.title = 'hacked'</script>"), "{stuck}");
    assert!(stuck.contains("And 23 more."), "{stuck}");
    look(&browser, &service, "ill-signed-in").await;
    browser.press("#open .what a").await;
    browser.wait_for("#story", "opened").await;
    browser.press("#incident form[action$='/1h'] button").await;
    browser.wait_for(".said", "Silenced for one hour").await;
    browser.press("#open .what a").await;
    browser.wait_for("#incident", "Silenced until").await;
    look(&browser, &service, "incident").await;
    browser.close().await;
}

#[actix_rt::test]
async fn the_page_is_whole_when_nobody_can_see() {
    let home = with_a_past(Home::well()).await;
    home.world.notion.unshare(home.world.job_log);
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    browser.open(&service.url).await;
    browser.wait_for("#jobs", "unknown").await;
    look(&browser, &service, "blind").await;
    browser.close().await;
}

#[actix_rt::test]
async fn the_page_is_whole_when_there_is_nothing() {
    let mut home = Home::on_demand();
    for party in ["OPENAI", "NOTION", "TELEGRAM", "SMTP", "OPS"] {
        home.without(party);
    }
    let service = home.serve().await;
    service.get("/ops-report").await;
    let browser = Browser::start().await;
    browser.open(&service.url).await;
    browser.wait_for("#openai", "not configured").await;
    browser.wait_for("#channels", "nobody is told anything").await;
    assert_eq!(browser.count("nav [href='/sign-in']").await, 0, "nobody can sign in");
    look(&browser, &service, "empty").await;
    browser.close().await;
}

#[actix_rt::test]
async fn somebody_signs_in_acknowledges_silences_and_signs_out_without_script() {
    let home = Home::well();
    home.world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    browser.without_script(true).await;
    browser.open(&format!("{}/sign-in", service.url)).await;
    browser.fill("#token", "not the token").await;
    browser.press("main form button").await;
    browser.wait_for(".refused", "The token is wrong.").await;
    sign_in(&browser, &service).await;

    browser.press("#open form[action$='/acknowledge'] button").await;
    browser.wait_for(".said", "The incident is acknowledged").await;
    browser.wait_for("#open", "acknowledged by operator").await;
    browser.press("#open form[action='/silences/stuck_jobs/1h'] button").await;
    browser.wait_for(".said", "Silenced for one hour").await;
    browser.wait_for("#open", "silenced until").await;
    let silences = service.get_all("/api/silences").await;
    assert_eq!(silences["silences"][0]["issue"], "stuck_jobs", "{silences:#}");
    browser.press("#open form[action$='/end'] button").await;
    browser.wait_for(".said", "The silence is ended").await;

    browser.press("#actors form[action='/actors/metrics/restart'] button").await;
    browser.wait_for(".said", "A fresh actor takes its place.").await;
    home.world.all_is_well_again(20, now());
    browser.press("form[action='/check'] button").await;
    browser.wait_for(".said", "A cycle is complete").await;
    browser.wait_for("#now", "EchoPilot is well").await;
    browser.press("form[action='/sign-out'] button").await;
    browser.wait_for(".said", "You are signed out.").await;
    assert_eq!(browser.count("form").await, 0);
    browser.close().await;
}

#[actix_rt::test]
async fn orders_are_given_with_script_too() {
    let home = Home::well();
    home.world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    sign_in(&browser, &service).await;
    browser.press("#open form[action$='/acknowledge'] button").await;
    browser.wait_for(".said", "The incident is acknowledged").await;
    browser.wait_for("#open", "acknowledged by operator").await;
    assert_eq!(browser.count("#open form[action$='/acknowledge']").await, 0);
    browser.press("#open form[action='/silences/stuck_jobs/4h'] button").await;
    browser.wait_for(".said", "Silenced for four hours").await;
    browser.wait_for("#open", "silenced until").await;
    assert_eq!(browser.run("return location.href").await, format!("{}/", service.url), "no address claims it");
    look(&browser, &service, "silenced").await;
    browser.come_back().await;
    browser.wait_for_count(".said", 0).await;
    let log = service.log.all().join("\n");
    assert!(log.contains(" stuck_jobs is acknowledged by operator") && log.contains(" of stuck_jobs until "), "{log}");
    browser.close().await;
}
