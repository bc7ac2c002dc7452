//! The life of an incident as people see it: one alert, silence, one all-clear, whatever happens to the process.

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use serde_json::{Value, json};

use crate::support::channels::{ALERT, REMINDER, RESOLVED, mails, subjects, telegrams, texts};
use crate::support::{Home, SOON, issues, now, section};

/// The incidents of a report: what each is about, and what holds it back.
fn incidents(report: &Value) -> Vec<(&str, Option<&str>)> {
    let incidents = report["incidents"].as_array().expect("a list of incidents").iter();
    let mut names: Vec<_> = incidents
        .map(|incident| (incident["issue"].as_str().expect("a name"), incident["held_back_by"].as_str()))
        .collect();
    names.sort_unstable();
    names
}

#[actix_rt::test]
async fn an_incident_is_told_once_however_long_it_lasts_and_its_end_once() {
    let home = Home::well();
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.cycles(4).await;
    // More of the same is the same incident.
    world.jobs_get_stuck(4, now());
    let report = service.cycles(3).await;
    assert_eq!((&report["stuck_jobs_count"], incidents(&report)), (&json!(7), vec![("stuck_jobs", None)]));
    world.all_is_well_again(20, now());
    let report = service.cycle().await;
    assert_eq!(incidents(&report), [("stuck_jobs", None)], "one good look is not enough");
    let report = service.cycles(3).await;
    assert_eq!((&report["overall_ok"], incidents(&report)), (&json!(true), vec![]));

    // What comes next shows that nothing came in between.
    world.jobs_get_stuck(1, now());
    service.cycle().await;
    let messages = telegrams(world, 3).await;
    assert_eq!(subjects(&messages), [ALERT, RESOLVED, ALERT]);
    assert!(messages[0].text.contains("\n\nISSUES DETECTED:\n  • ⚠️ 3 job(s) stuck >30 minutes\n\n"));
    assert!(messages[1].text.contains("\n\nRESOLVED:\n  • ⚠️ 7 job(s) stuck >30 minutes (after "));
    let mails = mails(world, 3).await;
    assert_eq!(mails.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(), [ALERT, RESOLVED, ALERT]);
    let id = |mail: usize| mails[mail].header("Message-ID").expect("a Message-ID");
    assert_eq!(mails[1].header("References"), Some(id(0)), "one conversation");
    assert_eq!(mails[2].header("References"), None, "another one");
    assert!(id(0) != id(1) && id(1) != id(2));
    assert!(mails.iter().all(|mail| mail.header("Auto-Submitted") == Some("auto-generated")));
}

#[actix_rt::test]
async fn what_opens_and_what_ends_in_one_cycle_goes_out_in_one_message() {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    let world = &home.world;
    world.openai.goes_down();
    let service = home.serve().await;
    service.cycle().await;
    world.openai.comes_back();
    world.jobs_get_stuck(2, now());
    service.cycle().await;
    let messages = telegrams(world, 2).await;
    assert_eq!(subjects(&messages), [ALERT, ALERT]);
    let second = &messages[1].text;
    assert!(second.contains("ISSUES DETECTED:\n  • ⚠️ 2 job(s) stuck"), "{second}");
    assert!(second.contains("\n\nRESOLVED:\n  • ❌ OpenAI integration offline (after "), "{second}");
}

#[actix_rt::test]
async fn nothing_is_repeated_after_a_restart_and_the_all_clear_still_comes() {
    let home = Home::well();
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    let opened = service.cycle().await["incidents"][0].clone();
    telegrams(world, 1).await;
    mails(world, 1).await;
    service.signal("TERM").await;
    for signal in ["TERM", "KILL"] {
        service_ends_and_begins_anew(&home, signal, &opened).await;
    }
    let service = home.serve().await;
    world.all_is_well_again(20, now());
    assert_eq!(service.cycles(2).await["incidents"], json!([]));
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED);
}

/// A run of the service in which nothing new happens to the incident.
async fn service_ends_and_begins_anew(home: &Home, signal: &str, opened: &Value) {
    let service = home.serve().await;
    let report = service.cycles(2).await;
    assert_eq!(&report["incidents"][0], opened, "the same incident, since the same moment");
    service.signal(signal).await;
}

#[actix_rt::test]
async fn what_was_not_delivered_before_a_kill_is_delivered_after_the_restart() {
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "300ms");
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    // One channel is being asked when the end comes, the other one has said "later".
    world.telegram.set_fault(Some(Fault::Hang));
    world.smtp.set_fault(Some(SmtpFault::RefuseGreeting));
    let service = home.serve().await;
    assert!(world.telegram.requests().wait_for_count(1, SOON).await);
    service.line("email: alert ").await;
    service.signal("KILL").await;
    world.telegram.set_fault(None);
    world.smtp.set_fault(None);

    let service = home.serve().await;
    let messages = telegrams(world, 1).await;
    let mail = mails(world, 1).await;
    assert!(messages[0].text.contains("3 job(s) stuck") && mail[0].body.contains("3 job(s) stuck"));
    world.all_is_well_again(20, now());
    service.cycles(2).await;
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED);
}

#[actix_rt::test]
async fn the_all_clear_goes_to_exactly_those_who_were_told() {
    let home = Home::well();
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    world.telegram.blocked();
    let service = home.serve().await;
    service.line("telegram: alert ").await;
    world.telegram.unblocked();
    world.all_is_well_again(20, now());
    // That telegram was not told is told to all, and with that telegram gets something again.
    service.cycle().await;
    let messages = telegrams(world, 1).await;
    let undelivered = "telegram does not get its notices: forbidden (403)";
    assert!(messages[0].text.contains(undelivered), "{:?}", texts(&messages));
    service.delivered().await;
    service.cycles(2).await;
    let all_clears: Vec<_> = mails(world, 4).await.into_iter().map(|mail| (mail.subject, mail.body)).collect();
    assert_eq!(
        all_clears.iter().map(|(subject, _)| subject.as_str()).collect::<Vec<_>>(),
        [ALERT, ALERT, RESOLVED, RESOLVED]
    );
    assert!(all_clears[2].1.contains("RESOLVED:\n  • ⚠️ 3 job(s) stuck"), "{all_clears:?}");
    assert!(all_clears[3].1.contains("RESOLVED:\n  • ⚠️ telegram does not get"), "{all_clears:?}");
    let messages = telegrams(world, 2).await;
    assert!(messages[1].text.contains(undelivered) && !messages[1].text.contains("stuck >"), "{:?}", texts(&messages));
}

#[actix_rt::test]
async fn what_an_outage_explains_is_held_back_and_told_when_it_outlives_it() {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    let world = &home.world;
    world.openai.goes_down();
    world.jobs_get_stuck(30, now());
    let service = home.serve().await;
    let report = service.cycles(2).await;
    let lines = ["❌ OpenAI integration offline", "⚠️ 30 job(s) stuck >30 minutes", "⚠️ Low completion rate: 36.0%"];
    assert_eq!(issues(&report), lines, "measured and shown all the same");
    assert_eq!(report["metrics"]["warnings"], json!(["Low completion rate: 36.0%"]));
    let held = Some("openai_offline");
    assert_eq!(incidents(&report), [("low_completion", held), ("openai_offline", None), ("stuck_jobs", held)]);
    let alert = telegrams(world, 1).await;
    let told = "ISSUES DETECTED:\n  • ❌ OpenAI integration offline\n      ";
    assert!(alert[0].text.contains(told) && !alert[0].text.contains("30 job(s) stuck"), "{}", alert[0].text);

    // The outage ends; what is still there in the cycle after that is told, what has gone with it never.
    world.openai.comes_back();
    let report = service.cycle().await;
    assert_eq!(incidents(&report), [("low_completion", held), ("stuck_jobs", held)]);
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
    world.has_good_jobs(30, now());
    let report = service.cycle().await;
    assert_eq!(incidents(&report), [("stuck_jobs", None)]);
    let messages = telegrams(world, 3).await;
    assert!(messages[2].text.contains("ISSUES DETECTED:\n  • ⚠️ 30 job(s) stuck >30 minutes\n\nMetrics:"));
    assert!(messages.iter().all(|message| !message.text.contains("Low completion")), "{:#?}", texts(&messages));
    world.all_is_well_again(20, now());
    service.cycle().await;
    telegrams(world, 4).await;
}

#[actix_rt::test]
async fn while_notion_is_offline_one_line_says_so_and_nothing_ends_unseen() {
    let home = Home::well();
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.cycle().await;
    telegrams(world, 1).await;
    world.notion.revoke_token();
    let report = service.cycles(3).await;
    assert_eq!(issues(&report), ["❌ Notion integration offline"]);
    assert_eq!(report["health"], json!({"openai": true, "notion": false}));
    assert_eq!(report["stuck_jobs_count"], Value::Null);
    for check in ["metrics", "stuck_jobs"] {
        assert_eq!(section(&report, check)["state"], "unknown");
    }
    let open: Vec<_> = incidents(&report).into_iter().filter(|(_, held)| held.is_none()).collect();
    assert_eq!(open, [("notion_offline", None), ("stuck_jobs", None)], "nobody has seen the stuck jobs go");
    let messages = telegrams(world, 2).await;
    assert!(messages[1].text.contains("ISSUES DETECTED:\n  • ❌ Notion integration offline\n"), "{}", messages[1].text);
    assert!(!messages[1].text.contains(" unknown: "), "{}", messages[1].text);
    assert!(messages[1].text.contains("Stuck jobs: unknown") && messages[1].text.contains("Done jobs: unknown"));

    world.notion.accept_token(&world.notion.token());
    service.cycle().await;
    // Until the board has been written to, its notices are undelivered still.
    service.delivered().await;
    let report = service.cycles(2).await;
    assert_eq!(incidents(&report), [("stuck_jobs", None)]);
    world.all_is_well_again(20, now());
    service.cycles(2).await;
    assert_eq!(subjects(&telegrams(world, 4).await), [ALERT, ALERT, RESOLVED, RESOLVED]);
}

#[actix_rt::test]
async fn patience_is_counted_in_cycles_in_a_row() {
    let mut home = Home::well();
    home.set("OPEN_AFTER", "3");
    home.set("RESOLVE_AFTER", "3");
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    let report = service.cycle().await;
    assert_eq!((issues(&report), incidents(&report)), (vec!["⚠️ 3 job(s) stuck >30 minutes"], vec![]));
    world.all_is_well_again(20, now());
    service.cycle().await;
    world.jobs_get_stuck(3, now());
    assert_eq!(incidents(&service.cycles(2).await), [], "twice, and not three times in a row");
    assert_eq!(incidents(&service.cycle().await), [("stuck_jobs", None)]);
    world.all_is_well_again(20, now());
    assert_eq!(incidents(&service.cycles(2).await), [("stuck_jobs", None)]);
    world.jobs_get_stuck(3, now());
    service.cycle().await;
    world.all_is_well_again(20, now());
    assert_eq!(incidents(&service.cycles(2).await), [("stuck_jobs", None)], "it began anew");
    assert_eq!(incidents(&service.cycle().await), []);
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
}

#[actix_rt::test]
async fn an_incident_that_lasts_is_told_again_with_its_age() {
    let mut home = Home::well();
    home.set("REMINDER_INTERVAL", "1s");
    home.set("CHECK_INTERVAL", "1s");
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    let _service = home.serve().await;
    assert!(world.telegram.messages().wait_for_count(3, SOON).await);
    let messages = world.telegram.messages().all();
    assert_eq!(subjects(&messages)[..3], [ALERT, REMINDER, REMINDER]);
    let reminder = &messages[1].text;
    assert!(reminder.contains("\n\nSTILL OPEN:\n  • ⚠️ 3 job(s) stuck >30 minutes (for "), "{reminder}");
    assert!(!reminder.contains("ISSUES DETECTED"), "{reminder}");
    assert!(world.smtp.mails().wait_for(|mail| mail.subject == REMINDER, SOON).await.is_some());
}
