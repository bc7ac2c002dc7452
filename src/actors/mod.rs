//! The actors: thin shells of mailbox, timer and address book around the decisions of the domain.
//!
//! A message lives in the file of the actor that receives it. Neighbours are known as stable `Sender`s, so
//! that each actor can be tested alone and is felt by nobody when it is replaced. No actor decides anything about health: it carries out what a pure function decided.

pub mod acknowledgements;
pub mod check_actor;
pub mod conclusion;
pub mod courier;
mod deafness;
pub mod delivery_board;
mod ear;
pub mod escalator;
pub mod heart;
pub mod keeper;
pub mod leadership;
pub mod listener;
mod menu;
pub mod merging;
pub mod moment;
pub mod notices;
pub mod notifier;
mod orders;
pub mod pace;
pub mod rhythm;
pub mod scheduler;
pub mod settling;
pub mod telemetry;
mod trip;

#[cfg(test)]
mod hearing_tests;
