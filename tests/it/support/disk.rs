//! A small disk of its own for a service, which can be filled.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use super::{Home, Service};

/// Where it is in the service's working directory.
const PLACE: &str = "disk";

/// Mounts it, for the eyes of the service only: it is gone with the process, however that ends.
const MOUNT: &str = r#"mount -t tmpfs -o size=2m tmpfs disk && exec "$0" "$@""#;

/// The service of `home` with its database on a small disk; none if this system lets nobody mount one.
pub async fn serve_on_small_disk(home: &mut Home) -> Option<Service> {
    std::fs::create_dir(home.file(PLACE)).expect("a folder can be made");
    let unshare = ["--mount", "--map-root-user"].into_iter().scan(vec![], |options, option| {
        options.push(option);
        Some(options.clone())
    });
    for options in unshare {
        let mut trial = Command::new("unshare");
        trial.args(&options).args(["sh", "-c", MOUNT, "true"]).current_dir(home.folder.path()).stderr(Stdio::null());
        if trial.status().await.is_ok_and(|status| status.success()) {
            home.set("DATABASE_URL", &format!("sqlite://{PLACE}/watch.db"));
            let mut command = home.of("unshare");
            command.args(&options).args(["sh", "-c", MOUNT, env!("CARGO_BIN_EXE_auto-operator"), "serve"]);
            return Some(Service::start(command).await);
        }
    }
    None
}

/// A file on the disk of `service`.
pub fn on_disk(home: &Home, service: &Service, name: &str) -> PathBuf {
    let folder = home.file(PLACE);
    let within = folder.strip_prefix("/").expect("an absolute path");
    PathBuf::from(format!("/proc/{}/root", service.pid())).join(within).join(name)
}

/// A copy of the database, outside: SQLite would look for a file behind `/proc` where it only is for the service.
pub fn copied(home: &Home, service: &Service) -> PathBuf {
    for name in ["watch.db", "watch.db-wal"] {
        std::fs::copy(on_disk(home, service, name), home.file(name)).expect("it can be copied");
    }
    home.file("watch.db")
}

/// Leaves no room on the disk.
pub fn fill(home: &Home, service: &Service) {
    let mut filler = std::fs::File::create(on_disk(home, service, "filler")).expect("a file can be made");
    // Page by page, to the last one.
    while filler.write_all(&[0; 4096]).is_ok() {}
}

/// Makes room again.
pub fn clear(home: &Home, service: &Service) {
    std::fs::remove_file(on_disk(home, service, "filler")).expect("it can be removed");
}
