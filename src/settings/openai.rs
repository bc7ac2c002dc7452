//! OpenAI: a key with its address, and how it is probed.
//!
//! An address goes with its own key: `OPENAI_BASE_URL` never gets the key of Replit's integration, nor the other way
//! round. The integration's address without its key is the host's doing, not the operator's: OpenAI is off then, with
//! a warning, since that is likely not what was meant.

use super::reader::Reader;
use super::values::{choice, is_readable_on_the_way, line, token, web_address};
use super::variables::{
    AI_INTEGRATIONS_OPENAI_API_KEY, AI_INTEGRATIONS_OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_PROBE,
    OPENAI_PROBE_MODEL,
};
use crate::secret::Secret;

/// How OpenAI is reached and probed.
pub struct OpenAi {
    /// The key.
    pub key: Secret,
    /// The API's address, to which paths are appended as it is, without a slash at its end.
    pub base_url: String,
    /// How it is probed.
    pub probe: Probe,
    /// The model that [`Probe::Chat`] asks.
    pub model: String,
    /// The names of the variables that the key and the address come from.
    pub variables: (&'static str, &'static str),
}

/// What asks OpenAI whether it is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The list of models: costs nothing, but cannot see an empty account.
    Models,
    /// A completion of a few tokens.
    Chat,
}

impl OpenAi {
    /// Reads all variables of OpenAI; `None` if it is off or something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let own_key = reader.given(OPENAI_API_KEY, token);
        let own_url = reader.value(OPENAI_BASE_URL, web_address);
        let integration_key = reader.given(AI_INTEGRATIONS_OPENAI_API_KEY, token);
        let integration_url = reader.value(AI_INTEGRATIONS_OPENAI_BASE_URL, web_address);
        let probe = reader.given(OPENAI_PROBE, choice(&[("models", Probe::Models), ("chat", Probe::Chat)]));
        let model = reader.value(OPENAI_PROBE_MODEL, line(200));

        let has_own_key = reader.is_set(OPENAI_API_KEY);
        let has_integration = reader.is_set(AI_INTEGRATIONS_OPENAI_API_KEY);
        if !has_own_key && reader.is_set(OPENAI_BASE_URL) {
            reader.missing(OPENAI_API_KEY, OPENAI_BASE_URL, "OpenAI");
        } else if !has_own_key && !has_integration {
            if let Some(set) = [OPENAI_PROBE, OPENAI_PROBE_MODEL].into_iter().find(|variable| reader.is_set(*variable))
            {
                reader.missing(OPENAI_API_KEY, set, "OpenAI");
            } else if reader.is_set(AI_INTEGRATIONS_OPENAI_BASE_URL) {
                reader.warn(format!(
                    "{} is set without {}: OpenAI is not watched",
                    AI_INTEGRATIONS_OPENAI_BASE_URL.name, AI_INTEGRATIONS_OPENAI_API_KEY.name
                ));
            }
        }

        let own = (OPENAI_API_KEY.name, OPENAI_BASE_URL.name);
        let integration = (AI_INTEGRATIONS_OPENAI_API_KEY.name, AI_INTEGRATIONS_OPENAI_BASE_URL.name);
        let (key, base_url, default_probe, variables) = match has_own_key {
            true => (own_key?, own_url?, Probe::Models, own),
            false => (integration_key?, integration_url?, Probe::Chat, integration),
        };
        if is_readable_on_the_way(&base_url) {
            reader.warn(format!(
                "OpenAI is asked by plain http on another machine: its key can be read on the way ({base_url})"
            ));
        }
        let probe = probe.unwrap_or(default_probe);
        reader.show(
            OPENAI_PROBE,
            match probe {
                Probe::Models => "models",
                Probe::Chat => "chat",
            },
        );
        Some(Self { key, base_url, probe, model: model?, variables })
    }
}
