//! What a client is made from.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use http_retry::{BaseUrl, ConcurrencyLimit, Deadlines, Observer, Origin, RetryPolicy, SafeUrl};
use secrecy::SecretString;
use twilio_sid::{AccountSid, ApiKeySid};

/// The most items that Twilio puts on a page; more is refused with error 20007.
pub(crate) const MAX_PAGE_SIZE: u16 = 1000;

/// What a client proves itself with (HTTP Basic).
#[derive(Clone)]
pub enum Credentials {
    /// The account SID and its auth token.
    AuthToken(SecretString),
    /// An API key of the account.
    ApiKey {
        /// The key's SID, which serves as user name.
        sid: ApiKeySid,
        /// The key's secret.
        secret: SecretString,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthToken(_) => f.write_str("AuthToken"),
            Self::ApiKey { sid, .. } => write!(f, "ApiKey({sid})"),
        }
    }
}

/// One of Twilio's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Api,
    TaskRouter,
    FlexApi,
    Insights,
    Accounts,
    Conversations,
    Chat,
    Media,
    Events,
}

impl Host {
    /// The name under which Twilio knows it: links in answers carry it.
    pub(crate) fn vendor_name(self) -> &'static str {
        match self {
            Self::Api => "api.twilio.com",
            Self::TaskRouter => "taskrouter.twilio.com",
            Self::FlexApi => "flex-api.twilio.com",
            Self::Insights => "insights.twilio.com",
            Self::Accounts => "accounts.twilio.com",
            Self::Conversations => "conversations.twilio.com",
            Self::Chat => "chat.twilio.com",
            Self::Media => "mcs.us1.twilio.com",
            Self::Events => "events.twilio.com",
        }
    }
}

/// Where each of Twilio's hosts is reached. `Default` gives the real addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Calls, conferences, recordings: `https://api.twilio.com`.
    pub api: BaseUrl,
    /// Workspaces, tasks, workers, events: `https://taskrouter.twilio.com`.
    pub taskrouter: BaseUrl,
    /// The Flex configuration and interactions: `https://flex-api.twilio.com`.
    pub flex_api: BaseUrl,
    /// Conferences that are over: `https://insights.twilio.com`.
    pub insights: BaseUrl,
    /// Public keys: `https://accounts.twilio.com`.
    pub accounts: BaseUrl,
    /// Conversations, their messages and participants: `https://conversations.twilio.com`.
    pub conversations: BaseUrl,
    /// Programmable Chat, which came before them: `https://chat.twilio.com`.
    pub chat: BaseUrl,
    /// What is attached to messages: `https://mcs.us1.twilio.com`.
    pub media: BaseUrl,
    /// The set-up of Event Streams: `https://events.twilio.com`.
    pub events: BaseUrl,
}

impl Endpoints {
    /// All hosts behind one address, each under its own name as first segment of the path:
    /// `http://127.0.0.1:8080/api.twilio.com`, and so on.
    ///
    /// ```
    /// use twilio_client::Endpoints;
    ///
    /// let endpoints = Endpoints::behind(&"http://127.0.0.1:8080".parse()?);
    /// assert_eq!(endpoints.taskrouter.to_string(), "http://127.0.0.1:8080/taskrouter.twilio.com");
    /// # Ok::<(), http_retry::UrlError>(())
    /// ```
    pub fn behind(origin: &Origin) -> Self {
        Self::each(|name| BaseUrl::from(origin.clone()).below(name))
    }

    fn each(of: impl Fn(&str) -> BaseUrl) -> Self {
        Self {
            api: of(Host::Api.vendor_name()),
            taskrouter: of(Host::TaskRouter.vendor_name()),
            flex_api: of(Host::FlexApi.vendor_name()),
            insights: of(Host::Insights.vendor_name()),
            accounts: of(Host::Accounts.vendor_name()),
            conversations: of(Host::Conversations.vendor_name()),
            chat: of(Host::Chat.vendor_name()),
            media: of(Host::Media.vendor_name()),
            events: of(Host::Events.vendor_name()),
        }
    }

    pub(crate) fn base(&self, host: Host) -> &BaseUrl {
        match host {
            Host::Api => &self.api,
            Host::TaskRouter => &self.taskrouter,
            Host::FlexApi => &self.flex_api,
            Host::Insights => &self.insights,
            Host::Accounts => &self.accounts,
            Host::Conversations => &self.conversations,
            Host::Chat => &self.chat,
            Host::Media => &self.media,
            Host::Events => &self.events,
        }
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::each(|name| match format!("https://{name}").parse() {
            Ok(base) => base,
            Err(error) => unreachable!("{name} is a host of Twilio and makes an address: {error}"),
        })
    }
}

/// What a [`TwilioClient`](crate::TwilioClient) is made from.
#[derive(Clone)]
pub struct TwilioSettings {
    /// The account.
    pub account: AccountSid,
    /// Its credentials.
    pub credentials: Credentials,
    /// Where Twilio is reached.
    pub endpoints: Endpoints,
    /// How many requests may be under way; share one limit between all clients of an account, since Twilio counts by account.
    pub limit: ConcurrencyLimit,
    /// When a request is tried again.
    pub policy: RetryPolicy,
    /// How long each stage of a request may take.
    pub deadlines: Deadlines,
    /// Origins beside https ones to which the download of a recording or an attachment may be redirected: http to this machine, for
    /// a stand-in of Twilio. The origins of `endpoints.api` and `endpoints.media` need not be listed.
    pub media_origins: Vec<Origin>,
    /// Certificates to trust beside those of the system, PEM.
    pub root_certificates_pem: Vec<Vec<u8>>,
    /// The proxy, if any.
    pub proxy: Option<SafeUrl>,
    /// Is told of every attempt.
    pub observer: Option<Arc<dyn Observer>>,
    /// Items per page, 1 to 1000; what lies outside is brought there.
    pub page_size: u16,
    /// The most pages that one listing reads before it is taken for endless.
    pub max_pages: u32,
    /// The present, against which Twilio's 30 days of events are counted.
    pub clock: fn() -> DateTime<Utc>,
}

impl TwilioSettings {
    /// The settings with their defaults: the real hosts, 16 requests at once, pages of 1000.
    pub fn new(account: AccountSid, credentials: Credentials) -> Self {
        Self {
            account,
            credentials,
            endpoints: Endpoints::default(),
            limit: ConcurrencyLimit::new(16),
            policy: RetryPolicy::default(),
            deadlines: Deadlines::default(),
            media_origins: Vec::new(),
            root_certificates_pem: Vec::new(),
            proxy: None,
            observer: None,
            page_size: MAX_PAGE_SIZE,
            max_pages: 1000,
            clock: Utc::now,
        }
    }
}

impl fmt::Debug for TwilioSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioSettings")
            .field("account", &self.account)
            .field("credentials", &self.credentials)
            .field("endpoints", &self.endpoints)
            .field("limit", &self.limit.size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_real_hosts() {
        let real = Endpoints::default();
        for (base, address) in [
            (&real.api, "https://api.twilio.com"),
            (&real.taskrouter, "https://taskrouter.twilio.com"),
            (&real.flex_api, "https://flex-api.twilio.com"),
            (&real.insights, "https://insights.twilio.com"),
            (&real.accounts, "https://accounts.twilio.com"),
            (&real.conversations, "https://conversations.twilio.com"),
            (&real.chat, "https://chat.twilio.com"),
            (&real.media, "https://mcs.us1.twilio.com"),
            (&real.events, "https://events.twilio.com"),
        ] {
            assert_eq!(base.to_string(), address);
        }
    }

    #[test]
    fn printing_settings_shows_no_secret() {
        let account = "AC00000000000000000000000000000001".parse().unwrap();
        let key = Credentials::ApiKey {
            sid: "SK00000000000000000000000000000001".parse().unwrap(),
            secret: SecretString::from("hunter2"),
        };
        for credentials in [Credentials::AuthToken(SecretString::from("hunter2")), key] {
            let printed = format!("{:?}", TwilioSettings::new(account, credentials));
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }
}
