//! What supervision costs: `cargo bench --bench supervision`.
//!
//! - From the panic to the first answer of the replacement, next to ractor and kameo in the same run: one thread for
//!   everybody, and a thread per actor.
//! - From the block or the hang to the first answer of the replacement.
//! - A message through a stable handle, next to a bare address of actix.
//!
//! It prints a table and judges nothing: times are the machine's. Rounds of the candidates take turns, so that a noisy
//! moment falls on all of them.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod by_kameo;
mod by_ractor;
mod clock;
mod ours;

use std::time::Duration;

use clock::Round;

/// Panics in one round.
const PANICS: usize = 1_000;
const ROUNDS: usize = 7;

/// Who runs a round of so many panics.
type Candidate = (&'static str, fn(usize) -> Round);

const CANDIDATES: [Candidate; 6] = [
    ("one thread: ours", ours::one_thread),
    ("one thread: ractor", by_ractor::one_thread),
    ("one thread: kameo", by_kameo::one_thread),
    ("a thread per actor: ours", ours::thread_per_actor),
    ("a thread per actor: kameo", by_kameo::thread_per_actor),
    ("two workers, no own threads: ractor", by_ractor::two_workers),
];

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); CANDIDATES.len()];
    for _ in 0..ROUNDS {
        for ((_, round), rounds) in CANDIDATES.iter().zip(&mut rounds) {
            rounds.push(round(PANICS));
        }
    }
    println!("\nFrom the panic to the first answer of the replacement, {ROUNDS} rounds of {PANICS} panics, us");
    println!("{:<38} {:>24} {:>24}", "", "p50 [range of rounds]", "p99 [range of rounds]");
    for ((name, _), rounds) in CANDIDATES.iter().zip(&rounds) {
        println!("{name:<38} {:>24} {:>24}", clock::over(rounds, 50), clock::over(rounds, 99));
    }

    let (deadline, tick) = (Duration::from_millis(100), Duration::from_millis(20));
    println!("\nHang to first answer, deadline {deadline:?}, tick {tick:?}, 30 each, ms");
    for (name, mut round) in ours::hangs(deadline, tick, 30) {
        let worst = round.percentile(100).as_secs_f64() * 1e3;
        println!("{name:<38} p50 {:>6.1}   worst {worst:>6.1}", round.percentile(50).as_secs_f64() * 1e3);
    }

    println!("\nA message to an actor on the same thread, ns");
    for (name, cost) in ours::messages() {
        println!("{name:<38} {cost:>8.1}");
    }
}
