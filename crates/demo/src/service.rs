//! One service on a free loopback port: taking connections, and stopping without cutting an answer off.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::routing::MethodRouter;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::answer;
use crate::system::Shared;

/// How long requests under way may still take once the service is to stop.
const GRACE: Duration = Duration::from_secs(3);

/// A service that takes connections.
#[derive(Debug)]
pub(crate) struct Service {
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

/// A router of these paths; whatever else is asked for is refused as JSON too.
pub(crate) fn router(routes: Vec<(&'static str, MethodRouter<Shared>)>, system: Shared) -> Router {
    routes
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods)
        })
        // Reaches only the routes that are there already.
        .method_not_allowed_fallback(answer::method_not_allowed)
        .fallback(answer::not_found)
        .with_state(system)
}

impl Service {
    /// Serves `router` until the sender of `stopped` is gone.
    pub(crate) async fn start(
        router: Router,
        mut stopped: watch::Receiver<()>,
    ) -> io::Result<Service> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        // Small answers go out at once. A connection that refuses the option is served all the same.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let stop = async move { while stopped.changed().await.is_ok() {} };
        let server = axum::serve(listener, router).with_graceful_shutdown(stop);
        let serving = tokio::spawn(server.into_future());
        Ok(Service { address, serving })
    }

    /// The origin of the service.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the last answer is sent, or the grace is over.
    pub(crate) async fn stopped(mut self) {
        if tokio::time::timeout(GRACE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
    }
}
