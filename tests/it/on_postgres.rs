//! The same service with its memory on a PostgreSQL server.

use serde_json::json;

use crate::postgres;
use crate::support::channels::{ALERT, RESOLVED, mails, subjects, telegrams};
use crate::support::{Home, now};

#[actix_rt::test]
async fn what_was_told_is_known_after_a_restart_without_a_file() {
    let database = postgres::shared().database();
    let mut home = Home::well();
    home.set("DATABASE_URL", &database.url());
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    for _ in 0..2 {
        let ended = home.run(&["check"]).await;
        assert_eq!((ended.code, &ended.json()["stuck_jobs_count"]), (Some(1), &json!(3)), "{}", ended.stderr);
    }
    let service = home.serve().await;
    world.all_is_well_again(20, now());
    assert_eq!(service.cycles(2).await["incidents"], json!([]));
    assert_eq!(service.get("/readyz").await.status, 200);
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED);
    let (status, log) = service.signal("TERM").await;
    assert!(status.success(), "{log}");
    assert_eq!(home.left_behind(), [], "no file");
}

#[actix_rt::test]
async fn a_dry_run_leaves_an_empty_database_empty() {
    let database = postgres::shared().database();
    let mut home = Home::well();
    home.set("DATABASE_URL", &database.url());
    let ended = home.run(&["check", "--dry-run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!database.says("SELECT 1 FROM _sqlx_migrations"));
}

#[actix_rt::test]
async fn a_server_that_will_never_do_is_a_bad_configuration_and_one_that_is_away_is_not() {
    let database = postgres::shared().database();
    let mut home = Home::well();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, code, words) in [
        (database.tcp("hunter2", "sslmode=verify-full"), 2, "see sslmode"),
        (database.tcp("hunter2", "user=stranger"), 2, "refuses the user or the password"),
        (format!("postgres://user:hunter2@127.0.0.1:{free}/watch"), 1, "cannot be reached"),
    ] {
        home.set("DATABASE_URL", &url);
        let ended = home.run(&["check"]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(words) && !ended.said().contains("hunter2"), "{}", ended.stderr);
    }
    let config = home.run(&["config"]).await;
    assert!(config.stdout.contains("postgres://********@127.0.0.1:") && !config.said().contains("hunter2"));
}
