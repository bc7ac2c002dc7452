//! A server for the tests of the clients that speaks bytes, so that it can misbehave in any way.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens on loopback until it is dropped.
pub(super) struct RawServer {
    /// `127.0.0.1:port`.
    pub(super) address: String,
    requests: Rc<RefCell<Vec<String>>>,
    task: actix_rt::task::JoinHandle<()>,
}

impl RawServer {
    /// Hands every connection, with its number from 0, to `serve`.
    pub(super) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(usize, Conversation) -> Fut + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&requests);
        let task = actix_rt::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                actix_rt::spawn(serve(number, Conversation { stream, heard: Rc::clone(&heard) }));
            }
        });
        Self { address, requests, task }
    }

    /// Gives `answers` in turn, one a request, and hangs up after each; beyond the last it only hangs up.
    pub(super) async fn answering(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let answers = Rc::new(RefCell::new(answers.into_iter().collect::<VecDeque<_>>()));
        Self::start(move |_, mut conversation| {
            let answers = Rc::clone(&answers);
            async move {
                if conversation.hear().await.is_some() {
                    let answer = answers.borrow_mut().pop_front().unwrap_or_default();
                    conversation.say(&answer).await;
                }
            }
        })
        .await
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked so far: head and body of each request.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// The JSON body of the request with this number.
    pub(super) fn sent(&self, number: usize) -> serde_json::Value {
        let requests = self.requests();
        serde_json::from_str(requests[number].split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, seen from the server.
pub(super) struct Conversation {
    pub(super) stream: TcpStream,
    heard: Rc<RefCell<Vec<String>>>,
}

impl Conversation {
    /// The next request, head and body; none when the client has hung up.
    pub(super) async fn hear(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            if self.stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    self.heard.borrow_mut().push(text.to_string());
                    return Some(text.into_owned());
                }
            }
        }
    }

    /// Writes bytes; whether the client still took them.
    pub(super) async fn say(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Waits until the client hangs up.
    pub(super) async fn until_hung_up(&mut self) {
        while self.hear().await.is_some() {}
    }
}

/// A JSON answer, complete.
pub(super) fn json(status: u16, body: &str) -> Vec<u8> {
    answer(status, "content-type: application/json\r\n", body.as_bytes())
}

/// An answer with the given header lines, complete.
pub(super) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
