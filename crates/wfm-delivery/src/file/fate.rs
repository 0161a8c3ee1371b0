//! What Calabrio made of delivered files.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use crate::DeliveryError;

/// How far below the drop folder's archive files may lie: `archives/2026-03-01/file`.
const DEPTH: usize = 2;

/// How much earlier a file can seem to have been written than it was: the clock of the folder's machine need not be this one's.
const SKEW: Duration = Duration::from_mins(5);

/// Files by name, with when the newest of that name was last changed.
type Found = HashMap<String, SystemTime>;

/// What Calabrio made of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It still lies in the drop folder.
    Waiting,
    /// It lies in the archive: Calabrio took it.
    Archived,
    /// It lies in the penalty box: Calabrio refused it and does not try again.
    Refused,
    /// It lies in none of them. Its archive may be emptied (Calabrio keeps files for a week) or out of reach.
    Gone,
}

/// Looks for files. The drop folder is looked into first: a file that moves meanwhile is found where it moved to.
///
/// Where it is told when a file was written, others of its name may have been there before: the newest counts, unless it was written earlier than that.
pub(crate) fn fates<'a>(
    folder: &Path,
    archive: &str,
    penalty_box: &str,
    files: impl IntoIterator<Item = (&'a str, Option<DateTime<Utc>>)>,
) -> Result<Vec<(&'a str, Fate)>, DeliveryError> {
    let files: Vec<_> = files.into_iter().collect();
    let wanted: HashSet<&str> = files.iter().map(|(name, _)| *name).collect();
    let fail = |error| DeliveryError::of_file("look for files", "", folder, error);
    let mut waiting = Found::new();
    find(folder, 0, &wanted, &mut waiting).map_err(fail)?;
    let mut archived = Found::new();
    let mut refused = Found::new();
    for (place, found) in [(archive, &mut archived), (penalty_box, &mut refused)] {
        for root in roots(folder, place) {
            find(&root, DEPTH, &wanted, found).map_err(fail)?;
        }
    }
    let fate = |name: &str, written: Option<DateTime<Utc>>| {
        let earliest = written.map(|at| SystemTime::from(at) - SKEW);
        let places = [
            (&waiting, Fate::Waiting),
            (&archived, Fate::Archived),
            (&refused, Fate::Refused),
        ];
        // Where two are as new, the one that was refused counts. A name that comes once goes by that alone.
        places
            .into_iter()
            .filter_map(|(found, fate)| Some((*found.get(name)?, fate)))
            .filter(|(changed, _)| earliest.is_none_or(|earliest| *changed >= earliest))
            .max_by_key(|(changed, _)| earliest.map(|_| *changed))
            .map_or(Fate::Gone, |(_, fate)| fate)
    };
    Ok(files
        .into_iter()
        .map(|(name, written)| (name, fate(name, written)))
        .collect())
}

/// The folders whose name begins as the setting says: `archives`, `archives20260301`. Where they cannot be reached, there are none.
fn roots(folder: &Path, place: &str) -> Vec<PathBuf> {
    if place.is_empty() {
        return Vec::new();
    }
    let place = folder.join(place);
    let (Some(parent), Some(beginning)) = (place.parent(), place.file_name()) else {
        return Vec::new();
    };
    let beginning = beginning.to_string_lossy();
    fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&*beginning))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

fn find(folder: &Path, depth: usize, wanted: &HashSet<&str>, found: &mut Found) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_file() && wanted.contains(&*name) {
            let changed = match entry.metadata().and_then(|file| file.modified()) {
                // Moved on meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                changed => changed?,
            };
            let newest = found.entry(name.into_owned()).or_insert(changed);
            *newest = changed.max(*newest);
        } else if kind.is_dir() && depth > 0 {
            match find(&entry.path(), depth - 1, wanted, found) {
                // Emptied meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_waiting_archived_refused_or_gone() {
        let drop = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = drop.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        put("waiting.csv");
        put("archives20260301/dated.csv");
        put("archives/2026-03-01/below.csv");
        put("archives/too/deep/for/us.csv");
        put("penaltyBox/2026-03-01/bad.csv");
        put("other/elsewhere.csv");
        let names = [
            "waiting.csv",
            "dated.csv",
            "below.csv",
            "us.csv",
            "bad.csv",
            "elsewhere.csv",
        ]
        .map(|name| (name, None));
        let found = fates(drop.path(), "archives", "penaltyBox", names).unwrap();
        let fates: Vec<_> = found.iter().map(|(_, fate)| *fate).collect();
        assert_eq!(
            fates,
            [
                Fate::Waiting,
                Fate::Archived,
                Fate::Archived,
                Fate::Gone,
                Fate::Refused,
                Fate::Gone
            ]
        );
    }

    #[test]
    fn folders_can_stand_beside_the_drop_folder_and_need_not_be_there() {
        let root = tempfile::tempdir().unwrap();
        let drop = root.path().join("drop");
        fs::create_dir_all(&drop).unwrap();
        fs::create_dir_all(root.path().join("penaltyBox/today")).unwrap();
        fs::write(root.path().join("penaltyBox/today/a.csv"), "x").unwrap();
        let fate = |archive: &str, penalty_box: &str| {
            fates(&drop, archive, penalty_box, [("a.csv", None)]).unwrap()[0].1
        };
        assert_eq!(fate("../archives", "../penaltyBox"), Fate::Refused);
        assert_eq!(fate("", ""), Fate::Gone);
        let gone = fates(&root.path().join("nowhere"), "", "", [("a.csv", None)]).unwrap_err();
        assert!(matches!(gone, DeliveryError::NoFolder { .. }), "{gone}");
    }

    #[test]
    fn of_a_name_that_comes_again_the_newest_file_counts_and_none_from_before_it_was_written() {
        let drop = tempfile::tempdir().unwrap();
        let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        let at = |minute| noon + chrono::TimeDelta::minutes(minute);
        let put = |path: &str, minute: i64| {
            let path = drop.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let file = fs::File::create(path).unwrap();
            file.set_modified(at(minute).into()).unwrap();
        };
        let fate = |written: i64| {
            let file = ("Users.csv", Some(at(written)));
            fates(drop.path(), "archives", "penaltyBox", [file]).unwrap()[0].1
        };
        put("penaltyBox/2026-03-01/Users.csv", 0);
        assert_eq!(fate(0), Fate::Refused);
        // The clocks of two machines differ by a little.
        assert_eq!(fate(4), Fate::Refused);
        assert_eq!(fate(60), Fate::Gone);
        put("archives/2026-03-01/Users.csv", 60);
        assert_eq!(fate(60), Fate::Archived);
        put("Users.csv", 120);
        assert_eq!(fate(120), Fate::Waiting);
        fs::remove_file(drop.path().join("Users.csv")).unwrap();
        put("penaltyBox/2026-03-02/Users.csv", 120);
        assert_eq!(fate(120), Fate::Refused);
    }
}
