//! `multipart/form-data` (RFC 7578) whose length is known before it is sent.

use std::fmt;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::BodyStream;

enum Content {
    Bytes(Bytes),
    Stream(BodyStream, u64),
}

/// One part of a [`Multipart`].
pub struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    content: Content,
}

impl Part {
    /// A part from bytes.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self {
            name: name.into(),
            filename: None,
            content_type: None,
            content: Content::Bytes(bytes.into()),
        }
    }

    /// A part from a stream that gives exactly `length` bytes; one that gives fewer or more ends the call with an error.
    pub fn stream(name: impl Into<String>, length: u64, stream: BodyStream) -> Self {
        Self {
            name: name.into(),
            filename: None,
            content_type: None,
            content: Content::Stream(stream, length),
        }
    }

    /// The part's file name.
    pub fn filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Some(filename.into());
        self
    }

    /// The part's `Content-Type`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    fn head(&self, boundary: &str) -> Bytes {
        let mut head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            quoted(&self.name)
        );
        if let Some(filename) = &self.filename {
            head.push_str("; filename=\"");
            head.push_str(&quoted(filename));
            head.push('"');
        }
        if let Some(content_type) = &self.content_type {
            head.push_str("\r\nContent-Type: ");
            head.extend(
                content_type
                    .chars()
                    .filter(|character| !character.is_control()),
            );
        }
        head.push_str("\r\n\r\n");
        Bytes::from(head)
    }

    fn len(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Stream(_, length) => *length,
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({}, {} bytes)", self.name, self.len())
    }
}

/// The WHATWG's escaping of names in form data: a quote or a line break would end the name.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A body of parts, sent in the order in which they were added.
#[derive(Debug, Default)]
pub struct Multipart {
    parts: Vec<Part>,
}

impl Multipart {
    /// No parts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part.
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The body under that boundary, and its length in bytes.
    pub(crate) fn into_stream(self, boundary: &str) -> (BodyStream, u64) {
        let tail = Bytes::from(format!("--{boundary}--\r\n"));
        let mut length = tail.len() as u64;
        let mut pieces: Vec<BodyStream> = Vec::with_capacity(self.parts.len() * 3 + 1);
        for part in self.parts {
            let head = part.head(boundary);
            length += head.len() as u64 + part.len() + 2;
            pieces.push(once(head));
            pieces.push(match part.content {
                Content::Bytes(bytes) => once(bytes),
                Content::Stream(stream, declared) => held_to(stream, declared),
            });
            pieces.push(once(Bytes::from_static(b"\r\n")));
        }
        pieces.push(once(tail));
        (Box::pin(stream::iter(pieces).flatten()), length)
    }
}

fn once(bytes: Bytes) -> BodyStream {
    Box::pin(stream::iter([Ok(bytes)]))
}

/// A part that is too long must not eat into the next one: it is held to its own length.
fn held_to(stream: BodyStream, declared: u64) -> BodyStream {
    let progress = crate::body::Progress::new();
    Box::pin(crate::body::Measured {
        stream,
        declared,
        given: 0,
        progress,
    })
}

/// 128 random bits as a boundary: no content holds it, and none can be made to.
pub(crate) fn boundary() -> String {
    format!("part-{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BodyError;

    fn failing() -> BodyStream {
        Box::pin(stream::iter([
            Ok(Bytes::from_static(b"a")),
            Err(BodyError::new("the source is gone")),
        ]))
    }

    fn of(pieces: &[&'static [u8]]) -> BodyStream {
        Box::pin(stream::iter(
            pieces
                .iter()
                .map(|piece| Ok(Bytes::from_static(piece)))
                .collect::<Vec<_>>(),
        ))
    }

    async fn written(multipart: Multipart) -> (Result<Vec<u8>, String>, u64) {
        let (stream, length) = multipart.into_stream("b");
        let pieces: Vec<_> = stream.collect().await;
        let bytes: Result<Vec<Bytes>, BodyError> = pieces.into_iter().collect();
        (
            bytes
                .map(|pieces| pieces.concat())
                .map_err(|error| error.to_string()),
            length,
        )
    }

    #[tokio::test]
    async fn parts_are_framed_and_the_length_is_exact() {
        let multipart = Multipart::new()
            .part(Part::bytes("JSON", "{}").content_type("application/json"))
            .part(
                Part::stream("WAV", 4, of(&[b"RI", b"FF"]))
                    .filename("a.wav")
                    .content_type("audio/x-wav"),
            );
        let (bytes, length) = written(multipart).await;
        let bytes = bytes.unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes).unwrap(),
            "--b\r\nContent-Disposition: form-data; name=\"JSON\"\r\nContent-Type: application/json\r\n\r\n{}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"WAV\"; filename=\"a.wav\"\r\nContent-Type: audio/x-wav\r\n\r\nRIFF\r\n\
             --b--\r\n"
        );
        assert_eq!(bytes.len() as u64, length);
    }

    #[tokio::test]
    async fn a_name_cannot_break_out_of_its_header() {
        let multipart = Multipart::new().part(
            Part::bytes("a\"\r\nX: y", "")
                .filename("b\"\n")
                .content_type("text/plain\r\nX: y"),
        );
        let (bytes, length) = written(multipart).await;
        let bytes = bytes.unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.contains("name=\"a%22%0D%0AX: y\"; filename=\"b%22%0A\"\r\nContent-Type: text/plainX: y\r\n\r\n"), "{text}");
        assert_eq!(bytes.len() as u64, length);
    }

    #[tokio::test]
    async fn a_part_of_the_wrong_length_ends_the_body() {
        for (declared, given) in [(3, 4), (5, 4)] {
            let (bytes, _) =
                written(Multipart::new().part(Part::stream("WAV", declared, of(&[b"RI", b"FF"]))))
                    .await;
            assert_eq!(
                bytes.unwrap_err(),
                format!("the body was declared with {declared} bytes, but its source gave {given}")
            );
        }
    }

    #[tokio::test]
    async fn an_error_of_the_source_passes_through() {
        let (bytes, _) = written(Multipart::new().part(Part::stream("WAV", 9, failing()))).await;
        assert_eq!(bytes.unwrap_err(), "the source is gone");
    }

    #[test]
    fn boundaries_differ() {
        assert_ne!(boundary(), boundary());
        assert!(boundary().len() <= 70, "RFC 2046 allows no more");
    }
}
