//! What became of a delivery.

use std::fmt;
use std::ops::Range;

use crate::DeliveryError;

/// A sentence of Calabrio's. It may name people, so neither `Debug` nor an error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct VendorText(String);

impl VendorText {
    /// At most 500 characters of it, without control characters.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_control()).take(500).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The sentence, to be shown to the operator and written to no log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for VendorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VendorText({} characters)", self.0.chars().count())
    }
}

/// Why rows will not be taken, however often they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Calabrio put the file into its penalty box. It does not try again by itself.
    PenaltyBox,
    /// Calabrio refused the row, or the request.
    Answer {
        /// The status of the answer.
        status: u16,
        /// What it says.
        text: Option<VendorText>,
        /// Under which id Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// The row is of a repeated hour, and as its time is written nobody could tell of which pass.
    RepeatedHour,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PenaltyBox => f.write_str("Calabrio put the file into its penalty box"),
            Self::Answer {
                status, request_id, ..
            } => {
                write!(f, "Calabrio refused it with status {status}")?;
                match request_id {
                    Some(id) => write!(f, ", request id {id}"),
                    None => Ok(()),
                }
            }
            Self::RepeatedHour => f.write_str(
                "its time is of a repeated hour, and is written without its offset from UTC",
            ),
        }
    }
}

/// A row that was refused while others were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRefusal {
    /// The row's place in the batch, from 0.
    pub row: usize,
    /// Why.
    pub refusal: Refusal,
}

/// What became of a part of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Calabrio has it, or its file lies whole in the drop folder; what becomes of the file there, its fate tells.
    Accepted,
    /// All was taken but these rows.
    RowsRefused(Vec<RowRefusal>),
    /// All of it was refused.
    Refused(Refusal),
    /// It may work later.
    RetryLater {
        /// What went wrong.
        error: DeliveryError,
        /// Whether Calabrio may have taken it all the same. Where a second delivery adds to the first, a person must look.
        in_doubt: bool,
    },
}

/// One file or one request.
#[derive(Debug)]
pub struct Part {
    /// Which rows of the batch.
    pub rows: Range<usize>,
    /// The name of the file.
    pub file: Option<String>,
    /// What became of them.
    pub outcome: Outcome,
}

/// What became of a batch: parts in order, which together are the whole batch.
#[derive(Debug, Default)]
pub struct Receipt {
    /// The parts.
    pub parts: Vec<Part>,
}

impl Receipt {
    /// Whether every row was taken.
    pub fn is_accepted(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part.outcome, Outcome::Accepted))
    }

    /// The first part that may work later.
    pub fn retry_later(&self) -> Option<&DeliveryError> {
        self.parts.iter().find_map(|part| match &part.outcome {
            Outcome::RetryLater { error, .. } => Some(error),
            _ => None,
        })
    }

    /// Each row that will never be taken, with the reason.
    pub fn refused(&self) -> impl Iterator<Item = (usize, &Refusal)> {
        self.parts.iter().flat_map(|part| {
            let (whole, rows): (_, &[RowRefusal]) = match &part.outcome {
                Outcome::Refused(refusal) => (Some(refusal), &[]),
                Outcome::RowsRefused(rows) => (None, rows),
                _ => (None, &[]),
            };
            let whole = whole
                .into_iter()
                .flat_map(|refusal| part.rows.clone().map(move |row| (row, refusal)));
            whole.chain(rows.iter().map(|row| (row.row, &row.refusal)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calabrio_says_is_not_shown_by_debug_or_display() {
        let refusal = Refusal::Answer {
            status: 422,
            text: VendorText::new("agent Jane Doe\n is unknown"),
            request_id: Some("r1".to_owned()),
        };
        for shown in [format!("{refusal:?}"), refusal.to_string()] {
            assert!(!shown.contains("Jane"), "{shown}");
        }
        let Refusal::Answer { text, .. } = refusal else {
            unreachable!()
        };
        assert_eq!(text.unwrap().as_str(), "agent Jane Doe is unknown");
    }
}
