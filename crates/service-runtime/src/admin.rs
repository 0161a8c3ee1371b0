//! The small listener for operators: `/metrics`, `/livez`, `/readyz`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::{Health, Metrics, RuntimeError, Stop};

/// Connections at one time; more wait in the system's queue.
const MOST_CONNECTIONS: usize = 16;
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may live, whatever goes over it.
const CONNECTION_TIME: Duration = Duration::from_mins(1);
/// How long is waited after the system refused a connection, for want of file handles, say.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Where the listener answers, and to whom.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// The address. One that is not loopback needs `bearer_token`.
    pub listen: SocketAddr,
    /// What a request to `/metrics` must carry as `Authorization: Bearer …`.
    pub bearer_token: Option<SecretString>,
}

/// The listener, bound and not yet answering.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    token: Option<SecretString>,
    metrics: Metrics,
    health: Health,
}

impl AdminServer {
    /// Takes the address. An address that others can reach is refused without a token.
    pub async fn bind(
        settings: AdminSettings,
        metrics: Metrics,
        health: Health,
    ) -> Result<Self, RuntimeError> {
        let AdminSettings {
            listen,
            bearer_token,
        } = settings;
        let token = bearer_token.filter(|token| !token.expose_secret().is_empty());
        if !listen.ip().is_loopback() && token.is_none() {
            return Err(RuntimeError::OpenListener(listen));
        }
        let failed = |source| RuntimeError::Bind {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            state: Arc::new(State {
                token,
                metrics,
                health,
            }),
        })
    }

    /// The address, with the port that the system chose where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until a stop is asked for. Connections that are open then are closed.
    pub async fn run(self, stop: Stop) {
        let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let permit = tokio::select! {
                () = stop.requested() => break,
                permit = permits.clone().acquire_owned() => permit,
            };
            let accepted = tokio::select! {
                () = stop.requested() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(REFUSED_PAUSE).await;
                continue;
            };
            let state = self.state.clone();
            connections.spawn(async move {
                let _permit = permit;
                let answer = service_fn(move |request| {
                    let state = state.clone();
                    async move { Ok::<_, Infallible>(state.answer(&request)) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIME)
                    .serve_connection(TokioIo::new(stream), answer);
                // A connection that breaks, or takes too long, is its client's own concern.
                let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
            });
        }
        connections.shutdown().await;
    }
}

impl State {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(
                StatusCode::METHOD_NOT_ALLOWED,
                "GET is what there is\n".to_owned(),
            );
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
            "/readyz" if self.health.is_ready() => text(StatusCode::OK, "ready\n".to_owned()),
            "/readyz" => {
                let waiting = self.health.waiting_for().join(", ");
                let body = if self.may_see(request) {
                    format!("not ready: {waiting}\n")
                } else {
                    "not ready\n".to_owned()
                };
                text(StatusCode::SERVICE_UNAVAILABLE, body)
            }
            "/metrics" if self.may_see(request) => {
                let mut response = text(StatusCode::OK, self.metrics.text());
                let kind = HeaderValue::from_static(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                );
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            "/metrics" => {
                let mut response = text(
                    StatusCode::UNAUTHORIZED,
                    "a bearer token is needed\n".to_owned(),
                );
                response
                    .headers_mut()
                    .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                response
            }
            _ => text(
                StatusCode::NOT_FOUND,
                "/metrics, /livez and /readyz are what there is\n".to_owned(),
            ),
        }
    }

    fn may_see<B>(&self, request: &Request<B>) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let given = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        given.is_some_and(|given| given.ct_eq(token.expose_secret().as_bytes()).into())
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
