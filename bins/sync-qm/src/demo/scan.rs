//! Looks for what must never lie on disk: windows of each call's PCM, and markers in its attributes.
//!
//! It knows nothing of the worker, and reads whatever is there: ledger, write-ahead log, shared memory, spool, temporary files, and on Linux also
//! files that were unlinked and are still open in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use serde::Serialize;

/// How much of a file is read at a time.
const READ: usize = 256 * 1024;

/// A file whose time of change is younger than this is read again although nothing seems to have changed: clocks of file systems are coarse.
const YOUNG: Duration = Duration::from_secs(2);

/// Something that must not be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    /// What it is, in words that give nothing of it away.
    pub(super) what: String,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Finding {
    /// What.
    pub(super) what: String,
    /// In which file.
    pub(super) file: PathBuf,
}

/// The scanner, with what it has found so far.
pub(super) struct Scanner {
    needles: Vec<Needle>,
    automaton: AhoCorasick,
    longest: usize,
    places: Vec<Place>,
    found: BTreeSet<Finding>,
    read: BTreeMap<Identity, Read>,
    /// Files that stay open: closing one would release the locks that SQLite holds on it in this process (POSIX advisory locks belong to
    /// the process, not to the descriptor).
    kept: BTreeMap<Identity, File>,
    buffer: Vec<u8>,
}

/// A directory to look through, with everything below it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The directory.
    pub(super) path: PathBuf,
    /// Only files that changed since then: the place is shared with others.
    pub(super) since: Option<SystemTime>,
}

/// Device and inode.
type Identity = (u64, u64);

/// What a file was like when it was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Read {
    length: u64,
    changed: SystemTime,
}

impl Scanner {
    /// A scanner for these needles in these places.
    pub(super) fn new(needles: Vec<Needle>, places: Vec<Place>) -> Result<Self, BuildError> {
        let automaton = AhoCorasick::builder()
            // A tenth of the memory of the fastest kind, and still faster than a disk.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(needles.iter().map(|needle| &needle.bytes))?;
        Ok(Self {
            longest: needles
                .iter()
                .map(|needle| needle.bytes.len())
                .max()
                .unwrap_or(1),
            needles,
            automaton,
            places,
            found: BTreeSet::new(),
            read: BTreeMap::new(),
            kept: BTreeMap::new(),
            buffer: Vec::new(),
        })
    }

    /// Looks through everything once.
    pub(super) fn pass(&mut self) {
        self.own_pass();
        for place in self.places.clone() {
            if place.since.is_some() {
                self.directory(&place.path, place.since, 0);
            }
        }
    }

    /// Looks through the places that are nobody else's, and through files without a name.
    pub(super) fn own_pass(&mut self) {
        for place in self.places.clone() {
            if place.since.is_none() {
                self.directory(&place.path, None, 0);
            }
        }
        self.unlinked();
    }

    /// What was found.
    pub(super) fn into_found(self) -> Vec<Finding> {
        self.found.into_iter().collect()
    }

    fn directory(&mut self, path: &Path, since: Option<SystemTime>, depth: u32) {
        // Files come and go while they are looked for: whatever cannot be read is gone, or nobody's but another user's.
        let Ok(entries) = std::fs::read_dir(path) else {
            return;
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && depth < 8 {
                // What is shared is not descended into, but for what changed: others' trees can be large.
                let fits = since.is_none_or(|since| changed(&entry.metadata(), since));
                if fits {
                    self.directory(&entry.path(), since, depth + 1);
                }
            } else if kind.is_file() && since.is_none_or(|since| changed(&entry.metadata(), since))
            {
                self.file(&entry.path());
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let Ok(metadata) = std::fs::metadata(path) else {
            return;
        };
        let identity = (metadata.dev(), metadata.ino());
        if self.is_known(identity, &metadata) {
            return;
        }
        if let Some(file) = self.kept.remove(&identity) {
            self.content(&file, path);
            self.kept.insert(identity, file);
        } else if let Ok(file) = File::open(path) {
            self.content(&file, path);
            if is_sqlite(path) {
                self.kept.insert(identity, file);
            }
        }
    }

    /// Whether a file is as it was when it was read. Shared memory changes without its time of change, and is always read.
    fn is_known(&mut self, identity: Identity, metadata: &Metadata) -> bool {
        let Ok(changed) = metadata.modified() else {
            return false;
        };
        let now = Read {
            length: metadata.len(),
            changed,
        };
        let before = self.read.insert(identity, now);
        let is_young = changed.elapsed().is_ok_and(|age| age < YOUNG);
        before == Some(now) && !is_young
    }

    fn content(&mut self, file: &File, path: &Path) {
        self.buffer.resize(READ + self.longest, 0);
        let (mut offset, mut kept) = (0, 0);
        loop {
            let Ok(length) = file.read_at(&mut self.buffer[kept..kept + READ], offset) else {
                return;
            };
            if length == 0 {
                return;
            }
            offset += length as u64;
            let end = kept + length;
            for found in self.automaton.find_iter(&self.buffer[..end]) {
                if let Some(needle) = self.needles.get(found.pattern().as_usize()) {
                    self.found.insert(Finding {
                        what: needle.what.clone(),
                        file: path.to_path_buf(),
                    });
                }
            }
            // What may be the beginning of a needle is looked at again with what follows.
            kept = end.min(self.longest - 1);
            self.buffer.copy_within(end - kept..end, 0);
        }
    }

    /// Files without a name that this process holds open.
    #[cfg(target_os = "linux")]
    fn unlinked(&mut self) {
        let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            let identity = (metadata.dev(), metadata.ino());
            // What this scanner itself keeps open is known by its descriptor of the same file.
            if !metadata.is_file() || metadata.nlink() > 0 || self.is_known(identity, &metadata) {
                continue;
            }
            let named = std::fs::read_link(&path).unwrap_or_else(|_| path.clone());
            if let Some(file) = self.kept.remove(&identity) {
                self.content(&file, &named);
                self.kept.insert(identity, file);
            } else if let Ok(file) = File::open(&path) {
                self.content(&file, &named);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn unlinked(&mut self) {}
}

fn changed(metadata: &std::io::Result<Metadata>, since: SystemTime) -> bool {
    metadata
        .as_ref()
        .ok()
        .and_then(|metadata| metadata.modified().ok())
        .is_some_and(|at| at >= since)
}

/// The ledger with its write-ahead log and shared memory, and its lock.
fn is_sqlite(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    name.contains(".db")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn needle(what: &str, seed: u8) -> Needle {
        let bytes = (0..64_u8)
            .map(|index| index.wrapping_mul(37).wrapping_add(seed) ^ (index >> 1))
            .collect();
        Needle {
            what: what.to_owned(),
            bytes,
        }
    }

    fn scanner(path: &Path) -> Scanner {
        let place = Place {
            path: path.to_path_buf(),
            since: None,
        };
        Scanner::new(
            vec![
                needle("a window of RE1", 1),
                needle("a window of RE2", 2),
                needle("a marker", 3),
            ],
            vec![place],
        )
        .unwrap()
    }

    fn found(mut scanner: Scanner) -> Vec<String> {
        scanner.pass();
        scanner
            .into_found()
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn what_is_planted_is_found_wherever_it_lies() {
        for offset in [0, 1, 77, READ - 63, READ - 1, READ, 3 * READ - 20] {
            let directory = tempfile::tempdir().unwrap();
            let below = directory.path().join("state/spool");
            std::fs::create_dir_all(&below).unwrap();
            let mut content = vec![0_u8; offset];
            content.extend(&needle("", 2).bytes);
            content.extend([9; 100]);
            std::fs::write(below.join("ledger.db-wal"), content).unwrap();
            assert_eq!(
                found(scanner(directory.path())),
                ["a window of RE2"],
                "at {offset}"
            );
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_was_planted() {
        let directory = tempfile::tempdir().unwrap();
        let mut almost = needle("", 1).bytes;
        almost[63] ^= 1;
        std::fs::write(directory.path().join("ledger.db"), almost).unwrap();
        assert!(found(scanner(directory.path())).is_empty());
    }

    #[test]
    fn what_is_written_between_two_passes_is_found_though_the_length_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        std::fs::write(&path, [0; 4096]).unwrap();
        let mut scanner = scanner(directory.path());
        scanner.pass();
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&needle("", 3).bytes, 1000).unwrap();
        assert_eq!(found(scanner), ["a marker"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_name_is_looked_into() {
        let directory = tempfile::tempdir().unwrap();
        let mut nameless = tempfile::tempfile_in(directory.path()).unwrap();
        // What no other test looks for: each looks through whatever its process holds open, and tests may share one.
        let own = needle("a needle of this test", 4);
        nameless.write_all(&own.bytes).unwrap();
        let place = Place {
            path: directory.path().to_path_buf(),
            since: None,
        };
        let scanner = Scanner::new(vec![own], vec![place]).unwrap();
        assert_eq!(found(scanner), ["a needle of this test"]);
    }

    #[test]
    fn in_a_shared_place_only_what_changed_is_read() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("old"), needle("", 1).bytes).unwrap();
        let later = SystemTime::now() + Duration::from_mins(1);
        let place = Place {
            path: directory.path().to_path_buf(),
            since: Some(later),
        };
        let scanner = Scanner::new(vec![needle("a window of RE1", 1)], vec![place]).unwrap();
        assert!(found(scanner).is_empty());
    }
}
