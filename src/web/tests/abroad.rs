//! What other programs show of us: badges and the feed.

use super::history::{incident, remember};
use super::page::ill_now;
use super::sample;
use super::support::{Choice, Told, Web};
use crate::domain::incident::{Incident, Phase};
use crate::domain::issue::IssueId;

#[actix_web::test]
async fn badges_say_how_it_is_and_are_not_kept_for_long() {
    let web = Web::start(Choice::default());
    let word = |told: &Told| {
        told.body.split("aria-label=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    assert_eq!(word(&web.get("/badge.svg").await).as_deref(), Some("EchoPilot: unknown"));
    web.publish(ill_now());
    for (path, expected) in [
        ("/badge.svg", "EchoPilot: issues"),
        ("/badge/openai.svg", "OpenAI: up"),
        ("/badge/notion.svg", "Notion: up"),
        ("/badge/jobs.svg", "Jobs: issues"),
    ] {
        let badge = web.get(path).await;
        assert_eq!(word(&badge).as_deref(), Some(expected));
        assert_eq!(
            (badge.header("content-type"), badge.header("cache-control")),
            (Some("image/svg+xml"), Some("max-age=30"))
        );
    }
    assert_eq!(web.get("/badge/else.svg").await.status.as_u16(), 404);
    assert_eq!(web.get("/icon/up.svg").await.status.as_u16(), 200);
}

#[actix_web::test]
async fn the_feed_has_an_entry_for_each_incident_that_changes_when_it_is_over() {
    let web = Web::start(Choice::default());
    let id = "0199f3a2-7c1e-7d4b-9a55-0d2f6b1c8e90";
    let text = "a <b> & \u{8}c".to_owned();
    let open = Incident { text, ..incident(id, IssueId::StuckJobs, Phase::Open) };
    remember(&web.store, vec![open.clone()]).await;
    let feed = web.get("/feed.xml").await.body;
    assert!(
        feed.contains(&format!("<id>urn:uuid:{id}</id>"))
            && feed.contains("<title>⚠\u{fe0f} a &#60;b&#62; &#38; c</title>"),
        "{feed}"
    );
    assert!(feed.contains(&format!("href=\"http://{}/incidents/{id}\"", web.address)));
    assert_eq!(feed.matches("<updated>2025-10-17T13:48:48Z</updated>").count(), 2);
    let over = Incident { phase: Phase::Resolved, resolved_at: Some(sample::moment()), ..open };
    remember(&web.store, vec![over]).await;
    let feed = web.get("/feed.xml").await.body;
    assert_eq!(feed.matches("<updated>2025-10-17T13:58:48Z</updated>").count(), 2, "{feed}");
    assert!(feed.contains("Resolved: ") && feed.contains("after 10m."));
}
