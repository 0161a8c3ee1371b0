//! What became of an attempt, and whether such an end may be tried again.

use std::collections::BTreeSet;
use std::fmt;

/// What repeating a call would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// Sending it twice is the same as sending it once.
    Idempotent,
    /// Sending it twice would do it twice: it is repeated only where the server certainly has not processed it.
    SafeIfUnsent,
    /// It is sent once, whatever happens.
    Never,
}

/// How an attempt ended without success.
///
/// | outcome | `Idempotent` | `SafeIfUnsent` | `Never` |
/// |---|---|---|---|
/// | [`NotSent`](Self::NotSent): no connection was made | again | again | stop |
/// | [`Timeout`](Self::Timeout), [`ConnectionLost`](Self::ConnectionLost) | again | stop | stop |
/// | [`UnfitAnswer`](Self::UnfitAnswer), passing | again | stop | stop |
/// | 401 | again, a bounded number of times | the same | stop |
/// | 425, 429 | again | again: refused before it was processed (RFC 8470, RFC 6585) | stop |
/// | 408, 500, 502, 503, 504 | again | stop, unless the policy says that the vendor's status means "not processed" | stop |
/// | any other status | stop | stop | stop |
/// | [`BodyFailed`](Self::BodyFailed), [`Unsendable`](Self::Unsendable), [`Refused`](Self::Refused) | stop | stop | stop |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// No connection was made (refused, unknown host, TLS refused): the server cannot have seen the request.
    NotSent,
    /// A deadline passed after the connection was made: what the server did is unknown.
    Timeout,
    /// The connection broke before the answer was whole: what the server did is unknown.
    ConnectionLost,
    /// The server answered with this status.
    Status(u16),
    /// The answer was not what this call answers (HTML for JSON, JSON cut short).
    UnfitAnswer {
        /// Whether another attempt may bring a better one.
        passing: bool,
    },
    /// The source of the request's body failed.
    BodyFailed,
    /// The request could not be put on the wire at all (a header that is none).
    Unsendable,
    /// The [guard](crate::guard) let no address of the host through: nothing was connected to.
    Refused,
}

/// What [`Outcome`] and [`Idempotency`] come to together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Again,
    /// Again, within the smaller bound on refused credentials.
    AgainWithCredentials,
    Stop,
}

impl Outcome {
    /// The statuses that an idempotent call is repeated on, besides 401.
    pub const RETRYABLE: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];
    /// The statuses that mean "not processed" by their own definition.
    pub const UNPROCESSED: [u16; 2] = [425, 429];

    /// Whether the server certainly did nothing with the request because it never had it.
    pub fn is_not_sent(self) -> bool {
        matches!(self, Self::NotSent | Self::Unsendable | Self::Refused)
    }

    /// Whether the server answered that it will not do it: a 4xx that is neither about credentials (401), nor about
    /// time and load (408, 425, 429).
    pub fn is_definite_refusal(self) -> bool {
        matches!(self, Self::Status(400..=499))
            && !matches!(self, Self::Status(401 | 408 | 425 | 429))
    }

    pub(crate) fn verdict(self, idempotency: Idempotency, unprocessed: &BTreeSet<u16>) -> Verdict {
        if idempotency == Idempotency::Never {
            return Verdict::Stop;
        }
        let idempotent = idempotency == Idempotency::Idempotent;
        match self {
            Self::NotSent => Verdict::Again,
            Self::Timeout | Self::ConnectionLost | Self::UnfitAnswer { passing: true }
                if idempotent =>
            {
                Verdict::Again
            }
            Self::Status(401) => Verdict::AgainWithCredentials,
            Self::Status(status) if unprocessed.contains(&status) => Verdict::Again,
            Self::Status(status) if idempotent && Self::RETRYABLE.contains(&status) => {
                Verdict::Again
            }
            _ => Verdict::Stop,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent => f.write_str("no connection"),
            Self::Timeout => f.write_str("timeout"),
            Self::ConnectionLost => f.write_str("connection lost"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::UnfitAnswer { .. } => f.write_str("unfit answer"),
            Self::BodyFailed => f.write_str("request body failed"),
            Self::Unsendable => f.write_str("request cannot be sent"),
            Self::Refused => f.write_str("address refused"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(outcome: Outcome) -> [Verdict; 3] {
        let unprocessed = BTreeSet::from(Outcome::UNPROCESSED);
        [
            Idempotency::Idempotent,
            Idempotency::SafeIfUnsent,
            Idempotency::Never,
        ]
        .map(|idempotency| outcome.verdict(idempotency, &unprocessed))
    }

    #[test]
    fn every_row_of_the_table_holds() {
        use Verdict::{Again, AgainWithCredentials, Stop};
        assert_eq!(verdicts(Outcome::NotSent), [Again, Again, Stop]);
        for lost in [
            Outcome::Timeout,
            Outcome::ConnectionLost,
            Outcome::UnfitAnswer { passing: true },
        ] {
            assert_eq!(verdicts(lost), [Again, Stop, Stop], "{lost}");
        }
        assert_eq!(
            verdicts(Outcome::Status(401)),
            [AgainWithCredentials, AgainWithCredentials, Stop]
        );
        for status in [425, 429] {
            assert_eq!(
                verdicts(Outcome::Status(status)),
                [Again, Again, Stop],
                "{status}"
            );
        }
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(
                verdicts(Outcome::Status(status)),
                [Again, Stop, Stop],
                "{status}"
            );
        }
        for status in [
            200, 204, 301, 400, 403, 404, 405, 409, 410, 412, 413, 422, 451, 501, 505,
        ] {
            assert_eq!(verdicts(Outcome::Status(status)), [Stop; 3], "{status}");
        }
        for ours in [
            Outcome::BodyFailed,
            Outcome::Unsendable,
            Outcome::Refused,
            Outcome::UnfitAnswer { passing: false },
        ] {
            assert_eq!(verdicts(ours), [Stop; 3], "{ours}");
        }
    }

    #[test]
    fn a_status_that_the_vendor_declares_unprocessed_may_be_repeated_although_it_was_sent() {
        let unprocessed = BTreeSet::from([503]);
        assert_eq!(
            Outcome::Status(503).verdict(Idempotency::SafeIfUnsent, &unprocessed),
            Verdict::Again
        );
        assert_eq!(
            Outcome::Status(503).verdict(Idempotency::Never, &unprocessed),
            Verdict::Stop
        );
    }

    #[test]
    fn only_an_answer_about_the_request_itself_is_a_definite_refusal() {
        for status in [400, 403, 404, 409, 413, 415, 422] {
            assert!(Outcome::Status(status).is_definite_refusal(), "{status}");
        }
        for status in [200, 302, 401, 408, 425, 429, 500, 503] {
            assert!(!Outcome::Status(status).is_definite_refusal(), "{status}");
        }
        assert!(!Outcome::Timeout.is_definite_refusal());
    }
}
