//! What is assumed about the ways into classic WFM, each as a setting. Nothing of it is published, so nearly all is a choice of ours.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::merge::merge;

/// How durations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DurationUnit {
    /// Whole seconds, halves rounded up, each interval by itself.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// What becomes of intervals of a repeated hour where their times are written without offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatedHour {
    /// Both passes are written, with the same time.
    Both,
    /// Neither is written: their rows are refused.
    Refuse,
}

/// When a value stands between quotation marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quote {
    /// Where it could not be read otherwise.
    Necessary,
    /// Always.
    Always,
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineEnd {
    /// Carriage return and line feed.
    CrLf,
    /// Line feed.
    Lf,
}

/// What an error in an answer whose status is 2xx says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorInSuccess {
    /// Nothing certain: it is sent again, where that does no harm.
    InDoubt,
    /// The rows are refused.
    Refused,
}

/// How the endpoint knows the connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessKind {
    /// By the session of Calabrio's REST API.
    Session,
    /// It does not ask.
    Open,
    /// `Authorization: Basic`.
    Basic,
    /// `Authorization: Bearer`.
    Bearer,
    /// A header of another name.
    Header,
}

/// How single values are written, in files and requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValuesContract {
    /// The IANA zone of times; empty takes that of the ACD.
    pub time_zone: String,
    /// How times are written where a column does not say: `epoch-milliseconds`, `epoch-seconds`, or a format like `%Y-%m-%d %H:%M`.
    pub time_format: String,
    /// How durations are written.
    pub duration_unit: DurationUnit,
    /// What becomes of a repeated hour.
    pub repeated_hour: RepeatedHour,
    /// The id of the service queue, for what names no queue.
    pub service_queue: String,
    /// The words for the first delivery of an interval, one that replaces another, and one that takes it back.
    pub first_or_again: [String; 3],
    /// The words for Logout, Not Ready, Ready, Talking, Hold, Work Not Ready, Work Ready.
    pub states: [String; 7],
    /// The words for an agent or queue that Twilio has, and for one that it does not have any more.
    pub statuses: [String; 2],
}

/// What all files have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesContract {
    /// The one character between values.
    pub delimiter: char,
    /// When values are quoted.
    pub quote: Quote,
    /// How lines end.
    pub line_end: LineEnd,
    /// Whether a byte-order mark stands before the UTF-8 text.
    pub byte_order_mark: bool,
    /// Whether a line of the columns' names stands before the data.
    pub column_header: bool,
    /// The most rows of a file, at most 1,000,000.
    pub rows: usize,
    /// Where accepted files go, in or beside the drop folder or absolute; folders whose names begin so are looked into. Empty looks nowhere.
    pub archive: String,
    /// Where refused files go, in the same manner.
    pub penalty_box: String,
}

/// One kind of file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileContract {
    /// Its name, with `{acd_server}`, `{number}`, `{now}`, `{first}`, `{last}`; the latter three in UTC, with a format as in `{now:%Y%m%d}`.
    pub name: String,
    /// Lines before everything else, with the same placeholders, in the zone of the times.
    pub header: Vec<String>,
    /// The columns in their order: `name = value`.
    pub columns: Vec<String>,
}

/// What all requests have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpContract {
    /// How the endpoint knows the connector.
    pub access: AccessKind,
    /// The header, where `access` is `header`.
    pub access_header: String,
    /// The field of the list of rows; empty makes the list the whole body.
    pub list_field: String,
    /// The field of a body that says whether its states are a snapshot; empty sends none.
    pub snapshot_field: String,
    /// The field of a body that says whether a snapshot ends with it; empty sends none.
    pub last_field: String,
    /// The most rows of a request, at most 10,000.
    pub rows: usize,
    /// Statuses that speak of the rows and not of the request: the batch is halved until those that are at fault are found.
    pub row_statuses: Vec<u16>,
    /// How many requests more a batch may take for that; after them, what is not told apart is refused together.
    pub splits: usize,
}

/// One kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathContract {
    /// The path below the base URL.
    pub path: String,
    /// The fields of a row: `name = value`.
    pub fields: Vec<String>,
}

/// What answers look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswersContract {
    /// The field of an error's sentence.
    pub error_message_field: String,
    /// The field that says whether it worked.
    pub status_field: String,
    /// The values of it that say it did not, in any case of letters.
    pub failed_statuses: Vec<String>,
    /// The field of the request's id.
    pub request_id_field: String,
    /// The field that lists the rows that were refused; empty reads none.
    pub rows_field: String,
    /// In an entry of it, the row's place in the request, from 0.
    pub row_field: String,
    /// In an entry of it, the reason.
    pub reason_field: String,
    /// What an error in a 2xx says.
    pub error_in_success: ErrorInSuccess,
}

/// The settings. Every default is an assumption of `docs/calabrio-contract.md`; what is not written keeps it.
///
/// ```
/// use wfm_delivery::DeliveryContract;
///
/// let contract: DeliveryContract = serde_json::from_value(serde_json::json!({
///     "queue_file": { "name": "Queue.{now}.{number}.csv" }
/// }))?;
/// assert_eq!(contract.files.delimiter, ',');
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct DeliveryContract {
    /// Single values.
    pub values: ValuesContract,
    /// All files.
    pub files: FilesContract,
    /// The files of agents' intervals.
    pub agent_file: FileContract,
    /// The files of queues' intervals.
    pub queue_file: FileContract,
    /// The files of states.
    pub state_file: FileContract,
    /// The files of agents, who are users there.
    pub user_file: FileContract,
    /// The files of queues, which are service queues there.
    pub service_queue_file: FileContract,
    /// All requests.
    pub http: HttpContract,
    /// The requests with agents' intervals.
    pub agent_http: PathContract,
    /// The requests with queues' intervals.
    pub queue_http: PathContract,
    /// The requests with states.
    pub state_http: PathContract,
    /// The requests with agents.
    pub user_http: PathContract,
    /// The requests with queues.
    pub service_queue_http: PathContract,
    /// Answers.
    pub answers: AnswersContract,
}

impl Serialize for DeliveryContract {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for DeliveryContract {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Value::deserialize(deserializer)?;
        let mut whole = serde_json::to_value(Self::default()).map_err(de::Error::custom)?;
        merge(&mut whole, written);
        Self::deserialize(whole).map_err(de::Error::custom)
    }
}

fn strings<const N: usize>(texts: [&str; N]) -> [String; N] {
    texts.map(str::to_owned)
}

const AGENT: [&str; 14] = [
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
];

const QUEUE: [&str; 15] = [
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
];

const STATE: [&str; 5] = [
    "acdServerId = acd_server",
    "acdId = agent",
    "state = state",
    "reasonCode = reason_code",
    "startTime = since",
];

const USER: [&str; 7] = [
    "acdId = agent",
    "acdServerId = acd_server",
    "displayTimeZone = time_zone",
    "firstName = first_name",
    "lastName = last_name",
    "roles = constant Agent",
    "active = active",
];

const SERVICE_QUEUE: [&str; 4] = [
    "acdServerId = acd_server",
    "serviceQueueId = queue",
    "name = name",
    "active = active",
];

impl Default for DeliveryContract {
    fn default() -> Self {
        let file = |name: &str, columns: &[&str]| FileContract {
            name: name.to_owned(),
            header: Vec::new(),
            columns: columns.iter().map(ToString::to_string).collect(),
        };
        let request = |path: &str, fields: &[&str]| PathContract {
            path: path.to_owned(),
            fields: fields.iter().map(ToString::to_string).collect(),
        };
        Self {
            values: ValuesContract {
                time_zone: String::new(),
                time_format: "%Y-%m-%dT%H:%M:%S%:z".to_owned(),
                duration_unit: DurationUnit::Seconds,
                repeated_hour: RepeatedHour::Both,
                service_queue: "service-queue".to_owned(),
                first_or_again: strings(["new", "replace", "remove"]),
                states: strings([
                    "Logout",
                    "Not Ready",
                    "Ready",
                    "Talking",
                    "Hold",
                    "Work Not Ready",
                    "Work Ready",
                ]),
                statuses: strings(["active", "inactive"]),
            },
            files: FilesContract {
                delimiter: ',',
                quote: Quote::Necessary,
                line_end: LineEnd::CrLf,
                byte_order_mark: false,
                column_header: true,
                rows: 50_000,
                archive: "archives".to_owned(),
                penalty_box: "penaltyBox".to_owned(),
            },
            agent_file: file(
                "AgentProductivity.{acd_server}.{now:%Y%m%dT%H%M%S%3f}.{number}.csv",
                &AGENT,
            ),
            queue_file: file(
                "QueueHistory.{acd_server}.{now:%Y%m%dT%H%M%S%3f}.{number}.csv",
                &QUEUE,
            ),
            state_file: file(
                "AgentState.{acd_server}.{now:%Y%m%dT%H%M%S%3f}.{number}.EVENT",
                &STATE,
            ),
            user_file: file("Users.csv", &USER),
            service_queue_file: file(
                "ServiceQueues.{acd_server}.{now:%Y%m%dT%H%M%S%3f}.{number}.csv",
                &SERVICE_QUEUE,
            ),
            http: HttpContract {
                access: AccessKind::Session,
                access_header: "X-Api-Key".to_owned(),
                list_field: "records".to_owned(),
                snapshot_field: "snapshot".to_owned(),
                last_field: "last".to_owned(),
                rows: 500,
                row_statuses: vec![400, 413, 422],
                splits: 32,
            },
            agent_http: request("api/rest/wfm/history/agents", &AGENT),
            queue_http: request("api/rest/wfm/history/queues", &QUEUE),
            state_http: request("api/rest/wfm/agentstates", &STATE),
            user_http: request("api/rest/wfm/users", &USER),
            service_queue_http: request("api/rest/wfm/servicequeues", &SERVICE_QUEUE),
            answers: AnswersContract {
                error_message_field: "errorMessage".to_owned(),
                status_field: "status".to_owned(),
                failed_statuses: ["FAILED", "FAILURE", "ERROR"].map(str::to_owned).into(),
                request_id_field: "requestId".to_owned(),
                rows_field: "errors".to_owned(),
                row_field: "index".to_owned(),
                reason_field: "errorMessage".to_owned(),
                error_in_success: ErrorInSuccess::InDoubt,
            },
        }
    }
}
