//! What makes a contact of each kind: who calls whom, who joins first, what is recorded how, and what the task names.

use crate::world::keys::KeyName;
use crate::world::kind::Kind;
use crate::world::model::{Fate, Spelling};

/// One of the two sides of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Customer,
    Agent,
}

/// How a second agent takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    /// No second agent.
    None,
    /// The first leaves before the second comes.
    Cold,
    /// Both are there for a while.
    Warm,
}

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// The conference, into this many channels: one, or the first to join beside everybody else.
    Conference(u8),
    /// The customer's call, both channels, from the moment the agent is there.
    CustomerCall,
    /// The customer's call, both channels, from its very beginning: announcements and queue included.
    CustomerCallFromStart,
    /// The agent's call, both channels.
    WorkerCall,
}

/// What time a recording leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// None.
    None,
    /// A pause in the middle, cut out.
    Pause,
    /// Silence at the beginning, trimmed.
    Silence,
    /// It was stopped and started again: two recordings.
    Stopped,
}

/// How the task leads to its recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// `conversations.segment_link`, beside the conference.
    SegmentLink,
    /// `conversations.media` of the task, beside the conference.
    TaskMedia,
    /// Both of them, each naming another recording.
    SegmentLinkAndMedia,
    /// `reservation_attributes` of the reservation.
    ReservationMedia,
    /// The conference only.
    Conference,
    /// The customer's call only.
    Call,
    /// Nothing; the conference bears the task's SID as its name.
    Nothing,
}

/// What makes a contact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe {
    pub(super) outbound: bool,
    pub(super) first: Party,
    pub(super) transfer: Transfer,
    /// The recording a correct connector takes first, then any other.
    pub(super) recorded: &'static [Recorded],
    pub(super) gap: Gap,
    pub(super) naming: Naming,
    pub(super) key: Option<KeyName>,
    pub(super) spelling: Spelling,
    pub(super) fate: Fate,
    /// Talk of the leg, in milliseconds, is at least this.
    pub(super) least_ms: u64,
    /// How often the customer is put on hold, leg by leg.
    pub(super) holds: &'static [u64],
    /// Whether the customer hangs up while on hold for the last time.
    pub(super) gives_up: bool,
}

impl Recipe {
    #[expect(clippy::too_many_lines, reason = "one entry for each kind")]
    pub(super) const fn of(kind: Kind, variant: u32) -> Self {
        const MONO: &[Recorded] = &[Recorded::Conference(1)];
        const DUAL: &[Recorded] = &[Recorded::Conference(2)];
        const CALL: &[Recorded] = &[Recorded::CustomerCall];
        let plain = Self {
            outbound: false,
            first: Party::Customer,
            transfer: Transfer::None,
            recorded: MONO,
            gap: Gap::None,
            naming: Naming::SegmentLink,
            key: None,
            spelling: match variant % 3 {
                0 => Spelling::Documentation,
                1 => Spelling::OpenApi,
                _ => Spelling::Mixed,
            },
            fate: Fate::Stored,
            least_ms: 0,
            holds: &[],
            gives_up: false,
        };
        let held = Self {
            holds: &[1],
            least_ms: 5_000,
            ..plain
        };
        let locked = Self {
            key: Some(KeyName::Newer),
            ..plain
        };
        match kind {
            Kind::ConferenceEncrypted | Kind::LateRecording | Kind::VanishedTask => locked,
            Kind::ConferenceEncryptedOldKey => Self {
                key: Some(KeyName::Older),
                ..plain
            },
            Kind::CallRecordingDualEncrypted => Self {
                recorded: CALL,
                naming: Naming::TaskMedia,
                ..locked
            },
            Kind::ConferenceMono => held,
            Kind::InboundCustomerFirst => Self {
                recorded: DUAL,
                naming: Naming::Conference,
                ..plain
            },
            Kind::InboundAgentFirst => Self {
                recorded: DUAL,
                first: Party::Agent,
                holds: &[2],
                gives_up: true,
                least_ms: 8_000,
                ..plain
            },
            Kind::OutboundAgentFirst => Self {
                recorded: DUAL,
                first: Party::Agent,
                outbound: true,
                ..held
            },
            Kind::OutboundCustomerFirst => Self {
                recorded: DUAL,
                outbound: true,
                naming: Naming::Conference,
                ..plain
            },
            Kind::TransferSharedConference => Self {
                transfer: Transfer::Cold,
                least_ms: 8_000,
                holds: &[0, 1],
                ..locked
            },
            Kind::TransferDual => Self {
                recorded: DUAL,
                transfer: Transfer::Warm,
                naming: Naming::Conference,
                least_ms: 8_000,
                holds: &[1, 2],
                ..plain
            },
            Kind::StopAndStart => Self {
                gap: Gap::Stopped,
                naming: Naming::Conference,
                least_ms: 9_000,
                ..locked
            },
            Kind::NativeAndPlugin => Self {
                recorded: &[Recorded::CustomerCall, Recorded::Conference(1)],
                naming: Naming::SegmentLinkAndMedia,
                ..plain
            },
            Kind::NativeOutboundUnlinked => Self {
                outbound: true,
                first: Party::Agent,
                naming: Naming::Nothing,
                ..locked
            },
            Kind::AbsentSilent => Self {
                fate: Fate::Absent(16_102),
                ..plain
            },
            Kind::NotStored => Self {
                fate: Fate::Absent(match variant % 3 {
                    0 => 16_104,
                    1 => 16_105,
                    _ => 16_106,
                }),
                ..plain
            },
            Kind::MissingKey => Self {
                key: Some(KeyName::Foreign),
                ..plain
            },
            Kind::WorkerLegRecording => Self {
                recorded: &[Recorded::WorkerCall],
                naming: Naming::ReservationMedia,
                ..plain
            },
            Kind::QueueAudio => Self {
                recorded: &[Recorded::CustomerCallFromStart],
                naming: Naming::TaskMedia,
                least_ms: 5_000,
                ..locked
            },
            Kind::PauseSkipped => Self {
                gap: Gap::Pause,
                least_ms: 13_000,
                ..plain
            },
            Kind::SilenceTrimmed => Self {
                gap: Gap::Silence,
                least_ms: 11_000,
                ..plain
            },
            Kind::NamedByCall => Self {
                recorded: CALL,
                naming: Naming::Call,
                ..plain
            },
            Kind::Tampered => Self {
                fate: Fate::Tampered,
                ..locked
            },
            Kind::LyingHeader => Self {
                fate: Fate::LyingHeader,
                ..locked
            },
            Kind::ExternallyStored => Self {
                fate: Fate::Elsewhere,
                ..plain
            },
            // `Excluded`, `MissingMappedAttribute`; digital contacts are made otherwise.
            _ => plain,
        }
    }
}
