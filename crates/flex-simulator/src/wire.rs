//! The wire: sockets that can be reset, bodies that can end too early, and TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::http::{Chunks, OutBody};

/// A hand on a connection: whether it is to end with a reset.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<AtomicBool>);

impl Wire {
    /// When the connection ends, it is reset.
    pub(crate) fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection's socket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    wire: Wire,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, wire: Wire) -> Self {
        Self { stream, wire }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.wire.0.load(Ordering::Relaxed) {
            // Where that fails the connection is closed instead, which is as good a fault.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The body of an answer on its way.
pub(crate) struct AnswerBody {
    pieces: Pieces,
    length: u64,
    /// How many bytes may still go before the body is cut off.
    cut: Option<u64>,
}

enum Pieces {
    One(Option<Bytes>),
    Made(Chunks),
    /// One byte after each pause.
    Dripping(Bytes, Pin<Box<Sleep>>),
}

/// How long a body that comes byte by byte waits before each.
const DRIP: Duration = Duration::from_millis(250);

impl AnswerBody {
    /// A body that is cut off after so many bytes, if any number is given.
    pub(crate) fn new(body: OutBody, cut: Option<u64>) -> Self {
        let (pieces, length) = match body {
            OutBody::Bytes(bytes) => {
                let length = bytes.len() as u64;
                (Pieces::One((length > 0).then_some(bytes)), length)
            }
            OutBody::Stream { length, chunks } => (Pieces::Made(chunks), length),
        };
        Self {
            pieces,
            length,
            cut,
        }
    }
}

impl AnswerBody {
    /// A body that comes byte by byte.
    pub(crate) fn dripping(bytes: Bytes) -> Self {
        Self {
            length: bytes.len() as u64,
            pieces: Pieces::Dripping(bytes, Box::pin(tokio::time::sleep(DRIP))),
            cut: None,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = match &mut self.pieces {
            Pieces::Dripping(bytes, _) if bytes.is_empty() => None,
            Pieces::Dripping(bytes, pause) => {
                std::task::ready!(pause.as_mut().poll(context));
                pause.as_mut().reset(Instant::now() + DRIP);
                Some(bytes.split_to(1))
            }
            Pieces::One(bytes) => bytes.take(),
            Pieces::Made(chunks) => chunks.next(),
        };
        if self.cut == Some(0) {
            return Poll::Ready(Some(Err(io::Error::other("the body is cut off"))));
        }
        let Some(mut piece) = piece else {
            return Poll::Ready(if self.cut.is_some() {
                Some(Err(io::Error::other("the body is cut off")))
            } else {
                None
            });
        };
        if let Some(left) = &mut self.cut {
            piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= piece.len() as u64;
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && matches!(self.pieces, Pieces::One(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn made() -> OutBody {
        let pieces = [Bytes::from_static(b"abc"), Bytes::from_static(b"defg")];
        OutBody::Stream {
            length: 7,
            chunks: Box::new(pieces.into_iter()),
        }
    }

    async fn sent(mut body: AnswerBody) -> (Vec<u8>, bool) {
        let mut all = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => all.extend_from_slice(&frame.into_data().unwrap()),
                Err(_) => return (all, false),
            }
        }
        (all, true)
    }

    #[tokio::test]
    async fn a_body_goes_whole() {
        let body = AnswerBody::new(made(), None);
        assert_eq!(body.size_hint().exact(), Some(7));
        assert_eq!(sent(body).await, (b"abcdefg".to_vec(), true));
        let empty = AnswerBody::new(OutBody::Bytes(Bytes::new()), None);
        assert!(empty.is_end_stream());
        assert_eq!(sent(empty).await, (Vec::new(), true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_body_comes_byte_by_byte() {
        let began = Instant::now();
        let mut body = AnswerBody::dripping(Bytes::from_static(b"abc"));
        assert_eq!(body.size_hint().exact(), Some(3));
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((&first[..], began.elapsed()), (&b"a"[..], DRIP));
        assert_eq!(sent(body).await, (b"bc".to_vec(), true));
        assert_eq!(began.elapsed(), DRIP * 3);
    }

    #[tokio::test]
    async fn a_cut_body_ends_in_an_error_and_still_promises_its_length() {
        for cut in 0..7 {
            let body = AnswerBody::new(made(), Some(cut));
            assert_eq!(body.size_hint().exact(), Some(7));
            let (bytes, whole) = sent(body).await;
            assert_eq!(bytes, b"abcdefg"[..usize::try_from(cut).unwrap()]);
            assert!(!whole);
        }
    }
}
