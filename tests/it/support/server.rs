//! A PostgreSQL server that a test may stop: what takes its time is done beside everything else in the test.

use crate::postgres::Server;

/// A server that others do not miss.
pub async fn own_server() -> &'static Server {
    on_a_thread(|| &*Box::leak(Box::new(Server::start()))).await
}

/// Stops it, for whoever is connected too.
pub async fn stops(server: &'static Server) {
    on_a_thread(|| server.stop()).await;
}

/// Starts it again.
pub async fn starts_again(server: &'static Server) {
    on_a_thread(|| server.start_again()).await;
}

async fn on_a_thread<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(what).await.expect("it is done")
}
