//! A report's content, piece by piece.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_retry::Response;
use tokio::time::Instant;

use crate::error::InsightsError;
use crate::ids::ReportId;
use crate::settings::InsightsSettings;

/// How far a header row is looked for. Twenty attributes and twenty measures are far below it.
const HEADER: usize = 256 * 1024;

/// What came of a request for a report.
#[derive(Debug)]
pub enum Report {
    /// A header row and at least the beginning of another.
    Rows(Box<ReportStream>),
    /// No rows. It is no proof that nothing happened: a report that Flex Insights has yet to load is empty too.
    Empty(EmptyReport),
}

/// How a report without rows showed it.
#[derive(Clone, PartialEq, Eq)]
pub enum EmptyReport {
    /// There was no content at all.
    NoContent,
    /// There was a header row alone: these bytes.
    HeaderOnly(Bytes),
}

impl fmt::Debug for EmptyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContent => f.write_str("NoContent"),
            Self::HeaderOnly(header) => write!(f, "HeaderOnly({} bytes)", header.len()),
        }
    }
}

/// The CSV of a report from its first byte, header row included, as it comes. No more of it is held than one piece; the
/// server waits while nobody reads.
///
/// Only `Ok(None)` says that the report is whole. After an error every further call is an error.
pub struct ReportStream {
    report: ReportId,
    response: Option<Response>,
    first: VecDeque<Bytes>,
    received: u64,
    cap: u64,
    until: Instant,
    within: Duration,
    failed: bool,
}

impl ReportStream {
    /// Reads to the beginning of the second row.
    pub(crate) async fn open(
        report: ReportId,
        response: Response,
        settings: &InsightsSettings,
    ) -> Result<Report, InsightsError> {
        let content_type = response
            .header("content-type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        if let Some(found) = [("html", "HTML"), ("json", "JSON")]
            .into_iter()
            .find_map(|(part, found)| content_type.contains(part).then_some(found))
        {
            return Err(InsightsError::NotCsv { report, found });
        }
        if !response.has_own_end() {
            return Err(InsightsError::Broken {
                report,
                received: 0,
                problem: "the answer announces neither a length nor pieces, so that its end would prove nothing; look for a proxy on the way".to_owned(),
            });
        }
        let cap = settings.max_report_bytes;
        if response.content_length().is_some_and(|length| length > cap) {
            return Err(InsightsError::TooLarge { report, cap });
        }
        let mut stream = Self {
            report,
            response: Some(response),
            first: VecDeque::new(),
            received: 0,
            cap,
            until: Instant::now() + settings.download_within,
            within: settings.download_within,
            failed: false,
        };
        let mut opening = Opening::default();
        let mut first = VecDeque::new();
        while let Some(chunk) = stream.next_chunk().await? {
            opening.read(&chunk);
            first.push_back(chunk);
            if let Some(found) = opening.found() {
                let report = stream.report;
                return Err(InsightsError::NotCsv { report, found });
            }
            if opening.has_row {
                stream.first = first;
                return Ok(Report::Rows(Box::new(stream)));
            }
        }
        if opening.first.is_none() {
            return Ok(Report::Empty(EmptyReport::NoContent));
        }
        let header = first.iter().flatten().copied().collect();
        Ok(Report::Empty(EmptyReport::HeaderOnly(header)))
    }

    /// The report.
    pub fn report(&self) -> &ReportId {
        &self.report
    }

    /// The bytes that came so far, those that were not handed out yet included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next piece; `None` once the report is whole. Cancel-safe.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, InsightsError> {
        if let Some(chunk) = self.first.pop_front() {
            return Ok(Some(chunk));
        }
        if self.failed {
            return Err(self.broken("it had failed before".to_owned()));
        }
        let Some(response) = &mut self.response else {
            return Ok(None);
        };
        let error = match tokio::time::timeout_at(self.until, response.next_chunk()).await {
            Ok(Ok(Some(chunk))) => {
                self.received += chunk.len() as u64;
                if self.received <= self.cap {
                    return Ok(Some(chunk));
                }
                InsightsError::TooLarge {
                    report: self.report.clone(),
                    cap: self.cap,
                }
            }
            Ok(Ok(None)) => {
                self.response = None;
                return Ok(None);
            }
            Ok(Err(error)) => self.broken(error.reason()),
            Err(_) => InsightsError::TooSlow {
                report: self.report.clone(),
                received: self.received,
                within: self.within,
            },
        };
        self.failed = true;
        self.response = None;
        Err(error)
    }

    /// The pieces as a stream; it ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, InsightsError>> + Send + 'static {
        futures_util::stream::try_unfold(self, |mut stream| async move {
            Ok(stream.next_chunk().await?.map(|chunk| (chunk, stream)))
        })
    }

    fn broken(&self, problem: String) -> InsightsError {
        InsightsError::Broken {
            report: self.report.clone(),
            received: self.received,
            problem,
        }
    }
}

impl fmt::Debug for ReportStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ReportStream({}, {} bytes so far)",
            self.report, self.received
        )
    }
}

/// Whether there is more than a header row; a line break within quotes does not end it.
#[derive(Default)]
struct Opening {
    /// The first byte that is neither a space nor of a byte-order mark.
    first: Option<u8>,
    quoted: bool,
    header_ended: bool,
    has_row: bool,
    read: usize,
}

impl Opening {
    fn read(&mut self, chunk: &[u8]) {
        for &byte in chunk {
            self.read += 1;
            let blank = byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF);
            match byte {
                b'"' if !self.header_ended => self.quoted = !self.quoted,
                b'\n' | b'\r' if !self.quoted && self.first.is_some() => self.header_ended = true,
                _ if self.header_ended && !blank => self.has_row = true,
                _ => {}
            }
            if self.header_ended && byte == b'"' {
                self.has_row = true;
            }
            if self.first.is_none() && !blank {
                self.first = Some(byte);
            }
            if self.has_row {
                break;
            }
        }
    }

    fn found(&self) -> Option<&'static str> {
        match self.first {
            Some(b'<') => Some("HTML or XML"),
            Some(b'{') => Some("JSON"),
            _ if !self.header_ended && self.read > HEADER => Some("one endless line"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_seen_however_the_header_is_quoted_and_cut() {
        for (text, has_row) in [
            ("a,b\n", false),
            ("a,b", false),
            ("a,b\r\n\r\n", false),
            ("\u{feff}\"a\nx\",b\r\n", false),
            ("\"a\"\"\nx\",b\n", false),
            ("a,b\n1,2", true),
            ("a,b\r1,2", true),
            ("a,b\n\"\",", true),
            ("a,b\n,", true),
        ] {
            for size in 1..=text.len() {
                let mut opening = Opening::default();
                for piece in text.as_bytes().chunks(size) {
                    opening.read(piece);
                }
                assert_eq!(opening.has_row, has_row, "{text:?} in pieces of {size}");
                assert_eq!(opening.found(), None);
            }
        }
    }
}
