//! CSV, as it comes in chunks, into rows.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::{HistoryError, Report};

/// A row longer than this has a quote left open.
pub(crate) const MAX_ROW: usize = 1 << 20;
/// A header has fewer columns than this; Flex Insights allows 40.
const MAX_FIELDS: usize = 4_096;

const BOM: &[u8] = b"\xef\xbb\xbf";

pub(crate) struct Rows {
    report: Report,
    core: Reader,
    out: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    fields: usize,
    /// The first bytes, until there are enough of them to know a byte-order mark.
    head: Vec<u8>,
    begun: bool,
    line: u64,
    in_row: bool,
    /// Quotes in the part of the present row that came with earlier chunks.
    quotes: usize,
}

/// A row: the line in which it begins, and its fields.
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    out: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Row<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> &'a [u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.out[start..self.ends[index]]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// How the text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastRow {
    /// With a line end.
    Ended,
    /// Within a row that may be whole.
    Open,
    /// Within a quote.
    InQuotes,
}

impl Rows {
    pub(crate) fn new(report: Report, delimiter: u8) -> Self {
        Self {
            report,
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            out: vec![0; 1 << 12],
            written: 0,
            ends: vec![0; 64],
            fields: 0,
            head: Vec::new(),
            begun: false,
            line: 1,
            in_row: false,
            quotes: 0,
        }
    }

    /// What is to be read before a chunk: the first bytes of the report, once a byte-order mark can be told from text.
    ///
    /// `None` while it cannot.
    pub(crate) fn begin(
        &mut self,
        chunk: &[u8],
        last: bool,
    ) -> Result<Option<Vec<u8>>, HistoryError> {
        if self.begun {
            return Ok(None);
        }
        self.head.extend_from_slice(chunk);
        if self.head.len() < BOM.len() && !last {
            return Ok(None);
        }
        self.begun = true;
        let mut head = std::mem::take(&mut self.head);
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(HistoryError::Encoding {
                report: self.report,
            });
        }
        if head.starts_with(BOM) {
            head.drain(..BOM.len());
        }
        Ok(Some(head))
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The next row, as far as the input goes.
    #[inline]
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Row<'_>>, HistoryError> {
        if !self.in_row {
            // Line ends between rows go here, so that the line of a row is known when it begins.
            while let [byte @ (b'\r' | b'\n'), rest @ ..] = *input {
                let next = self.core.line() + u64::from(*byte == b'\n');
                self.core.set_line(next);
                *input = rest;
            }
            if input.is_empty() {
                return Ok(None);
            }
            self.line = self.core.line();
            self.in_row = true;
            self.written = 0;
            self.fields = 0;
            self.quotes = 0;
        }
        let row_from = *input;
        if self.read(input)? {
            self.in_row = false;
            return Ok(Some(self.row()));
        }
        self.quotes += row_from.split(|byte| *byte == b'"').count() - 1;
        Ok(None)
    }

    /// The last row, where the report does not end with a line end.
    pub(crate) fn last(&mut self) -> Result<(LastRow, Option<Row<'_>>), HistoryError> {
        if !self.in_row {
            return Ok((LastRow::Ended, None));
        }
        let ending = if self.quotes.is_multiple_of(2) {
            LastRow::Open
        } else {
            LastRow::InQuotes
        };
        self.in_row = false;
        Ok(if self.read(&mut &[][..])? {
            (ending, Some(self.row()))
        } else {
            (ending, None)
        })
    }

    fn row(&self) -> Row<'_> {
        Row {
            line: self.line,
            out: &self.out,
            ends: &self.ends[..self.fields],
        }
    }

    /// Reads on in the present row; true once it is whole.
    #[inline]
    fn read(&mut self, input: &mut &[u8]) -> Result<bool, HistoryError> {
        loop {
            let (result, read, written, ended) = self.core.read_record(
                input,
                &mut self.out[self.written..],
                &mut self.ends[self.fields..],
            );
            *input = &input[read..];
            self.written += written;
            self.fields += ended;
            match result {
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return Ok(false),
                ReadRecordResult::OutputFull if self.out.len() < MAX_ROW => {
                    self.out.resize(self.out.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_FIELDS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(HistoryError::RowTooLong {
                        line: self.line,
                        limit: MAX_ROW,
                    });
                }
            }
        }
    }
}
