//! What stands in the way of a deletion, each with what a person can do about it.

/// What stands in the way of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Obstacle {
    /// Nothing has shown yet that read-backs can be relied on.
    NotConfirmed,
    /// A leg that uses the recording, or is listed for it, is parked.
    LegParked,
    /// Calabrio gave the contact of such a leg up.
    LegFailed,
    /// Such a leg is on its way.
    LegOnItsWay,
    /// Twilio lists a leg that the ledger does not know.
    LegNotKnown,
    /// How long the contact of such a leg is was never compared with what was sent.
    LengthNotCompared,
    /// The contact of a leg that the recording covers has no audio.
    LegWithoutAudio,
    /// A webhook of such a leg is not delivered yet.
    WebhookPending,
    /// A webhook of such a leg was tried often enough, in vain.
    WebhookExhausted,
    /// The recording is not complete at Twilio.
    RecordingNotComplete,
    /// Its media are not at Twilio.
    StoredElsewhere,
    /// Nobody tells when it was made, so nobody can tell whose it is.
    TimesUnknown,
    /// Twilio no longer tells the events of its time.
    EventsGone,
    /// Some of these events cannot be read.
    EventsUnreadable,
    /// Twilio could not be asked.
    NotListed,
    /// The ledger has a row of such a leg that cannot be read.
    RowUnreadable,
}

impl Obstacle {
    /// Every obstacle.
    pub const ALL: [Self; 16] = [
        Self::NotConfirmed,
        Self::LegParked,
        Self::LegFailed,
        Self::LegOnItsWay,
        Self::LegNotKnown,
        Self::LengthNotCompared,
        Self::LegWithoutAudio,
        Self::WebhookPending,
        Self::WebhookExhausted,
        Self::RecordingNotComplete,
        Self::StoredElsewhere,
        Self::TimesUnknown,
        Self::EventsGone,
        Self::EventsUnreadable,
        Self::NotListed,
        Self::RowUnreadable,
    ];

    /// The word as it stands in the ledger, reports and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConfirmed => "read-back-not-confirmed",
            Self::LegParked => "leg-parked",
            Self::LegFailed => "leg-failed",
            Self::LegOnItsWay => "leg-on-its-way",
            Self::LegNotKnown => "leg-not-known",
            Self::LengthNotCompared => "length-not-compared",
            Self::LegWithoutAudio => "leg-without-audio",
            Self::WebhookPending => "webhook-pending",
            Self::WebhookExhausted => "webhook-exhausted",
            Self::RecordingNotComplete => "recording-not-complete",
            Self::StoredElsewhere => "stored-elsewhere",
            Self::TimesUnknown => "times-unknown",
            Self::EventsGone => "events-gone",
            Self::EventsUnreadable => "events-unreadable",
            Self::NotListed => "not-listed",
            Self::RowUnreadable => "row-unreadable",
        }
    }

    /// What a person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotConfirmed => {
                "run sync-qm check --live-contact: it shows whether read-backs can be relied on"
            }
            Self::LegParked => {
                "resolve the parked contacts (sync-qm contacts list --stage parked), or leave the recording where it is"
            }
            Self::LegFailed => {
                "Calabrio ONE gave the contact up: delete the recording by hand once it is not needed"
            }
            Self::LegOnItsWay | Self::RecordingNotComplete => "nothing: it is looked at again",
            Self::LegNotKnown => {
                "nothing, where the leg goes on; else run sync-qm reconcile --fill over its day"
            }
            Self::LengthNotCompared => {
                "Calabrio ONE told no length of the contact, or had it before this ledger sent any: compare it with the recording, then delete that by hand"
            }
            Self::LegWithoutAudio => {
                "the contact went without audio before the recording came: delete the recording by hand once it is not needed"
            }
            Self::WebhookPending => {
                "nothing, where the receiver works; else see sync-qm webhooks list"
            }
            Self::WebhookExhausted => {
                "repair the receiver, then send it again: sync-qm webhooks replay"
            }
            Self::StoredElsewhere => {
                "delete it in the bucket that the account stores recordings in"
            }
            Self::TimesUnknown | Self::EventsGone => {
                "Twilio no longer tells whose recording this is: delete it by hand, or let its own retention do so"
            }
            Self::EventsUnreadable => {
                "see the log for the events that cannot be read; they keep the recording where it is"
            }
            Self::NotListed => "run sync-qm check: it tells what of Twilio can be reached",
            Self::RowUnreadable => {
                "restore the ledger from a backup, or leave the recording where it is"
            }
        }
    }

    /// The obstacle of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|obstacle| obstacle.as_str() == word)
    }
}
