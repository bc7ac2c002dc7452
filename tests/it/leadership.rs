//! Several instances on one database: one leads, the others show what it finds out and take over.

use std::time::Instant;

use serde_json::{Value, json};

use crate::postgres;
use crate::support::channels::{ALERT, RESOLVED, mails, subjects, telegrams};
use crate::support::service::{Service, bearer};
use crate::support::{Home, OPS_TOKEN, SOON, issues, now};

/// What is promised after a kill -9.
const TAKE_OVER: std::time::Duration = std::time::Duration::from_secs(15);

/// A home whose services remember on a PostgreSQL server.
fn home(database: &postgres::Database) -> Home {
    let mut home = Home::well();
    home.set("DATABASE_URL", &database.url());
    home
}

/// Waits until the service shows what `wanted` says, as only a report does that another one has made.
async fn shows(service: &Service, wanted: impl Fn(&Value) -> bool) -> Value {
    let search = async {
        loop {
            let report = service.report().await;
            if wanted(&report) {
                return report;
            }
            tokio::task::yield_now().await;
        }
    };
    match tokio::time::timeout(SOON, search).await {
        Ok(found) => found,
        Err(_) => panic!("it never shows that: {:#}\n{}", service.report().await, service.log.all().join("\n")),
    }
}

async fn refresh(service: &Service) -> (u16, Value) {
    let token = bearer(OPS_TOKEN);
    let answer = service.ask("GET", "/ops-report?refresh=1", &[("authorization", token.as_str())]).await;
    (answer.status.as_u16(), answer.json())
}

#[actix_rt::test]
async fn the_other_instance_shows_the_reports_of_the_leader_and_takes_over_after_a_sigterm() {
    let database = postgres::shared().database();
    let home = home(&database);
    let world = &home.world;
    let leader = home.serve().await;
    leader.line("leading (epoch 1)").await;
    let follower = home.serve().await;
    let standing_by = follower.line("standing by: ").await;
    let name = standing_by.split("standing by: ").nth(1).unwrap().trim_end_matches(" leads").to_owned();
    assert!(name.contains(&format!("-{}-", leader.pid())), "{name}");
    world.jobs_get_stuck(3, now());
    let made = leader.cycle().await;
    let shown = shows(&follower, |report| report["stuck_jobs_count"] == 3).await;
    for part in ["timestamp", "health", "metrics", "issues", "checks", "incidents", "stuck_jobs"] {
        assert_eq!(shown[part], made[part], "{part}");
    }
    assert_eq!(follower.get("/readyz").await.status, 200);
    let (status, problem) = refresh(&follower).await;
    assert_eq!(status, 503);
    assert!(problem["detail"].as_str().unwrap().ends_with(&format!("the one that leads: {name}.")), "{problem}");
    telegrams(world, 1).await;
    mails(world, 1).await;
    let sent = |delivery: &Value| delivery["last_delivered"].is_string() && delivery["pending"] == 0;
    shows(&follower, |report| report["delivery"].as_array().is_some_and(|channels| channels.iter().all(sent))).await;

    let (ended, log) = leader.signal("TERM").await;
    assert!(ended.success() && log.contains("the lease is given back"), "{log}");
    follower.line("leading (epoch 2)").await;
    follower.line("cycle=1 took ").await;
    world.all_is_well_again(20, now());
    assert_eq!(follower.cycles(2).await["incidents"], json!([]));
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED);
    let log = follower.log.all().join("\n");
    assert_eq!(log.matches("standing by").count(), 1, "{log}");
}

#[actix_rt::test]
async fn after_a_kill_the_other_instance_leads_in_time() {
    let database = postgres::shared().database();
    let home = home(&database);
    let leader = home.serve().await;
    leader.line("leading (epoch 1)").await;
    let follower = home.serve().await;
    follower.line("standing by: ").await;
    leader.signal("KILL").await;
    let killed = Instant::now();
    follower.line("leading (epoch 2)").await;
    let took = killed.elapsed();
    assert!(took < TAKE_OVER, "{took:?}");
    follower.line("cycle=1 took ").await;
}

#[actix_rt::test]
async fn on_a_file_the_next_one_leads_as_soon_as_the_leader_is_gone() {
    let home = Home::well();
    let leader = home.serve().await;
    leader.line("leading (epoch 1)").await;
    let follower = home.serve().await;
    follower.line("standing by: ").await;
    leader.signal("KILL").await;
    follower.line("leading (epoch 2)").await;
    follower.line("cycle=1 took ").await;
    follower.signal("KILL").await;
    let next = home.serve().await;
    next.line("leading (epoch 3)").await;
    assert!(!next.log.all().iter().any(|line| line.contains("standing by")), "it waits for no clock");
}

#[actix_rt::test]
async fn a_single_check_leads_where_nobody_does_and_works_beside_whoever_leads() {
    let database = postgres::shared().database();
    let home = home(&database);
    home.world.jobs_get_stuck(3, now());
    let alone = home.run(&["check"]).await;
    assert_eq!(alone.code, Some(1), "{}", alone.stderr);
    assert!(alone.stderr.contains("leading (epoch 1)") && alone.stderr.contains("given back"), "{}", alone.stderr);
    let service = home.serve().await;
    service.line("leading (epoch 2)").await;
    let beside = home.run(&["check"]).await;
    assert_eq!((beside.code, &beside.json()["stuck_jobs_count"]), (Some(1), &json!(3)), "{}", beside.stderr);
    assert!(beside.stderr.contains("another instance leads: this cycle is beside it"), "{}", beside.stderr);
    home.world.all_is_well_again(20, now());
    assert_eq!(service.cycles(2).await["incidents"], json!([]), "the service leads on");
    assert_eq!(subjects(&telegrams(&home.world, 2).await), [ALERT, RESOLVED]);
}

#[actix_rt::test]
async fn without_the_database_the_last_leader_says_so_goes_on_from_memory_and_leads_again() {
    let server: &'static postgres::Server = Box::leak(Box::new(postgres::Server::start()));
    let database = server.database();
    let home = home(&database);
    let world = &home.world;
    let leader = home.serve().await;
    leader.line("leading (epoch 1)").await;
    leader.cycle().await;
    let follower = home.serve().await;
    follower.line("standing by: ").await;
    server.stop();
    leader.line("stepped down: the database does not answer").await;
    world.jobs_get_stuck(3, now());
    let report = leader.cycle().await;
    let lines = issues(&report);
    assert!(lines.iter().any(|line| line.starts_with("⚠️ Database cannot be written: ")), "{report:#}");
    assert!(lines.contains(&"⚠️ 3 job(s) stuck >30 minutes"), "{report:#}");
    telegrams(world, 1).await;
    mails(world, 1).await;

    server.start_again();
    leader.line("what happened meanwhile is in it").await;
    world.all_is_well_again(20, now());
    let over = leader.cycles(2).await;
    assert_eq!(over["incidents"], json!([]), "{}", leader.log.all().join("\n"));
    telegrams(world, 2).await;
    mails(world, 2).await;
    let log = leader.log.all().join("\n");
    assert_eq!(log.matches("stepped down").count(), 1, "{log}");
    assert!(!follower.log.all().iter().any(|line| line.contains("leading") && line.contains("epoch")), "one leads");
    leader.signal("TERM").await;
    follower.line("leading (epoch ").await;
    assert_eq!(follower.cycles(1).await["incidents"], json!([]), "what was told from memory is known to the next one");
    assert_eq!(telegrams(world, 2).await.len(), mails(world, 2).await.len());
}
