//! The one loop through which every call goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::body::Progress;
use crate::error::{Cause, Failure, Scene, plain};
use crate::guard::{AddressGuard, GuardError};
use crate::resolve::{Guarded, SystemResolver};
use crate::response::request_id;
use crate::{
    Answer, AnswerFacts, Attempt, BodyError, Call, CallError, CallObservation, ConcurrencyLimit,
    Deadlines, Decision, Fetched, History, Observer, Outcome, Request, Resolver, Response,
    RetryAfter, RetryPolicy, SafeUrl, StopReason, Unfit,
};

/// How much of an error answer is read.
const ERROR_BODY: usize = 16 * 1024;

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An extra root certificate is not PEM, or holds none.
    #[error("the extra root certificates hold no certificate in PEM form")]
    RootCertificate,
    /// TLS could not be set up.
    #[error("the HTTP client could not be set up: {0}")]
    Transport(String),
    /// A guard and a proxy were asked for together: the proxy would connect to addresses that the guard never sees.
    #[error("addresses cannot be guarded behind a proxy, which resolves names by itself")]
    GuardedProxy,
}

type Describe = Arc<dyn Fn(&Answer<'_>) -> AnswerFacts + Send + Sync>;

/// Makes an [`HttpClient`].
pub struct HttpClientBuilder {
    policy: RetryPolicy,
    deadlines: Deadlines,
    limit: ConcurrencyLimit,
    root_certificates: Vec<Vec<u8>>,
    proxy: Option<SafeUrl>,
    guard: Option<Arc<AddressGuard>>,
    resolver: Option<Arc<dyn Resolver>>,
    user_agent: String,
    describe: Describe,
    observer: Option<Arc<dyn Observer>>,
    random: Arc<dyn Fn() -> f64 + Send + Sync>,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl HttpClientBuilder {
    /// The policy of calls that bring none of their own.
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The deadlines of calls that bring none of their own.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// The concurrency limit; give clones of one limit to all clients of one vendor account (default 16 slots, unshared).
    pub fn limit(mut self, limit: ConcurrencyLimit) -> Self {
        self.limit = limit;
        self
    }

    /// Trusts the certificates in this PEM file beside those of the system.
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Sends everything through this proxy. Without it no proxy is used, whatever the environment says.
    pub fn proxy(mut self, proxy: SafeUrl) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Calls nothing but what the guard lets through: it judges the URL of each attempt, and inside the connector every address
    /// that the name resolved to. What it refuses is never connected to, and ends the call with [`Outcome::Refused`].
    pub fn guard(mut self, guard: AddressGuard) -> Self {
        self.guard = Some(Arc::new(guard));
        self
    }

    /// Who tells the addresses of a name (default the system).
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// The `User-Agent`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// How this vendor's error answers are read.
    pub fn describe_errors(
        mut self,
        describe: impl Fn(&Answer<'_>) -> AnswerFacts + Send + Sync + 'static,
    ) -> Self {
        self.describe = Arc::new(describe);
        self
    }

    /// Is told of every attempt.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Where the jitter comes from: numbers in `0.0..1.0` (default the system's randomness).
    pub fn randomness(mut self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// The clock against which a `Retry-After` date is read (default the system's).
    pub fn clock(mut self, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the client.
    pub fn build(self) -> Result<HttpClient, SetupError> {
        let transport = |error: reqwest::Error| SetupError::Transport(chain(&error.without_url()));
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(self.deadlines.connect)
            .pool_max_idle_per_host(self.limit.size())
            // Shorter than what servers usually keep, so that a request seldom meets a connection just being closed.
            .pool_idle_timeout(Duration::from_secs(20))
            .tcp_nodelay(true)
            .user_agent(self.user_agent);
        for pem in &self.root_certificates {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|_| SetupError::RootCertificate)?;
            if certificates.is_empty() {
                return Err(SetupError::RootCertificate);
            }
            builder = builder.tls_certs_merge(certificates);
        }
        if self.guard.is_some() && self.proxy.is_some() {
            return Err(SetupError::GuardedProxy);
        }
        if self.guard.is_some() || self.resolver.is_some() {
            builder = builder.dns_resolver(Guarded {
                resolver: self.resolver.unwrap_or_else(|| Arc::new(SystemResolver)),
                guard: self.guard.clone(),
            });
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(transport)?);
        }
        Ok(HttpClient(Arc::new(Shared {
            transport: builder.build().map_err(transport)?,
            guard: self.guard,
            policy: self.policy,
            deadlines: self.deadlines,
            limit: self.limit,
            describe: self.describe,
            observer: self.observer,
            random: self.random,
            clock: self.clock,
        })))
    }
}

struct Shared {
    transport: reqwest::Client,
    guard: Option<Arc<AddressGuard>>,
    policy: RetryPolicy,
    deadlines: Deadlines,
    limit: ConcurrencyLimit,
    describe: Describe,
    observer: Option<Arc<dyn Observer>>,
    random: Arc<dyn Fn() -> f64 + Send + Sync>,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// Sends requests under one policy and one concurrency limit. Clones share both, and the connections.
///
/// Redirects are never followed: a 3xx is an answer. Dropping a call's future at any point ends it and frees its slot.
#[derive(Clone)]
pub struct HttpClient(Arc<Shared>);

/// What makes an attempt whole: its headers, or its collected body as well.
enum Whole<'a> {
    Headers,
    Body {
        limit: usize,
        decode: &'a mut (dyn FnMut(Fetched) -> Result<(), Unfit> + Send),
    },
}

impl HttpClient {
    /// A client with the default policy, deadlines and a limit of 16 calls at once.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder {
            policy: RetryPolicy::default(),
            deadlines: Deadlines::default(),
            limit: ConcurrencyLimit::new(16),
            root_certificates: Vec::new(),
            proxy: None,
            guard: None,
            resolver: None,
            user_agent: concat!("flex-connector/", env!("CARGO_PKG_VERSION")).to_owned(),
            describe: Arc::new(|_| AnswerFacts::default()),
            observer: None,
            random: Arc::new(rand::random::<f64>),
            clock: Arc::new(Utc::now),
        }
    }

    /// The concurrency limit, to share it with another client of the same account.
    pub fn limit(&self) -> &ConcurrencyLimit {
        &self.0.limit
    }

    /// Sends until an answer below 400 (or one that the call accepts) comes, and gives it with its body still on its way.
    ///
    /// `build` is called anew for each attempt. What breaks while the body is read is not tried again here.
    pub async fn send<F>(&self, call: &Call, mut build: F) -> Result<Response, CallError>
    where
        F: FnMut(Attempt) -> Request + Send,
    {
        let mut response = None;
        self.run(call, &mut build, Whole::Headers, &mut response)
            .await?;
        // `run` fills it whenever it succeeds with `Whole::Headers`.
        match response {
            Some(response) => Ok(response),
            None => unreachable!("an attempt that succeeded left no response"),
        }
    }

    /// Sends until an answer is whole and `decode` takes it. What breaks on the way, or does not fit and is
    /// [passing](Unfit::passing), is tried again like a failed request. A body above `limit` bytes is an error.
    pub async fn fetch<T, F, D>(
        &self,
        call: &Call,
        limit: usize,
        mut build: F,
        mut decode: D,
    ) -> Result<T, CallError>
    where
        T: Send,
        F: FnMut(Attempt) -> Request + Send,
        D: FnMut(Fetched) -> Result<T, Unfit> + Send,
    {
        let mut decoded = None;
        let mut keep = |fetched| {
            decoded = Some(decode(fetched)?);
            Ok(())
        };
        self.run(
            call,
            &mut build,
            Whole::Body {
                limit,
                decode: &mut keep,
            },
            &mut None,
        )
        .await?;
        // `run` succeeds with `Whole::Body` only after `keep` did.
        match decoded {
            Some(decoded) => Ok(decoded),
            None => unreachable!("an attempt that succeeded decoded nothing"),
        }
    }

    /// [`fetch`](Self::fetch) for an answer in JSON.
    pub async fn fetch_json<T, F>(
        &self,
        call: &Call,
        limit: usize,
        build: F,
    ) -> Result<T, CallError>
    where
        T: DeserializeOwned + Send,
        F: FnMut(Attempt) -> Request + Send,
    {
        self.fetch(call, limit, build, |fetched| fetched.json())
            .await
    }

    async fn run(
        &self,
        call: &Call,
        build: &mut (dyn FnMut(Attempt) -> Request + Send),
        mut whole: Whole<'_>,
        response: &mut Option<Response>,
    ) -> Result<(), CallError> {
        let shared = &*self.0;
        let deadlines = call.deadlines.unwrap_or(shared.deadlines);
        let mut so_far = SoFar::new(call, call.policy.as_ref().unwrap_or(&shared.policy));
        loop {
            let slot = shared.limit.acquire(deadlines.slot).await;
            let request = build(Attempt {
                number: so_far.attempts + 1,
                previous_status: so_far.status,
            });
            let Some(slot) = slot else {
                return Err(so_far.without_slot(&request, deadlines.slot));
            };
            let began = Instant::now();
            let scene = so_far.begin(&request, began);
            let sending = self.attempt(call, request, slot, &deadlines, &scene, &mut whole);
            let result = match tokio::time::timeout(so_far.remaining(), sending).await {
                Ok(result) => result,
                Err(_) => Err(Failure::deadline("answer", so_far.policy.settings().budget)),
            };
            let failure = match result {
                Ok(done) => {
                    shared.observe(&scene, began, Some(done.status), None, false);
                    *response = done.response;
                    return Ok(());
                }
                Err(failure) => failure,
            };
            let decision = so_far.decide(&failure, (shared.random)());
            let retried = matches!(decision, Decision::RetryAfter(_));
            shared.observe(&scene, began, so_far.status, Some(failure.outcome), retried);
            match decision {
                Decision::RetryAfter(wait) => {
                    tracing::debug!(
                        call = call.name,
                        attempt = scene.attempts,
                        outcome = %failure.outcome,
                        request_id = failure.facts.request_id,
                        wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                        "trying again"
                    );
                    tokio::time::sleep(wait).await;
                }
                Decision::Stop(stop) => return Err(so_far.end(scene, stop, failure)),
            }
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        request: Request,
        slot: OwnedSemaphorePermit,
        deadlines: &Deadlines,
        scene: &Scene,
        whole: &mut Whole<'_>,
    ) -> Result<Done, Failure> {
        if let Some(guard) = &self.0.guard {
            // Literal addresses never reach the resolver.
            guard.check(request.url()).map_err(Failure::refused)?;
        }
        let progress = Progress::new();
        let wire = request
            .into_wire(&progress)
            .map_err(|error| Failure::new(Outcome::Unsendable, Cause::Unsendable(error)))?;
        let inner = self.headers(wire, &progress, deadlines.headers).await?;
        let response = Response {
            inner,
            slot: Some(slot),
            idle: deadlines.idle,
            scene: scene.clone(),
        };
        let status = response.status();
        if status >= 400 && !call.accepts(status) {
            return Err(self.refused(response).await);
        }
        match whole {
            Whole::Headers => Ok(Done {
                status,
                response: Some(response),
            }),
            Whole::Body { limit, decode } => {
                let id = response.request_id();
                let decoded = response
                    .fetched(*limit)
                    .await
                    .and_then(|fetched| Ok(decode(fetched)?));
                match decoded {
                    Ok(()) => Ok(Done {
                        status,
                        response: None,
                    }),
                    Err(mut failure) => {
                        failure.facts.request_id = id;
                        Err(failure)
                    }
                }
            }
        }
    }

    /// Waits for the headers; the deadline begins again whenever the request's body moves.
    async fn headers(
        &self,
        wire: reqwest::Request,
        progress: &Progress,
        deadline: Duration,
    ) -> Result<reqwest::Response, Failure> {
        let mut sending = std::pin::pin!(self.0.transport.execute(wire));
        loop {
            let until = progress.last() + deadline;
            tokio::select! {
                biased;
                result = &mut sending => return result.map_err(transport_failure),
                () = tokio::time::sleep_until(until) => {
                    if progress.last() + deadline <= Instant::now() {
                        return Err(Failure::deadline("answer", deadline));
                    }
                }
            }
        }
    }

    async fn refused(&self, response: Response) -> Failure {
        let status = response.status();
        let retry_after = response
            .header("retry-after")
            .and_then(|value| RetryAfter::parse(value, (self.0.clock)()));
        let id = request_id(response.inner.headers());
        let content_type = response
            .header("content-type")
            .unwrap_or_default()
            .to_owned();
        let body = response.beginning(ERROR_BODY).await;
        let facts = (self.0.describe)(&Answer {
            status,
            content_type: &content_type,
            body: &body,
        });
        let facts = AnswerFacts {
            code: facts.code.and_then(plain),
            request_id: id.or_else(|| facts.request_id.and_then(plain)),
        };
        Failure {
            outcome: Outcome::Status(status),
            cause: Cause::Status(status),
            retry_after,
            facts: Box::new(facts),
            body,
        }
    }
}

/// One call's attempts so far.
struct SoFar<'a> {
    call: &'a Call,
    policy: &'a RetryPolicy,
    /// The total time begins with the first attempt: waiting for the first slot is waiting for ourselves.
    started: Option<Instant>,
    attempts: u32,
    unauthorized: u32,
    /// The status of the last attempt, if it had one.
    status: Option<u16>,
    /// Whether an attempt that is over may have reached the server.
    reached: bool,
}

impl<'a> SoFar<'a> {
    fn new(call: &'a Call, policy: &'a RetryPolicy) -> Self {
        Self {
            call,
            policy,
            started: None,
            attempts: 0,
            unauthorized: 0,
            status: None,
            reached: false,
        }
    }

    fn elapsed(&self) -> Duration {
        self.started
            .map_or(Duration::ZERO, |started| started.elapsed())
    }

    fn remaining(&self) -> Duration {
        self.policy.settings().budget.saturating_sub(self.elapsed())
    }

    fn begin(&mut self, request: &Request, now: Instant) -> Scene {
        self.attempts += 1;
        self.started.get_or_insert(now);
        self.scene(request)
    }

    fn scene(&self, request: &Request) -> Scene {
        Scene {
            call: self.call.name,
            method: request.method,
            url: request.url.clone(),
            attempts: self.attempts,
            started: self.started.unwrap_or_else(Instant::now),
        }
    }

    fn decide(&mut self, failure: &Failure, random: f64) -> Decision {
        self.status = match failure.outcome {
            Outcome::Status(status) => Some(status),
            _ => None,
        };
        if self.status == Some(401) {
            self.unauthorized += 1;
            if !self.call.retry_unauthorized {
                return Decision::Stop(StopReason::Unauthorized);
            }
        }
        let history = History {
            attempts: self.attempts,
            unauthorized: self.unauthorized,
            elapsed: self.elapsed(),
        };
        let decision = self.policy.decide(
            self.call.idempotency,
            failure.outcome,
            history,
            failure.retry_after,
            random,
        );
        if matches!(decision, Decision::RetryAfter(_)) {
            self.reached |= !failure.outcome.is_not_sent();
        }
        decision
    }

    /// An earlier attempt may have been processed: then the call as a whole was not "not sent".
    fn end(&self, scene: Scene, stop: StopReason, mut failure: Failure) -> CallError {
        if self.reached && failure.outcome.is_not_sent() {
            failure.outcome = Outcome::ConnectionLost;
        }
        CallError::new(scene, stop, failure)
    }

    fn without_slot(&self, request: &Request, after: Duration) -> CallError {
        let cause = Cause::Deadline {
            stage: "free slot under the concurrency limit",
            after,
        };
        self.end(
            self.scene(request),
            StopReason::NoSlot,
            Failure::new(Outcome::NotSent, cause),
        )
    }
}

struct Done {
    status: u16,
    response: Option<Response>,
}

impl Shared {
    fn observe(
        &self,
        scene: &Scene,
        began: Instant,
        status: Option<u16>,
        failure: Option<Outcome>,
        retried: bool,
    ) {
        let Some(observer) = &self.observer else {
            return;
        };
        observer.observe(&CallObservation {
            call: scene.call,
            method: scene.method,
            host: scene.url.host().to_owned(),
            attempt: scene.attempts,
            status,
            failure,
            retried,
            elapsed: began.elapsed(),
        });
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("policy", &self.0.policy)
            .field("limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClientBuilder")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What the transport's error means for a retry.
pub(crate) fn transport_failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if let Some(body) = find::<BodyError>(&error) {
        return Failure::new(Outcome::BodyFailed, Cause::Body(body.clone()));
    }
    if let Some(refused) = find::<GuardError>(&error) {
        return Failure::refused(refused.clone());
    }
    let outcome = if error.is_connect() {
        Outcome::NotSent
    } else if error.is_timeout() {
        Outcome::Timeout
    } else if error.is_builder() {
        Outcome::Unsendable
    } else {
        Outcome::ConnectionLost
    };
    Failure::new(outcome, Cause::Transport(chain(&error)))
}

fn find<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The error and its causes in one line; the deepest says most, and what repeats is left out.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}
