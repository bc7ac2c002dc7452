//! What people do through the API while the service works: acknowledge, silence, read the ledger.

use std::collections::BTreeSet;

use auto_operator::demo::smtp::SmtpFault;
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::{Value, json};

use crate::postgres;
use crate::support::channels::{ALERT, REMINDER, RESOLVED, mails, subjects, telegrams, texts};
use crate::support::{Home, SOON, Service, issues, now};

/// A home where jobs are stuck, of which telegram and e-mail are told, and nobody else.
fn home() -> Home {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    home.without("OPENAI");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home.world.jobs_get_stuck(3, now());
    home
}

/// The only incident that is open, as the owner sees it.
async fn open_incident(service: &Service) -> Value {
    let open = service.get_all("/api/incidents?state=open").await;
    assert_eq!(open["incidents"].as_array().map(Vec::len), Some(1), "{open:#}");
    open["incidents"][0].clone()
}

/// Silences `issue`, or everything.
async fn silence(service: &Service, issue: Option<&str>, span: &str) -> Value {
    let answer = service.order("POST", "/api/silences", &json!({"issue": issue, "for": span, "by": "ada"})).await;
    let silence = answer.json();
    assert_eq!(answer.status, 201, "{silence:#}");
    assert_eq!(answer.header("location"), format!("/api/silences/{}", silence["id"].as_str().unwrap()));
    silence
}

/// The words of a list in a document.
fn column<'v>(list: &'v Value, name: &str) -> Vec<&'v str> {
    list.as_array().expect("a list").iter().map(|entry| entry[name].as_str().unwrap_or_default()).collect()
}

#[actix_rt::test]
async fn an_acknowledgement_stops_the_reminders_and_keeps_the_all_clear() {
    let mut home = home();
    home.set("CHECK_INTERVAL", "1s");
    home.set("REMINDER_INTERVAL", "1s");
    let world = &home.world;
    let service = home.serve().await;
    assert!(world.telegram.messages().wait_for(|message| message.text.starts_with(REMINDER), SOON).await.is_some());

    let incident = open_incident(&service).await;
    let ack = format!("/api/incidents/{}/ack", incident["id"].as_str().unwrap());
    let answer = service.order("POST", &ack, &json!({"by": "ada"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["acknowledged_by"]), (200, &json!("ada")));
    assert_eq!(service.report().await["incidents"][0]["acknowledged_by"], "ada", "at once");
    let again = service.order("POST", &ack, &Value::Null).await;
    assert_eq!((again.status.as_u16(), &again.json()["acknowledged_by"]), (200, &json!("ada")), "she was first");

    // What was decided before may still be on its way while the next cycle runs.
    service.full_cycle().await;
    let before = world.telegram.messages().count();
    for _ in 0..3 {
        service.full_cycle().await;
    }
    world.all_is_well_again(20, now());
    let all_clear = world.telegram.messages().wait_for(|message| message.text.starts_with(RESOLVED), SOON).await;
    assert!(all_clear.is_some(), "{:?}", texts(&world.telegram.messages().all()));
    let after = world.telegram.messages().all().split_off(usize::try_from(before).unwrap());
    assert_eq!(subjects(&after), [RESOLVED], "no reminder came in between");

    let story = service.get_all(ack.trim_end_matches("/ack")).await;
    assert_eq!((&story["state"], &story["acknowledged_by"]), (&json!("resolved"), &json!("ada")));
    let what = column(&story["changes"], "what");
    assert_eq!((what.first(), what.last()), (Some(&"opened"), Some(&"resolved")), "{what:?}");
    let acknowledged = story["changes"].as_array().unwrap().iter().find(|change| change["what"] == "acknowledged");
    assert_eq!(acknowledged.unwrap()["by"], "ada");
    let too_late = service.order("POST", &ack, &Value::Null).await;
    assert_eq!((too_late.status.as_u16(), too_late.header("content-type")), (409, "application/problem+json"));
}

#[actix_rt::test]
async fn an_acknowledgement_outlives_the_process() {
    let home = home();
    let service = home.serve().await;
    service.cycle().await;
    let incident = open_incident(&service).await;
    let ack = format!("/api/incidents/{}/ack", incident["id"].as_str().unwrap());
    assert_eq!(service.order("POST", &ack, &Value::Null).await.json()["acknowledged_by"], "operator");
    service.signal("KILL").await;
    let service = home.serve().await;
    assert_eq!(service.cycle().await["incidents"][0]["acknowledged_by"], "operator");
}

#[actix_rt::test]
async fn a_silence_holds_an_alert_back_and_it_is_told_when_the_silence_is_ended() {
    let home = home();
    let world = &home.world;
    world.all_is_well_again(20, now());
    let service = home.serve().await;
    service.cycle().await;
    let silenced = silence(&service, Some("stuck_jobs"), "2h").await;
    world.jobs_get_stuck(3, now());
    let report = service.cycles(2).await;
    assert_eq!(issues(&report), ["⚠️ 3 job(s) stuck >30 minutes"], "measured and shown all the same");
    assert_eq!(open_incident(&service).await["issue"], "stuck_jobs");

    // Another issue is told, which shows that the silenced one was not.
    world.notion.clear_jobs(world.job_log);
    world.has_good_jobs(2, now());
    world.jobs_get_stuck(18, now());
    service.cycle().await;
    let alert = telegrams(world, 1).await;
    assert!(alert[0].text.contains("Low completion") && !alert[0].text.contains("job(s) stuck"), "{}", alert[0].text);

    let listed = service.get_all("/api/silences").await;
    assert_eq!(listed["silences"], json!([silenced]));
    let path = format!("/api/silences/{}", silenced["id"].as_str().unwrap());
    assert_eq!(service.order("DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(service.order("DELETE", &path, &Value::Null).await.status, 404, "it is over");
    assert_eq!(service.get_all("/api/silences").await["silences"], json!([]));
    service.cycle().await;
    let messages = telegrams(world, 2).await;
    assert!(messages[1].text.contains("ISSUES DETECTED:\n  • ⚠️ 18 job(s) stuck >30 minutes"), "{}", messages[1].text);
}

#[actix_rt::test]
async fn a_silence_that_runs_out_tells_what_is_still_there() {
    let mut home = home();
    home.world.all_is_well_again(20, now());
    home.set("CHECK_INTERVAL", "1s");
    let world = &home.world;
    let service = home.serve().await;
    let silenced = silence(&service, None, "4s").await;
    world.jobs_get_stuck(3, now());
    let alert = &telegrams(world, 1).await[0];
    let until: DateTime<Utc> = silenced["until"].as_str().unwrap().parse().unwrap();
    // Telegram's dates, like those of the API, are whole seconds.
    assert!(alert.date >= until - TimeDelta::seconds(1), "told at {}, silent until {until}", alert.date);
    assert!(alert.text.contains("3 job(s) stuck"), "{}", alert.text);
}

#[actix_rt::test]
async fn an_all_clear_is_never_silenced() {
    let home = home();
    let world = &home.world;
    let service = home.serve().await;
    service.cycle().await;
    telegrams(world, 1).await;
    silence(&service, None, "1d").await;
    world.all_is_well_again(20, now());
    service.cycle().await;
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED);
}

#[actix_rt::test]
async fn whoever_stands_by_takes_orders_too() {
    let database = postgres::shared().database();
    let mut home = home();
    home.set("DATABASE_URL", &database.url());
    let world = &home.world;
    let leader = home.serve().await;
    leader.line("leading (epoch 1)").await;
    let other = home.serve().await;
    other.line("standing by: ").await;
    leader.cycle().await;
    telegrams(world, 1).await;
    let ack = format!("/api/incidents/{}/ack", open_incident(&other).await["id"].as_str().unwrap());
    assert_eq!(other.order("POST", &ack, &json!({"by": "ada"})).await.status, 200);
    assert_eq!(leader.cycle().await["incidents"][0]["acknowledged_by"], "ada");

    silence(&other, Some("low_completion"), "2h").await;
    assert_eq!(leader.get_all("/api/silences").await["silences"][0]["issue"], "low_completion");
    world.jobs_get_stuck(15, now());
    let report = leader.cycle().await;
    assert_eq!(issues(&report), ["⚠️ 18 job(s) stuck >30 minutes", "⚠️ Low completion rate: 47.4%"]);
    let told = &telegrams(world, 2).await[1];
    assert!(told.text.contains("18 job(s) stuck") && !told.text.contains("Low completion"), "{}", told.text);
    assert_eq!(report["incidents"][0]["acknowledged_by"], Value::Null, "it got worse");
    world.all_is_well_again(20, now());
    leader.cycle().await;
    assert_eq!(subjects(&telegrams(world, 3).await)[2], RESOLVED);
    assert_eq!(
        all(&other, "/api/deliveries?channel=telegram&limit=2", "deliveries").await.as_array().map(Vec::len),
        Some(3)
    );
}

#[actix_rt::test]
async fn in_a_maintenance_window_nothing_is_told_and_afterwards_what_is_still_there() {
    let mut home = home();
    // A window around now, from the hour before this one to the hour after the next.
    let hour = |ahead: u32| format!("{:02}:00", (now().hour() + 24 + ahead - 1) % 24);
    home.set("MAINTENANCE", &format!("daily {}-{} UTC", hour(0), hour(3)));
    let service = home.serve().await;
    let report = service.cycles(2).await;
    assert_eq!(issues(&report), ["⚠️ 3 job(s) stuck >30 minutes"]);
    open_incident(&service).await;
    assert_eq!(service.get_all("/api/deliveries").await["deliveries"], json!([]));
    service.signal("TERM").await;

    home.unset(&["MAINTENANCE"]);
    let service = home.serve().await;
    service.cycle().await;
    assert_eq!(subjects(&telegrams(&home.world, 1).await), [ALERT]);
}

#[actix_rt::test]
async fn the_ledger_says_what_the_channels_got() {
    let home = home();
    let world = &home.world;
    // Mail is refused for good the first time; afterwards it is taken.
    world.smtp.fault_next(1, SmtpFault::RefuseMail(554));
    let service = home.serve().await;
    service.line("email: alert ").await;
    for round in 0..4 {
        match round % 2 {
            0 => world.all_is_well_again(20, now()),
            _ => world.jobs_get_stuck(3, now()),
        }
        service.cycle().await;
        service.delivered().await;
    }
    let ledger = all(&service, "/api/deliveries?channel=telegram&limit=2", "deliveries").await;
    let taken: Vec<_> = world.telegram.messages().all().into_iter().rev().collect();
    assert_eq!(column(&ledger, "subject"), subjects(&taken));
    for entry in ledger.as_array().unwrap() {
        assert_eq!((&entry["state"], &entry["attempts"]), (&json!("delivered"), &json!(1)), "{entry:#}");
        assert_eq!(column(&entry["tries"], "outcome"), ["delivered"], "{entry:#}");
        assert!(entry["answer"].is_string() && entry["last_error"].is_null(), "{entry:#}");
    }

    let ledger = all(&service, "/api/deliveries?channel=email&limit=2", "deliveries").await;
    let (refused, taken) = ledger.as_array().unwrap().split_last().expect("a mail was tried");
    let mails = world.smtp.mails().all();
    assert_eq!((taken.len(), taken.is_empty()), (mails.len(), false));
    for (entry, mail) in taken.iter().zip(mails.iter().rev()) {
        let (id, message_id) = (entry["id"].as_str().unwrap(), mail.header("Message-ID").unwrap());
        assert!(message_id.contains(id) && entry["subject"] == *mail.subject, "{entry:#}: {message_id}");
        assert_eq!(entry["state"], "delivered");
    }
    assert_eq!((&refused["state"], &refused["next_try"]), (&json!("undelivered"), &Value::Null));
    assert_eq!(column(&refused["tries"], "outcome"), ["never"]);
    assert!(refused["last_error"].as_str().unwrap().contains("554"), "{refused:#}");

    let public = service.get("/api/deliveries?channel=email&limit=200").await;
    assert!(!String::from_utf8_lossy(&public.body).contains("554"), "what channels say is for holders of a token");
    let public = public.json();
    for (public, owner) in public["deliveries"].as_array().unwrap().iter().zip(ledger.as_array().unwrap()) {
        assert_eq!((&public["id"], &public["answer"]), (&owner["id"], &Value::Null));
        assert_eq!(public["last_error"].is_null(), owner["last_error"].is_null(), "{public:#}");
    }
}

/// Everything that the pages hold, one after the other.
async fn all(service: &Service, path: &str, list: &str) -> Value {
    let (mut entries, mut next) = (vec![], String::new());
    loop {
        let page = service.get_all(&format!("{path}{next}")).await;
        entries.extend(page[list].as_array().expect("a list").iter().cloned());
        let Some(cursor) = page["next"].as_str() else { return entries.into() };
        next = format!("&cursor={cursor}");
    }
}

#[actix_rt::test]
async fn cursors_walk_through_everything_once_while_new_things_come() {
    let home = home();
    let world = &home.world;
    let service = home.serve().await;
    service.cycle().await;
    let come_and_go = async || {
        world.all_is_well_again(20, now());
        service.cycle().await;
        world.jobs_get_stuck(3, now());
        service.cycle().await;
    };
    come_and_go().await;
    for (path, list) in [("/api/incidents", "incidents"), ("/api/deliveries", "deliveries")] {
        let before = all(&service, &format!("{path}?limit=200"), list).await;
        let (mut walked, mut next) = (vec![], String::new());
        loop {
            let page = service.get_all(&format!("{path}?limit=1{next}")).await;
            walked.extend(column(&page[list], "id").into_iter().map(str::to_owned));
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
            if walked.len() == 1 {
                come_and_go().await;
            }
        }
        assert_eq!(walked, column(&before, "id"));
        assert_eq!(walked.iter().collect::<BTreeSet<_>>().len(), walked.len());
    }
}
