//! The worker that empties an outbox.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use http_retry::Resolver;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::worker::{Shared, Worker};
use crate::{
    DeliveryEvent, DeliverySettings, Endpoint, EndpointId, Message, Observer, Outbox, Result,
    Sender, Sent, WebhookError,
};

/// Makes a [`Deliverer`].
pub struct DelivererBuilder<O> {
    outbox: Arc<O>,
    endpoints: Vec<Endpoint>,
    settings: DeliverySettings,
    observer: Arc<dyn Observer>,
    root_certificates: Vec<Vec<u8>>,
    resolver: Option<Arc<dyn Resolver>>,
    user_agent: Option<String>,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    random: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl<O: Outbox + 'static> DelivererBuilder<O> {
    /// Delivers to this endpoint as well.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// The numbers.
    pub fn settings(mut self, settings: DeliverySettings) -> Self {
        self.settings = settings;
        self
    }

    /// Is told of everything that happens.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Trusts the certificates in this PEM text beside those of the system.
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Who tells the addresses of a name (default the system). Each endpoint's guard judges what it answers.
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// The `User-Agent`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// The clock that is signed and by which messages are due (default the system's).
    pub fn clock(mut self, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where the spread of the schedule comes from: numbers in `0.0..1.0` (default the system's randomness).
    pub fn randomness(mut self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Builds the deliverer. Nothing is sent before it [runs](Deliverer::run).
    pub fn build(self) -> Result<Deliverer<O>> {
        self.settings.check()?;
        let mut names = BTreeSet::new();
        let mut workers = Vec::with_capacity(self.endpoints.len());
        let shared = Arc::new(Shared {
            outbox: self.outbox,
            slots: Arc::new(Semaphore::new(self.settings.concurrency)),
            settings: self.settings,
            observer: self.observer,
            clock: self.clock,
            random: self.random,
        });
        let mut wake = Wake::default();
        for endpoint in self.endpoints {
            if !names.insert(endpoint.id().clone()) {
                return Err(WebhookError::EndpointTwice {
                    endpoint: endpoint.id().clone(),
                });
            }
            let mut builder = Sender::builder().settings(shared.settings.clone());
            for pem in &self.root_certificates {
                builder = builder.root_certificates_pem(pem.clone());
            }
            if let Some(resolver) = &self.resolver {
                builder = builder.resolver(Arc::clone(resolver));
            }
            if let Some(user_agent) = &self.user_agent {
                builder = builder.user_agent(user_agent);
            }
            workers.push(Worker {
                shared: Arc::clone(&shared),
                sender: Arc::new(builder.build(endpoint)?),
                wake: wake.add(),
            });
        }
        Ok(Deliverer {
            shared,
            workers,
            wake,
        })
    }
}

impl<O> fmt::Debug for DelivererBuilder<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelivererBuilder")
            .field("endpoints", &self.endpoints)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Wakes a deliverer that has nothing to do: call it after messages were put, so that they need not wait for the next look. Clones
/// wake the same deliverer.
#[derive(Debug, Clone, Default)]
pub struct Wake(Vec<Arc<Notify>>);

impl Wake {
    /// Makes it look at its outbox now.
    pub fn wake(&self) {
        for notify in &self.0 {
            notify.notify_one();
        }
    }

    fn add(&mut self) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.0.push(Arc::clone(&notify));
        notify
    }
}

/// Empties an [`Outbox`]: claims what is due, signs, sends, records, again and again.
///
/// * A message is delivered at least once, and every attempt carries the same id. An attempt whose record was lost (a crash,
///   a store that failed) is made again when its claim has run out.
/// * Of one endpoint and key one message is under way at a time, in order. A slow or broken endpoint takes none of the others' time.
/// * Attempts under way are bounded, over all and per endpoint; so is what is kept of each.
pub struct Deliverer<O> {
    shared: Arc<Shared<O>>,
    workers: Vec<Worker<O>>,
    wake: Wake,
}

impl<O: Outbox + 'static> Deliverer<O> {
    /// A deliverer for this outbox, without endpoints yet.
    pub fn builder(outbox: Arc<O>) -> DelivererBuilder<O> {
        DelivererBuilder {
            outbox,
            endpoints: Vec::new(),
            settings: DeliverySettings::default(),
            observer: Arc::new(|_: &DeliveryEvent| {}),
            root_certificates: Vec::new(),
            resolver: None,
            user_agent: None,
            clock: Arc::new(Utc::now),
            random: Arc::new(rand::random::<f64>),
        }
    }

    /// What wakes this deliverer.
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }

    /// Delivers until `stop` ends: give it `token.cancelled()` of a cancellation token. Then nothing more is claimed, and what is under way
    /// may end within the [grace](DeliverySettings::grace).
    ///
    /// Dropping the future ends everything at once; what was under way is sent again later, with the same ids.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let stopping = CancellationToken::new();
        let working = join_all(self.workers.iter().map(|worker| worker.run(&stopping)));
        let asked = async {
            stop.await;
            stopping.cancel();
        };
        tokio::join!(working, asked);
    }

    /// Sends a message now, past the outbox and whatever state the endpoint is in, and records nothing.
    pub async fn test(&self, message: &Message) -> Result<Sent> {
        self.sender(&message.endpoint)?
            .send(message, (self.shared.clock)())
            .await
    }

    fn sender(&self, id: &EndpointId) -> Result<&Sender> {
        self.workers
            .iter()
            .map(|worker| &*worker.sender)
            .find(|sender| sender.endpoint().id() == id)
            .ok_or_else(|| WebhookError::UnknownEndpoint {
                endpoint: id.clone(),
            })
    }
}

impl<O> fmt::Debug for Deliverer<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliverer")
            .field("endpoints", &self.workers.len())
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}
