//! The actors: thin shells of mailbox, timer and address book around the decisions of the domain.
//!
//! A message lives in the file of the actor that receives it. Neighbours are known as `Recipient`s.

pub mod scheduler;
