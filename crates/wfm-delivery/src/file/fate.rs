//! What Calabrio made of delivered files.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::DeliveryError;

/// How far below the drop folder's archive files may lie: `archives/2026-03-01/file`.
const DEPTH: usize = 2;

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
pub(crate) fn fates<'a>(
    folder: &Path,
    archive: &str,
    penalty_box: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(&'a str, Fate)>, DeliveryError> {
    let names: Vec<&str> = names.into_iter().collect();
    let wanted: HashSet<&str> = names.iter().copied().collect();
    let fail = |error| DeliveryError::of_file("look for files", "", folder, error);
    let mut waiting = HashSet::new();
    find(folder, 0, &wanted, &mut waiting).map_err(fail)?;
    let mut archived = HashSet::new();
    let mut refused = HashSet::new();
    for (place, found) in [(archive, &mut archived), (penalty_box, &mut refused)] {
        for root in roots(folder, place) {
            find(&root, DEPTH, &wanted, found).map_err(fail)?;
        }
    }
    let fate = |name: &str| {
        if refused.contains(name) {
            Fate::Refused
        } else if archived.contains(name) {
            Fate::Archived
        } else if waiting.contains(name) {
            Fate::Waiting
        } else {
            Fate::Gone
        }
    };
    Ok(names.into_iter().map(|name| (name, fate(name))).collect())
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

fn find(
    folder: &Path,
    depth: usize,
    wanted: &HashSet<&str>,
    found: &mut HashSet<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_file() && wanted.contains(&*name) {
            found.insert(name.into_owned());
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
        ];
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
            fates(&drop, archive, penalty_box, ["a.csv"]).unwrap()[0].1
        };
        assert_eq!(fate("../archives", "../penaltyBox"), Fate::Refused);
        assert_eq!(fate("", ""), Fate::Gone);
        let gone = fates(&root.path().join("nowhere"), "", "", ["a.csv"]).unwrap_err();
        assert!(matches!(gone, DeliveryError::NoFolder { .. }), "{gone}");
    }
}
