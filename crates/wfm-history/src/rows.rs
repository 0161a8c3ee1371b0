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
    delimiter: u8,
    core: Reader,
    out: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    fields: usize,
    /// Where each field of the present row begins and ends.
    spans: Vec<(usize, usize)>,
    /// The first bytes, until there are enough of them to know a byte-order mark.
    head: Vec<u8>,
    begun: bool,
    /// Whether `csv_core` has read a row: it takes a byte-order mark from the first one that it sees, which is to be the header.
    read: bool,
    line: u64,
    in_row: bool,
    /// Quotes in the part of the present row that came with earlier chunks.
    quotes: usize,
}

/// A row: the line in which it begins, and its fields.
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    text: &'a [u8],
    spans: &'a [(usize, usize)],
}

impl<'a> Row<'a> {
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> &'a [u8] {
        let (start, end) = self.spans[index];
        &self.text[start..end]
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
            delimiter,
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            out: vec![0; 1 << 12],
            written: 0,
            ends: vec![0; 64],
            fields: 0,
            spans: Vec::with_capacity(64),
            head: Vec::new(),
            begun: false,
            read: false,
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
    pub(crate) fn next<'a, 'chunk: 'a>(
        &'a mut self,
        input: &mut &'chunk [u8],
    ) -> Result<Option<Row<'a>>, HistoryError> {
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
            if self.read
                && let Some(text) = self.in_place(input)
            {
                return Ok(Some(Row {
                    line: self.line,
                    text,
                    spans: &self.spans,
                }));
            }
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

    /// Takes the next row as it lies in the input, where it is whole and no byte of it has to move: without doubled quotes, and without
    /// line ends in quotes.
    ///
    /// That is nearly every row. The others are read by `csv_core`, whose rules these are: a quote means something only where a field
    /// begins with it, and `\r` ends a row as `\n` does.
    #[inline]
    fn in_place<'chunk>(&mut self, input: &mut &'chunk [u8]) -> Option<&'chunk [u8]> {
        let (text, delimiter) = (*input, self.delimiter);
        self.spans.clear();
        let mut at = 0;
        let end = loop {
            let end = if text.get(at) == Some(&b'"') {
                let end = find(text, at + 1, |byte| matches!(byte, b'"' | b'\n'))?;
                if text[end] == b'\n' {
                    return None;
                }
                self.spans.push((at + 1, end));
                end + 1
            } else {
                let end = find(text, at, |byte| {
                    byte == delimiter || matches!(byte, b'\n' | b'\r')
                })?;
                self.spans.push((at, end));
                end
            };
            match text.get(end)? {
                byte if *byte == delimiter => at = end + 1,
                b'\n' | b'\r' => break end,
                _ => return None,
            }
        };
        if end > MAX_ROW || self.spans.len() > MAX_FIELDS {
            return None;
        }
        let lines = u64::from(text[end] == b'\n');
        self.core.set_line(self.line + lines);
        *input = &text[end + 1..];
        Some(text)
    }

    fn row(&mut self) -> Row<'_> {
        self.spans.clear();
        let mut start = 0;
        for end in &self.ends[..self.fields] {
            self.spans.push((start, *end));
            start = *end;
        }
        Row {
            line: self.line,
            text: &self.out,
            spans: &self.spans,
        }
    }

    /// Reads on in the present row; true once it is whole.
    #[inline]
    fn read(&mut self, input: &mut &[u8]) -> Result<bool, HistoryError> {
        self.read = true;
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

/// Where the first such byte is from a place on. Fields are too short for a search of many bytes at once to be faster.
#[inline]
fn find(text: &[u8], from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    let found = text.get(from..)?.iter().position(|byte| is(*byte))?;
    Some(from + found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Read = (Vec<(u64, Vec<Vec<u8>>)>, LastRow);

    /// The rows of a text that comes in chunks of so many bytes. No row lies whole in a chunk of one.
    fn read(text: &[u8], chunk: usize) -> Read {
        let mut rows = Rows::new(Report::QueueHistory, b',');
        let mut found = Vec::new();
        let mut take = |row: &Row<'_>| {
            found.push((row.line, row.iter().map(<[u8]>::to_vec).collect()));
        };
        for chunk in text.chunks(chunk) {
            let head = rows.begin(chunk, false).unwrap();
            let mut rest = head
                .as_deref()
                .unwrap_or(if rows.has_begun() { chunk } else { &[] });
            while let Some(row) = rows.next(&mut rest).unwrap() {
                take(&row);
            }
        }
        let (ending, row) = rows.last().unwrap();
        if let Some(row) = row {
            take(&row);
        }
        (found, ending)
    }

    proptest! {
        #[test]
        fn a_row_that_lies_in_a_chunk_is_read_as_one_that_comes_byte_by_byte(
            parts in prop::collection::vec(
                prop::sample::select(vec!["a", "bc", ",", ",", "\"", "\"", "\n", "\r", "\r\n", " ", "\t", "0123456789", "\u{feff}", "\",\""]),
                0..60,
            ),
            chunk in 2..80_usize,
        ) {
            let text = format!("head,\"er\"\n{}", parts.concat());
            prop_assert_eq!(read(text.as_bytes(), chunk), read(text.as_bytes(), 1), "{:?}", text);
        }
    }

    #[test]
    fn rows_longer_than_the_buffers_are_read_wherever_they_lie() {
        let wide = vec!["x"; 200].join(",");
        let long = "y".repeat(9_000);
        let text = format!("a,b\n{wide}\n\"{long}\"\n{wide}\n");
        let (rows, _) = read(text.as_bytes(), text.len());
        let fields: Vec<_> = rows.iter().map(|(line, row)| (*line, row.len())).collect();
        assert_eq!(fields, [(1, 2), (2, 200), (3, 1), (4, 200)]);
        assert_eq!(read(text.as_bytes(), 1).0, rows);
    }
}
