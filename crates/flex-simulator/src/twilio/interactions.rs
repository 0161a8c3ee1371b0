//! Interactions: what led a customer to which agents, task by task. Nothing lists them: they are known from tasks.

use serde_json::{Value, json};

use super::answer::Refusal;
use super::paging::{self, Envelope};
use super::request::Request;
use crate::http::Outbound;
use crate::world::conversation::{Interaction, Seat, TaskChannel};

pub(super) fn route(request: &Request<'_>, sid: &str, rest: &[&str]) -> Result<Outbound, Refusal> {
    let interaction = request
        .world
        .interactions
        .iter()
        .find(|made| made.sid == sid && made.created <= request.now())
        .ok_or_else(|| request.not_found())?;
    let below = Below {
        request,
        interaction,
    };
    match rest {
        [] => {
            request.only(&[])?;
            Ok(Outbound::json(200, &below.shape()))
        }
        ["Channels"] => {
            request.only_and_paging(&[])?;
            below.list(
                &[interaction.channel.as_str()],
                "channels",
                |sid| sid,
                |_| below.channel(),
            )
        }
        ["Channels", channel, rest @ ..] => {
            if *channel != interaction.channel {
                return Err(request.not_found());
            }
            match rest {
                [] => {
                    request.only(&[])?;
                    Ok(Outbound::json(200, &below.channel()))
                }
                ["Participants"] => below.participants(),
                ["Invites"] => below.invites(),
                _ => Err(request.unknown_path()),
            }
        }
        _ => Err(request.unknown_path()),
    }
}

struct Below<'r, 'a> {
    request: &'r Request<'a>,
    interaction: &'a Interaction,
}

impl Below<'_, '_> {
    fn list<T>(
        &self,
        items: &[T],
        key: &str,
        sid: impl Fn(&T) -> &str,
        shape: impl Fn(&T) -> Value,
    ) -> Result<Outbound, Refusal> {
        paging::list(self.request, Envelope::V1, key, items, sid, shape)
    }

    fn link(&self, path: &str) -> String {
        self.request
            .link(&format!("/v1/Interactions/{}{path}", self.interaction.sid))
    }

    fn task_channel(&self) -> &'static str {
        match self.interaction.medium {
            "sms" => TaskChannel::Sms.name(),
            _ => TaskChannel::Chat.name(),
        }
    }

    fn shape(&self) -> Value {
        json!({
            "sid": self.interaction.sid,
            "channel": {"type": self.interaction.medium, "sid": self.interaction.channel},
            "routing": {"properties": {
                "workflow_sid": self.request.world.identity.workflow,
                "workspace_sid": self.request.world.workspace_sid(),
                "task_channel_unique_name": self.task_channel(),
            }},
            "interaction_context_sid": null,
            "webhook_ttid": null,
            "url": self.link(""),
            "links": {"channels": self.link("/Channels")},
        })
    }

    fn channel(&self) -> Value {
        let own = format!("/Channels/{}", self.interaction.channel);
        let closed = self.interaction.closed <= self.request.now();
        json!({
            "sid": self.interaction.channel,
            "type": self.interaction.medium,
            "interaction_sid": self.interaction.sid,
            "status": if closed { "closed" } else { "active" },
            "error_code": null,
            "error_message": null,
            "url": self.link(&own),
            "links": {
                "participants": self.link(&format!("{own}/Participants")),
                "invites": self.link(&format!("{own}/Invites")),
                "transfers": self.link(&format!("{own}/Transfers")),
            },
        })
    }

    /// The customer, and every agent with the task and the reservation that brought them here.
    fn participants(&self) -> Result<Outbound, Refusal> {
        self.request.only_and_paging(&[])?;
        let agents = self
            .interaction
            .seats
            .iter()
            .filter(|seat| seat.joined <= self.request.now());
        let items: Vec<(&str, Option<&Seat>)> =
            std::iter::once((self.interaction.customer.as_str(), None))
                .chain(agents.map(|seat| (seat.sid.as_str(), Some(seat))))
                .collect();
        self.list(
            &items,
            "participants",
            |(sid, _)| sid,
            |(sid, seat)| {
                let routing = seat.map(|seat| {
                    json!({
                        "task_sid": seat.task,
                        "worker_sid": self.request.world.workers[seat.worker].sid,
                        "reservation_sid": seat.reservation,
                    })
                });
                let own = format!("/Channels/{}/Participants/{sid}", self.interaction.channel);
                json!({
                    "sid": sid,
                    "channel_sid": self.interaction.channel,
                    "interaction_sid": self.interaction.sid,
                    "type": if seat.is_some() { "agent" } else { "customer" },
                    "routing_properties": routing,
                    "url": self.link(&own),
                })
            },
        )
    }

    /// Dates in here are whole numbers.
    fn invites(&self) -> Result<Outbound, Refusal> {
        self.request.only_and_paging(&[])?;
        let world = self.request.world;
        let items: Vec<&Seat> = self
            .interaction
            .seats
            .iter()
            .filter(|seat| seat.invited <= self.request.now())
            .collect();
        self.list(
            &items,
            "invites",
            |seat| seat.invite.as_str(),
            |seat| {
                let task = world.tasks.iter().find(|task| task.sid == seat.task);
                let attributes = task
                    .and_then(|task| task.versions.first())
                    .map(|version| version.attributes.as_str());
                let own = format!(
                    "/Channels/{}/Invites/{}",
                    self.interaction.channel, seat.invite
                );
                json!({
                    "sid": seat.invite,
                    "channel_sid": self.interaction.channel,
                    "interaction_sid": self.interaction.sid,
                    "routing": {"reservation": null, "properties": {
                        "account_sid": self.request.account(),
                        "workspace_sid": world.workspace_sid(),
                        "sid": seat.task,
                        "date_created": seat.invited.timestamp(),
                        "date_updated": seat.invited.timestamp(),
                        "attributes": attributes,
                        "assignment_status": "pending",
                        "workflow_sid": world.identity.workflow,
                        "task_channel_unique_name": self.task_channel(),
                        "priority": 0,
                    }},
                    "url": self.link(&own),
                })
            },
        )
    }
}
