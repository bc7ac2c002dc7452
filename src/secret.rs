//! A value that must never be seen: a token, a key, a URL with a password in it.
//!
//! There is deliberately no `Debug`, `Display` or `Serialize`: a struct that holds a [`Secret`] cannot derive them
//! either, so the compiler finds the place where somebody would print one. [`Secret::expose`] is the only way out, and
//! it is used only where a request is built.

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes hold of `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that puts it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
