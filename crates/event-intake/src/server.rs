//! The listener itself: connections within bounds, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::commit::{Commits, Committer, UnderWay};
use crate::feed::{Feed, PublicUrl};
use crate::quiet::Quiet;
use crate::receive::Receiver;
use crate::{Inbox, IntakeError, IntakeSettings, Limits, Observer};

/// How long is waited after the system refused a connection, for want of file handles, say.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);
/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 32 << 10;

/// The listener for pushed events, bound and not yet answering.
#[derive(Debug)]
pub struct EventIntake<I, O> {
    listener: TcpListener,
    address: SocketAddr,
    receiver: Arc<Receiver<O>>,
    commits: Commits,
    committer: Committer<I, O>,
}

impl<I: Inbox, O: Observer + Clone> EventIntake<I, O> {
    /// Checks the settings and takes the address. Nothing is answered before [`run`](Self::run).
    pub async fn bind(
        settings: IntakeSettings,
        inbox: I,
        observer: O,
    ) -> Result<Self, IntakeError> {
        let IntakeSettings {
            public_url,
            listen,
            beyond_loopback,
            feeds,
            limits,
        } = settings;
        let public = PublicUrl::parse(&public_url)?;
        let feeds = feeds
            .into_iter()
            .map(|feed| Feed::new(feed, &public))
            .collect::<Result<Vec<_>, _>>()?;
        if feeds.is_empty() {
            return Err(IntakeError::NoFeed);
        }
        for (at, first) in feeds.iter().enumerate() {
            if let Some(second) = feeds[at + 1..]
                .iter()
                .find(|second| first.shares_a_path_with(second))
            {
                return Err(IntakeError::SamePath {
                    first: first.acd.clone(),
                    second: second.acd.clone(),
                });
            }
        }
        if !listen.ip().is_loopback() && !beyond_loopback {
            return Err(IntakeError::OpenListener(listen));
        }
        let failed = |source| IntakeError::Bind {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let under_way = UnderWay::default();
        let (commits, committer) =
            Committer::new(inbox, observer.clone(), under_way.clone(), limits.clone());
        let receiver = Receiver {
            feeds,
            room: Arc::new(Semaphore::new(
                limits.held_bytes.min(Semaphore::MAX_PERMITS),
            )),
            limits,
            observer,
            under_way,
            refused: Quiet::default(),
            left_out: Quiet::default(),
        };
        Ok(Self {
            listener,
            address,
            receiver: Arc::new(receiver),
            commits,
            committer,
        })
    }

    /// The address, with the port that the system chose where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` ends. Then no more connections are taken, requests that are under way are answered, and what they brought is committed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), IntakeError> {
        let Self {
            listener,
            receiver,
            commits,
            committer,
            ..
        } = self;
        let grace = receiver.limits.answer_within;
        let closing = CancellationToken::new();
        let mut committing = tokio::spawn(committer.run());
        let mut connections = JoinSet::new();
        let ended = {
            let accepting = accept(&listener, &receiver, &commits, &closing, &mut connections);
            tokio::select! {
                () = stop => Ok(()),
                () = accepting => Ok(()),
                _ = &mut committing => Err(IntakeError::CommitterEnded),
            }
        };
        drop(listener);
        closing.cancel();
        let all = async { while connections.join_next().await.is_some() {} };
        // Each request ends within the same time by itself; this is for connections that do not.
        let _ = timeout(grace + grace / 4, all).await;
        connections.shutdown().await;
        drop(commits);
        if ended.is_ok() {
            // The last group was handed over before its requests were answered, so this is short.
            let _ = timeout(grace, &mut committing).await;
        }
        committing.abort();
        ended
    }
}

/// Takes connections for ever. Safe to drop at any time.
async fn accept<O: Observer>(
    listener: &TcpListener,
    receiver: &Arc<Receiver<O>>,
    commits: &Commits,
    closing: &CancellationToken,
    connections: &mut JoinSet<()>,
) {
    let permits = Arc::new(Semaphore::new(receiver.limits.connections.max(1)));
    loop {
        while connections.try_join_next().is_some() {}
        // Nobody closes the semaphore.
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(REFUSED_PAUSE).await;
            continue;
        };
        let (receiver, commits, closing) = (receiver.clone(), commits.clone(), closing.clone());
        connections.spawn(async move {
            let _permit = permit;
            serve(stream, receiver, commits, closing).await;
        });
    }
}

/// Serves one connection until it ends, has lived long enough, or the listener closes.
async fn serve<O: Observer>(
    stream: TcpStream,
    receiver: Arc<Receiver<O>>,
    commits: Commits,
    closing: CancellationToken,
) {
    // Answers are short and awaited.
    let _ = stream.set_nodelay(true);
    let Limits {
        head_within,
        connection_life,
        answer_within,
        ..
    } = receiver.limits;
    let service = service_fn(move |request| {
        let (receiver, commits) = (receiver.clone(), commits.clone());
        async move { Ok::<_, Infallible>(receiver.answer(request, &commits).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // A connection that breaks is its client's own concern.
        _ = connection.as_mut() => return,
        () = closing.cancelled() => {}
        () = sleep(connection_life) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(answer_within + answer_within / 4, connection).await;
}
