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

/// Writes a secret as the program takes it: for its owner only.
pub(crate) fn secret(path: &Path, content: &[u8]) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(content).unwrap();
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
