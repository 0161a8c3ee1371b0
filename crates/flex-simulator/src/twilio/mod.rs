//! Twilio's hosts: the documented answers to the documented requests about a world, and nothing else.

mod account;
mod answer;
mod conferences;
mod conversations;
mod events;
mod flex;
mod insights;
mod interactions;
mod mcs;
mod media;
mod paging;
mod programmable_chat;
mod recordings;
mod request;
mod streams;
mod taskrouter;
mod tasks;
#[cfg(test)]
mod tests;

use http::Method;

use crate::http::{Ctx, Inbound, Outbound};
use crate::world::World;
use answer::{Refusal, Style};
use request::Request;

/// One of Twilio's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TwilioHost {
    /// `api.twilio.com`.
    Api,
    /// `taskrouter.twilio.com`.
    TaskRouter,
    /// `flex-api.twilio.com`.
    FlexApi,
    /// `insights.twilio.com`.
    Insights,
    /// `accounts.twilio.com`.
    Accounts,
    /// `conversations.twilio.com`.
    Conversations,
    /// `chat.twilio.com`: Programmable Chat.
    Chat,
    /// `mcs.us1.twilio.com`: files of conversations.
    Mcs,
    /// `events.twilio.com`: Event Streams.
    Events,
    /// The host to which media redirects; no credentials may come here.
    Media,
}

impl TwilioHost {
    /// Every host.
    pub(crate) const ALL: [Self; 10] = [
        Self::Api,
        Self::TaskRouter,
        Self::FlexApi,
        Self::Insights,
        Self::Accounts,
        Self::Conversations,
        Self::Chat,
        Self::Mcs,
        Self::Events,
        Self::Media,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "api.twilio.com",
            Self::TaskRouter => "taskrouter.twilio.com",
            Self::FlexApi => "flex-api.twilio.com",
            Self::Insights => "insights.twilio.com",
            Self::Accounts => "accounts.twilio.com",
            Self::Conversations => "conversations.twilio.com",
            Self::Chat => "chat.twilio.com",
            Self::Mcs => "mcs.us1.twilio.com",
            Self::Events => "events.twilio.com",
            Self::Media => MEDIA_HOST,
        }
    }
}

/// Where media redirects lead.
pub(crate) const MEDIA_HOST: &str = "media.twiliocdn.example";

/// Answers a request to one of Twilio's hosts.
pub(crate) fn handle(world: &World, host: TwilioHost, req: &Inbound, ctx: &Ctx) -> Outbound {
    let request = Request {
        world,
        host,
        req,
        ctx,
    };
    let answered = if host == TwilioHost::Media {
        media::stored(&request)
    } else {
        request.authenticate().and_then(|()| route(&request))
    };
    let answered = answered.unwrap_or_else(|refusal| refusal.answer(style(host, &req.path)));
    answer::with_request_headers(answered)
}

fn route(request: &Request<'_>) -> Result<Outbound, Refusal> {
    let path = request.req.path.clone();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let deletes = request.host == TwilioHost::Api
        && matches!(segments[..], ["2010-04-01", "Accounts", _, "Recordings", _]);
    let changes =
        request.host == TwilioHost::Events || deletes && request.req.method == Method::DELETE;
    if request.req.method != Method::GET && !changes {
        request.ctx.violation(format!(
            "the method {} is not used on this path",
            request.req.method
        ));
        return Err(Refusal::new(405, 20_004, "Method not allowed"));
    }
    match (request.host, segments.as_slice()) {
        (TwilioHost::Api, ["2010-04-01", "Accounts", account]) => account::fetch(request, account),
        (TwilioHost::Api, ["2010-04-01", "Accounts", account, rest @ ..]) => {
            request.own_account(account)?;
            match rest {
                ["Recordings.json"] => recordings::list(request, &recordings::Owner::Account),
                ["Recordings", name] => media::recording(request, name),
                ["Calls.json"] => account::calls(request),
                ["Calls", name] => account::call(request, name),
                ["Calls", call, "Recordings.json"] => {
                    recordings::list(request, &recordings::Owner::Call(call))
                }
                ["Calls", call, "Recordings", name] => {
                    recordings::fetch(request, name, &recordings::Owner::Call(call))
                }
                ["Conferences.json"] => conferences::list(request),
                ["Conferences", name] => conferences::fetch(request, name),
                ["Conferences", conference, "Recordings.json"] => {
                    recordings::list(request, &recordings::Owner::Conference(conference))
                }
                ["Conferences", conference, "Recordings", name] => {
                    recordings::fetch(request, name, &recordings::Owner::Conference(conference))
                }
                ["Conferences", conference, "Participants.json"] => {
                    conferences::live_participants(request, conference)
                }
                _ => Err(request.unknown_path()),
            }
        }
        (TwilioHost::TaskRouter, ["v1", "Workspaces"]) => taskrouter::workspaces(request),
        (TwilioHost::TaskRouter, ["v1", "Workspaces", workspace, rest @ ..]) => {
            request.own_workspace(workspace)?;
            taskrouter::route(request, rest)
        }
        (TwilioHost::FlexApi, ["v1", "Configuration"]) => flex::configuration(request),
        (TwilioHost::FlexApi, ["v1", "Interactions", sid, rest @ ..]) => {
            interactions::route(request, sid, rest)
        }
        (TwilioHost::Conversations, ["v1", "Services", service, rest @ ..]) => {
            conversations::route(request, Some(service), rest)
        }
        (TwilioHost::Conversations, ["v1", rest @ ..]) => conversations::route(request, None, rest),
        (TwilioHost::Chat, ["v2", "Services", service, rest @ ..]) => {
            programmable_chat::route(request, service, rest)
        }
        (TwilioHost::Mcs, ["v1", "Services", service, "Media", rest @ ..]) => {
            mcs::route(request, service, rest)
        }
        (TwilioHost::Events, ["v1", rest @ ..]) => streams::route(request, rest),
        (TwilioHost::Insights, ["v1", "Conferences", conference, "Participants"]) => {
            insights::participants(request, conference)
        }
        (TwilioHost::Accounts, ["v1", "Credentials", "PublicKeys"]) => {
            account::public_keys(request)
        }
        (TwilioHost::Accounts, ["v1", "Credentials", "PublicKeys", sid]) => {
            account::public_key(request, sid)
        }
        _ => Err(request.unknown_path()),
    }
}

/// How a host words a refusal: the older services their own way, in XML where the path does not ask for JSON; newer ones after RFC 9457.
fn style(host: TwilioHost, path: &str) -> Style {
    match host {
        TwilioHost::Api if !path.to_ascii_lowercase().ends_with(".json") => Style::Xml,
        TwilioHost::Api
        | TwilioHost::TaskRouter
        | TwilioHost::Accounts
        | TwilioHost::Conversations
        | TwilioHost::Chat
        | TwilioHost::Mcs
        | TwilioHost::Events => Style::Legacy,
        TwilioHost::FlexApi | TwilioHost::Insights => Style::Problem,
        TwilioHost::Media => Style::Storage,
    }
}
