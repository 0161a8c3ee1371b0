//! What a receiver of classic WFM expects and how it behaves.

use std::collections::BTreeSet;
use std::path::PathBuf;

use thiserror::Error;

/// What becomes of an interval that comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Again {
    /// It takes the place of the one that is there.
    #[default]
    Replaces,
    /// It is added to it: what comes twice counts twice.
    Adds,
}

/// How a request is answered some of whose rows are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefusalForm {
    /// 200 with a list of those rows; the others are stored.
    #[default]
    Listed,
    /// 422 with a list of those rows; nothing is stored.
    NothingStored,
    /// 422 and a sentence; nothing is stored.
    Unnamed,
}

/// What is expected, and what is refused. The default is what a connector assumes that was told nothing else: see [`super::WfmReceiver`].
///
/// A column of a file and a field of a request are both written `name = value`, where the value may be followed by a format of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WfmSettings {
    /// What becomes of an interval that comes again.
    pub again: Again,
    /// SIDs of agents and queues of whom nothing is taken.
    pub refuse: BTreeSet<String>,
    /// How requests are answered that have rows of them, or rows that are not right.
    pub refusal: RefusalForm,
    /// The most rows of a request; 413 answers more.
    pub rows: usize,
    /// The paths below the host: agents' intervals, queues' intervals, states. Whatever else is sent below `api/rest/wfm/` is a roster.
    pub paths: [String; 3],
    /// The columns of agents' intervals.
    pub agent: Vec<String>,
    /// The columns of queues' intervals.
    pub queue: Vec<String>,
    /// The columns of states.
    pub state: Vec<String>,
    /// IANA zone of times without offset. A time that comes twice there is its first pass.
    pub zone: String,
    /// Format of times where a column has none: as for `strftime`, `epoch-milliseconds` or `epoch-seconds`.
    pub time_format: String,
    /// Whether durations are milliseconds, and not seconds.
    pub milliseconds: bool,
    /// The word for what is of no queue.
    pub service_queue: String,
    /// The words for Logout, Not Ready, Ready, Talking, Hold, Work Not Ready, Work Ready.
    pub states: [String; 7],
    /// Where files are looked for; nothing looks nowhere.
    pub drop_folder: Option<PathBuf>,
    /// What files of agents' intervals, of queues' intervals and of states are called; anything may stand for what is in braces.
    pub file_names: [String; 3],
    /// What stands between values.
    pub delimiter: char,
    /// How many lines stand before everything else.
    pub header_lines: usize,
    /// Whether a line of the columns' names stands before the data.
    pub column_header: bool,
}

fn texts<const N: usize>(texts: [&str; N]) -> [String; N] {
    texts.map(str::to_owned)
}

impl Default for WfmSettings {
    fn default() -> Self {
        Self {
            again: Again::default(),
            refuse: BTreeSet::new(),
            refusal: RefusalForm::default(),
            rows: 500,
            paths: texts([
                "api/rest/wfm/history/agents",
                "api/rest/wfm/history/queues",
                "api/rest/wfm/agentstates",
            ]),
            agent: texts([
                "acdServerId = acd_server",
                "acdId = agent",
                "serviceQueueId = queue",
                "startTime = interval_start",
                "intervalMinutes = interval_minutes",
                "loggedInTime = activity_time",
                "readyTime = ready_time",
                "notReadyTime = not_ready_time",
                "workTime = work_time",
                "talkTime = talk_time",
                "wrapUpTime = wrap_up_time",
                "holdTime = hold_time",
                "handled = handled",
                "logoutTime = logout_time",
            ])
            .to_vec(),
            queue: texts([
                "acdServerId = acd_server",
                "serviceQueueId = queue",
                "startTime = interval_start",
                "intervalMinutes = interval_minutes",
                "offered = offered",
                "answered = answered",
                "abandoned = abandoned",
                "abandonedShort = abandoned_short",
                "answeredInServiceLevel = answered_in_service_level",
                "talkTime = talk_time",
                "wrapUpTime = wrap_up_time",
                "holdTime = hold_time",
                "answerWaitTime = answer_wait_time",
                "abandonWaitTime = abandon_wait_time",
                "longestWaitTime = longest_wait_time",
            ])
            .to_vec(),
            state: texts([
                "acdServerId = acd_server",
                "acdId = agent",
                "state = state",
                "reasonCode = reason_code",
                "startTime = since",
            ])
            .to_vec(),
            zone: "UTC".to_owned(),
            time_format: "%Y-%m-%dT%H:%M:%S%:z".to_owned(),
            milliseconds: false,
            service_queue: "service-queue".to_owned(),
            states: texts([
                "Logout",
                "Not Ready",
                "Ready",
                "Talking",
                "Hold",
                "Work Not Ready",
                "Work Ready",
            ]),
            drop_folder: None,
            file_names: texts([
                "AgentProductivity.{acd_server}.{now}.{number}.csv",
                "QueueHistory.{acd_server}.{now}.{number}.csv",
                "AgentState.{acd_server}.{now}.{number}.EVENT",
            ]),
            delimiter: ',',
            header_lines: 0,
            column_header: true,
        }
    }
}

/// Settings that no receiver can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the receiver's {setting} is not right: {problem}")]
#[non_exhaustive]
pub struct WfmSettingsError {
    /// The setting.
    pub setting: &'static str,
    /// What is wrong with it.
    pub problem: String,
}
