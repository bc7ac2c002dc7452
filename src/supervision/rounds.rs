//! The supervisor's rounds: at every tick it looks at each child, and replaces the ones that are stuck or blocked.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use actix::Context;

use super::{
    child::Child,
    event::Event,
    exit::{Exit, Reason},
    probe::{Answers, Finding, counted},
    root::{ChildKey, Root},
    vitals::Phase,
};

impl Root {
    pub(super) fn round(&mut self, ctx: &mut Context<Self>) {
        self.shared.heart.beat();
        let now = Instant::now();
        let elapsed = counted(now.saturating_duration_since(self.last_tick), self.limits.tick);
        self.last_tick = now;
        self.abandoned.retain(|arbiter| arbiter.alive());
        self.shared.abandoned.store(self.abandoned.len(), Relaxed);
        let alive = self.children.iter().filter(|child| child.life.is_some());
        let patience: Vec<_> = alive.map(|child| (child.key, child.spec.patience(&self.limits))).collect();
        for (key, patience) in patience {
            let Some(child) = self.child(key) else { continue };
            let answers =
                Answers { thread: child.vitals().thread.is_answered(), actor: child.vitals().actor.is_answered() };
            match child.probe.look(elapsed, answers, patience) {
                Finding::Fine => {
                    child.ping(answers);
                    if answers.actor {
                        self.trust(key, now);
                    }
                }
                Finding::Stuck => {
                    let said = format!("took no message for {:?}", patience.stuck_after);
                    self.replace(key, Reason::Stuck, said, ctx);
                }
                Finding::Blocked => {
                    let said = format!("its thread did not answer for {:?}", patience.block_after);
                    self.abandon(key);
                    self.replace(key, Reason::Blocked, said, ctx);
                }
            }
        }
        if let Some((id, since)) = self.children.iter().find_map(|c| Some((c.id(), c.missed_too_long(now)?))) {
            self.escalate(format!("{id} is essential and has been degraded for {since:.0?}"), ctx);
        }
        if self.abandoned.len() > self.limits.abandoned_threads {
            self.escalate(format!("{} threads are blocked", self.abandoned.len()), ctx);
        }
    }

    /// A degraded child that has lived long enough has recovered.
    fn trust(&mut self, key: ChildKey, now: Instant) {
        let recover_after = self.limits.recover_after;
        let Some(child) = self.child(key) else { return };
        let proven = child.life.as_ref().is_some_and(|life| now.saturating_duration_since(life.since) >= recover_after);
        if child.degraded_since.is_some() && proven {
            child.degraded_since = None;
            child.record.clear();
            child.vitals().enter(Phase::Running);
            let id = child.id();
            log::info!("{id}: recovered");
            self.tell(|| Event::Recovered { id });
        }
    }

    fn replace(&mut self, key: ChildKey, reason: Reason, said: String, ctx: &mut Context<Self>) {
        let Some(life) = self.child(key).and_then(Child::cut_off) else { return };
        let exit = Exit::new(reason, life.generation, said);
        self.ended(key, Some(life), exit, ctx);
    }

    /// A blocked thread cannot be killed: it is left alone and told to end should it ever wake up.
    fn abandon(&mut self, key: ChildKey) {
        let Some(arbiter) = self.child(key).and_then(|child| child.arbiter.take()) else { return };
        arbiter.stop();
        self.abandoned.push(arbiter.handle());
        let (id, threads) = (self.id_of(key), self.abandoned.len());
        self.shared.abandoned.store(threads, Relaxed);
        self.tell(|| Event::Abandoned { id: Arc::clone(&id), threads });
        log::warn!("{id}: its thread is given up; so are {threads} in all");
    }
}
