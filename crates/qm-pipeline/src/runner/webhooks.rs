//! Delivering contact status events from the ledger's outbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use sync_ledger::{
    Endpoint as StoredEndpoint, EndpointDisabled, Ledger, LedgerError, MessageAttempt,
    MessageOutcome, MessageSettled, MessageSettlement, MessageState as StoredState, StoredBytes,
};
use webhook_delivery::{
    Attempt, AttemptOutcome, AttemptResult, Claim, Deliverer, DelivererBuilder, DeliveryEvent,
    Disabled, DisabledReason, Endpoint, EndpointId, EndpointState, FailureKind, Message, MessageId,
    MessageRow, MessageState, Outbox, ReplayRange, ReplayWhich, Replayed, Settled, Settlement,
    WebhookError,
};

use super::Witness;
use crate::report::AcdNames;

/// The name of an ACD's endpoint.
pub fn endpoint_id(acd: &AcdKey) -> Result<EndpointId, WebhookError> {
    acd.to_string().parse()
}

/// What a deliverer of the ledger's messages is made with: one endpoint for each ACD that has a webhook.
pub fn deliverer<L: Ledger>(
    ledger: L,
    endpoints: &BTreeMap<AcdKey, Endpoint>,
    names: &AcdNames,
    witness: Arc<dyn Witness>,
    extra_ca: Option<Vec<u8>>,
) -> Result<Deliverer<LedgerOutbox<L>>, WebhookError> {
    let acds = endpoints
        .iter()
        .map(|(acd, endpoint)| (endpoint.id().clone(), acd.clone()))
        .collect();
    let names = endpoints
        .iter()
        .map(|(acd, endpoint)| (endpoint.id().clone(), names.name(acd)))
        .collect();
    let outbox = Arc::new(LedgerOutbox { ledger, acds });
    let mut builder: DelivererBuilder<_> = Deliverer::builder(outbox)
        .user_agent(concat!("sync-qm/", env!("CARGO_PKG_VERSION")))
        .observer(Arc::new(Watching { names, witness }));
    if let Some(pem) = extra_ca {
        builder = builder.root_certificates_pem(pem);
    }
    for endpoint in endpoints.values() {
        builder = builder.endpoint(endpoint.clone());
    }
    builder.build()
}

/// The ledger's outbox in the words of the deliverer.
pub struct LedgerOutbox<L> {
    ledger: L,
    acds: BTreeMap<EndpointId, AcdKey>,
}

impl<L: Ledger> LedgerOutbox<L> {
    fn acd(&self, endpoint: &EndpointId) -> Result<&AcdKey, OutboxError> {
        self.acds
            .get(endpoint)
            .ok_or_else(|| OutboxError::UnknownEndpoint(endpoint.clone()))
    }
}

fn message_of(
    endpoint: &EndpointId,
    claimed: &sync_ledger::ClaimedMessage,
) -> Result<Message, OutboxError> {
    let mut message = Message::from_body(
        claimed.id.parse()?,
        endpoint.clone(),
        claimed.leg.to_string().parse()?,
        claimed.body.clone(),
        claimed.created_at,
    )?;
    message.attempts = claimed.attempts;
    Ok(message)
}

/// Why the outbox could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A message of the ledger is none of the deliverer's.
    #[error("a message of the ledger cannot be sent: {0}")]
    Message(#[from] WebhookError),
    /// No ACD has this endpoint.
    #[error("no ACD of the configuration has the webhook {0}")]
    UnknownEndpoint(EndpointId),
}

impl<L: Ledger> Outbox for LedgerOutbox<L> {
    type Error = OutboxError;

    async fn claim(
        &self,
        endpoint: &EndpointId,
        limit: usize,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Claim>, OutboxError> {
        let acd = self.acd(endpoint)?;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let claimed = self
            .ledger
            .claim_messages(acd, now, limit, lease_until)
            .await?;
        for id in &claimed.unreadable {
            tracing::error!(message = %id, "a webhook message of the ledger cannot be unsealed and is set aside as exhausted");
        }
        let (mut claims, mut refused) = (Vec::new(), Vec::new());
        for message in &claimed.messages {
            match message_of(endpoint, message) {
                Ok(sendable) => claims.push(Claim {
                    message: sendable,
                    claim: message.claim,
                }),
                Err(error) => {
                    tracing::error!(message = %message.id, %error, "a webhook message of the ledger cannot be sent and is set aside as exhausted");
                    refused.push(unsendable(message, &error, now));
                }
            }
        }
        if !refused.is_empty() {
            // That says nothing of the endpoint.
            let unchanged = |_: usize, endpoint: &StoredEndpoint| endpoint.clone();
            self.ledger
                .settle_messages(&refused, &unchanged, now)
                .await?;
        }
        Ok(claims)
    }

    async fn settle(
        &self,
        settlements: &[Settlement],
        now: DateTime<Utc>,
    ) -> Result<Vec<Settled>, OutboxError> {
        let stored: Vec<_> = settlements.iter().map(settlement).collect();
        let judge = |place: usize, endpoint: &StoredEndpoint| {
            let state = state(endpoint);
            settlements.get(place).map_or_else(
                || endpoint.clone(),
                |settlement| stored_endpoint(&state.after(&settlement.event)),
            )
        };
        let settled = self.ledger.settle_messages(&stored, &judge, now).await?;
        Ok(settled
            .iter()
            .map(|settled| match settled {
                MessageSettled::Recorded { before, after } => Settled::Recorded {
                    before: state(before),
                    after: state(after),
                },
                MessageSettled::NotHeld => Settled::NotHeld,
            })
            .collect())
    }

    async fn endpoint(&self, id: &EndpointId) -> Result<EndpointState, OutboxError> {
        Ok(state(&self.ledger.endpoint(self.acd(id)?).await?))
    }

    async fn enable(
        &self,
        id: &EndpointId,
        now: DateTime<Utc>,
    ) -> Result<EndpointState, OutboxError> {
        let enabled = self.ledger.enable_endpoint(self.acd(id)?, now).await?;
        Ok(state(&enabled.before))
    }

    async fn message(&self, id: &MessageId) -> Result<Option<MessageRow>, OutboxError> {
        let Some(record) = self.ledger.message(id.as_str()).await? else {
            return Ok(None);
        };
        let row = record.row;
        let StoredBytes::Present(body) = record.body else {
            return Ok(None);
        };
        let answer = match record.answer {
            StoredBytes::Present(answer) => answer,
            _ => bytes::Bytes::new(),
        };
        let mut message = Message::from_body(
            row.id.parse()?,
            endpoint_id(&row.acd)?,
            row.leg.to_string().parse()?,
            body,
            row.created_at,
        )?;
        message.attempts = row.attempts;
        let settled = row.settled_at.unwrap_or(row.created_at);
        let state = match row.state {
            StoredState::Delivered => MessageState::Delivered { at: settled },
            StoredState::Exhausted | StoredState::Erased => MessageState::Exhausted { at: settled },
            StoredState::Pending => MessageState::Waiting {
                due: row.due_at.unwrap_or(row.created_at),
            },
        };
        Ok(Some(MessageRow {
            message,
            state,
            claimed_until: row.lease_until,
            last_attempt: row.last.map(|last| Attempt {
                at: last.at,
                took: std::time::Duration::from_millis(last.took_ms),
                result: match last.status {
                    Some(status) => AttemptResult::Answered(status),
                    None => AttemptResult::Failed {
                        kind: last
                            .failure
                            .as_deref()
                            .and_then(|word| word.parse().ok())
                            .unwrap_or(FailureKind::Unsendable),
                        reason: last.reason.unwrap_or_default(),
                    },
                },
                response: answer,
            }),
        }))
    }

    async fn replay(&self, id: &MessageId, now: DateTime<Utc>) -> Result<Replayed, OutboxError> {
        use sync_ledger::Replayed as Stored;

        Ok(match self.ledger.replay_message(id.as_str(), now).await? {
            Stored::Due => Replayed::Due,
            Stored::UnderWay => Replayed::UnderWay,
            Stored::Erased | Stored::Unknown => Replayed::Unknown,
        })
    }

    async fn replay_range(
        &self,
        range: &ReplayRange,
        now: DateTime<Utc>,
    ) -> Result<u64, OutboxError> {
        let all = range.which == ReplayWhich::Settled;
        let mut due = 0;
        for (endpoint, acd) in &self.acds {
            if range.endpoint.as_ref().is_none_or(|one| one == endpoint) {
                due += self
                    .ledger
                    .replay_messages(acd, range.from, range.to, all, now)
                    .await?;
            }
        }
        Ok(due)
    }
}

/// What becomes of a message that was claimed and is none of the deliverer's: it makes way for the next of its leg.
fn unsendable(
    message: &sync_ledger::ClaimedMessage,
    error: &OutboxError,
    now: DateTime<Utc>,
) -> MessageSettlement {
    MessageSettlement {
        id: message.id.clone(),
        claim: message.claim,
        attempt: MessageAttempt {
            at: now,
            took: std::time::Duration::ZERO,
            status: None,
            failure: Some(FailureKind::Unsendable.as_str().to_owned()),
            reason: Some(error.to_string()),
            answer: bytes::Bytes::new(),
        },
        outcome: MessageOutcome::Exhausted,
    }
}

fn settlement(settlement: &Settlement) -> MessageSettlement {
    let attempt = &settlement.attempt;
    let (status, failure, reason) = match &attempt.result {
        AttemptResult::Answered(status) => (Some(*status), None, None),
        AttemptResult::Failed { kind, reason } => {
            (None, Some(kind.as_str().to_owned()), Some(reason.clone()))
        }
    };
    MessageSettlement {
        id: settlement.claim.message.id.to_string(),
        claim: settlement.claim.claim,
        attempt: MessageAttempt {
            at: attempt.at,
            took: attempt.took,
            status,
            failure,
            reason,
            answer: attempt.response.clone(),
        },
        outcome: match settlement.outcome {
            AttemptOutcome::Delivered => MessageOutcome::Delivered,
            AttemptOutcome::RetryAt(at) => MessageOutcome::RetryAt(at),
            AttemptOutcome::Exhausted => MessageOutcome::Exhausted,
        },
    }
}

fn state(endpoint: &StoredEndpoint) -> EndpointState {
    EndpointState {
        failing_since: endpoint.failing_since,
        last_failure: endpoint.last_failure,
        last_success: endpoint.last_success,
        // A word of a later release disables all the same.
        disabled: endpoint.disabled.as_ref().map(|disabled| Disabled {
            at: disabled.at,
            reason: disabled
                .reason
                .parse()
                .unwrap_or(DisabledReason::FailedTooLong),
        }),
    }
}

fn stored_endpoint(state: &EndpointState) -> StoredEndpoint {
    StoredEndpoint {
        failing_since: state.failing_since,
        last_failure: state.last_failure,
        last_success: state.last_success,
        disabled: state.disabled.map(|disabled| EndpointDisabled {
            at: disabled.at,
            reason: disabled.reason.as_str().to_owned(),
        }),
    }
}

/// Counts. What a person should know, the deliverer says in the log by itself.
struct Watching {
    names: BTreeMap<EndpointId, String>,
    witness: Arc<dyn Witness>,
}

impl Watching {
    fn name(&self, endpoint: &EndpointId) -> &str {
        self.names.get(endpoint).map_or("", String::as_str)
    }
}

impl webhook_delivery::Observer for Watching {
    fn observe(&self, event: &DeliveryEvent) {
        match event {
            DeliveryEvent::Attempted {
                endpoint, outcome, ..
            } => {
                let word = match outcome {
                    AttemptOutcome::Delivered => "delivered",
                    AttemptOutcome::RetryAt(_) => "retried",
                    AttemptOutcome::Exhausted => "exhausted",
                };
                self.witness.webhook(self.name(endpoint), word);
            }
            DeliveryEvent::EndpointDisabled { endpoint, .. } => {
                let acd = self.name(endpoint);
                self.witness.webhook(acd, "endpoint-disabled");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use contact_model::{
        Channel, Contact, ContactStatus, Discovered, FailureReason, Leg, LegId, LegTimes, Stage,
    };
    use sync_ledger::{
        AcdStore as _, Advance, ContactStore as _, CursorId, CursorStore as _, NewLeg,
        OutboxStore as _, Schedule, SqliteLedger, SqliteOptions, Tell, WorkerLock, keep,
    };
    use webhook_delivery::OrderingKey;
    use webhook_delivery::conformance::{Fixture, at, run};

    use super::*;
    use crate::runner::EVENTS_STREAM;

    /// Counts what is logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<AtomicU32>);

    impl tracing::Subscriber for Lines {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[derive(Default)]
    struct Counted(std::sync::Mutex<Vec<String>>);

    impl Witness for Counted {
        fn webhook(&self, acd: &str, outcome: &'static str) {
            self.0.lock().unwrap().push(format!("{acd} {outcome}"));
        }
    }

    #[test]
    fn what_the_deliverer_logs_by_itself_is_counted_and_not_logged_again() {
        let (lines, counted) = (Lines::default(), Arc::new(Counted::default()));
        let endpoint: EndpointId = "one".parse().unwrap();
        let watching = Watching {
            names: BTreeMap::from([(endpoint.clone(), "main".to_owned())]),
            witness: counted.clone(),
        };
        let attempted = DeliveryEvent::Attempted {
            endpoint: endpoint.clone(),
            message: "msg_1".parse().unwrap(),
            attempt: 10,
            result: AttemptResult::Answered(503),
            outcome: AttemptOutcome::Exhausted,
            took: std::time::Duration::from_millis(5),
            age: std::time::Duration::from_mins(1),
        };
        let disabled = DeliveryEvent::EndpointDisabled {
            endpoint: endpoint.clone(),
            reason: DisabledReason::FailedTooLong,
            failing_since: None,
        };
        let failed = DeliveryEvent::OutboxFailed {
            endpoint,
            operation: "claim",
        };
        tracing::subscriber::with_default(lines.clone(), || {
            for event in [attempted, disabled, failed] {
                webhook_delivery::Observer::observe(&watching, &event);
            }
        });
        assert_eq!(lines.0.load(Ordering::SeqCst), 0);
        let counted = counted.0.lock().unwrap();
        assert_eq!(*counted, ["main exhausted", "main endpoint-disabled"]);
    }

    /// Ledgers in a directory, with two ACDs and the legs of the suite's keys in each.
    struct Ledgers {
        directory: tempfile::TempDir,
        made: AtomicU32,
    }

    fn acd(number: u8) -> AcdKey {
        AcdKey {
            account: format!("AC{:032}", 1).parse().unwrap(),
            workspace: format!("WS{:032}", 1).parse().unwrap(),
            tenant: format!("tenant-{number}").parse().unwrap(),
        }
    }

    fn leg(number: u8) -> LegId {
        format!("WR{number:032}").parse().unwrap()
    }

    fn new_leg(acd: &AcdKey, number: u8) -> NewLeg {
        let leg = Leg {
            acd: acd.clone(),
            id: leg(number),
            task: format!("WT{number:032}").parse().unwrap(),
            worker: format!("WK{number:032}").parse().unwrap(),
            queue: None,
            workflow: None,
            channel: Channel::Voice,
            direction: None,
            session: None,
            times: LegTimes {
                ended: Some(at(0)),
                ..LegTimes::default()
            },
            hold: None,
        };
        let stage = Stage::Discovered(Discovered { at: at(0) });
        NewLeg {
            contact: Contact { leg, stage },
            details: None,
            schedule: Schedule::at(at(0)),
        }
    }

    impl Fixture for Ledgers {
        type Outbox = LedgerOutbox<SqliteLedger>;

        async fn fresh(&self) -> Self::Outbox {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let path = self.directory.path().join(format!("{number}.db"));
            let lock = WorkerLock::acquire(&path).unwrap();
            let ledger = SqliteLedger::open(lock, SqliteOptions::default())
                .await
                .unwrap();
            let mut acds = BTreeMap::new();
            for number in 1..=4 {
                let acd = acd(number);
                ledger
                    .register(&acd, &acd.tenant.to_string())
                    .await
                    .unwrap();
                let step = Advance {
                    cursor: CursorId::Live {
                        acd: acd.clone(),
                        stream: EVENTS_STREAM.to_owned(),
                    },
                    from: None,
                    to: at(0),
                    legs: (0..10).map(|number| new_leg(&acd, number)).collect(),
                    at: at(0),
                };
                ledger.advance(step, &keep).await.unwrap();
                acds.insert(endpoint_id(&acd).unwrap(), acd);
            }
            LedgerOutbox { ledger, acds }
        }

        async fn put(&self, outbox: &Self::Outbox, message: Message) {
            let ledger = &outbox.ledger;
            if ledger.message(message.id.as_str()).await.unwrap().is_some() {
                // Ids are random: the pipeline never puts one again.
                return;
            }
            let acd = outbox.acd(&message.endpoint).unwrap();
            let leg: LegId = message.key.as_str().parse().unwrap();
            let record = ledger.get(acd, leg).await.unwrap().unwrap();
            // Only what was not told last goes into the outbox.
            let turn = if record.row.version % 2 == 0 {
                FailureReason::NotRecorded
            } else {
                FailureReason::TooLarge
            };
            let tell = Tell {
                status: ContactStatus::Failed { reason: turn },
                ccr: None,
                message_id: message.id.to_string(),
                body: message.body.clone(),
            };
            let row = record.row;
            let change = row
                .change(row.contact.clone(), Schedule::at(at(0)), message.created_at)
                .tell(tell);
            ledger.save(change).await.unwrap();
        }

        fn endpoint(&self, number: u8) -> EndpointId {
            endpoint_id(&acd(number)).unwrap()
        }

        fn key(&self, number: u8) -> OrderingKey {
            leg(number).to_string().parse().unwrap()
        }
    }

    #[tokio::test]
    async fn the_ledger_is_an_outbox_as_the_deliverer_wants_it() {
        let ledgers = Ledgers {
            directory: tempfile::tempdir().unwrap(),
            made: AtomicU32::new(0),
        };
        run(&ledgers).await;
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_sent_is_set_aside_and_the_others_go_on() {
        let ledgers = Ledgers {
            directory: tempfile::tempdir().unwrap(),
            made: AtomicU32::new(0),
        };
        let outbox = ledgers.fresh().await;
        let ledger = &outbox.ledger;
        let acd = acd(1);
        for (number, id) in [(1, "msg.with.dots"), (1, "msg_next"), (2, "msg_other")] {
            let record = ledger.get(&acd, leg(number)).await.unwrap().unwrap();
            let row = record.row;
            let tell = Tell {
                status: ContactStatus::Failed {
                    reason: FailureReason::NotRecorded,
                },
                // Another contact there each time, so that there is something to tell.
                ccr: Some(i64::try_from(row.version + 1).unwrap().try_into().unwrap()),
                message_id: id.to_owned(),
                body: bytes::Bytes::from_static(b"{}"),
            };
            let change = row
                .change(row.contact.clone(), Schedule::at(at(0)), at(0))
                .tell(tell);
            ledger.save(change).await.unwrap();
        }
        let endpoint = endpoint_id(&acd).unwrap();
        let claimed = async || -> Vec<_> {
            let claims = outbox.claim(&endpoint, 10, at(1), at(60)).await.unwrap();
            claims
                .iter()
                .map(|claim| claim.message.id.to_string())
                .collect()
        };
        assert_eq!(claimed().await, ["msg_other"]);
        assert_eq!(claimed().await, ["msg_next"], "the next of the same leg");
        let record = ledger.message("msg.with.dots").await.unwrap().unwrap();
        assert_eq!(record.row.state, StoredState::Exhausted);
        let attempt = record.row.last.unwrap();
        assert_eq!(attempt.failure.as_deref(), Some("unsendable"));
        assert!(attempt.reason.unwrap().contains("cannot be sent: "));
        assert_eq!(
            outbox.endpoint(&endpoint).await.unwrap(),
            EndpointState::default(),
            "nobody answered anything"
        );
    }

    #[tokio::test]
    async fn a_webhook_of_no_acd_is_refused_by_name() {
        let ledgers = Ledgers {
            directory: tempfile::tempdir().unwrap(),
            made: AtomicU32::new(0),
        };
        let outbox = ledgers.fresh().await;
        let stranger: EndpointId = "stranger".parse().unwrap();
        let error = outbox.endpoint(&stranger).await.unwrap_err();
        assert!(matches!(error, OutboxError::UnknownEndpoint(_)), "{error}");
        assert!(error.to_string().contains("stranger"), "{error}");
    }
}
