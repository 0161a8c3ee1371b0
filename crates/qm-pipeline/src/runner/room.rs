//! How much memory transcripts may take.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// In what steps room is counted, in bytes.
const STEP: u64 = 64 * 1024;

/// Room in memory for transcripts. How long one gets is not known before it is read: until then it counts as the longest that may be,
/// and as what it is from then on.
pub(crate) struct TranscriptRoom {
    room: Arc<Semaphore>,
    longest: u32,
}

/// What a transcript takes of it, until this is dropped.
pub(crate) struct TakenRoom(OwnedSemaphorePermit);

impl TranscriptRoom {
    /// So many bytes, and always enough for one of the longest.
    pub(crate) fn new(bytes: u64, longest: u64) -> Self {
        let longest = steps(longest);
        let room = steps(bytes).max(longest);
        Self {
            room: Arc::new(Semaphore::new(room as usize)),
            longest,
        }
    }

    /// Waits until there is room for one of any length. Cancel-safe.
    pub(crate) async fn take(&self) -> Option<TakenRoom> {
        let room = Arc::clone(&self.room).acquire_many_owned(self.longest);
        room.await.ok().map(TakenRoom)
    }
}

impl TakenRoom {
    /// Keeps only as much as is needed.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let needed = steps(bytes) as usize;
        let spare = self.0.num_permits().saturating_sub(needed);
        drop(self.0.split(spare));
    }
}

fn steps(bytes: u64) -> u32 {
    let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
    u32::try_from(bytes.div_ceil(STEP))
        .unwrap_or(most)
        .clamp(1, most)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[tokio::test]
    async fn a_transcript_counts_as_the_longest_until_its_length_is_known() {
        let room = TranscriptRoom::new(32 * MIB, 16 * MIB);
        let mut first = room.take().await.unwrap();
        let second = room.take().await.unwrap();
        assert!(room.take().now_or_never().is_none());
        first.shrink_to(20_000);
        assert!(room.take().now_or_never().is_none());
        drop(second);
        let third = room.take().now_or_never().flatten();
        assert!(third.is_some());
        // The first is sent still.
        assert!(room.take().now_or_never().is_none());
        drop(first);
        assert!(room.take().now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn there_is_always_room_for_one() {
        let room = TranscriptRoom::new(MIB, u64::MAX);
        let one = room.take().await;
        assert!(one.is_some());
        assert!(room.take().now_or_never().is_none());
    }
}
