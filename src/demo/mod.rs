//! The small fake world on loopback: stand-ins of the parties that the service talks to, with switches.
//!
//! The `demo` command plays a story with them, and every test that needs a socket runs against them: one fake, kept
//! honest. Each is stateful and as strict as the real party is documented to be, so that a client that passes here has
//! been read by something that would have said no. They use nothing of ours: a mistake in a client cannot hide in its
//! stand-in.
//!
//! ```text
//! Notion, OpenAi, Telegram, Replit = StandIn<a Party>     what one party knows and answers
//!            StandIn   handle: address, journal of requests, faults; the last one dropped stops the server
//! MailServer            the one party that does not speak HTTP
//! World                 all of them, with a Job Log and a Status Board, and what can happen there
//!            server    a thread of its own with an actix-web server on 127.0.0.1, port 0
//!            fault     what can go wrong between the party and its caller, the same for all
//!            journal   what was received, with a wait that needs no sleeping
//! ```

pub mod fault;
pub mod journal;
mod misbehaviour;
pub mod notion;
pub mod openai;
pub mod replit;
mod server;
pub mod smtp;
pub mod stand_in;
pub mod telegram;
#[cfg(test)]
mod test_client;
pub mod wire;
pub mod world;

pub use fault::Fault;
pub use journal::Journal;
pub use notion::Notion;
pub use openai::OpenAi;
pub use replit::Replit;
pub use smtp::MailServer;
pub use stand_in::StandIn;
pub use telegram::Telegram;
pub use world::World;
