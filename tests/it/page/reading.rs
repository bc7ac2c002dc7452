//! The pages as they are read: elsewhere in the world, on paper, by keyboard, by other programs.

use auto_operator::demo::notion::JobRow;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::{Home, now};

use super::{look, sign_in, with_a_past};

/// A service where much is wrong.
async fn ill() -> Home {
    let home = with_a_past(Home::on_demand()).await;
    home.world.has_the_sample_jobs(now());
    home.world.openai.revoke_key();
    home
}

#[actix_rt::test]
async fn times_are_those_of_where_the_reader_is() {
    let home = Home::well();
    home.world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    browser.live_in("Asia/Kolkata").await;
    browser.open(&service.url).await;
    browser.press("#open .what a").await;
    browser.wait_for("#story", "opened").await;
    let at = |time: &Value| -> DateTime<Utc> {
        let text = time[0].as_str().expect("a time has a moment");
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let there = TimeDelta::minutes(330);
    let times = "return [...document.querySelectorAll('main time')].map((time) => [time.dateTime, time.textContent, time.title])";
    let shown = browser.run(times).await;
    let first = &shown[0];
    let (shown, title) = (first[1].as_str().expect("a text"), first[2].as_str().expect("a title"));
    assert!(shown.contains(&(at(first) + there).format("%M:%S").to_string()), "to the second, there: {first}");
    assert_eq!(title, at(first).format("%Y-%m-%d %H:%M:%S UTC").to_string());

    browser.open(&service.url).await;
    browser.run("window.isTheSame = true").await;
    for _ in 0..2 {
        let shown = browser.run(times).await;
        let shown = shown.as_array().expect("a list");
        assert!(shown.len() > 3, "{shown:?}");
        for time in shown {
            let local = at(time) + there;
            let text = time[1].as_str().expect("a text");
            let hours = [local.format("%H:%M").to_string(), local.format("%I:%M").to_string()];
            assert!(hours.iter().any(|hour| text.contains(hour)) && !text.contains("UTC"), "{time}");
            assert!(text.contains(&local.format("%-d").to_string()), "the day is that of there: {time}");
        }
        // It stays so when it is refreshed.
        home.world.openai.revoke_key();
        service.cycle().await;
        browser.comes_to("h1", "EchoPilot has 2 issues").await;
    }
    assert_eq!(browser.run("return window.isTheSame === true").await, true);
    let drawn = browser.run("return document.querySelector('#jobs svg')?.textContent ?? 'UTC'").await;
    assert!(
        drawn.as_str().is_some_and(|text| text.contains("UTC")),
        "what is drawn says whose times these are: {drawn}"
    );
    browser.close().await;
}

#[actix_rt::test]
async fn on_paper_nothing_is_cut_dark_or_to_be_pressed() {
    let home = ill().await;
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    sign_in(&browser, &service).await;
    // A4 between the margins of a browser.
    browser.print(718).await;
    let cut = "const wide = [...document.querySelectorAll('main *')].filter((part) => { \
                 const place = part.getBoundingClientRect(); \
                 return place.width > 0 && (place.right > innerWidth + 1 || place.left < -1); }); \
               const inside = [...document.querySelectorAll('.scroll')].filter((part) => part.scrollWidth > part.clientWidth + 1); \
               return [...wide, ...inside].map((part) => part.outerHTML.slice(0, 100))";
    assert_eq!(browser.run(cut).await, json!([]));
    let to_press = "return [...document.querySelectorAll('button, input, nav, .order, #said, #lost')] \
                    .filter((part) => part.getClientRects().length > 0).map((part) => part.outerHTML)";
    assert_eq!(browser.run(to_press).await, json!([]));
    let colours = "const of = (selector) => getComputedStyle(document.querySelector(selector)); \
                   return [of('body').backgroundColor, of('.card').backgroundColor, of('.card h2').color, of('.soft').color]";
    let white = "rgb(255, 255, 255)";
    assert_eq!(browser.run(colours).await, json!([white, white, "rgb(27, 36, 48)", "rgb(80, 93, 108)"]));
    browser.picture("printed").await;
    browser.close().await;
}

#[actix_rt::test]
async fn on_a_phone_tables_are_whole_and_each_figure_says_what_it_is() {
    let home = ill().await;
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    sign_in(&browser, &service).await;
    browser.resize(360, 740).await;
    let cut = "return [...document.querySelectorAll('.scroll, .scroll td, .scroll tbody th, .scroll button')] \
               .filter((part) => part.getBoundingClientRect().right > 344 || part.scrollWidth > part.clientWidth + 1) \
               .map((part) => part.outerHTML.slice(0, 100))";
    assert_eq!(browser.run(cut).await, json!([]));
    let said = "return [...document.querySelectorAll('#actors tbody tr:first-child td, #channels tbody tr:first-child td')] \
                .map((cell) => getComputedStyle(cell, '::before').content).filter((said) => said !== 'none')";
    let said = browser.run(said).await.to_string();
    for name in ["Restarts", "Last failure", "Last delivered", "Last error"] {
        assert!(said.contains(name), "{said} does not say {name}");
    }
    let name = "return Math.min(...[...document.querySelectorAll('#stuck tbody th')].map((name) => name.clientWidth))";
    assert!(browser.run(name).await.as_f64().is_some_and(|width| width > 280.0), "names have the whole line");
    browser.close().await;
}

#[actix_rt::test]
async fn each_control_is_reached_by_keyboard_in_its_order_and_seen() {
    let home = ill().await;
    let service = home.serve().await;
    service.cycle().await;
    let browser = Browser::start().await;
    sign_in(&browser, &service).await;
    let controls = "window.controls = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), [tabindex]')]; \
                    getSelection().removeAllRanges(); document.activeElement.blur(); \
                    return controls.map((control) => control.outerHTML.slice(0, 120))";
    let controls = browser.run(controls).await;
    let controls = controls.as_array().expect("a list");
    assert!(controls.len() > 40, "{controls:#?}");
    for (place, control) in controls.iter().enumerate() {
        browser.tab().await;
        let reached = "const style = getComputedStyle(document.activeElement); \
                       const place = document.activeElement.getBoundingClientRect(); \
                       const isSeen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && \
                         place.right > 0 && place.bottom > 0 && place.top < innerHeight && place.left < innerWidth; \
                       return [controls.indexOf(document.activeElement), isSeen]";
        assert_eq!(browser.run(reached).await, json!([place, true]), "{control}");
    }
    browser.close().await;
}

#[actix_rt::test]
async fn a_form_to_sign_in_is_whole_at_first_and_when_it_refuses() {
    let home = Home::well();
    let service = home.serve().await;
    let browser = Browser::start().await;
    browser.open(&format!("{}/sign-in", service.url)).await;
    browser.wait_for("h1", "Sign in").await;
    look(&browser, &service, "sign-in").await;
    browser.fill("#token", "not the token").await;
    browser.press("main form button").await;
    browser.wait_for(".refused", "The token is wrong.").await;
    // Chromium itself notes in the console that the answer was a 401.
    browser.console().await;
    look(&browser, &service, "sign-in-refused").await;
    browser.open(&format!("{}/incidents/none-of-ours", service.url)).await;
    browser.wait_for("h1", "There is no such incident").await;
    browser.console().await;
    look(&browser, &service, "no-incident").await;
    browser.close().await;
}

#[actix_rt::test]
async fn what_other_programs_read_is_xml_whatever_the_names_are() {
    let mut home = Home::on_demand();
    home.set("SERVICE_NAME", "Echo & <Pilot> \"1\"");
    let job = |name: &str| JobRow {
        name: name.into(),
        status: Some("Processing".into()),
        qa: None,
        created: now() - TimeDelta::hours(9),
        last_edited: now() - TimeDelta::hours(8),
    };
    home.world.notion.add_jobs(home.world.job_log, ["]]> & <b>", "\u{202e}x", "a\u{b}b"].map(job));
    home.world.openai.revoke_key();
    let service = home.serve().await;
    service.cycle().await;
    let open = service.get_all("/api/incidents?state=open").await;
    let id = open["incidents"][0]["id"].as_str().expect("an incident is open");
    let by = json!({"by": "<ada> & \u{fffe}co"});
    assert_eq!(service.order("POST", &format!("/api/incidents/{id}/ack"), &by).await.status, 200);
    let browser = Browser::start().await;
    browser.open(&service.url).await;
    for (path, root, text) in [
        ("/feed.xml", "feed", "Incidents of Echo & <Pilot> \"1\""),
        ("/feed.xml", "feed", "Acknowledged by <ada> & co."),
        ("/badge.svg", "svg", "Echo & <Pilot> \"1\": issues"),
        ("/badge/openai.svg", "svg", "OpenAI: issues"),
        ("/badge/jobs.svg", "svg", "Jobs: "),
        ("/icon/issues.svg", "svg", "!"),
    ] {
        let answer = service.get(path).await;
        let body = String::from_utf8(answer.body).expect("XML is UTF-8");
        let parse = format!(
            "const page = new DOMParser().parseFromString({}, 'application/xml'); \
             return [page.querySelector('parsererror')?.textContent ?? null, page.documentElement.localName, \
             page.documentElement.textContent]",
            Value::String(body)
        );
        let parsed = browser.run(&parse).await;
        assert_eq!((&parsed[0], &parsed[1]), (&Value::Null, &json!(root)), "{path}: {parsed:#}");
        let said = parsed[2].as_str().unwrap_or_default();
        assert!(said.contains(text), "{path} does not say {text:?}: {said}");
    }
    browser.close().await;
}
