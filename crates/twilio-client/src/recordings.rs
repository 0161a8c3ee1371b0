//! Recordings: their metadata, and which of the links that name them can be trusted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http_retry::{Idempotency, LinkError, Request, SafeUrl};
use serde_json::Value;
use twilio_sid::{AccountSid, CallSid, ConferenceSid, RecordingSid};

use crate::settings::Host;
use crate::wire::{Fields, open_enum};
use crate::{Listing, TwilioClient, TwilioError, Unreadable};

/// What Twilio answers where it has deleted something.
const DELETED: u16 = 204;

/// The account's recordings.
#[derive(Debug, Clone, Copy)]
pub struct Recordings<'a>(pub(crate) &'a TwilioClient);

impl Recordings<'_> {
    /// One recording.
    pub async fn get(&self, sid: RecordingSid) -> Result<Recording, TwilioError> {
        let url = self.resource(None, sid);
        self.0
            .get("twilio.recordings.get", url, Recording::read)
            .await
    }

    /// One recording even if it was deleted: its metadata stay for 40 days.
    pub async fn get_even_deleted(&self, sid: RecordingSid) -> Result<Recording, TwilioError> {
        let url = self
            .resource(None, sid)
            .with_query("IncludeSoftDeleted", "true");
        self.0
            .get("twilio.recordings.get", url, Recording::read)
            .await
    }

    /// The account's recordings that fit.
    pub fn list(&self, filter: &RecordingFilter) -> Listing<Recording> {
        let mut url = self.0.account_url(None, &["Recordings.json"]);
        if let Some(from) = filter.created_from {
            url = url.with_query("DateCreated>", &crate::time::query(from));
        }
        if let Some(to) = filter.created_to {
            url = url.with_query("DateCreated<", &crate::time::query(to));
        }
        if let Some(call) = &filter.call {
            url = url.with_query("CallSid", call.as_str());
        }
        if let Some(conference) = &filter.conference {
            url = url.with_query("ConferenceSid", conference.as_str());
        }
        if filter.include_deleted {
            url = url.with_query("IncludeSoftDeleted", "true");
        }
        self.listing(url)
    }

    /// The recordings of a call. They tell their track, and no `media_url`.
    pub fn of_call(&self, call: CallSid) -> Listing<Recording> {
        self.listing(
            self.0
                .account_url(None, &["Calls", call.as_str(), "Recordings.json"]),
        )
    }

    /// The recordings of a conference. One may serve several agents.
    pub fn of_conference(&self, conference: ConferenceSid) -> Listing<Recording> {
        self.listing(self.0.account_url(
            None,
            &["Conferences", conference.as_str(), "Recordings.json"],
        ))
    }

    /// The recordings that were created in a stretch of time, the end excluded, whatever their state.
    ///
    /// Twilio's documents give its filter days alone in one place and times in another, so whole days are asked for and what lies outside
    /// is held back here. One without a readable time is given.
    pub fn created_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        include_deleted: bool,
    ) -> Listing<Recording> {
        let filter = RecordingFilter {
            created_from: Some(crate::time::midnight_before(from)),
            created_to: Some(crate::time::midnight_after(to)),
            include_deleted,
            ..RecordingFilter::default()
        };
        self.list(&filter).keeping(move |recording| {
            recording
                .created_at
                .is_none_or(|created| (from..to).contains(&created))
        })
    }

    /// Deletes a recording of the account; its media are gone at once.
    ///
    /// Only a complete one can be deleted ([`TwilioError::NotDeletable`] otherwise, which passes). For all that Twilio will not do at all,
    /// [`TwilioError::is_refusal`] is true. Only 204 says that it was deleted, as Twilio's page of the Recording resource documents: any
    /// other success is [`TwilioError::DeletionNotConfirmed`].
    pub async fn delete(&self, sid: RecordingSid) -> Result<Deletion, TwilioError> {
        self.delete_below(None, sid).await
    }

    /// [`delete`](Self::delete) for a recording of another account (a subaccount): the one that the [`Recording`] names. Below the wrong
    /// account it is not found.
    pub async fn delete_below(
        &self,
        account: Option<AccountSid>,
        sid: RecordingSid,
    ) -> Result<Deletion, TwilioError> {
        let url = self.resource(account, sid);
        // Deleting twice is deleting once: after a lost answer the second try finds nothing, and that is as good.
        let call = http_retry::Call::new("twilio.recordings.delete", Idempotency::Idempotent);
        let build = |_| {
            self.0
                .authorized(Request::new(http_retry::Method::Delete, url.clone()))
        };
        match self.0.http().send(&call, build).await {
            Ok(answer) if answer.status() == DELETED => Ok(Deletion::Deleted),
            // Something in between, perhaps, that answers everything.
            Ok(answer) => Err(TwilioError::DeletionNotConfirmed {
                recording: sid,
                status: answer.status(),
            }),
            Err(error) => match TwilioError::of(error) {
                missing @ TwilioError::NotFound(_) => self.was_deleted(account, sid, missing).await,
                error => Err(error),
            },
        }
    }

    /// "Not found" alone would be no proof: a recording is not found below the wrong account either.
    async fn was_deleted(
        self,
        account: Option<AccountSid>,
        sid: RecordingSid,
        missing: TwilioError,
    ) -> Result<Deletion, TwilioError> {
        let url = self
            .resource(account, sid)
            .with_query("IncludeSoftDeleted", "true");
        let found = self
            .0
            .get("twilio.recordings.get", url, Recording::read)
            .await;
        match found {
            Ok(found) if found.status == RecordingStatus::Deleted => Ok(Deletion::AlreadyGone),
            Ok(_) => Err(missing),
            Err(error) if error.is_not_found() => Ok(Deletion::Unknown),
            Err(error) => Err(error),
        }
    }

    /// Which recording a link names, as task attributes hold them (`conversations.media`, `segment_link`).
    ///
    /// Only the SIDs are taken from it, after its host was compared; the media are then fetched from the configured
    /// address, so that no link can draw the credentials elsewhere.
    pub fn refer(&self, link: &str) -> RecordingReference {
        match location(self.0, link) {
            Ok(url) => named(&url),
            Err(Some(host)) => RecordingReference::External { host },
            Err(None) => RecordingReference::Unusable,
        }
    }

    pub(crate) fn resource(self, account: Option<AccountSid>, sid: RecordingSid) -> SafeUrl {
        self.0
            .account_url(account, &["Recordings", &format!("{sid}.json")])
    }

    fn listing(self, url: SafeUrl) -> Listing<Recording> {
        self.0.list_at(
            "twilio.recordings.list",
            Host::Api,
            url,
            "recordings",
            Recording::read,
        )
    }
}

/// Below our own address, or at some other host.
fn location(client: &TwilioClient, link: &str) -> Result<SafeUrl, Option<String>> {
    client
        .base(Host::Api)
        .resolve(link.trim(), Some(Host::Api.vendor_name()))
        .map_err(|error| match error {
            LinkError::ForeignHost { host } => Some(host),
            LinkError::OutsideBase { .. } => link
                .trim()
                .parse::<SafeUrl>()
                .ok()
                .map(|url| url.host().to_owned()),
            _ => None,
        })
}

fn named(url: &SafeUrl) -> RecordingReference {
    let mut segments = url.path().split('/');
    let mut account = None;
    while let Some(segment) = segments.next() {
        match segment {
            "Accounts" => account = segments.next().and_then(|sid| sid.parse().ok()),
            "Recordings" => {
                let sid = segments
                    .next()
                    .map(|name| name.split_once('.').map_or(name, |(sid, _)| sid));
                if let Some(sid) = sid.and_then(|sid| sid.parse().ok()) {
                    return RecordingReference::Twilio { account, sid };
                }
            }
            _ => {}
        }
    }
    RecordingReference::Unusable
}

/// What a link to a recording comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingReference {
    /// A recording at Twilio.
    Twilio {
        /// The account in the link: it may be a subaccount.
        account: Option<AccountSid>,
        /// The recording.
        sid: RecordingSid,
    },
    /// Something at another host, which is never asked with Twilio's credentials.
    External {
        /// The host.
        host: String,
    },
    /// No link to a recording.
    Unusable,
}

/// Which recordings of an account are listed. The default is all that are not deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordingFilter {
    /// Those created at this time or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Those created at this time or earlier.
    pub created_to: Option<DateTime<Utc>>,
    /// Those of this call. For a two-legged call Twilio names the parent.
    pub call: Option<CallSid>,
    /// Those of this conference.
    pub conference: Option<ConferenceSid>,
    /// Those deleted in the last 40 days as well.
    pub include_deleted: bool,
}

/// How a deletion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is deleted now.
    Deleted,
    /// It had been deleted before.
    AlreadyGone,
    /// Twilio knows nothing of it: it was deleted more than 40 days ago, or it is another account's.
    Unknown,
}

open_enum! {
    /// Where a recording stands.
    RecordingStatus {
        /// Being recorded.
        InProgress = "in-progress",
        /// Paused.
        Paused = "paused",
        /// Stopped, not processed.
        Stopped = "stopped",
        /// Being processed.
        Processing = "processing",
        /// Complete: its media can be fetched, unless they are stored elsewhere.
        Completed = "completed",
        /// Not stored: the error code says why.
        Absent = "absent",
        /// Deleted.
        Deleted = "deleted",
    }
}

open_enum! {
    /// What started a recording.
    RecordingSource {
        /// `<Dial record>`.
        DialVerb = "DialVerb",
        /// `<Conference record>`: what Flex itself uses.
        Conference = "Conference",
        /// A call made through the API with recording on.
        OutboundApi = "OutboundAPI",
        /// Elastic SIP Trunking.
        Trunking = "Trunking",
        /// `<Record>`.
        RecordVerb = "RecordVerb",
        /// The API, on a call: what plugins use.
        StartCallRecordingApi = "StartCallRecordingAPI",
        /// The API, on a conference.
        StartConferenceRecordingApi = "StartConferenceRecordingAPI",
    }
}

open_enum! {
    /// Which side of a call was recorded; told by the list of a call's recordings alone.
    Track {
        /// What the party said.
        Inbound = "inbound",
        /// What the party heard.
        Outbound = "outbound",
        /// Both.
        Both = "both",
    }
}

/// Where a recording's media lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaLocation {
    /// At Twilio.
    Twilio,
    /// In the customer's own store. Twilio's media address answers 404 for it.
    External {
        /// The host of the store.
        host: String,
    },
}

/// A recording, as its metadata tell of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its SID.
    pub sid: RecordingSid,
    /// Its account; it may be a subaccount.
    pub account: Option<AccountSid>,
    /// Its call: always the parent of a two-legged call. Of a conference recording it says little.
    pub call: Option<CallSid>,
    /// Its conference, for conference recordings.
    pub conference: Option<ConferenceSid>,
    /// The channels it was recorded with. What is delivered may be fewer: [`Recordings::media`] tells.
    pub channels: Option<u16>,
    /// When the resource was created, in whole seconds.
    pub created_at: Option<DateTime<Utc>>,
    /// When the resource changed last, in whole seconds.
    pub updated_at: Option<DateTime<Utc>>,
    /// When the recording began, in whole seconds.
    pub started_at: Option<DateTime<Utc>>,
    /// Its length in whole seconds. Shorter than the wall time where silence was trimmed or pauses were skipped.
    pub duration: Option<Duration>,
    /// Where it stands.
    pub status: RecordingStatus,
    /// What started it.
    pub source: Option<RecordingSource>,
    /// Which side was recorded.
    pub track: Option<Track>,
    /// Why it is absent: a code of Twilio's error dictionary.
    pub error_code: Option<u32>,
    /// How it is encrypted, as it came, in whichever spelling; absent if it is not. Nothing else decides whether it is.
    pub encryption_details: Option<Value>,
    /// Where its media lie, if the resource says so.
    pub media: Option<MediaLocation>,
}

impl Recording {
    pub(crate) fn read(client: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a recording", value)?;
        let media = fields
            .text("media_url")
            .and_then(|link| match location(client, link) {
                Ok(_) => Some(MediaLocation::Twilio),
                Err(host) => host.map(|host| MediaLocation::External { host }),
            });
        Ok(Self {
            sid: fields.sid("sid")?,
            account: fields.maybe_sid("account_sid"),
            call: fields.maybe_sid("call_sid"),
            conference: fields.maybe_sid("conference_sid"),
            channels: fields.unsigned("channels"),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
            started_at: fields.time("start_time"),
            duration: fields.seconds("duration"),
            status: RecordingStatus::from_wire(&fields.required("status")?),
            source: fields.text("source").map(RecordingSource::from_wire),
            track: fields.text("track").map(Track::from_wire),
            error_code: fields.unsigned("error_code"),
            encryption_details: fields.value("encryption_details").cloned(),
            media,
        })
    }

    /// Whether its media are encrypted under a public key of the customer.
    pub fn is_encrypted(&self) -> bool {
        self.encryption_details.is_some()
    }

    /// Whether nothing about its media will change any more: complete, absent or deleted.
    pub fn is_final(&self) -> bool {
        matches!(
            self.status,
            RecordingStatus::Completed | RecordingStatus::Absent | RecordingStatus::Deleted
        )
    }
}
