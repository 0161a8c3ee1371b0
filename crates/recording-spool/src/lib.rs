#![doc = include_str!("../README.md")]

mod decrypt_file;
mod directory;
mod error;
mod output;
mod reader;
mod sealed;
mod spool;
mod writer;

pub use decrypt_file::{Decrypted, Place, Progress, Step, decrypt_file, decrypt_file_blocking};
pub use error::SpoolError;
pub use reader::PlainReader;
pub use sealed::SealedRecording;
pub use spool::{MIN_QUOTA, Spool};
pub use writer::SpoolWriter;
