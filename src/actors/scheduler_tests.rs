//! A Scheduler alone, among neighbours that only listen.

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::*;
use crate::actors::leadership::{Standing, Term, publish};
use crate::actors::moment::Moment;
use crate::domain::report::Report;

const SOON: Duration = Duration::from_secs(20);

/// Passes on what it is told.
struct Listener(mpsc::UnboundedSender<(u64, Footing)>);

impl Actor for Listener {
    type Context = actix::Context<Self>;
}

impl Handler<Begin> for Listener {
    type Result = ();

    fn handle(&mut self, begin: Begin, _: &mut Self::Context) {
        let _ = self.0.send((begin.cycle, begin.footing));
    }
}

impl Handler<Completed> for Listener {
    type Result = ();

    fn handle(&mut self, _: Completed, _: &mut Self::Context) {}
}

struct Stage {
    scheduler: Addr<Scheduler>,
    standing: watch::Sender<Standing>,
    begun: mpsc::UnboundedReceiver<(u64, Footing)>,
}

impl Stage {
    /// A Scheduler that ticks each hour, in a process that stands like that.
    fn set(standing: Standing) -> Self {
        let (told, begun) = mpsc::unbounded_channel();
        let listener = Listener(told).start();
        let (standing, seen) = watch::channel(standing);
        let neighbours = Neighbours {
            checks: vec![],
            escalator: listener.clone().recipient().into(),
            completed: listener.recipient().into(),
            leadership: Leadership::of(seen),
            heart: Heart::none(),
        };
        let ticking = Ticking::Every(Duration::from_secs(3_600));
        let scheduler = Context::alone(Scheduler::new(ticking, Rhythm::starting_now(), SOON, neighbours));
        Self { scheduler, standing, begun }
    }

    async fn begun(&mut self) -> (u64, Footing) {
        timeout(SOON, self.begun.recv()).await.unwrap().unwrap()
    }

    async fn asked(&self) -> Option<Arc<Overview>> {
        timeout(SOON, self.scheduler.send(RunCycle)).await.unwrap().unwrap()
    }
}

fn leading(epoch: i64) -> Standing {
    Standing::Leading(Term { epoch, until: None })
}

#[actix_rt::test]
async fn who_stands_by_begins_nothing_and_who_takes_the_lead_begins_at_once() {
    let mut stage = Stage::set(Standing::Following { leader: None });
    assert!(stage.asked().await.is_none(), "also if it is asked to");
    publish(&stage.standing, leading(7));
    assert_eq!(stage.begun().await, (1, Footing::Epoch(7)));

    let shared = stage.scheduler.send(RunCycle);
    publish(&stage.standing, Standing::Following { leader: Some("another".into()) });
    let shared = timeout(SOON, shared).await.unwrap().unwrap();
    assert!(shared.is_none(), "what was running is settled by nobody any more");
    publish(&stage.standing, leading(9));
    assert_eq!(stage.begun().await, (2, Footing::Epoch(9)));
}

#[actix_rt::test]
async fn a_term_that_has_run_out_holds_a_tick_back_until_it_is_renewed() {
    let over = Standing::Leading(Term { epoch: 7, until: Some(Moment::now()) });
    let mut stage = Stage::set(over);
    assert!(stage.asked().await.is_none());
    // A renewal is no news: the tick finds out by itself.
    publish(&stage.standing, leading(7));
    assert_eq!(stage.begun().await, (1, Footing::Epoch(7)));
}

#[actix_rt::test]
async fn without_the_database_the_last_leader_keeps_its_rhythm() {
    let mut stage = Stage::set(leading(7));
    assert_eq!(stage.begun().await, (1, Footing::Epoch(7)));
    stage.scheduler.send(Completed { cycle: 1, overview: None }).await.unwrap();
    publish(&stage.standing, Standing::Adrift { epoch: 7 });
    publish(&stage.standing, leading(8));
    let waiting = stage.scheduler.send(RunCycle);
    actix_rt::spawn(async move { drop(waiting.await) });
    assert_eq!(stage.begun().await, (2, Footing::Epoch(8)), "that which was asked for is the next one");
}

#[actix_rt::test]
async fn a_cycle_that_nobody_settled_is_made_up_for_as_soon_as_another_term_has_begun() {
    let mut stage = Stage::set(Standing::Adrift { epoch: 0 });
    assert_eq!(stage.begun().await, (1, Footing::Epoch(0)));
    stage.scheduler.send(Completed { cycle: 1, overview: None }).await.unwrap();
    publish(&stage.standing, leading(1));
    assert_eq!(stage.begun().await, (2, Footing::Epoch(1)), "the next tick is an hour away");
    // The term may begin before it is known that the cycle was not settled.
    let shared = stage.scheduler.send(RunCycle);
    publish(&stage.standing, leading(2));
    stage.scheduler.send(Completed { cycle: 2, overview: None }).await.unwrap();
    assert_eq!(stage.begun().await, (3, Footing::Epoch(2)));
    let report = Report::assemble(3, Utc::now(), vec![]);
    let overview = Some(Arc::new(Overview { report, incidents: vec![], gaps: vec![] }));
    stage.scheduler.send(Completed { cycle: 3, overview: overview.clone() }).await.unwrap();
    assert_eq!(timeout(SOON, shared).await.unwrap().unwrap(), overview, "whoever waited gets that one");
}

#[test]
fn the_line_of_the_start_is_the_one_that_scripts_look_for() {
    assert_eq!(every(Duration::from_secs(300)), "5min");
    assert_eq!(every(Duration::from_secs(30)), "30s");
    assert_eq!(every(Duration::from_secs(90)), "1m 30s");
}
