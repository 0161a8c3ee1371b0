//! Flex interactions: which agent sat on which reservation of which task.

use chrono::{DateTime, Utc};
use flex_events::{Attributes, TaskStatus};
use serde_json::Value;
use twilio_sid::{
    InteractionChannelSid, InteractionParticipantSid, InteractionSid, ReservationSid, TaskQueueSid,
    TaskSid, WorkerSid, WorkspaceSid,
};

use crate::settings::Host;
use crate::wire::{Fields, open_enum};
use crate::{Listing, TwilioClient, TwilioError, Unreadable};

/// The account's interactions. They cannot be listed: their SIDs stand in task attributes (`flexInteractionSid`).
#[derive(Debug, Clone, Copy)]
pub struct Interactions<'a>(pub(crate) &'a TwilioClient);

impl Interactions<'_> {
    /// One interaction.
    pub async fn get(&self, sid: InteractionSid) -> Result<Interaction, TwilioError> {
        let url = self
            .0
            .url(Host::FlexApi, &["v1", "Interactions", sid.as_str()]);
        self.0
            .get("twilio.interactions.get", url, Interaction::read)
            .await
    }

    /// An interaction's channels.
    pub fn channels(&self, sid: InteractionSid) -> Listing<InteractionChannel> {
        self.list(
            "twilio.interactions.channels.list",
            &[sid.as_str(), "Channels"],
            "channels",
            InteractionChannel::read,
        )
    }

    /// Who takes part in a channel of an interaction.
    pub fn participants(
        &self,
        sid: InteractionSid,
        channel: InteractionChannelSid,
    ) -> Listing<InteractionParticipant> {
        self.list(
            "twilio.interactions.participants.list",
            &[sid.as_str(), "Channels", channel.as_str(), "Participants"],
            "participants",
            InteractionParticipant::read,
        )
    }

    /// Whom a channel of an interaction was offered to: each invite is a task.
    pub fn invites(
        &self,
        sid: InteractionSid,
        channel: InteractionChannelSid,
    ) -> Listing<InteractionInvite> {
        self.list(
            "twilio.interactions.invites.list",
            &[sid.as_str(), "Channels", channel.as_str(), "Invites"],
            "invites",
            InteractionInvite::read,
        )
    }

    /// All agents of an interaction with task and reservation, over all its channels. One who was put there without routing has neither
    /// and is left out.
    ///
    /// A participant that cannot be read is an error here: whoever asks who took part must not take it for nobody.
    pub async fn agents(&self, sid: InteractionSid) -> Result<Vec<AgentPart>, TwilioError> {
        let mut agents = Vec::new();
        let mut channels = self.channels(sid);
        while let Some(channel) = channels.next().await {
            let channel = channel?;
            let mut participants = self.participants(sid, channel.sid);
            while let Some(participant) = participants.next().await {
                let participant = participant?;
                if let (InteractionRole::Agent, Some(routing)) =
                    (&participant.role, participant.routing)
                {
                    agents.push(AgentPart {
                        channel: channel.sid,
                        participant: participant.sid,
                        routing,
                    });
                }
            }
        }
        Ok(agents)
    }

    fn list<T>(
        self,
        name: &'static str,
        rest: &[&str],
        key: &'static str,
        read: fn(&TwilioClient, &Value) -> Result<T, Unreadable>,
    ) -> Listing<T> {
        let segments = [&["v1", "Interactions"], rest].concat();
        self.0.list(name, Host::FlexApi, &segments, key, read)
    }
}

/// An interaction: what the customer experiences, whichever agents take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// Its SID.
    pub sid: InteractionSid,
    /// The channel that it began with.
    pub channel: Option<InteractionChannelSid>,
    /// The kind of that channel: `sms`, `web`, `whatsapp`, `email`, …
    pub channel_kind: Option<String>,
}

impl Interaction {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("an interaction", value)?;
        let channel = fields.object("channel");
        Ok(Self {
            sid: fields.sid("sid")?,
            channel: channel
                .as_ref()
                .and_then(|channel| channel.maybe_sid("sid")),
            channel_kind: channel.as_ref().and_then(|channel| channel.owned("type")),
        })
    }
}

open_enum! {
    /// Where a channel of an interaction stands.
    InteractionChannelStatus {
        /// Being set up.
        Setup = "setup",
        /// Open.
        Active = "active",
        /// Nobody is in it for now.
        Inactive = "inactive",
        /// Paused by an agent.
        Pause = "pause",
        /// On its way to another agent.
        Transfer = "transfer",
        /// Over.
        Closed = "closed",
        /// It could not be set up.
        Failed = "failed",
    }
}

/// A channel of an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionChannel {
    /// Its SID.
    pub sid: InteractionChannelSid,
    /// `sms`, `web`, `whatsapp`, `email`, `voice`, …
    pub kind: Option<String>,
    /// Where it stands.
    pub status: Option<InteractionChannelStatus>,
    /// Why it failed: a code of Twilio's error dictionary.
    pub error_code: Option<u32>,
}

impl InteractionChannel {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("an interaction channel", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            kind: fields.owned("type"),
            status: fields
                .text("status")
                .map(InteractionChannelStatus::from_wire),
            error_code: fields.unsigned("error_code"),
        })
    }
}

open_enum! {
    /// What someone is in an interaction.
    InteractionRole {
        /// The customer.
        Customer = "customer",
        /// An agent.
        Agent = "agent",
        /// A supervisor who looks on.
        Supervisor = "supervisor",
        /// Somebody from outside.
        External = "external",
        /// Twilio does not know.
        Unknown = "unknown",
    }
}

/// Someone in a channel of an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionParticipant {
    /// Its SID.
    pub sid: InteractionParticipantSid,
    /// What it is there.
    pub role: InteractionRole,
    /// How it got there; customers have none.
    pub routing: Option<RoutingProperties>,
}

impl InteractionParticipant {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("an interaction participant", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            role: InteractionRole::from_wire(&fields.required("type")?),
            routing: fields
                .object("routing_properties")
                .map(|routing| RoutingProperties {
                    task: routing.maybe_sid("task_sid"),
                    worker: routing.maybe_sid("worker_sid"),
                    reservation: routing.maybe_sid("reservation_sid"),
                }),
        })
    }
}

/// The task, the worker and the reservation by which an agent takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoutingProperties {
    /// The task.
    pub task: Option<TaskSid>,
    /// The worker.
    pub worker: Option<WorkerSid>,
    /// The reservation.
    pub reservation: Option<ReservationSid>,
}

/// One agent's part in an interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentPart {
    /// The channel.
    pub channel: InteractionChannelSid,
    /// The agent as participant of the channel.
    pub participant: InteractionParticipantSid,
    /// How it got there.
    pub routing: RoutingProperties,
}

/// An invite: a channel of an interaction, offered by way of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionInvite {
    /// The task that carries it.
    pub task: TaskSid,
    /// The workspace of the task.
    pub workspace: Option<WorkspaceSid>,
    /// The queue of the task.
    pub queue: Option<TaskQueueSid>,
    /// Where the task stood when it was asked.
    pub status: Option<TaskStatus>,
    /// The task's attributes.
    pub attributes: Option<Attributes>,
    /// When the task was created. Twilio gives seconds since 1970 here, and here alone.
    pub created_at: Option<DateTime<Utc>>,
    /// When the task was changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// The reservation, where there is one.
    pub reservation: Option<ReservationSid>,
}

impl InteractionInvite {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("an interaction invite", value)?;
        let routing = fields.object("routing");
        let Some(task) = routing
            .as_ref()
            .and_then(|routing| routing.object("properties"))
        else {
            return Err(fields.unreadable("routing", "an object with properties"));
        };
        Ok(Self {
            task: task.sid("sid")?,
            workspace: task.maybe_sid("workspace_sid"),
            queue: task.maybe_sid("queue_sid"),
            status: task.text("assignment_status").map(TaskStatus::from),
            attributes: task.attributes("attributes"),
            created_at: task.moment("date_created"),
            updated_at: task.moment("date_updated"),
            reservation: routing
                .and_then(|routing| routing.object("reservation"))
                .and_then(|reservation| reservation.maybe_sid("sid")),
        })
    }
}
