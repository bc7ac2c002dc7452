//! One file per outside party: how to speak its language. Nothing of ours is used here but [`crate::secret`].

pub mod error;
pub mod smtp;
