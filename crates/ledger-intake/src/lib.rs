#![doc = include_str!("../README.md")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector_config::{Config, Product, Secrets};
use contact_model::AcdKey;
use event_intake::{
    BasicCredentials, EventIntake, FeedSettings, InboundEvent, Inbox, InboxError, IntakeError,
    IntakeSettings, Limits, Observation, Receipt,
};
use sync_ledger::{LedgerError, PushedEvent};

/// How many events may wait to be processed. Twilio delivers again for four hours what is refused.
const ROOM: u64 = 200_000;

/// Who is told of what comes in.
pub trait Watcher: Send + Sync + 'static {
    /// These events are in the ledger now; some of them may have been there before. Called in front of the answer to Twilio: it must be quick.
    fn committed(&self, events: Vec<PushedEvent>);

    /// So many requests or events of an ACD fared so; the ACD is empty where it is not known, or where several are meant.
    fn count(&self, acd: &str, what: &'static str, count: u64);
}

/// The listener for pushed events of all ACDs of a configuration.
pub struct Intake<L: sync_ledger::Inbox + 'static>(EventIntake<LedgerInbox<L>, Arc<Watching>>);

impl<L: sync_ledger::Inbox + 'static> Intake<L> {
    /// Listens for one of the two programs, where the configuration asks for it, for the ACDs that have its product.
    ///
    /// # Errors
    ///
    /// As [`EventIntake::bind`]: the address is taken, or a feed has nothing by which its requests could be authenticated.
    pub async fn bind(
        config: &Config,
        product: Product,
        secrets: &Secrets,
        ledger: L,
        watcher: Arc<dyn Watcher>,
    ) -> Result<Option<Self>, IntakeError> {
        let Some((public_url, listen)) = config.intake.of(product) else {
            return Ok(None);
        };
        let key = |acd: &connector_config::Acd| event_intake::AcdKey::new(acd.key().to_string());
        let acds = config
            .acds_with(product)
            .map(|acd| (key(acd), acd.key()))
            .collect();
        let names = config
            .acds_with(product)
            .map(|acd| (key(acd), acd.name.clone()))
            .collect();
        let feeds = config.acds_with(product).map(|acd| {
            let own = secrets.acd(&acd.name);
            let password = own.and_then(|own| own.intake_password.clone());
            FeedSettings {
                acd: key(acd),
                path: acd.intake_path(),
                account: acd.twilio.account_sid,
                workspace: acd.twilio.workspace_sid,
                auth_tokens: own
                    .and_then(|own| own.auth_token.clone())
                    .into_iter()
                    .collect(),
                credentials: acd
                    .intake
                    .username
                    .clone()
                    .zip(password)
                    .map(|(username, password)| BasicCredentials { username, password }),
                secret_path: own.and_then(|own| own.intake_secret_path.clone()),
            }
        });
        let settings = IntakeSettings {
            public_url: public_url.to_string(),
            listen,
            // Whoever gives another address asks for it by that.
            beyond_loopback: !listen.ip().is_loopback(),
            feeds: feeds.collect(),
            limits: Limits {
                max_body: usize::try_from(config.intake.max_body.as_bytes()).unwrap_or(usize::MAX),
                ..Limits::default()
            },
        };
        let inbox = LedgerInbox {
            ledger,
            acds,
            watcher: Arc::clone(&watcher),
        };
        let listening =
            EventIntake::bind(settings, inbox, Arc::new(Watching { names, watcher })).await?;
        tracing::info!(listen = %listening.local_addr(), "pushed events are taken");
        Ok(Some(Self(listening)))
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }

    /// Takes events until `stop` ends.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), IntakeError> {
        self.0.run(stop).await
    }
}

/// The ledger's inbox in the words of the listener.
struct LedgerInbox<L> {
    ledger: L,
    acds: BTreeMap<event_intake::AcdKey, AcdKey>,
    watcher: Arc<dyn Watcher>,
}

impl<L: sync_ledger::Inbox + 'static> Inbox for LedgerInbox<L> {
    async fn receive(
        &self,
        events: Vec<InboundEvent>,
        _now: DateTime<Utc>,
    ) -> Result<Receipt, InboxError> {
        let events: Vec<_> = events
            .into_iter()
            .filter_map(|event| {
                Some(PushedEvent {
                    acd: self.acds.get(&event.acd)?.clone(),
                    id: event.id,
                    kind: event.kind,
                    form: event.form.as_str().to_owned(),
                    at: event.at,
                    received_at: event.received_at,
                    payload: event.payload,
                })
            })
            .collect();
        match self.ledger.receive(&events, ROOM).await {
            Ok(received) => {
                if received.stored > 0 {
                    self.watcher.committed(events);
                }
                Ok(Receipt {
                    stored: received.stored,
                    duplicates: received.duplicates,
                })
            }
            Err(LedgerError::InboxFull { .. }) => Err(InboxError::Full),
            Err(error) => Err(InboxError::Unavailable {
                reason: error.to_string(),
            }),
        }
    }
}

/// Says in the log what a person should know, and counts.
struct Watching {
    names: BTreeMap<event_intake::AcdKey, String>,
    watcher: Arc<dyn Watcher>,
}

impl Watching {
    fn name(&self, acd: Option<&event_intake::AcdKey>) -> &str {
        acd.and_then(|acd| self.names.get(acd))
            .map_or("", String::as_str)
    }
}

impl event_intake::Observer for Watching {
    fn observe(&self, observation: Observation<'_>) {
        match observation {
            Observation::Committed {
                stored, duplicates, ..
            } => {
                self.watcher.count("", "stored", stored);
                self.watcher.count("", "duplicate", duplicates);
            }
            // The listener logs it, and holds back where it comes again and again.
            Observation::NotCommitted { requests, .. } => {
                let requests = u64::try_from(requests).unwrap_or(u64::MAX);
                self.watcher.count("", "not-committed", requests);
            }
            Observation::Answered { acd, outcome, .. } => {
                let acd = self.name(acd);
                self.watcher.count(acd, outcome.as_str(), 1);
            }
            Observation::LeftOut { acd, fate, members } => {
                let acd = self.name(Some(acd));
                self.watcher.count(acd, fate.as_str(), members);
                tracing::debug!(
                    acd,
                    fate = fate.as_str(),
                    members,
                    "pushed events were left out"
                );
            }
            _ => {}
        }
    }
}
