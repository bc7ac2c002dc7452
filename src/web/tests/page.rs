//! The pages as HTML: what they say of whom and to whom, and what they never say.

use chrono::{SubsecRound, TimeDelta, Utc};

use super::history::{incident, remember};
use super::sample;
use super::support::{Choice, Told, Web};
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::incident::{Incident, Phase};
use crate::domain::issue::IssueId;
use crate::domain::job::{Metrics, StuckJob, StuckJobs};
use crate::domain::report::{Answer, CheckName, Figures, Latency, Overview, Report, Section, Sight};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn owned() -> Choice {
    Choice { ops_token: Some("ops"), ..Choice::default() }
}

/// The ill sample as if it were of now.
fn ill_now() -> Overview {
    let mut overview = sample::ill();
    overview.report.timestamp = Utc::now() - TimeDelta::seconds(12);
    overview
}

/// What stands between the beginning of an element of this id and the end of its section.
fn section<'a>(page: &'a Told, id: &str) -> &'a str {
    let begin = page.body.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {}", page.body));
    page.body[begin..].split("</section>").next().unwrap()
}

/// Signs in with a token; the cookie, as a browser sends it back.
async fn sign_in(web: &Web, token: &str) -> String {
    let told = web.send("POST", "/sign-in", &[FORM], &format!("token={token}")).await;
    assert_eq!((told.status.as_u16(), told.header("location")), (303, Some("/?did=signed-in")), "{}", told.body);
    let cookie = told.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// The page as whoever has this cookie sees it, and what its forms hold.
async fn seen(web: &Web, cookie: &str) -> (Told, String) {
    let page = web.ask("GET", "/", &[("cookie", cookie)]).await;
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let csrf = csrf.unwrap_or_default().to_owned();
    (page, csrf)
}

async fn press(web: &Web, cookie: &str, path: &str, csrf: &str) -> Told {
    web.send("POST", path, &[FORM, ("cookie", cookie)], &format!("csrf={csrf}")).await
}

#[actix_web::test]
async fn the_page_says_at_a_glance_how_it_is() {
    let web = Web::start(Choice::default());
    let page = web.get("/").await;
    assert_eq!(page.status.as_u16(), 200);
    assert!(section(&page, "now").contains("Nobody knows how EchoPilot is"));
    assert!(section(&page, "now").contains("Nobody has looked yet"));

    web.publish(sample::well_at(Utc::now()));
    let page = web.get("/").await;
    assert!(page.body.contains("<title>EchoPilot is well</title>"), "{}", page.body);
    assert!(section(&page, "openai").contains("answers") && section(&page, "jobs").contains("1 of 1"));
    assert!(section(&page, "open").contains("None."));

    web.publish(ill_now());
    let page = web.get("/").await;
    let now = section(&page, "now");
    assert!(now.contains("EchoPilot has 2 issues") && now.contains("⚠\u{fe0f} 137 job(s) stuck"), "{now}");
    assert!(section(&page, "jobs").contains("<dd>5.9%</dd>") && section(&page, "jobs").contains("<dd>137</dd>"));

    web.publish(sample::well());
    let page = web.get("/").await;
    assert!(section(&page, "now").contains("Nobody knows") && section(&page, "now").contains("⚪ Last check was"));
    assert!(section(&page, "openai").contains("unknown"), "what is old is not taken for well");
}

#[actix_web::test]
async fn what_nobody_could_see_is_unknown_and_not_zero() {
    let fault = Fault {
        status: Some(401),
        detail: "token <b>".into(),
        ..Fault::new(Party::Notion, FaultKind::Unauthorized, "")
    };
    let blind = |check| Section { check, took: std::time::Duration::ZERO, sight: Sight::Blind(fault.clone()) };
    let figures = Figures::Health { openai: Answer::NotConfigured, notion: Answer::Yes, latency: Latency::default() };
    let health = Section { sight: Sight::Seen { figures, issues: vec![] }, ..blind(CheckName::Health) };
    let sections = vec![health, blind(CheckName::Metrics), blind(CheckName::StuckJobs)];
    let report = Report::assemble(1, Utc::now(), sections);
    let web = Web::showing(Overview { report, incidents: vec![], gaps: vec![] }, owned());
    let page = web.get("/").await;
    assert!(section(&page, "now").contains("Nobody knows how EchoPilot is"));
    assert!(section(&page, "openai").contains("not configured"));
    let jobs = section(&page, "jobs");
    assert_eq!(jobs.matches("<dd>unknown</dd>").count(), 5, "{jobs}");
    assert!(jobs.contains("Notion unauthorized (401)") && !jobs.contains("token"), "{jobs}");
    let cookie = sign_in(&web, "ops").await;
    assert!(section(&seen(&web, &cookie).await.0, "jobs").contains("token &#60;b&#62;"));
}

#[actix_web::test]
async fn hostile_names_are_cut_escaped_and_set_apart_and_many_are_bounded() {
    let job = |name: &str, url: &str| StuckJob {
        name: name.into(),
        status: Some("<i>".into()),
        last_edited: Utc::now() - TimeDelta::hours(2),
        url: url.into(),
    };
    let mut stuck = StuckJobs::default();
    stuck.add(job("<script>alert(1)</script>", "javascript:alert(1)"));
    stuck.add(job(&"x".repeat(10_000), "https://www.notion.so/1"));
    stuck.add(job("\u{202e}gnp.exe 🦀", "https://www.notion.so/2?a=\"b"));
    (0..997).for_each(|number| stuck.add(job(&format!("{number} {}", "ä".repeat(500)), "https://www.notion.so/3")));
    let mut overview = sample::well_at(Utc::now());
    let figures = Figures::StuckJobs(stuck);
    overview.report.sections[2].sight = Sight::Seen { figures, issues: vec![] };
    let web = Web::showing(overview, owned());
    let public = web.get("/").await;
    assert!(!public.body.contains("alert(1)") && !public.body.contains("gnp.exe"));

    let cookie = sign_in(&web, "ops").await;
    let (page, _) = seen(&web, &cookie).await;
    let stuck = section(&page, "stuck");
    assert!(stuck.contains("<bdi>&#60;script&#62;alert(1)&#60;/script&#62;</bdi>"), "{stuck}");
    assert!(!page.body.contains("javascript:") && !page.body.contains("<script>") && !page.body.contains("a=\"b"));
    assert!(!page.body.contains(&"x".repeat(81)) && stuck.contains("<bdi>\u{202e}gnp.exe 🦀</bdi>"));
    assert!(stuck.contains("And 970 more."));
    assert!(page.body.len() < 150_000, "{}", page.body.len());
}

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
    assert!(past.contains("Older ones:") && page.body.len() < 150_000, "{}", page.body.len());
    assert!(!page.body.contains("cannot be read"));
    let feed = web.get("/feed.xml").await;
    assert_eq!(
        (feed.body.matches("<entry>").count(), feed.header("content-type")),
        (50, Some("application/atom+xml; charset=utf-8"))
    );
}

#[actix_web::test]
async fn a_store_that_does_not_answer_takes_only_the_history_away() {
    let web = Web::showing(ill_now(), Choice::default());
    web.store.close().await.unwrap();
    let page = web.get("/").await;
    assert_eq!(page.status.as_u16(), 200);
    assert!(
        page.body.contains("The history cannot be read at the moment.") && section(&page, "now").contains("2 issues")
    );
}

#[actix_web::test]
async fn a_page_runs_nothing_but_our_own_script_and_keeps_nothing() {
    let web = Web::showing(ill_now(), Choice::default());
    let page = web.get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';") && !policy.contains("unsafe")
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(!page.body.contains(" style=") && !page.body.contains("<style") && !page.body.contains(" onclick"));
    for (kind, path) in [("text/css; charset=utf-8", "/page.css?v="), ("text/javascript; charset=utf-8", "/page.js?v=")]
    {
        let named = page.body.split('"').find(|text| text.starts_with(path)).unwrap();
        let asset = web.get(named).await;
        assert_eq!((asset.status.as_u16(), asset.header("content-type")), (200, Some(kind)));
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
        assert_eq!(web.get(path).await.header("cache-control"), Some("no-cache"));
    }
}

#[actix_web::test]
async fn a_wrong_token_opens_nothing_and_too_many_are_too_many() {
    let web = Web::showing(ill_now(), owned());
    let page = web.get("/").await;
    assert!(page.body.contains("href=\"/sign-in\"") && !page.body.contains("name=\"csrf\""));
    assert!(web.get("/sign-in").await.body.contains("name=\"token\" type=\"password\""));
    let told = web.send("POST", "/sign-in", &[FORM], "token=wrong").await;
    assert_eq!((told.status.as_u16(), told.header("set-cookie")), (401, None));
    assert!(told.body.contains("The token is wrong."));
    let mut last = told;
    for _ in 0..50 {
        last = web.send("POST", "/sign-in", &[FORM], "token=wrong").await;
    }
    assert_eq!(last.status.as_u16(), 429);
    assert!(last.header("retry-after").is_some());
    let without = Web::start(Choice::default());
    assert!(!without.get("/").await.body.contains("/sign-in"));
    assert_eq!(without.get("/sign-in").await.status.as_u16(), 404);
}

#[actix_web::test]
async fn reading_that_needs_a_token_shows_the_form_instead() {
    let choice = Choice { read_token: Some("read"), ..owned() };
    let web = Web::showing(ill_now(), choice);
    for path in ["/", "/incidents/i-1"] {
        let told = web.get(path).await;
        assert_eq!(told.status.as_u16(), 401);
        assert!(told.body.contains("Reading this page needs a token.") && !told.body.contains("job(s)"));
    }
    for path in ["/badge.svg", "/badge/jobs.svg", "/feed.xml"] {
        assert_eq!(web.get(path).await.status.as_u16(), 401);
        assert_eq!(web.get_with("read", path).await.status.as_u16(), 200);
    }
    let cookie = sign_in(&web, "read").await;
    let (page, _) = seen(&web, &cookie).await;
    assert!(
        page.body.contains("Summarise the interview") && !page.body.contains("/restart\""),
        "a reader gives no orders"
    );
    assert!(page.body.contains("Sign out"));
    assert_eq!(web.ask("GET", "/api/incidents", &[("cookie", &cookie)]).await.status.as_u16(), 401, "only for pages");
}

#[actix_web::test]
async fn orders_need_the_session_and_what_its_pages_hold() {
    let web = Web::start(owned());
    let stuck = incident("i-1", IssueId::StuckJobs, Phase::Open);
    remember(&web.store, vec![stuck.clone()]).await;
    let mut overview = ill_now();
    overview.incidents = vec![stuck];
    web.publish(overview);
    let cookie = sign_in(&web, "ops").await;
    let (page, csrf) = seen(&web, &cookie).await;
    assert!(page.body.contains("Summarise the interview") && page.body.contains("https://www.notion.so/"));

    let refused = Some("/?did=not-yours");
    for path in
        ["/incidents/i-1/acknowledge", "/silences/all/1h", "/silences/x/end", "/actors/health/restart", "/check"]
    {
        assert_eq!(press(&web, "", path, &csrf).await.header("location"), refused);
        assert_eq!(press(&web, &cookie, path, "").await.header("location"), refused);
        assert_eq!(press(&web, &cookie, path, "0123").await.header("location"), refused);
        let foreign = [FORM, ("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
        let told = web.send("POST", path, &foreign, &format!("csrf={csrf}")).await;
        assert_eq!(told.header("location"), refused);
        assert_eq!(web.ask("GET", path, &[("cookie", &cookie)]).await.status.as_u16(), 405);
    }
    assert_eq!(web.store.silences(Utc::now()).await.unwrap(), []);

    let told = press(&web, &cookie, "/incidents/i-1/acknowledge", &csrf).await;
    assert_eq!((told.status.as_u16(), told.header("location")), (303, Some("/?did=acknowledged")));
    let said = web.ask("GET", "/?did=acknowledged", &[("cookie", &cookie)]).await;
    assert!(said.body.contains("The incident is acknowledged"));
    assert!(section(&said, "open").contains("acknowledged by <bdi>operator</bdi>"));
    let told = press(&web, &cookie, "/incidents/i-1/acknowledge", &csrf).await;
    assert_eq!(told.header("location"), Some("/?did=already"));
    let told = press(&web, &cookie, "/incidents/i-9/acknowledge", &csrf).await;
    assert_eq!(told.header("location"), Some("/?did=not-open"));

    let told = press(&web, &cookie, "/silences/stuck_jobs/4h", &csrf).await;
    assert_eq!(told.header("location"), Some("/?did=silenced-4h"));
    let silences = web.store.silences(Utc::now()).await.unwrap();
    let silence = &silences[0];
    let end = (silence.created + TimeDelta::hours(4) + TimeDelta::nanoseconds(999_999_999)).trunc_subsecs(0);
    assert_eq!((silence.issue, silence.until), (Some(IssueId::StuckJobs), end), "in whole seconds, as cycles count");
    let (page, _) = seen(&web, &cookie).await;
    assert!(section(&page, "open").contains("silenced until <time"));
    let told = press(&web, &cookie, &format!("/silences/{}/end", silence.id), &csrf).await;
    assert_eq!(told.header("location"), Some("/?did=told-again"));
    assert_eq!(web.store.silences(Utc::now()).await.unwrap(), []);
    assert_eq!(press(&web, &cookie, "/silences/stuck_jobs/9h", &csrf).await.status.as_u16(), 404);
    assert_eq!(press(&web, &cookie, "/silences/nothing/1h", &csrf).await.status.as_u16(), 400);
    assert_eq!(press(&web, &cookie, "/actors/nobody/restart", &csrf).await.status.as_u16(), 404);

    let told = press(&web, &cookie, "/check", &csrf).await;
    assert_eq!(told.header("location"), Some("/?did=not-checked"), "the Scheduler of this test completes none");
    assert_eq!(web.cycles_asked.load(std::sync::atomic::Ordering::SeqCst), 1);

    let told = press(&web, &cookie, "/sign-out", &csrf).await;
    assert!(told.header("set-cookie").unwrap().contains("Max-Age=0"));
}

#[actix_web::test]
async fn an_address_has_the_page_say_only_sentences_of_ours() {
    let web = Web::showing(ill_now(), owned());
    assert!(web.get("/?did=signed-out").await.body.contains("class=\"said\""));
    assert!(!web.get("/?did=%3Cscript%3E").await.body.contains("class=\"said\""));
    assert!(!web.get("/?said=hello").await.body.contains("class=\"said\""));
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
    for unknown in ["/incidents/i-2", "/incidents/%3Cscript%3E", "/incidents/a%00b"] {
        assert_eq!(web.get(unknown).await.status.as_u16(), 404, "{unknown}");
    }
}

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

#[actix_web::test]
async fn no_job_is_not_a_rate_of_zero() {
    let mut overview = sample::well_at(Utc::now());
    overview.report.sections[1].sight = Sight::Seen { figures: Figures::Metrics(Metrics::default()), issues: vec![] };
    let web = Web::showing(overview, Choice::default());
    let page = web.get("/").await;
    let jobs = section(&page, "jobs");
    assert!(jobs.contains("<dd>0 of 0</dd>") && jobs.matches("<dd>none yet</dd>").count() == 2, "{jobs}");
}
