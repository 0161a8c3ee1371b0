//! What a fault makes of an answer.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::faults::{Dice, Fault, RetryAfter};
use crate::http::{OutBody, Outbound};

/// Whose errors an answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Twilio,
    Calabrio,
    FlexInsights,
    /// The receiver of webhooks.
    Receiver,
}

/// What becomes of a request on the wire.
pub(crate) enum Reaction {
    /// It is answered.
    Answer(Outbound),
    /// It is answered, much later.
    Late(Outbound),
    /// It is answered, byte by byte.
    Drip(Outbound),
    /// The answer ends after so many bytes of its body.
    Half(Outbound, u64),
    /// The connection closes without an answer.
    Close,
    /// The connection is reset without an answer.
    Reset,
}

impl Vendor {
    /// An error in the vendor's form.
    pub(crate) fn error(self, status: u16, message: &str, dice: &mut Dice) -> Outbound {
        Outbound::json(status, &self.error_body(status, message, dice))
    }

    fn error_body(self, status: u16, message: &str, dice: &mut Dice) -> Value {
        match self {
            Self::Twilio => {
                let code = match status {
                    401 => 20003,
                    429 => 20429,
                    500 => 20500,
                    other => 20000 + u32::from(other),
                };
                json!({
                    "code": code,
                    "message": message,
                    "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
                    "status": status,
                })
            }
            Self::FlexInsights => json!({"error": {"message": message, "parameters": []}}),
            Self::Receiver => json!({"error": message}),
            Self::Calabrio => {
                json!({"errorMessage": message, "requestId": format!("{:016x}", dice.next())})
            }
        }
    }
}

/// What comes of a fault that does nothing of what was asked; nothing for a fault that does it.
pub(crate) fn instead(
    fault: Fault,
    vendor: Vendor,
    now: DateTime<Utc>,
    dice: &mut Dice,
) -> Option<Reaction> {
    let answer = match fault {
        Fault::Unauthorized => vendor.error(401, "authentication failed", dice),
        Fault::TooMany(retry) => {
            with_retry_after(vendor.error(429, "too many requests", dice), retry, now)
        }
        Fault::Server(status, retry) => {
            let answer = if dice.below(2) == 0 {
                vendor.error(status, "the service is not available", dice)
            } else {
                Outbound::text(
                    status,
                    "text/html",
                    Bytes::from_static(b"<html><head><title>Error</title></head><body><h1>Service error</h1></body></html>"),
                )
            };
            let retry = if status == 503 { retry } else { RetryAfter::Missing };
            with_retry_after(answer, retry, now)
        }
        Fault::Closed => return Some(Reaction::Close),
        Fault::Reset => return Some(Reaction::Reset),
        Fault::Html => Outbound::text(
            200,
            "text/html; charset=utf-8",
            Bytes::from_static(b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action=\"/login\"></form></body></html>"),
        ),
        Fault::ErrorInOk => {
            let body = vendor.error_body(500, "an internal error has occurred", dice);
            Outbound::json(200, &body)
        }
        Fault::Late
        | Fault::Half
        | Fault::DoneReset
        | Fault::DoneServer
        | Fault::DoneLater
        | Fault::Shuffled
        | Fault::Repeated
        | Fault::Redirect
        | Fault::Drip => return None,
    };
    Some(Reaction::Answer(answer))
}

/// What comes of a fault once what was asked is done.
pub(crate) fn after(fault: Fault, vendor: Vendor, answer: Outbound, dice: &mut Dice) -> Reaction {
    match fault {
        Fault::Late => Reaction::Late(answer),
        Fault::Half => {
            let length = match &answer.body {
                OutBody::Bytes(bytes) => bytes.len() as u64,
                OutBody::Stream { length, .. } => *length,
            };
            if length == 0 {
                Reaction::Close
            } else {
                Reaction::Half(answer, cut(length, dice))
            }
        }
        Fault::Drip => Reaction::Drip(answer),
        Fault::DoneReset => Reaction::Reset,
        Fault::DoneLater => Reaction::Close,
        Fault::DoneServer => {
            Reaction::Answer(vendor.error(500, "an internal error has occurred", dice))
        }
        Fault::Shuffled => Reaction::Answer(relist(answer, |items| dice.shuffle(items))),
        // Whoever counts items to find the next page would miss one behind an item too many.
        Fault::Repeated if counted(&answer) => {
            Reaction::Answer(relist(answer, |items| dice.shuffle(items)))
        }
        Fault::Repeated => Reaction::Answer(relist(answer, |items| {
            let again = items[dice.below(items.len())].clone();
            items.insert(dice.below(items.len() + 1), again);
        })),
        _ => Reaction::Answer(answer),
    }
}

/// Where a body of that length is cut: somewhere before its last byte.
pub(crate) fn cut(length: u64, dice: &mut Dice) -> u64 {
    dice.next() % length.max(1)
}

fn with_retry_after(answer: Outbound, retry: RetryAfter, now: DateTime<Utc>) -> Outbound {
    let date = |seconds| {
        (now + TimeDelta::seconds(seconds))
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string()
    };
    let value = match retry {
        RetryAfter::Missing => return answer,
        RetryAfter::Seconds => "1".to_owned(),
        RetryAfter::Fraction => "0.25".to_owned(),
        RetryAfter::Date => date(1),
        RetryAfter::Past => date(-3_600),
        RetryAfter::Absurd => "31536000".to_owned(),
        RetryAfter::Garbage => "soon".to_owned(),
    };
    answer.with_header("retry-after", value)
}

/// Changes the list in a JSON answer, where there is one that is not empty.
fn relist(answer: Outbound, change: impl FnOnce(&mut Vec<Value>)) -> Outbound {
    let OutBody::Bytes(body) = &answer.body else {
        return answer;
    };
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return answer;
    };
    let Some(items) = list(&mut value) else {
        return answer;
    };
    change(items);
    match serde_json::to_vec(&value) {
        Ok(body) => Outbound {
            body: OutBody::Bytes(body.into()),
            ..answer
        },
        Err(_) => answer,
    }
}

/// Whether a list is a part of a longer one whose parts are found by counting.
fn counted(answer: &Outbound) -> bool {
    let range = answer
        .headers
        .iter()
        .find(|(name, _)| name == "content-range");
    range.is_some_and(|(_, range)| {
        let numbers =
            range
                .trim_start_matches("items ")
                .split_once('/')
                .and_then(|(items, total)| {
                    let (first, last) = items.split_once('-')?;
                    let total = total.parse::<usize>().ok()?;
                    Some((
                        first.parse::<usize>().ok()?,
                        last.parse::<usize>().ok()?,
                        total,
                    ))
                });
        numbers.is_some_and(|(first, last, total)| first > 0 || last + 1 < total)
    })
}

fn list(value: &mut Value) -> Option<&mut Vec<Value>> {
    let items = match value {
        Value::Array(items) => Some(items),
        Value::Object(fields) => fields.values_mut().find_map(Value::as_array_mut),
        _ => None,
    };
    items.filter(|items| !items.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice() -> Dice {
        Dice::new(1, 2, 3)
    }

    fn body(reaction: Reaction) -> Value {
        let Reaction::Answer(Outbound {
            body: OutBody::Bytes(body),
            ..
        }) = reaction
        else {
            panic!("no answer of bytes");
        };
        serde_json::from_slice(&body).unwrap()
    }

    fn page() -> Outbound {
        Outbound::json(
            200,
            &json!({"events": [1, 2, 3, 4, 5, 6, 7, 8], "meta": {}}),
        )
    }

    #[test]
    fn errors_look_like_the_vendors_own() {
        let Some(twilio) = instead(
            Fault::Unauthorized,
            Vendor::Twilio,
            DateTime::UNIX_EPOCH,
            &mut dice(),
        ) else {
            panic!("no reaction");
        };
        assert_eq!(body(twilio)["code"], 20003);
        let Some(calabrio) = instead(
            Fault::ErrorInOk,
            Vendor::Calabrio,
            DateTime::UNIX_EPOCH,
            &mut dice(),
        ) else {
            panic!("no reaction");
        };
        assert_eq!(
            body(calabrio)["errorMessage"],
            "an internal error has occurred"
        );
    }

    #[test]
    fn retry_after_is_a_date_when_it_should_be() {
        let answer = with_retry_after(Outbound::empty(429), RetryAfter::Date, DateTime::UNIX_EPOCH);
        assert_eq!(
            answer.headers,
            [(
                "retry-after".to_owned(),
                "Thu, 01 Jan 1970 00:00:01 GMT".to_owned()
            )]
        );
    }

    #[test]
    fn a_shuffled_list_has_the_same_items_in_another_order() {
        let shuffled = body(after(Fault::Shuffled, Vendor::Twilio, page(), &mut dice()));
        let mut items: Vec<u64> = serde_json::from_value(shuffled["events"].clone()).unwrap();
        assert_ne!(items, [1, 2, 3, 4, 5, 6, 7, 8]);
        items.sort_unstable();
        assert_eq!(items, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_repeated_item_is_there_twice() {
        let repeated = body(after(Fault::Repeated, Vendor::Twilio, page(), &mut dice()));
        let mut items: Vec<u64> = serde_json::from_value(repeated["events"].clone()).unwrap();
        assert_eq!(items.len(), 9);
        items.sort_unstable();
        items.dedup();
        assert_eq!(items.len(), 8);
    }

    #[test]
    fn no_item_comes_twice_where_the_next_page_is_found_by_counting() {
        for (range, length) in [
            ("items 0-7/8", 9),
            ("items 0-7/20", 8),
            ("items 8-15/16", 8),
        ] {
            let page = Outbound::json(200, &json!([1, 2, 3, 4, 5, 6, 7, 8]));
            let page = page.with_header("content-range", range);
            let answered = body(after(Fault::Repeated, Vendor::Calabrio, page, &mut dice()));
            assert_eq!(answered.as_array().unwrap().len(), length, "{range}");
        }
    }

    #[test]
    fn an_empty_list_stays_as_it_is() {
        let empty = Outbound::json(200, &json!([]));
        assert_eq!(
            body(after(Fault::Repeated, Vendor::Calabrio, empty, &mut dice())),
            json!([])
        );
    }

    #[test]
    fn a_body_is_cut_before_its_end() {
        for length in [1, 2, 1_000] {
            assert!(cut(length, &mut dice()) < length);
        }
        assert_eq!(cut(0, &mut dice()), 0);
    }
}
