//! Agents and queues as files.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wfm_interval::Zone;

use super::{Folder, blocking, ranges, whole};
use crate::field::RosterField;
use crate::layout::{FileLayout, Layouts};
use crate::pattern::Facts;
use crate::{
    Delivering, DeliveryContract, DeliveryError, Fate, Receipt, RosterBatch, RosterKind, RosterSink,
};

/// Agents and queues as files in a drop folder. Otherwise as [`HistoryFiles`](crate::HistoryFiles).
///
/// The file of agents is called `Users.csv` unless the settings say otherwise. Where a name is always the same, the next batch waits until Calabrio has
/// taken the file away, and so does the rest of a batch that is larger than one file.
#[derive(Debug, Clone)]
pub struct RosterFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Folder,
    agents: FileLayout<RosterField>,
    queues: FileLayout<RosterField>,
}

impl RosterFiles {
    /// As [`HistoryFiles::new`](crate::HistoryFiles::new).
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Contract`] with every fault of the settings.
    pub fn new(
        folder: impl Into<PathBuf>,
        contract: &DeliveryContract,
        acd_server: u32,
        zone: Zone,
    ) -> Result<Self, DeliveryError> {
        let layouts = Layouts::new(contract, acd_server, zone)?;
        Ok(Self(Arc::new(Inner {
            folder: Folder {
                path: folder.into(),
                files: contract.files.clone(),
                repeats: true,
            },
            agents: layouts.user_file,
            queues: layouts.service_queue_file,
        })))
    }

    /// As [`HistoryFiles::sweep`](crate::HistoryFiles::sweep).
    pub fn sweep(&self) -> Result<usize, DeliveryError> {
        whole::sweep(&self.0.folder.path)
    }

    /// As [`HistoryFiles::fates`](crate::HistoryFiles::fates), of files by name and by when they were written: where a name is always the same, files of
    /// earlier deliveries lie in archive and penalty box as well. The newest of the name counts, as its time of change tells, and none that was
    /// changed more than five minutes before.
    pub fn fates<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, DateTime<Utc>)>,
    ) -> Result<Vec<(&'a str, Fate)>, DeliveryError> {
        let files = files.into_iter().map(|(name, at)| (name, Some(at)));
        self.0.folder.fates(files)
    }

    /// Writes a batch: as [`RosterSink::deliver`], on the thread that calls.
    pub fn write(&self, batch: &RosterBatch, now: DateTime<Utc>) -> Receipt {
        let inner = &self.0;
        let layout = match batch.kind() {
            RosterKind::Agents => &inner.agents,
            RosterKind::Queues => &inner.queues,
        };
        let write = |(number, range): (usize, Range<usize>)| {
            let facts = Facts {
                acd_server: layout.rows.acd_server,
                number,
                first: now,
                last: now,
                now,
            };
            let mut rows = range.clone().filter_map(|place| batch.row(place));
            inner.folder.part(layout, &facts, range, |put| {
                rows.try_for_each(|row| put(layout.rows.cells(row, now).collect()))
            })
        };
        Receipt {
            parts: (1..)
                .zip(ranges(batch.len(), inner.folder.files.rows))
                .map(write)
                .collect(),
        }
    }
}

impl RosterSink for RosterFiles {
    fn deliver<'a>(&'a self, batch: &'a RosterBatch, now: DateTime<Utc>) -> Delivering<'a> {
        let (sink, batch) = (self.clone(), batch.clone());
        Box::pin(async move { blocking(batch.len(), move || sink.write(&batch, now)).await })
    }
}
