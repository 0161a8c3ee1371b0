//! What the tests of the program have in common.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The program, in this directory, with nothing of the surroundings in its environment.
pub(crate) fn sync_qm(directory: &Path) -> Command {
    let mut command = Command::cargo_bin("sync-qm").unwrap();
    command
        .current_dir(directory)
        .env_remove("SYNC_QM_CONFIG")
        .env_remove("RUST_LOG")
        .timeout(std::time::Duration::from_mins(10));
    command
}

/// A fixture of the recordings' cryptography.
pub(crate) fn crypto_fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/recording-crypto")
        .join(path)
}

/// The names in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
