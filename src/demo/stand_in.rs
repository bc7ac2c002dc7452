//! The handle of a running stand-in, the same for every party: its address, what it received, and its faults.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::fault::{Fault, Faults};
use super::journal::Journal;
use super::server::Server;
use super::wire::{Received, Reply};

/// What one outside party knows and how it answers. It lives in a server thread; whoever holds the [`StandIn`] turns
/// its switches from any other thread.
pub trait Party: Send + Sync + 'static {
    /// The party's name, for the thread.
    const NAME: &'static str;

    /// Answers one request. The future is dropped when the caller goes away or the stand-in stops.
    fn answer(&self, request: &Received) -> impl Future<Output = Reply>;

    /// The party's own error document for `status`, without having looked at any request.
    fn refusal(&self, status: u16, retry_after: Option<u64>) -> Reply;
}

/// What the handle and the server share.
pub(super) struct Core<P> {
    pub(super) party: P,
    pub(super) faults: Faults,
    pub(super) requests: Journal<Received>,
    /// How many requests are being worked on, streamed bodies included.
    pub(super) busy: watch::Sender<usize>,
}

/// A running stand-in. Clones are handles of the same one; it stops when the last of them is dropped.
pub struct StandIn<P> {
    core: Arc<Core<P>>,
    server: Arc<Server>,
}

impl<P> Clone for StandIn<P> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), server: Arc::clone(&self.server) }
    }
}

impl<P: Party> StandIn<P> {
    /// Starts a server for `party` on a free port of loopback.
    pub(super) fn open(party: P) -> io::Result<Self> {
        let core = Core { party, faults: Faults::default(), requests: Journal::default(), busy: watch::Sender::new(0) };
        let core = Arc::new(core);
        let server = Arc::new(Server::start(Arc::clone(&core))?);
        Ok(Self { core, server })
    }

    /// The party behind the handle.
    pub(super) fn party(&self) -> &P {
        &self.core.party
    }

    /// Host and port, as `127.0.0.1:40123`.
    pub fn authority(&self) -> String {
        self.server.address().to_string()
    }

    /// Every request that came in whole, whatever it was answered.
    pub fn requests(&self) -> Journal<Received> {
        self.core.requests.clone()
    }

    /// All requests meet `fault` from now on; `None` makes the stand-in well again, except for faults of single paths.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.core.faults.stand(None, fault);
    }

    /// The same for requests whose path contains `path`; these go before the fault of all.
    pub fn set_fault_on(&self, path: &str, fault: Option<Fault>) {
        self.core.faults.stand(Some(path), fault);
    }

    /// The next `requests` requests meet `fault`, before any standing one; later calls queue up behind.
    pub fn fault_next(&self, requests: u32, fault: Fault) {
        self.core.faults.next(None, requests, fault);
    }

    /// The same for requests whose path contains `path`.
    pub fn fault_next_on(&self, path: &str, requests: u32, fault: Fault) {
        self.core.faults.next(Some(path), requests, fault);
    }

    /// Whether no request is being worked on, hanging and dripping ones included, within `deadline`.
    pub async fn wait_until_idle(&self, deadline: Duration) -> bool {
        let mut busy = self.core.busy.subscribe();
        tokio::time::timeout(deadline, busy.wait_for(|busy| *busy == 0)).await.is_ok_and(|waited| waited.is_ok())
    }
}
