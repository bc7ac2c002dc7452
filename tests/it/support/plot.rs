//! What happens to a world in the course of a test, drawn by lot: things go wrong and well again, channels misbehave.

use std::collections::BTreeSet;
use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::demo::notion::JobRow;
use auto_operator::demo::smtp::SmtpFault;
use auto_operator::demo::world::World;
use chrono::TimeDelta;
use fastrand::Rng;
use serde_json::json;
use tokio::time::interval;

use super::{Service, now};

/// What can be wrong; each opens an incident of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Stuck,
    Quality,
    Completion,
    OpenAi,
    Notion,
}

const TROUBLES: [Trouble; 5] =
    [Trouble::Stuck, Trouble::Quality, Trouble::Completion, Trouble::OpenAi, Trouble::Notion];

/// How many looks that may take; what was unstable takes the most.
const LOOKS: usize = 25;

/// How long lies between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// What is wrong in a world.
pub struct Plot<'w> {
    world: &'w World,
    wrong: BTreeSet<Trouble>,
}

impl<'w> Plot<'w> {
    /// All is well at first.
    pub fn of(world: &'w World) -> Self {
        let plot = Self { world, wrong: BTreeSet::new() };
        plot.show(1);
        plot
    }

    /// One thing that was well goes wrong, or the other way round. Outages are short: they hold back all the rest.
    pub fn turns(&mut self, rng: &mut Rng) {
        self.wrong.retain(|trouble| !matches!(trouble, Trouble::OpenAi | Trouble::Notion));
        let trouble = TROUBLES[rng.usize(..TROUBLES.len())];
        if !self.wrong.remove(&trouble) {
            self.wrong.insert(trouble);
        }
        self.show(rng.usize(1..9));
    }

    /// All ends well, for the channels too.
    pub fn ends(&mut self) {
        self.wrong.clear();
        self.show(1);
        self.world.telegram.set_fault_on("/sendMessage", None);
        self.world.smtp.set_fault(None);
        self.world.notion.set_fault_on("/v1/pages", None);
    }

    fn show(&self, stuck: usize) {
        let world = self.world;
        let has = |trouble| self.wrong.contains(&trouble);
        let away = Fault::status(503);
        world.openai.set_fault(has(Trouble::OpenAi).then(|| away.clone()));
        // The board can still be written, as when only reading is slow.
        for path in ["/v1/users", "/query"] {
            world.notion.set_fault_on(path, has(Trouble::Notion).then(|| away.clone()));
        }
        let mut jobs: Vec<JobRow> = (0..20).map(|_| job("Done", Some(90.0), 20)).collect();
        if has(Trouble::Stuck) {
            jobs.extend((0..stuck).map(|_| job("Processing", None, 45)));
        }
        if has(Trouble::Quality) {
            jobs.extend((0..30).map(|_| job("Done", Some(50.0), 20)));
        }
        if has(Trouble::Completion) {
            jobs.extend((0..100).map(|_| job("Failed", None, 20)));
        }
        world.notion.clear_jobs(world.job_log);
        world.notion.add_jobs(world.job_log, jobs);
    }
}

/// Has the service look until all that is over is called over.
pub async fn calm(service: &Service) {
    // A database that was away is asked for again every few seconds.
    let mut often = interval(BETWEEN_LOOKS);
    for _ in 0..LOOKS {
        often.tick().await;
        let report = service.cycle().await;
        if report["overall_ok"] == true && report["incidents"] == json!([]) {
            return;
        }
    }
    panic!("it does not come to rest: {:#}\n{}", service.report().await, service.log.all().join("\n"));
}

fn job(status: &str, qa: Option<f64>, idle: i64) -> JobRow {
    let last_edited = now() - TimeDelta::minutes(idle);
    let created = last_edited - TimeDelta::minutes(2);
    JobRow { name: format!("{status} {idle}"), status: Some(status.into()), qa, created, last_edited }
}

/// A channel misbehaves, or is slow, or well, until the lot falls on it again; nothing that it does takes a notice twice by
/// itself, and nothing is refused for good.
pub fn hinder(world: &World, rng: &mut Rng) {
    let slow = Duration::from_millis(rng.u64(20..300));
    let refuses = rng.u8(..6) == 0;
    match rng.u8(..3) {
        0 if refuses => {
            world.telegram.set_fault_on("/sendMessage", Some(pick(rng, [Fault::status(500), Fault::Reset, busy()])));
        }
        0 => world.telegram.set_fault_on("/sendMessage", pick(rng, [None, Some(Fault::Delay(slow))])),
        1 if refuses => {
            let faults = [SmtpFault::RefuseReceivers(450), SmtpFault::RefuseMail(451), SmtpFault::Reset];
            world.smtp.set_fault(Some(pick(rng, faults)));
        }
        1 => world.smtp.set_fault(pick(rng, [None, Some(SmtpFault::Slow(slow / 10))])),
        _ if refuses => world.notion.set_fault_on("/v1/pages", Some(pick(rng, [Fault::status(502), Fault::Reset]))),
        _ => world.notion.set_fault_on("/v1/pages", pick(rng, [None, Some(Fault::Delay(slow))])),
    }
}

fn busy() -> Fault {
    Fault::Status { code: 429, retry_after: Some(1), body: None }
}

fn pick<T, const N: usize>(rng: &mut Rng, choices: [T; N]) -> T {
    let index = rng.usize(..N);
    choices.into_iter().nth(index).expect("within the array")
}
