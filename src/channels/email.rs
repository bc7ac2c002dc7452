//! E-mail. The mails of an incident form one conversation; a repeat has the same Message-ID.
//!
//! A server may take a mail for some of its receivers and refuse it for others. Who has it does not get it again: it is
//! sent again only to those whom the server put off, and is done once nobody is left but those whom it refuses for good.

mod examination;

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::{Channel, LEFT_OUT, Letter, Part, Receipt, Refusal};
use crate::clients::error::ClientError;
use crate::clients::smtp::{Mail, Mailbox, SmtpClient, SmtpUrl};
use crate::diagnosis::{Asked, Remedy};

/// How to send mail, and to whom.
#[derive(Clone)]
pub struct Config {
    /// The server.
    pub server: SmtpUrl,
    /// The sender.
    pub from: Mailbox,
    /// The receivers.
    pub to: Vec<Mailbox>,
    /// How long connecting to one address of the server may take.
    pub connect_timeout: Duration,
}

/// The channel.
pub struct Email {
    /// Or why there is none: then no letter is taken.
    client: Result<SmtpClient, ClientError>,
    config: Config,
}

/// Who has a mail, and what the server said to that.
#[derive(Default, Serialize, Deserialize)]
struct Taken {
    by: Vec<String>,
    answer: String,
}

/// Who does not have it, and why.
type Refused = Vec<(Mailbox, ClientError)>;

impl Email {
    /// Sends as `config` says.
    pub fn new(config: Config) -> Self {
        Self { client: SmtpClient::new(&config.server, config.connect_timeout), config }
    }

    /// The Message-ID of a notice: the same at each try.
    fn message_id(&self, notice: &str) -> String {
        let domain = self.config.from.domain();
        format!("<{notice}@{domain}>")
    }

    fn mail(&self, letter: &Letter<'_>, subject: &str, body: &str) -> Mail {
        Mail {
            from: self.config.from.clone(),
            to: self.config.to.clone(),
            subject: subject.into(),
            body: body.into(),
            message_id: self.message_id(letter.id),
            references: letter.thread.map(|first| self.message_id(first)).into_iter().collect(),
        }
    }

    async fn post(&self, letter: Letter<'_>, until: Instant) -> Result<Receipt, Refusal> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let before: Taken = letter.part.and_then(|part| serde_json::from_str(part).ok()).unwrap_or_default();
        let (had, lacking) = self.config.to.iter().cloned().partition(|receiver| before.holds(receiver));
        let whole = (self.mail(&letter, letter.subject, letter.body), lacking);
        let (mut taken, mails) = match letter.news {
            // Something has come up since: who knows the rest is told what is new.
            Some(news) => (Taken::default(), vec![(self.mail(&letter, &news.subject, &news.body), had), whole]),
            None => (before, vec![whole]),
        };
        let mut refused = Refused::new();
        for (mail, receivers) in mails.into_iter().filter(|(_, receivers): &(_, Vec<_>)| !receivers.is_empty()) {
            match client.send(&mail, &receivers, until.saturating_duration_since(Instant::now())).await {
                Ok(accepted) => {
                    let left_out = |receiver: &Mailbox| accepted.refused.iter().any(|(refused, _)| refused == receiver);
                    taken.add(receivers.iter().filter(|receiver| !left_out(receiver)), &accepted.answer);
                    refused.extend(accepted.refused);
                }
                Err(error) => refused.extend(receivers.into_iter().map(|receiver| (receiver, error.clone()))),
            }
        }
        self.outcome(taken, &refused)
    }

    /// What came of a try.
    fn outcome(&self, taken: Taken, refused: &Refused) -> Result<Receipt, Refusal> {
        let put_off = refused.iter().find(|(_, error)| !error.is_permanent());
        let Some((_, error)) = put_off.or(refused.first().filter(|_| taken.by.is_empty())) else {
            let gone = refused.iter().map(|(receiver, error)| format!("{LEFT_OUT}{}: {error}", receiver.address()));
            return Ok(Receipt { answer: gone.fold(taken.answer, |answer, gone| answer + &gone), memory: None });
        };
        let refusal = Refusal::from(error.clone());
        if self.config.to.len() == 1 {
            return Err(refusal);
        }
        let whom: Vec<_> = refused.iter().map(|(receiver, _)| receiver.address()).collect();
        let text = format!("{} (to {})", refusal.text, whom.join(", "));
        Err(Refusal { text, part: taken.part(), ..refusal })
    }
}

impl Taken {
    fn holds(&self, receiver: &Mailbox) -> bool {
        self.by.iter().any(|address| address.eq_ignore_ascii_case(receiver.address()))
    }

    fn add<'a>(&mut self, receivers: impl Iterator<Item = &'a Mailbox>, answer: &str) {
        self.by.extend(receivers.map(|receiver| receiver.address().to_owned()));
        let between = if self.answer.is_empty() { "" } else { "; " };
        self.answer += &format!("{between}{answer}");
    }

    fn part(self) -> Option<Part> {
        let memory = serde_json::to_string(&self).ok().filter(|_| !self.by.is_empty())?;
        Some(Part { memory, answer: self.answer })
    }
}

impl Channel for Email {
    fn send<'a>(&'a self, letter: Letter<'a>, deadline: Duration) -> LocalBoxFuture<'a, Result<Receipt, Refusal>> {
        self.post(letter, Instant::now() + deadline).boxed_local()
    }

    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        examination::examine(&self.client, &self.config.server, deadline).boxed_local()
    }

    fn advice(&self, answer: &str) -> Option<Remedy> {
        // A server that says no to a mail means its addresses, as far as a program can know.
        (answer.starts_with("bad request") || answer.starts_with("forbidden") || answer.contains(LEFT_OUT))
            .then_some(Remedy::MailAddresses)
    }
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
