//! A mail server that delivers to nobody: it speaks SMTP on loopback and keeps what it is sent.
//!
//! It is as strict as the real ones: no mail without login (if it has one), no line beyond 1,000 bytes, no bare line
//! feeds, no 8-bit text or address that was not announced. There is no STARTTLS. It has a thread and a runtime of its
//! own, so that it can be started, switched and dropped from anywhere, and nothing that it is there to test slows it.

mod fault;
mod received;
mod session;
mod wire;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};

pub use self::fault::SmtpFault;
pub use self::received::ReceivedMail;

use self::fault::Faults;
use super::journal::Journal;

/// More connections at a time wait to be taken.
const CONNECTIONS_MAX: usize = 64;
/// No connection lasts longer, whatever it does.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(600);

/// Who may send mail, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServerRules {
    /// User and password; without them the server asks for no login and offers none.
    pub login: Option<(String, String)>,
    /// The largest mail that is taken, in bytes.
    pub mail_bytes_max: usize,
}

impl Default for MailServerRules {
    fn default() -> Self {
        let login = Some(("alerts@echopilot.example".to_owned(), "p@ss: word%".to_owned()));
        Self { login, mail_bytes_max: 1024 * 1024 }
    }
}

/// What the handles and the server's thread share.
struct Core {
    rules: MailServerRules,
    faults: Faults,
    mails: Journal<ReceivedMail>,
}

/// A running mail server. Clones are handles of the same one; it stops when the last of them is dropped.
#[derive(Clone)]
pub struct MailServer {
    core: Arc<Core>,
    running: Arc<Running>,
}

struct Running {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MailServer {
    /// Starts a server on a free port of 127.0.0.1, with a user and a password.
    pub fn start() -> io::Result<Self> {
        Self::start_with(MailServerRules::default())
    }

    /// The same with other rules.
    pub fn start_with(rules: MailServerRules) -> io::Result<Self> {
        let core = Arc::new(Core { rules, faults: Faults::default(), mails: Journal::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&core);
        let thread = thread::Builder::new().name("demo smtp".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = serve(listener, served) => {}
                }
            });
        })?;
        Ok(Self { core, running: Arc::new(Running { port, stop: Some(stop), thread: Some(thread) }) })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.running.port
    }

    /// The server's URL, for `SMTP_URL`, with its own user and password.
    pub fn url(&self) -> String {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let login = self.core.rules.login.as_ref();
        let login = login.map(|(user, password)| format!("{}:{}@", encode(user), encode(password)));
        format!("smtp://{}127.0.0.1:{}", login.unwrap_or_default(), self.port())
    }

    /// Every mail that was accepted.
    pub fn mails(&self) -> Journal<ReceivedMail> {
        self.core.mails.clone()
    }

    /// Every connection meets `fault` from now on; `None` makes the server well again.
    pub fn set_fault(&self, fault: Option<SmtpFault>) {
        self.core.faults.stand(fault);
    }

    /// The next `connections` connections meet `fault`, before any standing one; later calls queue up behind.
    pub fn fault_next(&self, connections: u32, fault: SmtpFault) {
        self.core.faults.next(connections, fault);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at its next await, of which it has many.
            let _ = thread.join();
        }
    }
}

/// Takes connections until it is dropped.
async fn serve(listener: TcpListener, core: Arc<Core>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        let Ok((stream, _)) = listener.accept().await else {
            // The caller is gone already, or we are out of files: somebody else may have more luck.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let core = Arc::clone(&core);
        #[expect(clippy::disallowed_methods, reason = "a stand-in of somebody else, who is supervised by nobody")]
        tokio::spawn(async move {
            let _place = place;
            let _ = bounded(session::run(stream, &core)).await;
        });
    }
}

async fn bounded(session: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::time::timeout(CONNECTION_LIFETIME, session).await.unwrap_or(Ok(()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Says `lines` one by one and compares how each answer begins. Several lines in one are answered once.
    fn converse(server: &MailServer, lines: &[(&str, &str)]) {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut hear = || loop {
            let mut line = String::new();
            answers.read_line(&mut line).expect("an answer");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        };
        assert!(hear().starts_with("220 "));
        for (said, expected) in lines {
            (&stream).write_all(said.as_bytes()).expect("said");
            let heard = hear();
            assert!(heard.starts_with(expected), "{said:?}: {heard}");
        }
    }

    const LOGIN: [(&str, &str); 4] = [
        ("ehlo me\r\n", "250 "),
        ("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"),
        ("YWxlcnRzQGVjaG9waWxvdC5leGFtcGxl\r\n", "334 UGFzc3dvcmQ6"),
        ("cEBzczogd29yZCU=\r\n", "235 "),
    ];

    #[test]
    fn nobody_sends_before_the_greeting_and_the_login() {
        let server = MailServer::start().expect("a server");
        let wrong = STANDARD.encode("\0alerts@echopilot.example\0guess");
        converse(
            &server,
            &[
                ("MAIL FROM:<a@x.org>\r\n", "503"),
                ("EHLO\r\n", "501"),
                ("EHLO me\r\n", "250 "),
                ("MAIL FROM:<a@x.org>\r\n", "530"),
                (&format!("AUTH PLAIN {wrong}\r\n"), "535"),
                ("AUTH PLAIN\r\n", "334"),
                ("*\r\n", "501"),
                ("AUTH CRAM-MD5\r\n", "504"),
                ("RCPT TO:<b@x.org>\r\n", "530"),
                ("QUIT\r\n", "221"),
            ],
        );
        assert_eq!(server.mails().count(), 0);
    }

    #[test]
    fn the_dialogue_is_kept_in_order_and_within_its_limits() {
        let rules = MailServerRules { mail_bytes_max: 3_000, ..Default::default() };
        let server = MailServer::start_with(rules).expect("a server");
        let mail = |text: &str| format!("MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n{text}\r\n.\r\n");
        for (text, expected) in [
            ("x".repeat(998), "250"),
            ("x".repeat(999), "500"),
            (format!("{}\r\n", "x".repeat(800)).repeat(4), "552"),
            ("bare\nfeed".to_owned(), "550"),
            ("bare\rreturn".to_owned(), "550"),
            ("gr\u{fc}n".to_owned(), "554"),
        ] {
            let said = mail(&text);
            let (envelope, text) = said.split_at(said.find("DATA").expect("a command"));
            let (sender, receiver) = envelope.split_at(envelope.find("RCPT").expect("a command"));
            let (data, text) = text.split_at("DATA\r\n".len());
            converse(
                &server,
                &[&LOGIN[..], &[(sender, "250"), (receiver, "250"), (data, "354"), (text, expected)]].concat(),
            );
        }
        assert_eq!(server.mails().count(), 1);
        converse(
            &server,
            &[
                &LOGIN[..],
                &[
                    ("DATA\r\n", "503"),
                    ("RCPT TO:<b@x.org>\r\n", "503"),
                    ("MAIL FROM:<a@x.org> SIZE=3001\r\n", "552"),
                    ("MAIL FROM:<\u{e4}@x.org>\r\n", "553"),
                    ("MAIL FROM:<a@x.org> X=1\r\n", "555"),
                    ("MAIL FROM:<a@x.org> SIZE=3000 BODY=8BITMIME\r\n", "250"),
                    ("MAIL FROM:<a@x.org>\r\n", "503"),
                    ("RCPT TO:b@x.org\r\n", "501"),
                    ("RSET\r\n", "250"),
                    ("DATA\r\n", "503"),
                    (&format!("NOOP {}\r\n", "x".repeat(20_000)), "500"),
                    ("NOOP\n", "500"),
                    ("NOOP\r\n", "250"),
                ],
            ]
            .concat(),
        );
    }

    #[test]
    fn it_stops_with_its_last_handle() {
        let server = MailServer::start().expect("a server");
        let (port, second) = (server.port(), server.clone());
        thread::spawn(move || drop(server)).join().expect("a handle may go anywhere");
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("still there");
        drop(second);
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect_err("stopped");
    }
}
