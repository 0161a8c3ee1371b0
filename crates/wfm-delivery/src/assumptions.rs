//! Every assumption behind the settings, in words.

use std::fmt;

use serde::Serialize;

use crate::DeliveryContract;

/// How well an assumption is founded; the marks are those of `docs/calabrio-contract.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Calabrio's own text says so.
    Vendor,
    /// Seen in third-party client code.
    Client,
    /// Inferred from what the vendor or clients show.
    Inference,
    /// Not publicly documented: a choice of ours.
    Undocumented,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vendor => "V",
            Self::Client => "C",
            Self::Inference => "I",
            Self::Undocumented => "N",
        })
    }
}

/// One thing that this crate takes for granted about classic WFM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// Stable: a number is never given to another assumption, here or in `calabrio-client`.
    pub number: u16,
    /// The setting of [`DeliveryContract`] that overrides it, dotted.
    pub setting: &'static str,
    /// How well it is founded.
    pub grade: Grade,
    /// The assumption in words.
    pub text: &'static str,
}

impl Assumption {
    /// The default of the setting as JSON, for the documentation.
    pub fn default_value(&self) -> serde_json::Value {
        let all = serde_json::to_value(DeliveryContract::default()).unwrap_or_default();
        let path = format!("/{}", self.setting.replace('.', "/"));
        all.pointer(&path).cloned().unwrap_or_default()
    }
}

/// Every assumption, by number.
pub fn assumptions() -> impl Iterator<Item = &'static Assumption> {
    ALL.iter()
}

const fn of(number: u16, setting: &'static str, grade: Grade, text: &'static str) -> Assumption {
    Assumption {
        number,
        setting,
        grade,
        text,
    }
}

const ALL: &[Assumption] = &[
    of(
        901,
        "values.time_zone",
        Grade::Inference,
        "times are those of this IANA zone; an empty name takes that of the ACD, which must equal that of Flex Insights",
    ),
    of(
        902,
        "values.time_format",
        Grade::Undocumented,
        "times are written like this where a column or field says nothing else; the offset from UTC tells the two passes of a repeated hour apart",
    ),
    of(
        903,
        "values.duration_unit",
        Grade::Undocumented,
        "durations are whole seconds, halves rounded up in each interval",
    ),
    of(
        904,
        "values.repeated_hour",
        Grade::Undocumented,
        "where times are written without offset, both passes of a repeated hour are delivered with the same time; refuse keeps both back",
    ),
    of(
        905,
        "values.service_queue",
        Grade::Undocumented,
        "Calabrio knows the service queue for what names no queue by this id; others by the SID of the task queue",
    ),
    of(
        906,
        "values.first_or_again",
        Grade::Undocumented,
        "where a column asks for it, these words tell a first delivery, one that replaces another and one that takes it back",
    ),
    of(
        907,
        "values.states",
        Grade::Inference,
        "the states are called on the wire like on the page of the ACD's configuration, in the order Logout, Not Ready, Ready, Talking, Hold, Work Not Ready, Work Ready; the wire may want numbers",
    ),
    of(
        908,
        "values.statuses",
        Grade::Undocumented,
        "where a column asks for it, these words tell an agent or queue that Twilio has from one that it does not have any more",
    ),
    of(
        911,
        "files.delimiter",
        Grade::Undocumented,
        "this character stands between values",
    ),
    of(
        912,
        "files.quote",
        Grade::Undocumented,
        "values are quoted as in RFC 4180, where they could not be read otherwise",
    ),
    of(
        913,
        "files.line_end",
        Grade::Undocumented,
        "lines end like this",
    ),
    of(
        914,
        "files.byte_order_mark",
        Grade::Undocumented,
        "the text is UTF-8 without a byte-order mark",
    ),
    of(
        915,
        "files.column_header",
        Grade::Inference,
        "a line of the columns' names stands before the data; the generic interface's tables of contents name a column header",
    ),
    of(
        916,
        "files.rows",
        Grade::Undocumented,
        "a file has at most so many rows",
    ),
    of(
        917,
        "files.archive",
        Grade::Inference,
        "accepted files are moved to a folder of this name, with the date in its name or below it; said of files of users, taken to hold for these, names unchanged",
    ),
    of(
        918,
        "files.penalty_box",
        Grade::Inference,
        "refused files are moved to a folder of this name, with the date below it, and are not tried again; said of files of users, taken to hold for these, names unchanged",
    ),
    of(
        921,
        "agent_file.name",
        Grade::Undocumented,
        "files of agents' intervals are called like this; a name with the milliseconds of {now} also keeps a delivery from being written twice",
    ),
    of(
        922,
        "agent_file.header",
        Grade::Undocumented,
        "no line stands before the columns' names",
    ),
    of(
        923,
        "agent_file.columns",
        Grade::Undocumented,
        "these are the columns; the agent is known by the worker's SID, the queue by the SID of the task queue",
    ),
    of(
        931,
        "queue_file.name",
        Grade::Undocumented,
        "files of queues' intervals are called like this",
    ),
    of(
        932,
        "queue_file.header",
        Grade::Undocumented,
        "no line stands before the columns' names",
    ),
    of(
        933,
        "queue_file.columns",
        Grade::Undocumented,
        "these are the columns",
    ),
    of(
        941,
        "state_file.name",
        Grade::Undocumented,
        "files of states are called like this; an ancestor has one file AgentState.EVENT, and a name without placeholders waits until it was taken away; of such files only the last is looked for in the penalty box",
    ),
    of(
        942,
        "state_file.header",
        Grade::Undocumented,
        "no line stands before the columns' names",
    ),
    of(
        943,
        "state_file.columns",
        Grade::Undocumented,
        "these are the columns",
    ),
    of(
        944,
        "user_file.name",
        Grade::Vendor,
        "the file of agents is called like this; a name without {now} waits until Calabrio has taken the file away",
    ),
    of(
        945,
        "user_file.header",
        Grade::Undocumented,
        "no line stands before the columns' names",
    ),
    of(
        946,
        "user_file.columns",
        Grade::Inference,
        "these are the columns, in any order; acdId, acdServerId and displayTimeZone are said of this file, the names of the others are taken from the user of the API or are ours. A new user needs a valid role and unknown ones are skipped, so a role stands in a column. A blank value deletes what Calabrio has, so login and email are left out. One who is inactive is told so and stays; Calabrio does not activate again whom it deactivated",
    ),
    of(
        947,
        "service_queue_file.name",
        Grade::Undocumented,
        "files of queues are called like this",
    ),
    of(
        948,
        "service_queue_file.header",
        Grade::Undocumented,
        "no line stands before the columns' names",
    ),
    of(
        949,
        "service_queue_file.columns",
        Grade::Undocumented,
        "these are the columns; a queue is known by the SID of the task queue, as in the intervals, and one that is gone is told as inactive",
    ),
    of(
        951,
        "http.list_field",
        Grade::Undocumented,
        "POST of a JSON object with the rows in this field delivers them; an empty name sends the list alone",
    ),
    of(
        952,
        "http.snapshot_field",
        Grade::Undocumented,
        "states of all agents, after a start or an outage, come with true in this field; an empty name sends none",
    ),
    of(
        953,
        "http.last_field",
        Grade::Undocumented,
        "the request that ends a snapshot has true in this field; an empty name sends none",
    ),
    of(
        954,
        "http.rows",
        Grade::Undocumented,
        "a request has at most so many rows",
    ),
    of(
        955,
        "http.row_statuses",
        Grade::Undocumented,
        "these statuses say that rows are at fault and nothing was stored; any other error says nothing about rows",
    ),
    of(
        956,
        "http.splits",
        Grade::Undocumented,
        "a batch may take so many requests more to find the rows that are at fault; after that, what is not told apart is refused together",
    ),
    of(
        957,
        "http.access",
        Grade::Inference,
        "the endpoint knows the connector by the session of Calabrio's REST API, opened with the service account, which is said to be needed for classic WFM as well; it may want name and password as Basic, a token as Bearer or in a header, or nothing: basic, bearer, header, open",
    ),
    of(
        958,
        "http.access_header",
        Grade::Undocumented,
        "where it wants the token in a header, the header is called like this",
    ),
    of(
        961,
        "agent_http.path",
        Grade::Undocumented,
        "agents' intervals go to this path",
    ),
    of(
        962,
        "agent_http.fields",
        Grade::Undocumented,
        "these are the fields of a row",
    ),
    of(
        963,
        "queue_http.path",
        Grade::Undocumented,
        "queues' intervals go to this path",
    ),
    of(
        964,
        "queue_http.fields",
        Grade::Undocumented,
        "these are the fields of a row",
    ),
    of(
        965,
        "state_http.path",
        Grade::Undocumented,
        "states go to this path",
    ),
    of(
        966,
        "state_http.fields",
        Grade::Undocumented,
        "these are the fields of a row",
    ),
    of(
        967,
        "user_http.path",
        Grade::Undocumented,
        "agents go to this path; a second row for one replaces the first",
    ),
    of(
        968,
        "user_http.fields",
        Grade::Undocumented,
        "these are the fields of a row, as in the file",
    ),
    of(
        969,
        "service_queue_http.path",
        Grade::Undocumented,
        "queues go to this path; a second row for one replaces the first",
    ),
    of(
        970,
        "service_queue_http.fields",
        Grade::Undocumented,
        "these are the fields of a row",
    ),
    of(
        971,
        "answers.error_message_field",
        Grade::Inference,
        "an error is a JSON object with a sentence in this field, as elsewhere in Calabrio's API",
    ),
    of(
        972,
        "answers.status_field",
        Grade::Inference,
        "an answer may say in this field whether the request worked",
    ),
    of(
        973,
        "answers.failed_statuses",
        Grade::Inference,
        "these values of it say that it did not",
    ),
    of(
        974,
        "answers.request_id_field",
        Grade::Inference,
        "an error names its request in this field",
    ),
    of(
        975,
        "answers.rows_field",
        Grade::Undocumented,
        "an answer may list refused rows here, and the others are taken; in an error status nothing was stored. An empty name reads none",
    ),
    of(
        976,
        "answers.row_field",
        Grade::Undocumented,
        "an entry of that list names the row's place in the request here, from 0",
    ),
    of(
        977,
        "answers.reason_field",
        Grade::Undocumented,
        "an entry of that list says the reason here",
    ),
    of(
        978,
        "answers.error_in_success",
        Grade::Undocumented,
        "an error in an answer whose status is 2xx does not prove that nothing was stored",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_is_one_assumption_and_numbers_ascend() {
        let all = serde_json::to_value(DeliveryContract::default()).unwrap();
        let settings: BTreeSet<String> = all
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(subject, settings)| {
                let names = settings.as_object().unwrap().keys();
                names.map(move |name| format!("{subject}.{name}"))
            })
            .collect();
        let named: BTreeSet<String> = ALL.iter().map(|known| known.setting.to_owned()).collect();
        assert_eq!(named, settings);
        assert_eq!(named.len(), ALL.len());
        assert!(ALL.windows(2).all(|pair| pair[0].number < pair[1].number));
    }
}
