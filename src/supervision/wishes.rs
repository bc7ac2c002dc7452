//! What the holders of a supervisor ask of it.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message};

use super::{
    chaos::Chaos,
    child::{Child, Post, Wish},
    exit::{Exit, Reason},
    orders::Order,
    root::{ChildKey, Root},
    runner::Line,
    spec::ChildSpec,
};

/// A child to be started.
pub(super) struct Start {
    pub(super) post: Box<dyn Post>,
    pub(super) spec: ChildSpec,
}

impl Message for Start {
    type Result = ();
}

impl Handler<Start> for Root {
    type Result = ();

    fn handle(&mut self, Start { post, spec }: Start, ctx: &mut Self::Context) {
        self.keys += 1;
        let key = self.keys;
        let line = Line { root: ctx.address(), child: key, events: self.shared.events.clone() };
        self.children.push(Child::new(line, post, spec));
        match self.closing {
            true => self.over(key),
            false => self.fill(key, None, ctx),
        }
    }
}

/// What may be done to a child.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Restart,
    Remove,
    Harm(Chaos),
}

/// A deed to be done to the child `id`.
pub(super) struct Do {
    pub(super) id: Arc<str>,
    pub(super) deed: Deed,
}

impl Message for Do {
    type Result = ();
}

impl Handler<Do> for Root {
    type Result = ();

    fn handle(&mut self, Do { id, deed }: Do, ctx: &mut Self::Context) {
        let Some(child) = self.children.iter_mut().find(|child| *child.vitals().id() == id) else { return };
        let key = child.key;
        match (deed, &child.life) {
            _ if self.closing => {}
            (Deed::Harm(chaos), Some(life)) => {
                life.orders.give(Order::Meet(chaos));
            }
            (Deed::Harm(_), None) => {}
            (Deed::Restart, Some(_)) => self.ask_to_stop(key, Wish::Fresh, ctx),
            (Deed::Restart, None) => {
                child.plan += 1;
                log::info!("{id}: started by hand");
                self.fill(key, Some(Reason::Manual), ctx);
            }
            (Deed::Remove, Some(_)) => {
                child.leaving = true;
                self.ask_to_stop(key, Wish::Over, ctx);
            }
            (Deed::Remove, None) => {
                child.leaving = true;
                self.over(key);
            }
        }
    }
}

impl Root {
    /// Tells an actor to stop, and cuts it off if it has not done so within its time.
    fn ask_to_stop(&mut self, key: ChildKey, wish: Wish, ctx: &mut Context<Self>) {
        let Some(child) = self.child(key) else { return };
        let within = child.spec.shutdown;
        let Some(life) = &mut child.life else { return };
        life.wish = Some(wish);
        let generation = life.generation;
        life.orders.give(Order::Stop);
        ctx.run_later(within, move |root, ctx| root.cut_off(key, generation, ctx));
    }

    /// Cuts off an actor that was told to stop, if it is still there.
    pub(super) fn cut_off(&mut self, key: ChildKey, generation: u64, ctx: &mut Context<Self>) {
        let overdue = self.child(key).filter(|child| child.lives(generation)).and_then(Child::cut_off);
        if let Some(life) = overdue {
            let exit = Exit::new(Reason::Shutdown, generation, "cut off");
            self.ended(key, Some(life), exit, ctx);
        }
    }
}
