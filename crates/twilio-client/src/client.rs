//! The client itself: hosts, credentials, and how one resource is fetched.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http_retry::{
    Attempt, BaseUrl, Call, ConcurrencyLimit, Fetched, HttpClient, Idempotency, Request, SafeUrl,
    Unfit,
};
use secrecy::SecretString;
use serde_json::Value;
use twilio_sid::{AccountSid, ServiceSid, WorkspaceSid};

use crate::clock::{Clock, Sent};
use crate::pace::Pace;
use crate::settings::{Credentials, Host, MAX_PAGE_SIZE};
use crate::{
    Attachments, Calls, Conferences, Conversations, Endpoints, EventStreams, FlexConfiguration,
    Interactions, LegacyChat, Listing, PublicKeys, Recordings, TaskRouter, TwilioError,
    TwilioSettings, Unreadable, Workspace, fault,
};

/// The largest answer that is read into memory: a page of 1000 items is some two megabytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Twilio allows three requests a second for each list that evaluates an expression.
const EXPRESSIONS: (u32, Duration) = (3, Duration::from_secs(1));

struct Shared {
    http: HttpClient,
    account: AccountSid,
    user: String,
    password: SecretString,
    endpoints: Endpoints,
    media_origins: Vec<http_retry::Origin>,
    page_size: u16,
    max_pages: u32,
    clock: Clock,
    expressions: Pace,
}

/// Twilio for one account. Clones share connections, limits and credentials.
#[derive(Clone)]
pub struct TwilioClient(Arc<Shared>);

impl TwilioClient {
    /// A client from its settings. Nothing is sent yet.
    pub fn new(settings: TwilioSettings) -> Result<Self, TwilioError> {
        let mut http = HttpClient::builder()
            .policy(settings.policy)
            .deadlines(settings.deadlines)
            .limit(settings.limit)
            .describe_errors(fault::facts);
        for pem in settings.root_certificates_pem {
            http = http.root_certificates_pem(pem);
        }
        if let Some(proxy) = settings.proxy {
            http = http.proxy(proxy);
        }
        if let Some(observer) = settings.observer {
            http = http.observer(observer);
        }
        let (user, password) = match settings.credentials {
            Credentials::AuthToken(token) => (settings.account.to_string(), token),
            Credentials::ApiKey { sid, secret } => (sid.to_string(), secret),
        };
        Ok(Self(Arc::new(Shared {
            http: http.build()?,
            account: settings.account,
            user,
            password,
            endpoints: settings.endpoints,
            media_origins: settings.media_origins,
            page_size: settings.page_size.clamp(1, MAX_PAGE_SIZE),
            max_pages: settings.max_pages.max(1),
            clock: Clock::new(settings.clock),
            expressions: Pace::new(EXPRESSIONS.0, EXPRESSIONS.1),
        })))
    }

    /// The account.
    pub fn account(&self) -> AccountSid {
        self.0.account
    }

    /// The concurrency limit, to share it with another client of the account.
    pub fn limit(&self) -> &ConcurrencyLimit {
        self.0.http.limit()
    }

    /// Recordings and their media.
    pub fn recordings(&self) -> Recordings<'_> {
        Recordings(self)
    }

    /// Calls.
    pub fn calls(&self) -> Calls<'_> {
        Calls(self)
    }

    /// Conferences, live and past.
    pub fn conferences(&self) -> Conferences<'_> {
        Conferences(self)
    }

    /// The conversations of a service: the one of the [Flex configuration](FlexConfiguration::chat_service), or without one the
    /// account's default.
    pub fn conversations(&self, service: Option<ServiceSid>) -> Conversations<'_> {
        Conversations {
            client: self,
            service,
        }
    }

    /// What is attached to the messages of a service's conversations.
    pub fn attachments(&self, service: ServiceSid) -> Attachments<'_> {
        Attachments {
            client: self,
            service,
        }
    }

    /// The channels of a service of Programmable Chat, which came before conversations.
    pub fn legacy_chat(&self, service: ServiceSid) -> LegacyChat<'_> {
        LegacyChat {
            client: self,
            service,
        }
    }

    /// Flex interactions: which agent sat on which reservation.
    pub fn interactions(&self) -> Interactions<'_> {
        Interactions(self)
    }

    /// The set-up of Event Streams: sinks, subscriptions, subscribed events.
    pub fn event_streams(&self) -> EventStreams<'_> {
        EventStreams(self)
    }

    /// The public keys under which recordings are encrypted.
    pub fn public_keys(&self) -> PublicKeys<'_> {
        PublicKeys(self)
    }

    /// One workspace of TaskRouter.
    pub fn taskrouter(&self, workspace: WorkspaceSid) -> TaskRouter<'_> {
        TaskRouter {
            client: self,
            workspace,
        }
    }

    /// The account's workspaces.
    pub fn workspaces(&self) -> Listing<Workspace> {
        self.list(
            "twilio.workspaces.list",
            Host::TaskRouter,
            &["v1", "Workspaces"],
            "workspaces",
            Workspace::read,
        )
    }

    /// The Flex configuration: which workspace and which instance belong to this account.
    pub async fn flex_configuration(&self) -> Result<FlexConfiguration, TwilioError> {
        let url = self.url(Host::FlexApi, &["v1", "Configuration"]);
        self.get("twilio.flex.configuration", url, FlexConfiguration::read)
            .await
    }

    /// How far Twilio's clock is ahead of this machine's (negative: behind), as the `Date` headers of its answers tell. Some tenths
    /// of a second right; `None` before the first answer.
    pub fn clock_skew(&self) -> Option<TimeDelta> {
        self.0.clock.skew()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn base(&self, host: Host) -> &BaseUrl {
        self.0.endpoints.base(host)
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.0.http
    }

    pub(crate) fn media_origins(&self) -> &[http_retry::Origin] {
        &self.0.media_origins
    }

    pub(crate) fn page_size(&self) -> u16 {
        self.0.page_size
    }

    pub(crate) fn max_pages(&self) -> u32 {
        self.0.max_pages
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    pub(crate) fn expressions(&self) -> &Pace {
        &self.0.expressions
    }

    pub(crate) fn url(&self, host: Host, segments: &[&str]) -> SafeUrl {
        self.base(host).join(segments)
    }

    /// A path of the 2010 API below an account; the account's own unless another is given (a subaccount's resource).
    pub(crate) fn account_url(&self, account: Option<AccountSid>, rest: &[&str]) -> SafeUrl {
        let account = account.unwrap_or(self.0.account).to_string();
        let mut segments = vec!["2010-04-01", "Accounts", &account];
        segments.extend_from_slice(rest);
        self.base(Host::Api).join(segments)
    }

    /// A request with the credentials. Only URLs made from the endpoints may be given here.
    pub(crate) fn authorized(&self, request: Request) -> Request {
        request.basic_auth(&self.0.user, &self.0.password)
    }

    /// One resource.
    pub(crate) async fn get<T>(
        &self,
        name: &'static str,
        url: SafeUrl,
        read: impl Fn(&Self, &Value) -> Result<T, Unreadable>,
    ) -> Result<T, TwilioError> {
        let value = self.json(name, &url).await?;
        Ok(read(self, &value)?)
    }

    /// JSON by GET.
    pub(crate) async fn json(
        &self,
        name: &'static str,
        url: &SafeUrl,
    ) -> Result<Value, TwilioError> {
        self.json_with(name, url, |_| Ok(())).await
    }

    /// JSON by GET that passes a check; an error in a 200, or JSON that does not pass, is tried again.
    pub(crate) async fn json_with(
        &self,
        name: &'static str,
        url: &SafeUrl,
        check: impl Fn(&Value) -> Result<(), Unfit> + Send + Sync,
    ) -> Result<Value, TwilioError> {
        let call = Call::new(name, Idempotency::Idempotent);
        self.exchange(&call, || Request::get(url.clone()), check)
            .await
    }

    /// JSON by POST of a form. Whatever creates something is repeated only where it certainly was not processed.
    pub(crate) async fn post_form(
        &self,
        name: &'static str,
        idempotency: Idempotency,
        url: &SafeUrl,
        form: &[(&'static str, String)],
    ) -> Result<Value, TwilioError> {
        let call = Call::new(name, idempotency);
        let request = || Request::post(url.clone()).form(form.iter().cloned());
        self.exchange(&call, request, |_| Ok(())).await
    }

    async fn exchange(
        &self,
        call: &Call,
        request: impl Fn() -> Request + Send + Sync,
        check: impl Fn(&Value) -> Result<(), Unfit> + Send + Sync,
    ) -> Result<Value, TwilioError> {
        let sent = Sent::default();
        let build = |_: Attempt| {
            sent.now();
            self.authorized(request().header("accept", "application/json"))
        };
        let decode = |fetched: Fetched| {
            self.0.clock.note(&sent, fetched.header("date"));
            let value = json(&fetched)?;
            check(&value)?;
            Ok(value)
        };
        Ok(self.0.http.fetch(call, MAX_ANSWER, build, decode).await?)
    }

    pub(crate) fn list<T>(
        &self,
        name: &'static str,
        host: Host,
        segments: &[&str],
        key: &'static str,
        read: fn(&Self, &Value) -> Result<T, Unreadable>,
    ) -> Listing<T> {
        self.list_at(name, host, self.url(host, segments), key, read)
    }

    pub(crate) fn list_at<T>(
        &self,
        name: &'static str,
        host: Host,
        url: SafeUrl,
        key: &'static str,
        read: fn(&Self, &Value) -> Result<T, Unreadable>,
    ) -> Listing<T> {
        self.list_by(self.0.page_size, name, host, url, key, read)
    }

    /// A list whose pages hold at most so many items: some of Twilio's allow fewer than others.
    pub(crate) fn list_by<T>(
        &self,
        most: u16,
        name: &'static str,
        host: Host,
        url: SafeUrl,
        key: &'static str,
        read: fn(&Self, &Value) -> Result<T, Unreadable>,
    ) -> Listing<T> {
        let size = self.0.page_size.min(most);
        let url = url.with_query("PageSize", &size.to_string());
        Listing::new(self.clone(), name, host, url, key, read)
    }
}

fn json(fetched: &Fetched) -> Result<Value, Unfit> {
    let value: Value = fetched.json()?;
    match fault::json_code(&value) {
        // A resource of its own never has a code beside a message.
        Some(code) if value.get("sid").is_none() && value.get("meta").is_none() => {
            Err(Unfit::passing(format!(
                "an answer with status {} that is error {code}",
                fetched.status()
            )))
        }
        _ => Ok(value),
    }
}

impl fmt::Debug for TwilioClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioClient")
            .field("account", &self.0.account)
            .field("endpoints", &self.0.endpoints)
            .finish_non_exhaustive()
    }
}
