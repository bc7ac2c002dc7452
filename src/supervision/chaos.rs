//! Harm on purpose, for demonstrations and tests: the same for every actor, without a line of code in it.

use std::{fmt, str::FromStr, time::Duration};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, fut};

use super::context::Context;

/// What befalls an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chaos {
    /// It panics.
    Panic,
    /// It stops.
    Stop,
    /// It never takes a message again, while its thread is free.
    Hang,
    /// Its thread does not come back until it was given up.
    Block,
}

impl Chaos {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Panic, Self::Stop, Self::Hang, Self::Block];

    /// The word for it, lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Stop => "stop",
            Self::Hang => "hang",
            Self::Block => "block",
        }
    }

    /// Lets it happen when the context is polled next.
    pub(super) fn befall<A: Actor<Context = Context<A>>>(self, ctx: &mut Context<A>) {
        match self {
            Self::Panic => {
                ctx.spawn(fut::ready(()).map(|(), _, _| panic!("chaos")));
            }
            Self::Stop => ctx.stop(),
            Self::Hang => ctx.wait(fut::wrap_future(std::future::pending())),
            Self::Block => {
                let env = ctx.env().clone();
                ctx.spawn(fut::ready(()).map(move |(), _, _| {
                    // A look now and then, so that harm done on purpose leaks no thread.
                    while env.is_current() {
                        std::thread::park_timeout(Duration::from_millis(20));
                    }
                }));
            }
        }
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no such way to harm an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownChaos;

impl fmt::Display for UnknownChaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of panic, stop, hang, block")
    }
}

impl std::error::Error for UnknownChaos {}

impl FromStr for Chaos {
    type Err = UnknownChaos;

    fn from_str(word: &str) -> Result<Self, UnknownChaos> {
        Self::ALL.into_iter().find(|chaos| chaos.as_str() == word).ok_or(UnknownChaos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_read_as_it_is_written() {
        for chaos in Chaos::ALL {
            assert_eq!(chaos.to_string().parse(), Ok(chaos));
        }
        assert_eq!("nuke".parse::<Chaos>(), Err(UnknownChaos));
    }
}
