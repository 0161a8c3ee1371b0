//! Event Streams: where Twilio pushes events to (sinks), and which (subscriptions).

use std::fmt;

use chrono::{DateTime, Utc};
use http_retry::{Idempotency, SafeUrl};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use twilio_sid::{SinkSid, SubscriptionSid};

use crate::settings::Host;
use crate::webhook_destination::{WebhookDestination, without_credentials, without_path};
use crate::wire::{Fields, open_enum};
use crate::{Listing, TwilioClient, TwilioError, Unreadable};

/// The account's sinks and subscriptions. Other programs of the customer have theirs here too; nothing of theirs is changed.
///
/// [`ensure`](Self::ensure) does the whole set-up; what is here are its steps.
#[derive(Debug, Clone, Copy)]
pub struct EventStreams<'a>(pub(crate) &'a TwilioClient);

impl EventStreams<'_> {
    /// All sinks, everybody's.
    pub fn sinks(&self) -> Listing<Sink> {
        self.0.list(
            "twilio.sinks.list",
            Host::Events,
            &["v1", "Sinks"],
            "sinks",
            Sink::read,
        )
    }

    /// One sink.
    pub async fn sink(&self, sid: SinkSid) -> Result<Sink, TwilioError> {
        let url = self.0.url(Host::Events, &["v1", "Sinks", sid.as_str()]);
        self.0.get("twilio.sinks.get", url, Sink::read).await
    }

    /// Creates a sink that posts to a web address.
    ///
    /// It is tried again only where Twilio certainly did not do it. After an error with
    /// [`may_have_been_processed`](http_retry::CallError::may_have_been_processed), list before you try again.
    pub async fn create_webhook_sink(
        &self,
        description: &str,
        destination: &WebhookDestination,
        batch_events: bool,
    ) -> Result<Sink, TwilioError> {
        let configuration = json!({
            "destination": destination.expose().expose_secret(),
            "method": "POST",
            "batch_events": batch_events,
        });
        let form = [
            ("Description", description.to_owned()),
            ("SinkType", "webhook".to_owned()),
            ("SinkConfiguration", configuration.to_string()),
        ];
        let url = self.0.url(Host::Events, &["v1", "Sinks"]);
        let created = self
            .0
            .post_form(
                "twilio.sinks.create",
                Idempotency::SafeIfUnsent,
                &url,
                &form,
            )
            .await?;
        Ok(Sink::read(self.0, &created)?)
    }

    /// All subscriptions, or those of one sink.
    pub fn subscriptions(&self, sink: Option<SinkSid>) -> Listing<Subscription> {
        let mut url = self.0.url(Host::Events, &["v1", "Subscriptions"]);
        if let Some(sink) = sink {
            url = url.with_query("SinkSid", sink.as_str());
        }
        self.0.list_at(
            "twilio.subscriptions.list",
            Host::Events,
            url,
            "subscriptions",
            Subscription::read,
        )
    }

    /// Creates a subscription. The sink must be active. As to repetition, see [`create_webhook_sink`](Self::create_webhook_sink).
    pub async fn create_subscription(
        &self,
        description: &str,
        sink: SinkSid,
        types: &[EventType],
    ) -> Result<Subscription, TwilioError> {
        let mut form = vec![
            ("Description", description.to_owned()),
            ("SinkSid", sink.to_string()),
        ];
        form.extend(
            types
                .iter()
                .map(|kind| ("Types", kind.to_json().to_string())),
        );
        let url = self.0.url(Host::Events, &["v1", "Subscriptions"]);
        let created = self
            .0
            .post_form(
                "twilio.subscriptions.create",
                Idempotency::SafeIfUnsent,
                &url,
                &form,
            )
            .await?;
        Ok(Subscription::read(self.0, &created)?)
    }

    /// The types of events that a subscription brings.
    pub fn subscribed_events(&self, subscription: SubscriptionSid) -> Listing<SubscribedEvent> {
        let path = [
            "v1",
            "Subscriptions",
            subscription.as_str(),
            "SubscribedEvents",
        ];
        self.0.list(
            "twilio.subscribed_events.list",
            Host::Events,
            &path,
            "types",
            SubscribedEvent::read,
        )
    }

    /// Adds a type of events to a subscription. Adding it twice is adding it once.
    pub async fn subscribe(
        &self,
        subscription: SubscriptionSid,
        kind: &EventType,
    ) -> Result<SubscribedEvent, TwilioError> {
        let mut form = vec![("Type", kind.name.clone())];
        form.extend(
            kind.schema_version
                .map(|version| ("SchemaVersion", version.to_string())),
        );
        let path = [
            "v1",
            "Subscriptions",
            subscription.as_str(),
            "SubscribedEvents",
        ];
        let url = self.0.url(Host::Events, &path);
        let created = self
            .0
            .post_form(
                "twilio.subscribed_events.create",
                Idempotency::Idempotent,
                &url,
                &form,
            )
            .await?;
        Ok(SubscribedEvent::read(self.0, &created)?)
    }
}

/// A type of events, such as `com.twilio.taskrouter.reservation.completed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType {
    /// Its name.
    pub name: String,
    /// The version of its schema; without one, Twilio takes the newest when it is subscribed to.
    pub schema_version: Option<u32>,
}

impl EventType {
    /// A type in the newest version of its schema.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            schema_version: None,
        }
    }

    fn to_json(&self) -> Value {
        match self.schema_version {
            Some(version) => json!({"type": self.name, "schema_version": version}),
            None => json!({"type": self.name}),
        }
    }
}

open_enum! {
    /// Whether a sink can be used.
    SinkStatus {
        /// Made, and not tried yet.
        Initialized = "initialized",
        /// Being tried.
        Validating = "validating",
        /// In use.
        Active = "active",
        /// It could not be reached.
        Failed = "failed",
    }
}

open_enum! {
    /// What a sink is.
    SinkKind {
        /// A web address.
        Webhook = "webhook",
        /// A stream of Amazon Kinesis.
        Kinesis = "kinesis",
        /// Segment.
        Segment = "segment",
        /// E-mail.
        Email = "email",
    }
}

/// A sink: where events are pushed to.
#[derive(Clone, PartialEq, Eq)]
pub struct Sink {
    /// Its SID.
    pub sid: SinkSid,
    /// What it is for, in the words of whoever made it.
    pub description: Option<String>,
    /// Whether it can be used.
    pub status: Option<SinkStatus>,
    /// What it is.
    pub kind: Option<SinkKind>,
    /// Where a webhook leads, without credentials. The path may be a secret, so `Debug` leaves it out.
    pub destination: Option<SafeUrl>,
    /// Whether several events may come in one request.
    pub batch_events: Option<bool>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
}

impl Sink {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("an event sink", value)?;
        let configuration = fields.object("sink_configuration");
        let configuration = configuration.as_ref();
        Ok(Self {
            sid: fields.sid("sid")?,
            description: fields.owned("description"),
            status: fields.text("status").map(SinkStatus::from_wire),
            kind: fields.text("sink_type").map(SinkKind::from_wire),
            destination: configuration
                .and_then(|configuration| without_credentials(configuration.text("destination")?)),
            batch_events: configuration
                .and_then(|configuration| configuration.boolean("batch_events")),
            created_at: fields.time("date_created"),
        })
    }

    /// Whether events can go there now.
    pub fn is_active(&self) -> bool {
        self.status == Some(SinkStatus::Active)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let destination = self.destination.as_ref().map(without_path);
        f.debug_struct("Sink")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("kind", &self.kind)
            .field("destination", &destination)
            .finish_non_exhaustive()
    }
}

/// A subscription: which events go to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its SID.
    pub sid: SubscriptionSid,
    /// The sink.
    pub sink: Option<SinkSid>,
    /// What it is for, in the words of whoever made it.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
}

impl Subscription {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("an event subscription", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            sink: fields.maybe_sid("sink_sid"),
            description: fields.owned("description"),
            created_at: fields.time("date_created"),
        })
    }
}

/// A type of events that a subscription brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribedEvent {
    /// The type.
    pub name: String,
    /// The version of its schema.
    pub schema_version: Option<u32>,
}

impl SubscribedEvent {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a subscribed event", value)?;
        Ok(Self {
            name: fields.required("type")?,
            schema_version: fields.unsigned("schema_version"),
        })
    }
}
