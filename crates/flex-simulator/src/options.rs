//! How a simulator is set up.

use std::net::SocketAddr;
use std::time::Duration;

use crate::faults::FaultLevel;
use crate::floor::{FloorOptions, WfmSettings};
use crate::scenario::Scenario;

/// How a simulator is set up; [`Default`] is a simulator without faults on a free port of the loopback interface.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What the contact centre went through.
    pub scenario: Scenario,
    /// Decides everything that the scenario leaves open, and which request meets which fault.
    pub seed: u64,
    /// How much goes wrong.
    pub faults: FaultLevel,
    /// Whether it speaks TLS, with a certificate authority of its own.
    pub tls: bool,
    /// How long things take.
    pub timings: Timings,
    /// Recordings of more bytes than this are only hashed as they arrive, not compared with what was expected: comparing makes every
    /// sample again.
    pub compare_audio_up_to: u64,
    /// What classic WFM's receiving ends take.
    pub wfm: WfmSettings,
    /// A floor that is lived through, for workforce management. Twilio tells of it where the scenario has no contacts; else of those.
    pub floor: Option<FloorOptions>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            scenario: Scenario::default(),
            seed: 1,
            faults: FaultLevel::None,
            tls: false,
            timings: Timings::default(),
            compare_audio_up_to: 64 * 1024 * 1024,
            floor: None,
            wfm: WfmSettings::default(),
        }
    }
}

impl SimulatorOptions {
    /// A simulator of a floor alone: its scenario has no contacts of its own.
    pub fn for_floor(floor: FloorOptions) -> Self {
        let scenario = Scenario {
            contacts: 0,
            live_contacts: 0,
            abandoned: 0,
            orphan_recordings: 0,
            ..Scenario::default()
        };
        Self {
            scenario,
            floor: Some(floor),
            ..Self::default()
        }
    }
}

/// How long things take at the simulated vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// The longest time until Calabrio's search finds an imported contact. Three times as long with hostile faults.
    pub index_delay: Duration,
    /// The longest time until Calabrio has processed a contact's audio.
    pub processing: Duration,
    /// After how long without use Calabrio's sessions end. With faults they also end while they are used.
    pub session: Duration,
    /// How late a late answer is.
    pub late: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            index_delay: Duration::from_millis(400),
            processing: Duration::from_millis(600),
            session: Duration::from_hours(1),
            late: Duration::from_millis(1_500),
        }
    }
}

impl Timings {
    /// The longest time until a search finds an imported contact, with those faults.
    pub fn longest_index_delay(&self, faults: FaultLevel) -> Duration {
        match faults {
            FaultLevel::None | FaultLevel::Mild => self.index_delay,
            FaultLevel::Hostile => self.index_delay * 3,
        }
    }

    /// How long after a client gave up on an import a search can still lag behind it: an answerless import may be taken in late, and is
    /// found later still. A connector that waits longer than this before it imports again makes no second contact.
    pub fn settles_after(&self, faults: FaultLevel) -> Duration {
        self.late + self.longest_index_delay(faults)
    }
}
