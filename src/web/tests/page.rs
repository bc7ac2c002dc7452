//! The pages as HTML: what they say of whom and to whom, and what they never say.

use chrono::{DurationRound, TimeDelta, Utc};

use super::history::incident;
use super::sample;
use super::support::{Choice, Told, Web};
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::incident::{Incident, Phase};
use crate::domain::issue::{Issue, IssueId};
use crate::domain::job::{Metrics, StuckJob, StuckJobs};
use crate::domain::report::{Answer, CheckName, Figures, Latency, Overview, Report, Section, Sight};
use crate::store::{Decision, Sample};

pub(super) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(super) fn owned() -> Choice {
    Choice { ops_token: Some("ops"), ..Choice::default() }
}

/// The ill sample as if it were of now.
pub(super) fn ill_now() -> Overview {
    let mut overview = sample::ill();
    overview.report.timestamp = Utc::now() - TimeDelta::seconds(12);
    overview
}

/// What stands between the beginning of an element of this id and the end of its section.
pub(super) fn section<'a>(page: &'a Told, id: &str) -> &'a str {
    let begin = page.body.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {}", page.body));
    page.body[begin..].split("</section>").next().unwrap()
}

/// Signs in with a token; the cookie, as a browser sends it back.
pub(super) async fn sign_in(web: &Web, token: &str) -> String {
    let told = web.send("POST", "/sign-in", &[FORM], &format!("token={token}")).await;
    assert_eq!(told.did(), Some("signed-in"));
    let cookie = told.cookie("session").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// The page as whoever has this cookie sees it, and what its forms hold.
pub(super) async fn seen(web: &Web, cookie: &str) -> (Told, String) {
    let page = web.ask("GET", "/", &[("cookie", cookie)]).await;
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let csrf = csrf.unwrap_or_default().to_owned();
    (page, csrf)
}

pub(super) async fn press(web: &Web, cookie: &str, path: &str, csrf: &str) -> Told {
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
async fn strips_and_charts_are_as_new_as_the_report_beside_them() {
    let web = Web::start(Choice::default());
    // All within the same cell.
    let begin = Utc::now().duration_trunc(TimeDelta::minutes(30)).unwrap();
    for (second, done, stuck, least, cells) in [(0, 18, 0, 0, "g"), (1, 2, 9, 0, "m"), (2, 2, 12, 9, "b")] {
        let at = begin + TimeDelta::seconds(second);
        let mut overview = sample::well_at(at);
        if stuck > 0 {
            overview.report = overview.report.with([Issue::new(IssueId::StuckJobs, "stuck")]);
        }
        let look =
            Sample { at, ok: stuck == 0, jobs: Some(20), done: Some(done), stuck: Some(stuck), ..sample::look(at) };
        web.store.settle(|_| Decision { sample: Some(look), ..Decision::default() }).await.unwrap();
        web.publish(overview);
        let page = web.get("/").await;
        let jobs = section(&page, "jobs");
        let last: Vec<_> = jobs.split("<div class=\"cells\"").skip(1).map(last_cell).collect();
        assert_eq!(last, [cells, cells], "{jobs}");
        assert!(jobs.contains(&format!(": {stuck} at the end, from {least} to {stuck}")), "{jobs}");
        assert_eq!(jobs.contains("100% of looks well"), stuck == 0, "{jobs}");
        assert_eq!(jobs.contains("1 of 1 days all well"), stuck == 0, "{jobs}");
    }
}

#[actix_web::test]
async fn a_bad_look_of_a_day_that_is_over_is_not_averaged_away() {
    let web = Web::showing(sample::well_at(Utc::now()), Choice::default());
    let begin = Utc::now().duration_trunc(TimeDelta::days(1)).unwrap() - TimeDelta::days(3);
    for (day, worst) in [(0, 2), (1, 18)] {
        for hour in 0..20 {
            // On the second day something else was wrong.
            let (ok, done) = if hour == 7 { (false, worst) } else { (true, 18) };
            let at = begin + TimeDelta::days(day) + TimeDelta::hours(hour);
            let look = Sample { at, ok, jobs: Some(20), done: Some(done), stuck: Some(0), ..sample::look(at) };
            web.store.settle(|_| Decision { sample: Some(look), ..Decision::default() }).await.unwrap();
        }
    }
    let page = web.get("/").await;
    let jobs = section(&page, "jobs");
    assert!(jobs.contains("1 of 2 days all well") && jobs.matches(": partly well").count() == 1, "{jobs}");
}

/// The kind of the last cell of a strip.
fn last_cell(strip: &str) -> &str {
    let strip = strip.split("</div>").next().unwrap();
    strip.rsplit("<i class=\"").next().and_then(|cell| cell.get(..1)).unwrap()
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
async fn what_nobody_knows_is_not_called_none() {
    let web = Web::start(Choice::default());
    web.store.close().await.unwrap();
    let page = web.get("/").await;
    assert!(section(&page, "now").contains("Nobody knows"));
    for id in ["open", "past", "gaps"] {
        let shown = section(&page, id);
        assert!(shown.contains("Not known: ") && !shown.contains("None"), "{shown}");
    }
    assert!(section(&page, "channels").contains("email"), "a channel that is configured is there all the same");
}

#[actix_web::test]
async fn figures_that_are_too_old_are_shown_as_what_they_were() {
    let mut overview = sample::ill();
    overview.report.timestamp = Utc::now() - TimeDelta::hours(3);
    let web = Web::showing(overview, owned());
    let cookie = sign_in(&web, "ops").await;
    let (page, _) = seen(&web, &cookie).await;
    for id in ["open", "openai", "jobs", "stuck"] {
        let shown = section(&page, id);
        assert!(shown.contains("As it was at <time") && shown.contains("nobody has looked since"), "{id}: {shown}");
    }
    let now = section(&page, "now");
    let (current, earlier) = now.split_once("when somebody last looked:").unwrap();
    assert!(current.contains("⚪ Last check was 180 minutes ago") && !current.contains("137 job(s)"), "{now}");
    assert!(earlier.contains("137 job(s) stuck"), "{now}");
    assert!(section(&page, "gaps").contains("Nobody has looked since <time"));

    web.publish(ill_now());
    let (page, _) = seen(&web, &cookie).await;
    assert!(!page.body.contains("As it was") && !page.body.contains("last looked:"), "{}", page.body);
}

#[actix_web::test]
async fn a_well_page_does_not_pass_over_what_is_not_yet_over() {
    let mut overview = sample::well_at(Utc::now());
    let recovering = |id: &str, issue, streak| Incident { streak, ..incident(id, issue, Phase::Recovering) };
    overview.incidents = vec![recovering("i-1", IssueId::StuckJobs, 1), recovering("i-2", IssueId::LowCompletion, 3)];
    let web = Web::showing(overview, Choice::default());
    let page = web.get("/").await;
    let now = section(&page, "now");
    assert!(now.contains("is well") && now.contains("2 incidents are not yet over"), "{now}");
    assert!(!now.contains("No incident is on record"), "{now}");
    let open = section(&page, "open");
    assert!(open.contains("not seen in the newest cycle, not yet over"), "{open}");
    assert!(open.contains("not seen in the last 3 cycles, not yet over"), "{open}");
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
