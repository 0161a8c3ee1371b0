//! A body, read within bounds.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body that was read, and the room that it takes until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is larger than one body may be.
    TooLarge,
    /// All bodies together take too much room now.
    NoRoom,
    /// The connection broke.
    Broken,
}

/// Reads a body of at most `most` bytes. Room is taken as the bytes come, so that announcing many costs nobody anything.
///
/// Safe to drop at any time.
pub(crate) async fn read(
    mut body: Incoming,
    most: usize,
    room: &Arc<Semaphore>,
) -> Result<Held, Unread> {
    if body.size_hint().lower() > most as u64 {
        return Err(Unread::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut taken: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        let length = first.len() + all.len() + chunk.len();
        if length > most {
            return Err(Unread::TooLarge);
        }
        let more = u32::try_from(chunk.len()).map_err(|_| Unread::TooLarge)?;
        let more = room.clone().try_acquire_many_owned(more);
        let more = more.map_err(|_| Unread::NoRoom)?;
        match &mut taken {
            Some(taken) => taken.merge(more),
            None => taken = Some(more),
        }
        // Nearly every body comes in one piece and need not be copied.
        if first.is_empty() && all.is_empty() {
            first = chunk;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&chunk);
        }
    }
    Ok(Held {
        bytes: if all.is_empty() { first } else { all.freeze() },
        room: taken,
    })
}
