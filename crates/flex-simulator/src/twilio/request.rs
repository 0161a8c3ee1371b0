//! A request to one of Twilio's hosts: who asks, and with which parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::TwilioHost;
use super::answer::Refusal;
use crate::http::{Ctx, Inbound};
use crate::world::World;

/// The parameters of paging, which every list has.
const PAGING: [&str; 3] = ["PageSize", "Page", "PageToken"];

/// A request and the world it is about.
pub(super) struct Request<'a> {
    pub(super) world: &'a World,
    pub(super) host: TwilioHost,
    pub(super) req: &'a Inbound,
    pub(super) ctx: &'a Ctx,
}

/// A time in a filter: a day, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Day(NaiveDate),
    Instant(DateTime<Utc>),
}

impl When {
    /// A day counts from its midnight.
    pub(super) fn instant(self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
            Self::Instant(at) => at,
        }
    }

    fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Instant(at) => at.date_naive(),
        }
    }
}

/// A filter on a time: on a day, not before, not after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    on: Option<When>,
    from: Option<When>,
    to: Option<When>,
}

impl Times {
    /// Not before the one, not after the other.
    pub(super) const fn between(from: Option<When>, to: Option<When>) -> Self {
        Self { on: None, from, to }
    }

    pub(super) fn admit(&self, at: DateTime<Utc>) -> bool {
        self.on.is_none_or(|on| on.day() == at.date_naive())
            && self.from.is_none_or(|from| at >= from.instant())
            && self.to.is_none_or(|to| at <= to.instant())
    }
}

impl<'a> Request<'a> {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.ctx.clock()
    }

    pub(super) fn account(&self) -> &'a str {
        self.world.account_sid()
    }

    pub(super) fn param(&self, name: &str) -> Option<&'a str> {
        self.req.param(name)
    }

    /// Lets pass who shows the account's token or an API key of it.
    pub(super) fn authenticate(&self) -> Result<(), Refusal> {
        let shown = self.req.header("authorization").and_then(|header| {
            let (scheme, value) = header.split_once(' ')?;
            let decoded = scheme
                .eq_ignore_ascii_case("basic")
                .then(|| STANDARD.decode(value.trim()).ok())??;
            let text = String::from_utf8(decoded).ok()?;
            let (user, password) = text.split_once(':')?;
            Some((user.to_owned(), password.to_owned()))
        });
        let world = self.world;
        let known = [(world.account_sid(), world.auth_token()), world.api_key()];
        let passes = shown.is_some_and(|(user, password)| {
            known.iter().any(|(their_user, their_password)| {
                user == *their_user && password == *their_password
            })
        });
        if passes {
            Ok(())
        } else {
            Err(Refusal::new(401, 20_003, "Authenticate"))
        }
    }

    pub(super) fn own_account(&self, account: &str) -> Result<(), Refusal> {
        if account == self.account() {
            Ok(())
        } else {
            Err(self.not_found())
        }
    }

    pub(super) fn own_workspace(&self, workspace: &str) -> Result<(), Refusal> {
        if workspace == self.world.workspace_sid() {
            Ok(())
        } else {
            Err(self.not_found())
        }
    }

    pub(super) fn not_found(&self) -> Refusal {
        Refusal::not_found(&self.req.path)
    }

    /// A path that Twilio does not document, or that nobody here has use for.
    pub(super) fn unknown_path(&self) -> Refusal {
        self.violation("the path is not one of the documented ones");
        self.not_found()
    }

    pub(super) fn violation(&self, what: impl Into<String>) {
        self.ctx.violation(what);
    }

    /// Refuses parameters that are not documented; without strictness they are ignored, as Twilio does.
    pub(super) fn only(&self, documented: &[&str]) -> Result<(), Refusal> {
        self.check(documented, false)
    }

    /// The same for a list, whose paging parameters are documented too.
    pub(super) fn only_and_paging(&self, documented: &[&str]) -> Result<(), Refusal> {
        self.check(documented, true)
    }

    fn check(&self, documented: &[&str], paging: bool) -> Result<(), Refusal> {
        if !self.world.scenario().strict {
            return Ok(());
        }
        let unknown = self
            .req
            .query
            .iter()
            .map(|(name, _)| name.as_str())
            .find(|name| !(documented.contains(name) || paging && PAGING.contains(name)));
        match unknown {
            Some(name) => {
                self.violation(format!(
                    "the parameter {name} is not documented for this path"
                ));
                Err(Refusal::parameter(format!("Invalid parameter {name}")))
            }
            None => Ok(()),
        }
    }

    /// The filter on a time with its three spellings: `Name`, `Name>` and `Name<`.
    pub(super) fn times(&self, name: &str, days_only: bool) -> Result<Times, Refusal> {
        Ok(Times {
            on: self.when(name, days_only)?,
            from: self.when(&format!("{name}>"), days_only)?,
            to: self.when(&format!("{name}<"), days_only)?,
        })
    }

    /// A parameter that is a day or an instant.
    pub(super) fn when(&self, name: &str, days_only: bool) -> Result<Option<When>, Refusal> {
        let Some(text) = self.param(name) else {
            return Ok(None);
        };
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Some(When::Day(day)));
        }
        match DateTime::parse_from_rfc3339(text) {
            Ok(_) if days_only => {
                self.violation(format!("{name} takes a day here, not an instant"));
                Err(Refusal::parameter(format!("{name} is not a date")))
            }
            Ok(at) => Ok(Some(When::Instant(at.to_utc()))),
            Err(_) => Err(Refusal::parameter(format!(
                "{name} is neither a date nor a date-time"
            ))),
        }
    }

    /// A parameter that is a whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.param(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Refusal::parameter(format!("{name} is not a number")))
            })
            .transpose()
    }

    /// A parameter that is `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.param(name)
            .map(|text| match text {
                "true" | "True" => Ok(true),
                "false" | "False" => Ok(false),
                _ => Err(Refusal::parameter(format!(
                    "{name} is neither true nor false"
                ))),
            })
            .transpose()
    }

    /// Whether a filter by text lets a value pass.
    pub(super) fn admits(&self, name: &str, value: &str) -> bool {
        self.param(name).is_none_or(|wanted| wanted == value)
    }

    /// An absolute link to this host.
    pub(super) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.req.link_base)
    }
}

/// The name before `.json`, where the path segment ends so.
pub(super) fn json_name(segment: &str) -> Option<&str> {
    segment.strip_suffix(".json")
}
