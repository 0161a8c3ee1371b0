//! Lists, page by page.

/// Where a page ended. Rows that come in meanwhile neither repeat nor hide others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowMark(pub(crate) i64);

/// The most rows in one page.
const MAX: u32 = 1000;

/// How many rows a page has that was asked to have so many.
pub(crate) fn rows(limit: u32) -> u32 {
    limit.clamp(1, MAX)
}
