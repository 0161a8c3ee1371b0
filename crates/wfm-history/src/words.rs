//! The few different words of a column, such as kinds or activities, each looked up once and counted.

use foldhash::{HashMap, HashMapExt};

/// More different words than this are no kinds or activities: the rest is counted together.
const MOST: usize = 256;

pub(crate) struct Words<T> {
    known: HashMap<Box<[u8]>, usize>,
    pub(crate) entries: Vec<Word<T>>,
    last_text: Vec<u8>,
    last: usize,
}

pub(crate) struct Word<T> {
    pub(crate) text: String,
    pub(crate) meaning: T,
    pub(crate) rows: u64,
}

impl<T: Copy> Words<T> {
    pub(crate) fn new() -> Self {
        Self {
            known: HashMap::new(),
            entries: Vec::new(),
            last_text: Vec::new(),
            last: usize::MAX,
        }
    }

    /// What a word means; counts it.
    #[inline]
    pub(crate) fn meaning(&mut self, text: &[u8], of: impl Fn(&[u8]) -> T) -> T {
        if self.last_text == text
            && let Some(word) = self.entries.get_mut(self.last)
        {
            word.rows += 1;
            return word.meaning;
        }
        let Some(index) = self.index(text, &of) else {
            return of(text.trim_ascii());
        };
        self.last_text.clear();
        self.last_text.extend_from_slice(text);
        self.last = index;
        self.entries[index].rows += 1;
        self.entries[index].meaning
    }

    fn index(&mut self, text: &[u8], of: impl Fn(&[u8]) -> T) -> Option<usize> {
        if let Some(index) = self.known.get(text) {
            return Some(*index);
        }
        if self.entries.len() >= MOST {
            return None;
        }
        let trimmed = text.trim_ascii();
        self.entries.push(Word {
            text: String::from_utf8_lossy(trimmed).into_owned(),
            meaning: of(trimmed),
            rows: 0,
        });
        self.known.insert(text.into(), self.entries.len() - 1);
        Some(self.entries.len() - 1)
    }
}
