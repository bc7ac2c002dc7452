//! The page is refreshed in place: it shows how it is, and takes nothing away from whoever uses it.

use crate::support::browser::Browser;
use crate::support::server::{own_server, starts_again, stops};
use crate::support::{Home, Service, now};

use super::{look, sign_in};

/// The page of a service that looks when it is told to, for somebody who is signed in.
async fn opened(home: &Home) -> (Service, Browser) {
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    sign_in(&browser, &service).await;
    (service, browser)
}

#[actix_rt::test]
async fn the_page_refreshes_in_place_and_says_when_it_cannot() {
    let mut home = Home::well();
    home.set("CHECK_INTERVAL", "2s");
    let service = home.serve().await;
    let browser = Browser::start().await;
    browser.open(&service.url).await;
    browser.wait_for("h1", "EchoPilot is well").await;
    browser.run("window.isTheSame = true").await;
    home.world.jobs_get_stuck(7, now());
    browser.wait_for("h1", "EchoPilot has 1 issue").await;
    assert_eq!(browser.run("return window.isTheSame === true").await, true, "it was not loaded anew");
    assert_eq!(browser.run("return document.title").await, "EchoPilot has 1 issue");
    let icon = browser.run("return document.querySelector('link[rel=icon]').getAttribute('href')").await;
    assert_eq!(icon, "/icon/issues.svg");
    let shown = browser.text("#now time").await;
    assert!(!shown.contains("UTC"), "times are in the reader's zone: {shown}");
    service.signal("KILL").await;
    browser.wait_for("#lost", "cannot be refreshed").await;
    browser.close().await;
}

#[actix_rt::test]
async fn what_comes_and_goes_does_so_on_the_page() {
    let home = Home::well();
    let (service, browser) = opened(&home).await;
    browser.run("window.isTheSame = true").await;
    assert_eq!(browser.count("#stuck").await, 0);
    browser.wait_for_count(".said", 0).await;
    home.world.jobs_get_stuck(7, now());
    service.cycle().await;
    browser.wait_for_count("#stuck tbody tr", 7).await;
    browser.comes_to("h1", "EchoPilot has 1 issue").await;
    let order = browser.run("return [...document.querySelectorAll('main > [id]')].map((part) => part.id)").await;
    let parts = ["now", "open", "openai", "notion", "jobs", "legend", "stuck", "past", "actors", "channels", "gaps"];
    assert_eq!(order, serde_json::json!(parts), "each is in its place");
    home.world.all_is_well_again(20, now());
    service.cycles(3).await;
    browser.wait_for_count("#stuck", 0).await;
    browser.comes_to("#past", "7 job(s) stuck").await;
    assert_eq!(browser.run("return window.isTheSame === true").await, true, "it was not loaded anew");
    assert_eq!(browser.console().await, Vec::<String>::new());
    browser.open(&format!("{}/incidents", service.url)).await;
    browser.wait_for("#past", "7 job(s) stuck").await;
    look(&browser, &service, "past").await;
    browser.close().await;
}

#[actix_rt::test]
async fn a_refresh_leaves_focus_selection_and_scrolled_places() {
    let home = Home::well();
    home.world.jobs_get_stuck(3, now());
    let (service, browser) = opened(&home).await;
    browser.resize(360, 740).await;
    browser.wait_for_count(".said", 0).await;
    // Something that is scrolled, wherever tables fit.
    browser.run("document.styleSheets[0].insertRule('#actors table { width: 40rem !important }', 0)").await;
    let begin = "window.button = document.querySelector('#open form[action$=\"/silences/stuck_jobs/1h\"] button'); \
                 button.focus(); \
                 window.table = document.querySelector('#actors .scroll'); table.scrollLeft = 40; \
                 getSelection().selectAllChildren(document.querySelector('#channels-h')); \
                 document.querySelector('#channels').scrollIntoView();";
    browser.run(begin).await;
    let state = "return [document.activeElement === window.button, button.isConnected, button.form.action.split('/').pop(), \
                 table.isConnected, table.scrollLeft, String(getSelection()), \
                 scrollY > 300]";
    let top = "return document.querySelector('#channels').getBoundingClientRect().top";
    let place = browser.run(top).await.as_f64();
    let before = browser.run(state).await;
    assert_eq!(before, serde_json::json!([true, true, "1h", true, 40, "Channels", true]));
    // An issue that is listed before the one with the focus, and one form less beside it.
    home.world.openai.revoke_key();
    let open = service.get_all("/api/incidents?state=open").await;
    let id = open["incidents"][0]["id"].as_str().expect("an incident is open");
    let taken = service.order("POST", &format!("/api/incidents/{id}/ack"), &serde_json::json!({"by": "ada"})).await;
    assert_eq!(taken.status, 200);
    service.cycle().await;
    browser.comes_to("#now h1", "EchoPilot has 2 issues").await;
    browser.comes_to("#open", "acknowledged by ada").await;
    assert_eq!(browser.run(state).await, before);
    // What is read stays where it is, as far as there are pixels.
    let moved = browser.run(top).await.as_f64().zip(place).map(|(after, before)| (after - before).abs());
    assert!(moved.is_some_and(|moved| moved <= 1.0), "{moved:?}");
    // What is over is taken away, and nothing else gets the focus in its place.
    home.world.all_is_well_again(20, now());
    service.cycles(3).await;
    browser.wait_for_count(&format!("#incident-{id}"), 0).await;
    let focused = browser.run("return document.activeElement.tagName").await;
    assert_eq!(focused, "BODY");
    browser.close().await;
}

#[actix_rt::test]
async fn neither_a_script_of_others_nor_an_order_that_was_stopped_keeps_the_page_from_going_on() {
    let home = Home::well();
    let (service, browser) = opened(&home).await;
    let begin = "window.isTheSame = true; \
                 document.head.prepend(Object.assign(document.createElement('script'), { type: 'text/plain' })); \
                 document.addEventListener('submit', (event) => event.preventDefault()); \
                 document.querySelector('form[action=\"/check\"]').requestSubmit()";
    browser.run(begin).await;
    home.world.jobs_get_stuck(7, now());
    service.cycle().await;
    // Somebody has gone elsewhere meanwhile, and comes back.
    browser.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    browser.wait_for("h1", "EchoPilot has 1 issue").await;
    assert_eq!(browser.run("return window.isTheSame === true").await, true, "it was not loaded anew");
    browser.close().await;
}

#[actix_rt::test]
async fn a_lost_history_is_said_as_long_as_it_is_lost() {
    let server = own_server().await;
    let database = server.database();
    let mut home = Home::well();
    home.set("DATABASE_URL", &database.url());
    let (_service, browser) = opened(&home).await;
    assert_eq!(browser.count("#no-history").await, 0);
    stops(server).await;
    browser.wait_for_count("#no-history", 1).await;
    browser.wait_for("#no-history", "The history cannot be read").await;
    let found = browser.axe().await;
    assert!(found.is_empty(), "{found:#?}");
    browser.resize(360, 740).await;
    assert_eq!(browser.run("return document.documentElement.scrollWidth").await, 360);
    browser.picture("lost-history-360").await;
    starts_again(server).await;
    browser.wait_for_count("#no-history", 0).await;
    browser.close().await;
}

#[actix_rt::test]
async fn whoever_waits_asks_once_and_not_for_ever() {
    let home = Home::well();
    let (service, browser) = opened(&home).await;
    browser.wait_for_count(".said", 0).await;
    browser.requests().await;
    service.freeze().await;
    for _ in 0..5 {
        browser.come_back().await;
    }
    browser.wait_for("#lost", "cannot be refreshed").await;
    let asked = browser.requests().await;
    assert_eq!(asked.len(), 1, "one at a time: {asked:?}");
    for (width, height) in super::WIDTHS {
        browser.resize(width, height).await;
        let found = browser.axe().await;
        assert!(found.is_empty(), "{found:#?}");
        assert_eq!(browser.run("return document.documentElement.scrollWidth").await, width);
    }
    service.thaw().await;
    browser.wait_for_count("#lost:not([hidden])", 0).await;
    browser.close().await;
}

#[actix_rt::test]
async fn whoever_is_no_longer_signed_in_sees_that() {
    let mut home = Home::well();
    home.world.jobs_get_stuck(3, now());
    let (service, browser) = opened(&home).await;
    browser.lose_cookie("session").await;
    browser.wait_for_count("#stuck, main form", 0).await;
    browser.comes_to("nav", "Sign in").await;
    browser.close().await;
    service.signal("TERM").await;

    home.set("OPS_READ_TOKEN", "for-those-who-read");
    let (service, browser) = opened(&home).await;
    browser.lose_cookie("session").await;
    browser.come_back().await;
    browser.wait_for("h1", "Sign in").await;
    browser.wait_for("main", "Reading this page needs a token.").await;
    assert_eq!(browser.run("return location.href").await, format!("{}/", service.url));
    browser.close().await;
}
