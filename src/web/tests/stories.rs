//! Incidents on the pages: many of them, and the story of one.

use chrono::{TimeDelta, Utc};

use super::history::{incident, remember};
use super::page::{ill_now, owned, section};
use super::sample;
use super::support::{Choice, Web};
use crate::domain::history::What;
use crate::domain::incident::{Change, Held, Incident, Phase};
use crate::domain::issue::IssueId;
use crate::domain::report::Overview;
use crate::store::{Decision, Recorded};

#[actix_web::test]
async fn ten_thousand_incidents_leave_the_page_as_it_is() {
    let web = Web::showing(sample::well_at(Utc::now()), Choice::default());
    for block in 0..20_i64 {
        let incidents = (0..500).map(|number| {
            let since = Utc::now() - TimeDelta::minutes(block * 500 + number);
            let over = incident(&format!("i-{block}-{number}"), IssueId::StuckJobs, Phase::Resolved);
            Incident { since, resolved_at: Some(since + TimeDelta::minutes(1)), ..over }
        });
        remember(&web.store, incidents.collect()).await;
    }
    let page = web.get("/").await;
    let past = section(&page, "past");
    assert_eq!(past.matches("href=\"/incidents/").count(), 40);
    assert!(page.body.len() < 150_000, "{}", page.body.len());
    assert!(!page.body.contains("cannot be read"));
    let older = |page: &str| {
        let link = page.split("<a href=\"").find(|link| link.contains("Older incidents"))?;
        link.split('"').next().map(str::to_owned)
    };
    let mut next = older(past).unwrap();
    for _ in 0..3 {
        let page = web.get(&next).await;
        assert_eq!((page.status.as_u16(), page.body.matches("id=\"past-i-").count()), (200, 60), "{next}");
        let going_on = older(&page.body).unwrap();
        assert!(going_on != next && page.body.contains("<a href=\"/incidents\">The newest</a>"), "{}", page.body);
        next = going_on;
    }
    let first = web.get("/incidents").await;
    assert!(first.body.contains("id=\"past-i-0-0\"") && !first.body.contains("The newest"), "{}", first.body);
    let wrong = web.get("/incidents?after=nonsense").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("content-type")), (400, Some("text/html; charset=utf-8")));
    let feed = web.get("/feed.xml").await;
    assert_eq!(
        (feed.body.matches("<entry>").count(), feed.header("content-type")),
        (50, Some("application/atom+xml; charset=utf-8"))
    );
}

#[actix_web::test]
async fn an_incident_has_its_own_page() {
    let web = Web::showing(ill_now(), owned());
    let open = Incident { detail: "what <Notion> said".into(), ..incident("i-1", IssueId::StuckJobs, Phase::Open) };
    remember(&web.store, vec![open]).await;
    web.order("POST", "/api/incidents/i-1/ack", r#"{"by": "<ada>"}"#).await;
    let page = web.get("/incidents/i-1").await;
    assert_eq!(page.status.as_u16(), 200);
    assert!(section(&page, "story").contains("acknowledged by <bdi>&#60;ada&#62;</bdi>"), "{}", page.body);
    assert!(!page.body.contains("Notion"));
    assert!(web.get_with("ops", "/incidents/i-1").await.body.contains("what &#60;Notion&#62; said"));
    let at = "title=\"2025-10-17 13:48:48 UTC\" data-exact>17 Oct, 13:48:48 UTC</time>";
    assert!(section(&page, "incident").contains(at), "to the second: {}", page.body);
    for unknown in ["/incidents/i-2", "/incidents/%3Cscript%3E", "/incidents/a%00b"] {
        let told = web.get(unknown).await;
        assert_eq!((told.status.as_u16(), told.header("content-type")), (404, Some("text/html; charset=utf-8")));
        assert!(told.body.contains("There is no such incident") && told.body.contains("<a href=\"/\">status page"));
        assert!(!told.body.contains("data-refresh"), "there is nothing to wait for");
    }
    let told = web.get("/api/incidents/i-2").await;
    assert_eq!(told.header("content-type"), Some("application/problem+json"));
    web.store.close().await.unwrap();
    let told = web.get("/incidents/i-1").await;
    assert_eq!((told.status.as_u16(), told.header("retry-after")), (503, Some("5")));
    assert!(told.body.contains("cannot be shown now"), "{}", told.body);
}

#[actix_web::test]
async fn what_explains_an_incident_is_named_as_long_as_it_is_there() {
    let held =
        |phase| Incident { held: Held::By(IssueId::NotionOffline), ..incident("i-1", IssueId::StuckJobs, phase) };
    let cause = incident("i-2", IssueId::NotionOffline, Phase::Open);
    let web = Web::start(owned());
    for (phase, incidents, is_named) in [
        (Phase::Open, vec![held(Phase::Open), cause.clone()], true),
        (Phase::Recovering, vec![held(Phase::Recovering)], false),
        (Phase::Resolved, vec![cause], false),
    ] {
        remember(&web.store, vec![held(phase)]).await;
        web.publish(Overview { incidents, ..ill_now() });
        let own = web.get("/incidents/i-1").await.body;
        assert_eq!(own.contains("Held back by"), is_named, "{phase:?}: {own}");
        let page = web.get("/").await;
        assert_eq!(section(&page, "open").contains("held back by"), is_named, "{phase:?}");
    }
}

#[actix_web::test]
async fn a_long_story_is_told_page_by_page() {
    let web = Web::showing(ill_now(), owned());
    let open = incident("i-1", IssueId::StuckJobs, Phase::Open);
    let what = |number: usize| Recorded {
        incident_id: "i-1".into(),
        at: sample::moment() + TimeDelta::seconds(i64::try_from(number).unwrap()),
        what: What::Worsened,
        text: format!("change {number}."),
        by: None,
    };
    let stepped = vec![(open, Change::None)];
    let decision = Decision { stepped, entries: (1..=130).map(what).collect(), ..Decision::default() };
    web.store.settle(|_| decision).await.unwrap();
    let mut seen = vec![];
    for (path, count, links) in [
        ("/incidents/i-1", 60, &["?page=2"][..]),
        ("/incidents/i-1?page=2", 60, &["?page=1", "?page=3"]),
        ("/incidents/i-1?page=3", 10, &["?page=2"]),
        ("/incidents/i-1?page=99", 10, &["?page=2"]),
        ("/incidents/i-1?page=0", 60, &["?page=2"]),
        ("/incidents/i-1?page=x", 60, &["?page=2"]),
    ] {
        let page = web.get(path).await;
        let story = section(&page, "story");
        assert_eq!(story.matches("<bdi>change ").count(), count, "{path}");
        let found: Vec<&str> = page.body.split("href=\"/incidents/i-1").skip(1).map(|rest| &rest[..7]).collect();
        assert_eq!(found, links, "{path}");
        seen.extend(story.split("<bdi>change ").skip(1).map(|rest| rest.split('.').next().unwrap().to_owned()));
    }
    assert!((1..=130).all(|number| seen.contains(&number.to_string())), "each is on some page: {seen:?}");
}
