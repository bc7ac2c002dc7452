//! The fence: who am I, and am I still the one?

use std::sync::Arc;

use super::vitals::Vitals;

/// What one actor knows of its place. A clone goes wherever a side effect is made.
///
/// A thread that was given up as blocked may wake up later and go on where it was. So every side effect, most of all
/// after an `await`, asks [`is_current`](Self::is_current) first; what must hold beyond the check (another process, a
/// crash right after it) is fenced where it is written, with [`generation`](Self::generation) or a key.
#[derive(Debug, Clone)]
pub struct Env {
    vitals: Arc<Vitals>,
    generation: u64,
}

impl Env {
    pub(super) fn new(vitals: Arc<Vitals>, generation: u64) -> Self {
        Self { vitals, generation }
    }

    /// The environment of an actor that nobody supervises: always current. For tests of one actor alone.
    pub fn alone() -> Self {
        Self::new(Arc::new(Vitals::new("alone".into(), usize::MAX)), 1)
    }

    /// The child's name.
    pub fn id(&self) -> &str {
        self.vitals.id()
    }

    /// The number of this actor's mailbox: from 1 in each process, growing with every restart.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether this actor is still the one at its place. Costs one atomic load.
    pub fn is_current(&self) -> bool {
        self.vitals.generation() == self.generation
    }

    pub(super) fn vitals(&self) -> &Vitals {
        &self.vitals
    }
}
