//! What is our own: the database, the host, the settings.

use auto_operator::diagnosis::Remedy;
use futures_util::FutureExt;

use super::patient;
use super::sentences::{Cases, Heard};
use crate::postgres;
use crate::support::Home;

pub fn of_database(heard: &Heard) -> Cases<'_> {
    let line = "fail  database  ";
    let at = |url: &'static str| move |home: &mut Home| home.set("DATABASE_URL", url);
    let newer = async move {
        let home = with_database().await;
        let pool = opened(&home).await;
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (99990101000000, 'the future', 1, x'00', 1)";
        sqlx::query(newer).execute(&pool).await.unwrap();
        pool.close().await;
        heard.expect(&home.run(&["doctor"]).await, &[(line, Remedy::NewerDatabase)]);
    };
    let locked = async move {
        let home = with_database().await;
        let pool = opened(&home).await;
        let transaction = pool.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        heard.expect(&home.run(&["doctor"]).await, &[(line, Remedy::LockedDatabase)]);
        transaction.rollback().await.unwrap();
    };
    let older = async move {
        let home = with_database().await;
        let pool = opened(&home).await;
        for statement in [
            "ALTER TABLE samples DROP COLUMN openai_ms",
            "ALTER TABLE samples DROP COLUMN notion_ms",
            "DELETE FROM _sqlx_migrations WHERE version = 3",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        pool.close().await;
        let before = home.left_behind();
        let ended = home.run(&["doctor"]).await;
        assert!(ended.stdout.contains("which `serve` will bring up to date"), "{}", ended.said());
        heard.expect(&ended, &[]);
        assert_eq!(home.left_behind(), before, "doctor has not written");
        assert_eq!(home.run(&["check"]).await.code, Some(0));
        let ended = home.run(&["doctor"]).await;
        assert!(ended.stdout.contains("its schema is up to date, it takes writes"), "{}", ended.said());
        heard.expect(&ended, &[]);
    };
    vec![
        newer.boxed_local(),
        locked.boxed_local(),
        older.boxed_local(),
        heard.in_order("has no tables yet; the service will make them", |home| {
            let database = postgres::shared().database();
            home.set("DATABASE_URL", &database.url());
            database
        }),
        heard.in_order("in order\n", |home| {
            let url = format!("{}/ping", home.world.openai.url());
            home.set("HEARTBEAT_URL", &url);
        }),
        heard.of(line, Remedy::NoDirectory { directory: "nowhere".into() }, at("sqlite://nowhere/watch.db")),
        heard.of(line, Remedy::OtherDatabase, |home| {
            std::fs::write(home.file("watch.db"), "this is no database ".repeat(10)).unwrap();
        }),
        heard.of(line, Remedy::OtherDatabase, at("sqlite:///proc/watch.db")),
        heard.of(
            "fail  database             open the one on the PostgreSQL server → the database cannot be reached: connection \
             refused (",
            Remedy::DatabaseAway,
            at("postgres://user:hunter2@127.0.0.1:1/watch"),
        ),
        heard.of(
            "fail  database             open the one on the PostgreSQL server → the database cannot be reached: the name of \
             its host cannot be looked up (",
            Remedy::DatabaseAway,
            at("postgres://user:hunter2@no.such.invalid/watch"),
        ),
        heard.of("warn  database  ", Remedy::InMemory, at("sqlite::memory:")),
    ]
}

async fn with_database() -> Home {
    let home = patient();
    assert_eq!(home.run(&["check"]).await.code, Some(0));
    home
}

async fn opened(home: &Home) -> sqlx::SqlitePool {
    sqlx::SqlitePool::connect(&format!("sqlite://{}", home.file("watch.db").display())).await.unwrap()
}

pub fn of_host_and_settings(heard: &Heard) -> Cases<'_> {
    let set = |name: &'static str, value: &'static str| move |home: &mut Home| home.set(name, value);
    let without =
        |names: &'static [&'static str]| move |home: &mut Home| names.iter().for_each(|name| home.without(name));
    let on = |host, line, remedy| vec![("warn  database  ", Remedy::LostFiles { host }), (line, remedy)];
    let (ok, warn) = ("ok    host  ", "warn  host  ");
    vec![
        heard.of_all(on("Heroku", ok, Remedy::HerokuMaySleep), set("DYNO", "web.1")),
        heard.of_all(on("Heroku", ok, Remedy::HerokuMaySleep), move |home| {
            set("DYNO", "web.1")(home);
            set("DATABASE_URL", "sqlite::memory:")(home);
        }),
        heard.of_all(on("a deployment on Replit", ok, Remedy::ReplitMaySleep), set("REPLIT_DEPLOYMENT", "1")),
        heard.of_all(on("this host", warn, Remedy::ScalesToZero), set("K_SERVICE", "watch")),
        heard.of(warn, Remedy::ReplitWorkspace, set("REPL_ID", "0b1c")),
        heard.of("fail  settings  ", Remedy::NothingWatched, move |home| {
            // The Status Board is a channel; with it, Notion would be watched.
            without(&["NOTION", "OPENAI"])(home);
        }),
        heard.of("warn  settings  ", Remedy::NobodyTold, move |home| {
            without(&["SMTP", "TELEGRAM"])(home);
            home.unset(&["NOTION_STATUS_DB_ID"]);
        }),
        heard.of("warn  settings  ", Remedy::NoOpsToken, without(&["OPS_TOKEN"])),
        heard.of("warn  settings  ", Remedy::NoPublicUrl, without(&["PUBLIC_URL"])),
        heard.of("warn  settings  ", Remedy::MisspeltSetting, set("CHECK_INTERVALL", "5m")),
        heard.of("warn  settings  ", Remedy::OtherSetting, set("OPS_TOKEN", "1234567")),
    ]
}
