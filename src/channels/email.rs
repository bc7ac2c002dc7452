//! E-mail. The mails of an incident form one conversation; a repeat has the same Message-ID.

mod examination;

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::{Channel, Letter, Receipt, Refusal};
use crate::clients::error::ClientError;
use crate::clients::smtp::{Mail, Mailbox, SmtpClient, SmtpUrl};
use crate::diagnosis::Asked;

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
}

impl Channel for Email {
    fn send<'a>(&'a self, letter: Letter<'a>, deadline: Duration) -> LocalBoxFuture<'a, Result<Receipt, Refusal>> {
        async move {
            let mail = Mail {
                from: self.config.from.clone(),
                to: self.config.to.clone(),
                subject: letter.subject.into(),
                body: letter.body.into(),
                message_id: self.message_id(letter.id),
                references: letter.thread.map(|first| self.message_id(first)).into_iter().collect(),
            };
            let client = self.client.as_ref().map_err(Clone::clone)?;
            let answer = client.send(&mail, deadline).await?;
            Ok(Receipt { answer, memory: None })
        }
        .boxed_local()
    }

    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        examination::examine(&self.client, &self.config.server, deadline).boxed_local()
    }
}
