//! What a check found: one row for each question.

use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};

/// What was asked. The names are part of the report's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Question {
    /// Is the configuration valid, and does anything in it want attention?
    Configuration,
    /// Can every secret be had?
    Secrets,
    /// Can every private key be read?
    KeyRing,
    /// Can the clients be set up: the overrides of the Calabrio contract, further certificate authorities?
    Clients,
    /// Can the ledger be opened, or be made? Asked by the program that has one.
    Ledger,
    /// Can the spool's directory be used, or be made? Asked by the program that has one.
    Spool,
    /// Does Twilio accept the credentials?
    TwilioCredentials,
    /// Does the workspace exist in this account?
    Workspace,
    /// Does Flex use this account and this workspace?
    FlexConfiguration,
    /// Does Flex record calls?
    CallRecording,
    /// Is there a private key for every public key at Twilio?
    PublicKeys,
    /// Does Calabrio ONE accept the service account?
    CalabrioLogin,
    /// May the service account search for contacts?
    CalabrioSearch,
    /// May the service account import contacts?
    CalabrioImport,
    /// Does every mapped metadata field exist, with the type Text?
    MetadataFields,
    /// Does the field of the leg key exist, with the type Text?
    LegKeyField,
    /// Can a conversation be asked for? Asked where digital is a product.
    Conversations,
    /// Does this machine's clock agree with Twilio's?
    Clock,
    /// May the service account list people?
    People,
    /// Can screen recordings be controlled? Asked where it is on.
    ScreenRecording,
    /// Can the webhook's address be called, and its secrets be read? Asked where there is one.
    Webhook,
    /// Is every mapped activity one of the workspace, and what becomes of the others?
    Activities,
    /// Does Flex Insights accept the user?
    InsightsLogin,
    /// Can the Agent Productivity report be read: is it there, and does it have the columns?
    AgentReport,
    /// Can the Queue Historical report be read?
    QueueReport,
    /// Can the drop folder be written to, or does the endpoint answer?
    WfmTransport,
}

impl Question {
    /// Its name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Secrets => "secrets",
            Self::KeyRing => "key-ring",
            Self::Clients => "clients",
            Self::Ledger => "ledger",
            Self::Spool => "spool",
            Self::TwilioCredentials => "twilio-credentials",
            Self::Workspace => "workspace",
            Self::FlexConfiguration => "flex-configuration",
            Self::CallRecording => "call-recording",
            Self::PublicKeys => "public-keys",
            Self::CalabrioLogin => "calabrio-login",
            Self::CalabrioSearch => "calabrio-search",
            Self::CalabrioImport => "calabrio-import",
            Self::MetadataFields => "metadata-fields",
            Self::LegKeyField => "leg-key-field",
            Self::Conversations => "conversations",
            Self::Clock => "clock",
            Self::People => "people",
            Self::ScreenRecording => "screen-recording",
            Self::Webhook => "webhook",
            Self::Activities => "activities",
            Self::InsightsLogin => "insights-login",
            Self::AgentReport => "agent-report",
            Self::QueueReport => "queue-report",
            Self::WfmTransport => "wfm-transport",
        }
    }
}

/// How a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, and wants attention.
    Warn,
    /// It does not work; `run` would not.
    Fail,
    /// It was not asked, or cannot be; the detail says why.
    Skipped,
}

impl Status {
    /// Its name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }

    fn mood(self) -> Mood {
        match self {
            Self::Ok => Mood::Good,
            Self::Warn => Mood::Careful,
            Self::Fail => Mood::Bad,
            Self::Skipped => Mood::Quiet,
        }
    }
}

/// One question and its answer. A question can have several rows, one for each finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckRow {
    /// The ACD; none where the question concerns the whole file.
    pub acd: Option<String>,
    /// What was asked.
    pub question: Question,
    /// How it was answered.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// All rows, in the order of the questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The rows.
    pub rows: Vec<CheckRow>,
}

impl CheckReport {
    /// Whether nothing failed. Warnings do not count.
    pub fn passed(&self) -> bool {
        self.count(Status::Fail) == 0
    }

    /// How many rows have this status.
    pub fn count(&self, status: Status) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }

    /// The rows that answer a question.
    pub fn rows_of(&self, question: Question) -> impl Iterator<Item = &CheckRow> {
        self.rows.iter().filter(move |row| row.question == question)
    }
}

impl Report for CheckReport {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new(["acd", "question", "status", "detail"]);
        for row in &self.rows {
            let detail = row.remedy.as_ref().map_or_else(
                || row.detail.clone(),
                |remedy| format!("{}; {remedy}", row.detail),
            );
            table.row_with_moods([
                (row.acd.as_deref().unwrap_or("-"), None),
                (row.question.as_str(), None),
                (row.status.as_str(), Some(row.status.mood())),
                (detail.as_str(), None),
            ]);
        }
        let count = |status| self.count(status);
        let verdict = format!(
            "{} ok, {} to attend to, {} failed",
            count(Status::Ok),
            count(Status::Warn),
            count(Status::Fail)
        );
        page.table(table)
            .mood(if self.passed() { Mood::Good } else { Mood::Bad }, verdict);
    }
}

/// Collects rows for one ACD, or for the whole file.
#[derive(Debug)]
pub(crate) struct Rows {
    acd: Option<String>,
    pub(crate) rows: Vec<CheckRow>,
}

impl Rows {
    pub(crate) fn new(acd: Option<&str>) -> Self {
        Self {
            acd: acd.map(str::to_owned),
            rows: Vec::new(),
        }
    }

    pub(crate) fn ok(&mut self, question: Question, detail: impl Into<String>) {
        self.add(question, Status::Ok, detail.into(), None);
    }

    pub(crate) fn skip(&mut self, question: Question, detail: impl Into<String>) {
        self.add(question, Status::Skipped, detail.into(), None);
    }

    pub(crate) fn warn(
        &mut self,
        question: Question,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(question, Status::Warn, detail.into(), Some(remedy.into()));
    }

    pub(crate) fn fail(
        &mut self,
        question: Question,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(question, Status::Fail, detail.into(), Some(remedy.into()));
    }

    fn add(&mut self, question: Question, status: Status, detail: String, remedy: Option<String>) {
        self.rows.push(CheckRow {
            acd: self.acd.clone(),
            question,
            status,
            detail,
            remedy,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_every_question_by_the_name_that_json_has() {
        let readme = include_str!("../README.md");
        for question in [
            Question::Configuration,
            Question::Secrets,
            Question::KeyRing,
            Question::Clients,
            Question::Ledger,
            Question::Spool,
            Question::TwilioCredentials,
            Question::Workspace,
            Question::FlexConfiguration,
            Question::CallRecording,
            Question::PublicKeys,
            Question::CalabrioLogin,
            Question::CalabrioSearch,
            Question::CalabrioImport,
            Question::MetadataFields,
            Question::LegKeyField,
            Question::Conversations,
            Question::Clock,
            Question::People,
            Question::ScreenRecording,
            Question::Webhook,
            Question::Activities,
            Question::InsightsLogin,
            Question::AgentReport,
            Question::QueueReport,
            Question::WfmTransport,
        ] {
            assert_eq!(serde_json::to_value(question).unwrap(), question.as_str());
            assert!(
                readme.contains(&format!("\n| `{}` | ", question.as_str())),
                "{}",
                question.as_str()
            );
        }
    }

    #[test]
    fn a_warning_passes_and_a_failure_does_not() {
        let mut rows = Rows::new(None);
        rows.warn(Question::Workspace, "a", "b");
        rows.skip(Question::CalabrioImport, "c");
        assert!(
            CheckReport {
                rows: rows.rows.clone()
            }
            .passed()
        );
        rows.fail(Question::Secrets, "d", "e");
        assert!(!CheckReport { rows: rows.rows }.passed());
    }
}
