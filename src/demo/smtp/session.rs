//! One connection: the server's side of the SMTP dialogue (RFC 5321, AUTH of RFC 4954), with the faults in it.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpStream;

use super::wire::{Line, Wire};
use super::{Core, ReceivedMail, SmtpFault};

/// The longest line of a command, with what AUTH may need.
const COMMAND_MAX: usize = 12_288;
/// The longest line of a text, its end included (RFC 5321, 4.5.3.1.6).
const TEXT_LINE_MAX: usize = 1_000;
/// As many receivers as one mail may have.
const RECEIVERS_MAX: usize = 100;

/// The envelope, as far as it has come.
struct Envelope {
    from: String,
    to: Vec<String>,
    eight_bit: bool,
    utf8: bool,
}

struct Session<'a> {
    wire: Wire,
    core: &'a Core,
    fault: Option<SmtpFault>,
    greeted: bool,
    signed_in: bool,
    envelope: Option<Envelope>,
}

/// Serves one connection to its end.
pub(super) async fn run(stream: TcpStream, core: &Core) -> io::Result<()> {
    let fault = core.faults.meet();
    let signed_in = core.rules.login.is_none();
    let mut session = Session { wire: Wire::new(stream), core, fault, greeted: false, signed_in, envelope: None };
    if !session.greet().await? {
        return Ok(());
    }
    while let Some(line) = session.wire.line(COMMAND_MAX).await? {
        let more = match line {
            Line::Whole(line) => session.command(&line).await?,
            Line::TooLong => session.say("500 5.5.2 That line is too long").await?,
            Line::Bare => session.say("500 5.5.2 Lines end with CR LF and have none inside").await?,
        };
        if !more {
            break;
        }
    }
    Ok(())
}

impl Session<'_> {
    /// Greets; whether the dialogue goes on.
    async fn greet(&mut self) -> io::Result<bool> {
        match self.fault.clone() {
            Some(SmtpFault::RefuseGreeting) => {
                self.say("421 4.3.2 demo.example is not taking mail just now").await?;
                Ok(false)
            }
            Some(SmtpFault::TurnAway(words)) => {
                self.say(&format!("554 {words}")).await?;
                Ok(false)
            }
            Some(SmtpFault::GarbageGreeting) => {
                self.wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await?;
                Ok(false)
            }
            Some(SmtpFault::Drip(pause)) => {
                for byte in b"220 demo.example SMTP, in its own time\r\n" {
                    self.wire.send(&[*byte]).await?;
                    tokio::time::sleep(pause).await;
                }
                Ok(true)
            }
            Some(SmtpFault::Reset) => {
                self.wire.reset_on_close()?;
                Ok(false)
            }
            Some(SmtpFault::Close) => Ok(false),
            Some(SmtpFault::HangAtGreeting) => self.wire.hang().await,
            Some(SmtpFault::FloodOfLines(bytes)) => {
                self.wire.flood(b"220-demo.example has a lot to say before it takes any mail\r\n", bytes).await?;
                self.say("220 demo.example").await
            }
            Some(SmtpFault::FloodInOneLine(bytes)) => {
                self.wire.flood(&[b'2'; 4096], bytes).await?;
                self.say("").await
            }
            _ => self.say("220 demo.example ESMTP stand-in, delivers to nobody").await,
        }
    }

    /// Carries out one command; whether the dialogue goes on.
    async fn command(&mut self, line: &[u8]) -> io::Result<bool> {
        let Ok(line) = std::str::from_utf8(line) else {
            return self.say("500 5.5.2 That is not UTF-8").await;
        };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" if rest.trim().is_empty() => self.say("501 5.5.4 Who are you?").await,
            "EHLO" => {
                (self.greeted, self.envelope) = (true, None);
                let auth = if self.core.rules.login.is_some() { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
                let size = self.core.rules.mail_bytes_max;
                self.say(&format!(
                    "250-demo.example\r\n250-SIZE {size}\r\n{auth}250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES"
                ))
                .await
            }
            "HELO" => {
                (self.greeted, self.envelope) = (true, None);
                self.say("250 demo.example").await
            }
            "NOOP" => self.say("250 2.0.0 OK").await,
            "RSET" => {
                self.envelope = None;
                self.say("250 2.0.0 OK").await
            }
            "QUIT" if self.fault == Some(SmtpFault::HangAtQuit) => self.wire.hang().await,
            "QUIT" => {
                self.say("221 2.0.0 Bye").await?;
                Ok(false)
            }
            _ if !self.greeted => self.say("503 5.5.1 Say EHLO first").await,
            "AUTH" => self.auth(rest).await,
            "MAIL" | "RCPT" | "DATA" if !self.signed_in => self.say("530 5.7.0 Authentication required").await,
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data().await,
            "VRFY" => self.say("252 2.5.0 Send it and see").await,
            _ => self.say("502 5.5.1 Unknown command").await,
        }
    }

    async fn auth(&mut self, rest: &str) -> io::Result<bool> {
        let Some((user, password)) = self.core.rules.login.clone() else {
            return self.say("503 5.5.1 No login here").await;
        };
        if self.signed_in || self.envelope.is_some() {
            return self.say("503 5.5.1 Not now").await;
        }
        let (mechanism, initial) = rest.split_once(' ').map_or((rest, None), |(name, first)| (name, Some(first)));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => self.answer(initial, "").await?.map(|plain| {
                let mut parts = plain.splitn(3, |byte| *byte == 0).map(<[u8]>::to_vec).skip(1);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }),
            "LOGIN" => match self.answer(initial, "Username:").await? {
                Some(user) => self.answer(None, "Password:").await?.map(|password| (user, password)),
                None => None,
            },
            _ => return self.say("504 5.5.4 PLAIN or LOGIN").await,
        };
        let Some((given_user, given_password)) = given else {
            return self.say("501 5.5.2 That is not a login").await;
        };
        if self.fault == Some(SmtpFault::EchoLogin) {
            let plain = STANDARD.encode([&[0], &*given_user, &[0], &*given_password].concat());
            let password = String::from_utf8_lossy(&given_password).into_owned();
            let encoded = STANDARD.encode(&given_password);
            return self.say(&format!("535 5.7.8 Wrong: {password} or {encoded} or {plain}")).await;
        }
        if let Some(SmtpFault::RefuseLoginWith(answer)) = &self.fault {
            let answer = answer.replace('\n', "\r\n");
            return self.say(&answer).await;
        }
        let right = given_user == user.as_bytes() && given_password == password.as_bytes();
        if !right || self.fault == Some(SmtpFault::RefuseLogin) {
            return self.say("535-5.7.8 Username and Password not accepted.\r\n535 5.7.8 BadCredentials").await;
        }
        self.signed_in = true;
        self.say("235 2.7.0 Accepted").await
    }

    /// What the client says to `challenge`, unless it has said it already; nothing if it is not base64.
    async fn answer(&mut self, initial: Option<&str>, challenge: &str) -> io::Result<Option<Vec<u8>>> {
        let said = match initial {
            Some("=") => return Ok(Some(Vec::new())),
            Some(said) => said.as_bytes().to_vec(),
            None => {
                self.say(&format!("334 {}", STANDARD.encode(challenge))).await?;
                match self.wire.line(COMMAND_MAX).await? {
                    Some(Line::Whole(said)) => said,
                    _ => return Ok(None),
                }
            }
        };
        Ok(STANDARD.decode(said).ok())
    }

    async fn mail(&mut self, rest: &str) -> io::Result<bool> {
        if self.envelope.is_some() {
            return self.say("503 5.5.1 One sender is enough").await;
        }
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return self.say("501 5.1.7 MAIL FROM:<address>").await;
        };
        let mut envelope = Envelope { from: from.to_owned(), to: Vec::new(), eight_bit: false, utf8: false };
        for parameter in parameters.split_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size <= self.core.rules.mail_bytes_max) => {}
                "SIZE" => return self.say("552 5.3.4 Too big").await,
                "BODY" => envelope.eight_bit = value.eq_ignore_ascii_case("8BITMIME"),
                "SMTPUTF8" => envelope.utf8 = true,
                _ => return self.say("555 5.5.4 Unknown parameter").await,
            }
        }
        if !from.is_ascii() && !envelope.utf8 {
            return self.say("553 5.6.7 That address needs SMTPUTF8").await;
        }
        self.envelope = Some(envelope);
        self.say("250 2.1.0 OK").await
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<bool> {
        let Some((to, parameters)) = path(rest, "TO:") else {
            return self.say("501 5.1.3 RCPT TO:<address>").await;
        };
        let code = match &self.fault {
            Some(SmtpFault::RefuseReceivers(code)) => Some(*code),
            Some(SmtpFault::RefuseReceiver(one, code)) if one == to => Some(*code),
            _ => None,
        };
        let refusal = match &mut self.envelope {
            None => "503 5.5.1 Who is it from?".to_owned(),
            Some(_) if to.is_empty() || !to.contains('@') => "553 5.1.3 That is no address".to_owned(),
            Some(_) if !parameters.trim().is_empty() => "555 5.5.4 Unknown parameter".to_owned(),
            Some(envelope) if !to.is_ascii() && !envelope.utf8 => "553 5.6.7 That address needs SMTPUTF8".to_owned(),
            Some(envelope) if envelope.to.len() == RECEIVERS_MAX => "452 4.5.3 Too many receivers".to_owned(),
            Some(envelope) => match code {
                Some(code) if code < 500 => format!("{code} 4.2.0 Not now, try again later"),
                Some(code) => format!("{code} 5.1.1 Nobody of that name here"),
                None => {
                    envelope.to.push(to.to_owned());
                    return self.say("250 2.1.5 OK").await;
                }
            },
        };
        self.say(&refusal).await
    }

    async fn data(&mut self) -> io::Result<bool> {
        let Some(envelope) = self.envelope.take_if(|envelope| !envelope.to.is_empty()) else {
            return self.say("503 5.5.1 To whom?").await;
        };
        self.say("354 Go ahead").await?;
        let (mut raw, mut refusal) = (Vec::new(), None);
        loop {
            match self.wire.line(TEXT_LINE_MAX).await? {
                None => return Ok(false),
                Some(Line::Whole(line)) if line == b"." => break,
                Some(Line::Whole(line)) => {
                    let line = line.strip_prefix(b".").unwrap_or(&line);
                    if !line.is_ascii() && !envelope.eight_bit {
                        refusal = Some("554 5.6.1 8-bit text without BODY=8BITMIME");
                    }
                    if raw.len() + line.len() + 2 > self.core.rules.mail_bytes_max {
                        refusal = Some("552 5.3.4 Too big");
                    } else {
                        raw.extend_from_slice(line);
                        raw.extend_from_slice(b"\r\n");
                    }
                }
                Some(Line::TooLong) => refusal = Some("500 5.5.2 A line is too long"),
                Some(Line::Bare) => refusal = Some("550 5.5.2 Lines end with CR LF and have none inside"),
            }
        }
        match self.fault {
            _ if refusal.is_some() => {}
            Some(SmtpFault::RefuseMail(code)) if code < 500 => {
                return self.say(&format!("{code} 4.3.0 Not now, try again later")).await;
            }
            Some(SmtpFault::RefuseMail(code)) => return self.say(&format!("{code} 5.6.0 Not this")).await,
            Some(SmtpFault::HangAfterMail { accepted: false }) => return self.wire.hang().await,
            _ => {}
        }
        if let Some(refusal) = refusal {
            return self.say(refusal).await;
        }
        self.core.mails.record(ReceivedMail::new(envelope.from, envelope.to, raw));
        if matches!(self.fault, Some(SmtpFault::HangAfterMail { .. })) {
            return self.wire.hang().await;
        }
        let number = self.core.mails.count();
        self.say(&format!("250 2.0.0 OK, kept as number {number}")).await
    }

    /// Says one answer; the dialogue goes on.
    async fn say(&mut self, answer: &str) -> io::Result<bool> {
        if let Some(SmtpFault::Slow(pause)) = self.fault {
            tokio::time::sleep(pause).await;
        }
        self.wire.send(format!("{answer}\r\n").as_bytes()).await?;
        Ok(true)
    }
}

/// `<address>` behind `keyword`, and the parameters behind it.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (start, path) = rest.split_at_checked(keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    path.trim_start().strip_prefix('<')?.split_once('>')
}
