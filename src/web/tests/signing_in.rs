//! Who may see and do what on the pages: signing in, orders, and what the page says came of them.

use chrono::{SubsecRound, TimeDelta, Utc};

use super::history::{incident, remember};
use super::page::{FORM, ill_now, owned, press, section, seen, sign_in};
use super::support::{Choice, Web};
use crate::domain::incident::Phase;
use crate::domain::issue::IssueId;

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
    for path in ["/ops-report", "/api/incidents", "/api/deliveries", "/api/silences"] {
        let told = web.ask("GET", path, &[("cookie", &cookie)]).await;
        assert!(told.status.as_u16() != 401, "a link of our pages leads nowhere: {path}");
        assert_eq!(web.get(path).await.status.as_u16(), 401, "{path}");
    }
    let report = web.ask("GET", "/ops-report", &[("cookie", &cookie)]).await;
    assert!(report.body.contains("Summarise the interview"), "with the details that the page shows");
    let operator = sign_in(&web, "ops").await;
    for (method, path) in
        [("GET", "/ops-report?refresh=1"), ("POST", "/api/silences"), ("POST", "/api/actors/health/restart")]
    {
        let told = web.ask(method, path, &[("cookie", &operator)]).await;
        assert_eq!(told.status.as_u16(), 401, "{path}: what does something needs the token itself");
    }
    let said = web.ask("GET", "/", &[("cookie", "did=signed-out")]).await;
    assert!(said.status.as_u16() == 401 && said.body.contains("You are signed out."), "{}", said.body);
    assert!(!said.body.contains("data-refresh"), "a form is left alone");
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

    let refused = Some("not-yours");
    for path in
        ["/incidents/i-1/acknowledge", "/silences/all/1h", "/silences/x/end", "/actors/health/restart", "/check"]
    {
        assert_eq!(press(&web, "", path, &csrf).await.did(), refused);
        assert_eq!(press(&web, &cookie, path, "").await.did(), refused);
        assert_eq!(press(&web, &cookie, path, "0123").await.did(), refused);
        let foreign = [FORM, ("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
        let told = web.send("POST", path, &foreign, &format!("csrf={csrf}")).await;
        assert_eq!(told.did(), refused);
        assert_eq!(web.ask("GET", path, &[("cookie", &cookie)]).await.status.as_u16(), 405);
    }
    assert_eq!(web.store.silences(Utc::now()).await.unwrap(), []);

    let told = press(&web, &cookie, "/incidents/i-1/acknowledge", &csrf).await;
    assert_eq!(told.did(), Some("acknowledged"));
    let said = web.ask("GET", "/", &[("cookie", &format!("{cookie}; did=acknowledged"))]).await;
    assert!(said.body.contains("The incident is acknowledged"));
    assert!(said.cookie("did").unwrap().contains("Max-Age=0"), "it is said once");
    assert!(section(&said, "open").contains("acknowledged by <bdi>operator</bdi>"));
    let told = press(&web, &cookie, "/incidents/i-1/acknowledge", &csrf).await;
    assert_eq!(told.did(), Some("already"));
    let told = press(&web, &cookie, "/incidents/i-9/acknowledge", &csrf).await;
    assert_eq!(told.did(), Some("not-open"));

    let told = press(&web, &cookie, "/silences/stuck_jobs/4h", &csrf).await;
    assert_eq!(told.did(), Some("silenced-4h"));
    let silences = web.store.silences(Utc::now()).await.unwrap();
    let silence = &silences[0];
    let end = (silence.created + TimeDelta::hours(4) + TimeDelta::nanoseconds(999_999_999)).trunc_subsecs(0);
    assert_eq!((silence.issue, silence.until), (Some(IssueId::StuckJobs), end), "in whole seconds, as cycles count");
    let (page, _) = seen(&web, &cookie).await;
    assert!(section(&page, "open").contains("silenced until <time"));
    for path in ["/silences/stuck_jobs/1h", "/silences/stuck_jobs/4h"] {
        assert_eq!(press(&web, &cookie, path, &csrf).await.did(), Some("silent"), "{path}");
    }
    assert_eq!(web.store.silences(Utc::now()).await.unwrap().len(), 1, "they do not pile up");
    let own = web.ask("GET", "/incidents/i-1", &[("cookie", &cookie)]).await;
    assert!(section(&own, "incident").contains("<dt>Silenced until</dt><dd><time"), "{}", own.body);
    for span in ["1h", "4h"] {
        let form =
            format!("action=\"/silences/stuck_jobs/{span}\"><input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">");
        assert!(section(&own, "incident").contains(&form), "{}", own.body);
    }
    assert!(!web.get("/incidents/i-1").await.body.contains("<form"), "not for whoever shows no token");
    assert_eq!(press(&web, &cookie, "/silences/all/1h", &csrf).await.did(), Some("silenced-1h"), "that is more");
    assert_eq!(press(&web, &cookie, "/silences/all/1h", &csrf).await.did(), Some("silent"));
    let all = web.store.silences(Utc::now()).await.unwrap().into_iter().find(|silence| silence.issue.is_none());
    press(&web, &cookie, &format!("/silences/{}/end", all.unwrap().id), &csrf).await;
    let told = press(&web, &cookie, &format!("/silences/{}/end", silence.id), &csrf).await;
    assert_eq!(told.did(), Some("told-again"));
    assert_eq!(web.store.silences(Utc::now()).await.unwrap(), []);
    assert_eq!(press(&web, &cookie, "/silences/stuck_jobs/9h", &csrf).await.status.as_u16(), 404);
    assert_eq!(press(&web, &cookie, "/silences/nothing/1h", &csrf).await.status.as_u16(), 400);
    assert_eq!(press(&web, &cookie, "/actors/nobody/restart", &csrf).await.status.as_u16(), 404);

    let told = press(&web, &cookie, "/check", &csrf).await;
    assert_eq!(told.did(), Some("not-checked"), "the Scheduler of this test completes none");
    assert_eq!(web.cycles_asked.load(std::sync::atomic::Ordering::SeqCst), 1);

    let told = press(&web, &cookie, "/sign-out", &csrf).await;
    assert!(told.cookie("session").unwrap().contains("Max-Age=0"));
}

#[actix_web::test]
async fn no_address_has_the_page_say_that_something_was_done() {
    let web = Web::showing(ill_now(), owned());
    for address in ["/?did=acknowledged", "/?did=signed-out", "/?said=hello"] {
        assert!(!web.get(address).await.body.contains("class=\"said\""), "{address}");
    }
    let said = web.ask("GET", "/", &[("cookie", "did=signed-out")]).await;
    assert!(said.body.contains("You are signed out."));
    let hostile = web.ask("GET", "/", &[("cookie", "did=%3Cscript%3E")]).await;
    assert!(!hostile.body.contains("class=\"said\""));
    assert!(hostile.cookie("did").unwrap().contains("Max-Age=0"));
}

#[actix_web::test]
async fn a_router_in_front_that_names_us_otherwise_locks_nobody_out() {
    let inside = ("host", "10.0.0.5:5000");
    let ours = ("origin", "https://status.example.org");
    let web = Web::start(owned());
    let known = Web::start(Choice { public_url: Some("https://status.example.org"), ..owned() });
    let theirs = ("origin", "https://evil.example.org");
    for (web, headers, expected) in [
        (&web, &[FORM, inside, ours, ("sec-fetch-site", "same-origin")][..], "signed-in"),
        (&web, &[FORM, inside, ours], "not-yours"),
        (&known, &[FORM, inside, ours], "signed-in"),
        (&known, &[FORM, inside, theirs], "not-yours"),
        (&known, &[FORM, inside, ours, ("sec-fetch-site", "cross-site")], "not-yours"),
    ] {
        let told = web.send("POST", "/sign-in", headers, "token=ops").await;
        assert_eq!(told.did(), Some(expected), "{headers:?}");
    }
}

#[actix_web::test]
async fn what_is_described_as_read_by_whoever_is_signed_in_is_and_nothing_else() {
    let web = Web::showing(ill_now(), Choice { read_token: Some("read"), ..owned() });
    let cookie = sign_in(&web, "read").await;
    let document = web.get_with("read", "/api/openapi.json").await.json();
    let (mut open, mut closed) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(ways) = item.get("get").and_then(|get| get["security"].as_array()) else { continue };
        let is_described = ways.iter().any(|way| way.get("session").is_some());
        let asked = path.replace("{part}", "jobs").replace("{id}", "i-1");
        let is_let_in = web.ask("GET", &asked, &[("cookie", &cookie)]).await.status.as_u16() != 401;
        assert_eq!(is_let_in, is_described, "{path}");
        *(if is_described { &mut open } else { &mut closed }) += 1;
    }
    assert!(open > 8 && closed > 1, "{open} and {closed}");
}
