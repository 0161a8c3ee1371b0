//! The whole set-up of Event Streams, in steps that can be repeated.

use std::time::Duration;

use twilio_sid::SinkSid;

use crate::{
    EventStreams, EventType, Listing, Sink, SinkStatus, SubscribedEvent, Subscription, TwilioError,
    WebhookDestination,
};

/// How often a new sink is looked at before it is left for the next time.
const LOOKS: u32 = 5;

/// What should be set up.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// What sink and subscription are known by. It must be this program's alone; Twilio wants no personal data in it.
    pub description: String,
    /// Where events should go.
    pub destination: WebhookDestination,
    /// Which events.
    pub types: Vec<EventType>,
    /// Whether several events may come in one request.
    pub batch_events: bool,
    /// How long to wait between looks at a new sink that Twilio still tries.
    pub settle: Duration,
}

impl StreamPlan {
    /// A plan with batches, and a second between looks.
    pub fn new(
        description: impl Into<String>,
        destination: WebhookDestination,
        types: Vec<EventType>,
    ) -> Self {
        Self {
            description: description.into(),
            destination,
            types,
            batch_events: true,
            settle: Duration::from_secs(1),
        }
    }
}

/// What is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSetup {
    /// The sink.
    pub sink: Sink,
    /// Its subscription; absent while the sink is not active, since Twilio takes none then: ask again later.
    pub subscription: Option<Subscription>,
    /// What the subscription brings, types that were not asked for among it.
    pub events: Vec<SubscribedEvent>,
    /// Further sinks of the same description and destination. They bring everything twice, which does no harm.
    pub doubles: Vec<SinkSid>,
    /// What was created just now.
    pub created: Vec<Created>,
}

/// One thing that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The sink.
    Sink,
    /// The subscription, with its events.
    Subscription,
    /// An event that the subscription did not bring before.
    Event(String),
}

impl EventStreams<'_> {
    /// What is set up under a description, without changing anything: one for each sink that has it, wherever it leads.
    pub async fn find(&self, description: &str) -> Result<Vec<StreamSetup>, TwilioError> {
        let mut setups = Vec::new();
        for sink in whole(self.sinks()).await? {
            if sink.description.as_deref() == Some(description) {
                let mut setup = StreamSetup::of(sink);
                setup.subscription = self.subscription(description, setup.sink.sid).await?;
                setup.events = self.events_of(setup.subscription.as_ref()).await?;
                setups.push(setup);
            }
        }
        Ok(setups)
    }

    /// Creates what is missing, and nothing twice.
    ///
    /// Everything is listed first and known by its description; what is there is taken as it is. If the answer to a creation is lost, the list is read
    /// again before the error counts. Nothing is changed or deleted: a sink of this description that leads elsewhere is
    /// [`TwilioError::SinkElsewhere`], and further types of a subscription stay.
    pub async fn ensure(&self, plan: &StreamPlan) -> Result<StreamSetup, TwilioError> {
        let (mut setup, is_new) = match self.ours(plan).await? {
            Some(setup) => (setup, false),
            None => (self.with_new_sink(plan).await?, true),
        };
        if is_new {
            setup.created.push(Created::Sink);
        }
        self.settle(&mut setup.sink, plan.settle).await?;
        let sink = setup.sink.sid;
        setup.subscription = self.subscription(&plan.description, sink).await?;
        if setup.subscription.is_none() {
            if !setup.sink.is_active() {
                return Ok(setup);
            }
            let created = self
                .create_subscription(&plan.description, sink, &plan.types)
                .await;
            setup.subscription = Some(match created {
                Ok(subscription) => subscription,
                Err(error) if is_in_doubt(&error) => self
                    .subscription(&plan.description, sink)
                    .await?
                    .ok_or(error)?,
                Err(error) => return Err(error),
            });
            setup.created.push(Created::Subscription);
        }
        setup.events = self.events_of(setup.subscription.as_ref()).await?;
        if let Some(subscription) = &setup.subscription {
            for kind in &plan.types {
                if setup.events.iter().all(|event| event.name != kind.name) {
                    setup
                        .events
                        .push(self.subscribe(subscription.sid, kind).await?);
                    setup.created.push(Created::Event(kind.name.clone()));
                }
            }
        }
        Ok(setup)
    }

    /// The sink of this plan, if there is one.
    async fn ours(&self, plan: &StreamPlan) -> Result<Option<StreamSetup>, TwilioError> {
        let mut named = whole(self.sinks()).await?;
        named.retain(|sink| sink.description.as_deref() == Some(plan.description.as_str()));
        let (mut fitting, others): (Vec<_>, Vec<_>) = named
            .into_iter()
            .partition(|sink| plan.destination.is_of(sink));
        // One that works before one that does not; the eldest of those, so that each run takes the same.
        fitting.sort_by_key(|sink| (!sink.is_active(), sink.created_at, sink.sid));
        let mut fitting = fitting.into_iter();
        match (fitting.next(), others.first()) {
            (Some(sink), _) => Ok(Some(StreamSetup {
                doubles: fitting.map(|double| double.sid).collect(),
                ..StreamSetup::of(sink)
            })),
            (None, Some(other)) => Err(TwilioError::SinkElsewhere {
                sink: other.sid,
                description: plan.description.clone(),
                destination: plan.destination.to_string(),
            }),
            (None, None) => Ok(None),
        }
    }

    async fn with_new_sink(&self, plan: &StreamPlan) -> Result<StreamSetup, TwilioError> {
        let created = self
            .create_webhook_sink(&plan.description, &plan.destination, plan.batch_events)
            .await;
        match created {
            Ok(sink) => Ok(StreamSetup::of(sink)),
            Err(error) if is_in_doubt(&error) => self.ours(plan).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Waits a little for a sink that Twilio still tries.
    async fn settle(&self, sink: &mut Sink, pause: Duration) -> Result<(), TwilioError> {
        for _ in 0..LOOKS {
            if !matches!(
                sink.status,
                Some(SinkStatus::Initialized | SinkStatus::Validating)
            ) {
                break;
            }
            tokio::time::sleep(pause).await;
            *sink = self.sink(sink.sid).await?;
        }
        Ok(())
    }

    async fn subscription(
        &self,
        description: &str,
        sink: SinkSid,
    ) -> Result<Option<Subscription>, TwilioError> {
        let mut found = whole(self.subscriptions(Some(sink))).await?;
        // The filter is not relied upon: another sink's subscription may have our description.
        found.retain(|subscription| {
            subscription.sink == Some(sink)
                && subscription.description.as_deref() == Some(description)
        });
        found.sort_by_key(|subscription| (subscription.created_at, subscription.sid));
        Ok(found.into_iter().next())
    }

    async fn events_of(
        &self,
        subscription: Option<&Subscription>,
    ) -> Result<Vec<SubscribedEvent>, TwilioError> {
        match subscription {
            Some(subscription) => whole(self.subscribed_events(subscription.sid)).await,
            None => Ok(Vec::new()),
        }
    }
}

impl StreamSetup {
    fn of(sink: Sink) -> Self {
        Self {
            sink,
            subscription: None,
            events: Vec::new(),
            doubles: Vec::new(),
            created: Vec::new(),
        }
    }
}

/// Whether Twilio may have done it all the same.
fn is_in_doubt(error: &TwilioError) -> bool {
    match error {
        // It was created, and its description came back unreadable.
        TwilioError::Unreadable(_) => true,
        error => error
            .call()
            .is_some_and(http_retry::CallError::may_have_been_processed),
    }
}

/// The whole list. What cannot be read must not be taken for absent: it would be created again.
async fn whole<T>(listing: Listing<T>) -> Result<Vec<T>, TwilioError> {
    let listed = listing.all().await?;
    match listed.unreadable.into_iter().next() {
        None => Ok(listed.items),
        Some(error) => Err(TwilioError::Unreadable(error)),
    }
}
