//! What an answer says about rows.

use http_retry::{Fetched, Unfit};
use serde_json::Value;

use crate::{AnswersContract, ErrorInSuccess, Refusal, VendorText};

/// What a request came to, as far as its answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Accepted,
    /// These rows of the request, from 0, are refused; whether the others are stored.
    Rows {
        refused: Vec<(usize, Refusal)>,
        others_stored: bool,
    },
    Refused(Refusal),
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A word that can be logged.
fn id(answers: &AnswersContract, answer: &Value) -> Option<String> {
    let id = text(answer.get(&answers.request_id_field))?;
    let fits = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    fits.then_some(id)
}

fn sentence(answer: &Value, field: &str) -> Option<VendorText> {
    VendorText::new(&text(answer.get(field))?)
}

/// The rows that an answer refuses; `None` where it lists none. A list that cannot be read is an error.
fn rows(
    answers: &AnswersContract,
    answer: &Value,
    status: u16,
    count: usize,
) -> Result<Option<Vec<(usize, Refusal)>>, &'static str> {
    if answers.rows_field.is_empty() {
        return Ok(None);
    }
    let listed = match answer.get(&answers.rows_field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(listed)) if listed.is_empty() => return Ok(None),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err("refused rows that are no list"),
    };
    let mut rows: Vec<(usize, Refusal)> = Vec::new();
    for entry in listed {
        let row = entry.get(&answers.row_field).and_then(Value::as_u64);
        let row = row
            .and_then(|row| usize::try_from(row).ok())
            .filter(|row| *row < count)
            .ok_or("a refused row that is none of those that were sent")?;
        if rows.iter().all(|(known, _)| *known != row) {
            let refusal = Refusal::Answer {
                status,
                text: sentence(entry, &answers.reason_field),
                request_id: id(answers, answer),
            };
            rows.push((row, refusal));
        }
    }
    rows.sort_by_key(|(row, _)| *row);
    Ok(Some(rows))
}

/// Reads an answer whose status is not an error.
pub(super) fn read(
    answers: &AnswersContract,
    fetched: &Fetched,
    count: usize,
) -> Result<Told, Unfit> {
    let status = fetched.status();
    if status >= 300 {
        return Err(Unfit::lasting("a redirect, which is not followed"));
    }
    if fetched.body().iter().all(u8::is_ascii_whitespace) {
        return Ok(Told::Accepted);
    }
    let answer: Value = fetched.json()?;
    if let Some(rows) = rows(answers, &answer, status, count).map_err(Unfit::lasting)? {
        return Ok(Told::Rows {
            refused: rows,
            others_stored: true,
        });
    }
    let failed = text(answer.get(&answers.status_field)).is_some_and(|status| {
        let mut words = answers.failed_statuses.iter();
        words.any(|word| word.eq_ignore_ascii_case(status.trim()))
    });
    let text = sentence(&answer, &answers.error_message_field);
    if !failed && text.is_none() {
        return Ok(Told::Accepted);
    }
    match answers.error_in_success {
        ErrorInSuccess::InDoubt => Err(Unfit::passing("an error although the status says success")),
        ErrorInSuccess::Refused => Ok(Told::Refused(Refusal::Answer {
            status,
            text,
            request_id: id(answers, &answer),
        })),
    }
}

/// Reads the answer of a status that speaks of the rows: those that it lists, else the refusal of all.
pub(super) fn read_refusal(
    answers: &AnswersContract,
    body: &[u8],
    status: u16,
    count: usize,
) -> Told {
    let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match rows(answers, &answer, status, count) {
        Ok(Some(refused)) => Told::Rows {
            refused,
            others_stored: false,
        },
        _ => Told::Refused(Refusal::Answer {
            status,
            text: sentence(&answer, &answers.error_message_field),
            request_id: id(answers, &answer),
        }),
    }
}
