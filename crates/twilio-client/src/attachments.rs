//! What is attached to messages, from Twilio's Media Content Service.

use std::fmt;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_retry::{Response, SafeUrl};
use serde_json::Value;
use twilio_sid::{MediaSid, ServiceSid};

use crate::download::{Address, Astray};
use crate::settings::Host;
use crate::wire::Fields;
use crate::{TwilioClient, TwilioError};

/// The attachments of one service's conversations.
#[derive(Debug, Clone, Copy)]
pub struct Attachments<'a> {
    pub(crate) client: &'a TwilioClient,
    pub(crate) service: ServiceSid,
}

impl Attachments<'_> {
    /// An attachment as a byte stream of at most `limit` bytes, or `None` if it is not there (any more).
    ///
    /// The content is asked for first, and where that is refused, the temporary link that the attachment's metadata give. A redirect is followed
    /// by hand, twice at most, to https alone (or to what the settings list), without credentials once it leads away from the host. The
    /// temporary link never gets them.
    pub async fn content(
        &self,
        media: MediaSid,
        limit: u64,
    ) -> Result<Option<Attachment>, TwilioError> {
        let path = [
            "v1",
            "Services",
            self.service.as_str(),
            "Media",
            media.as_str(),
        ];
        let url = self.client.url(Host::Media, &path);
        let content = self
            .client
            .url(Host::Media, &[&path[..], &["Content"]].concat());
        let refused = match self.bytes_of(media, content, Address::Own).await {
            Ok(response) => return Attachment::new(media, limit, response).map(Some),
            Err(error) if error.is_not_found() || is_about_the_form(&error) => error,
            Err(error) => return Err(error),
        };
        let metadata = match self.client.json("twilio.media.get", &url).await {
            Ok(metadata) => metadata,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(link) = temporary_link(&metadata) else {
            return Err(refused);
        };
        let allowed = self.client.may_follow(Host::Media, &link);
        allowed.map_err(|astray| told(media, astray))?;
        let response = self.bytes_of(media, link, Address::Given).await?;
        Attachment::new(media, limit, response).map(Some)
    }

    async fn bytes_of(
        &self,
        media: MediaSid,
        url: SafeUrl,
        address: Address,
    ) -> Result<Response, TwilioError> {
        self.client
            .download("twilio.media.content", Host::Media, url, address)
            .await
            .map_err(|astray| told(media, astray))
    }
}

fn told(media: MediaSid, astray: Astray) -> TwilioError {
    match astray {
        Astray::Call(error) => error,
        Astray::Redirect(why) => TwilioError::AttachmentRedirect { media, why },
    }
}

/// Whether the address or its form is what was refused, rather than who asked.
fn is_about_the_form(error: &TwilioError) -> bool {
    matches!(error, TwilioError::Call(call) if matches!(call.status(), Some(400 | 405 | 406 | 410)))
}

/// The temporary link in an attachment's metadata.
fn temporary_link(metadata: &Value) -> Option<SafeUrl> {
    let links = Fields::of("an attachment", metadata)
        .ok()?
        .object("links")?;
    ["content_direct_temporary", "content_direct"]
        .into_iter()
        .find_map(|name| links.text(name)?.trim().parse().ok())
}

/// An attachment on its way.
///
/// It holds one slot of the concurrency limit until it is read to its end or dropped.
pub struct Attachment {
    media: MediaSid,
    content_type: Option<String>,
    length: Option<u64>,
    limit: u64,
    given: u64,
    rest: Response,
}

impl Attachment {
    fn new(media: MediaSid, limit: u64, response: Response) -> Result<Self, TwilioError> {
        let length = response.content_length();
        if length.is_some_and(|length| length > limit) {
            return Err(TwilioError::AttachmentTooLarge { media, limit });
        }
        Ok(Self {
            media,
            content_type: response.header("content-type").map(str::to_owned),
            length,
            limit,
            given: 0,
            rest: response,
        })
    }

    /// The attachment's SID.
    pub fn media(&self) -> MediaSid {
        self.media
    }

    /// What it is said to be: a content type, as the sender of the message told it. Nothing about it is sure.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The length that was announced, in bytes. A body that ends before it is an error.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece, `None` at the end. Cancel-safe. A piece that would go beyond the limit is an error and not given.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, TwilioError> {
        let Some(bytes) = self.rest.next_chunk().await? else {
            return Ok(None);
        };
        self.given = self.given.saturating_add(bytes.len() as u64);
        if self.given > self.limit {
            return Err(TwilioError::AttachmentTooLarge {
                media: self.media,
                limit: self.limit,
            });
        }
        Ok(Some(bytes))
    }

    /// The pieces as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, TwilioError>> + Send + 'static {
        futures_util::stream::unfold(Some(self), |attachment| async move {
            let mut attachment = attachment?;
            match attachment.next_chunk().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(attachment))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// The whole of it, in memory.
    pub async fn bytes(mut self) -> Result<Bytes, TwilioError> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.next_chunk().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("media", &self.media)
            .field("content_type", &self.content_type)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_temporary_link_is_taken_where_there_is_one() {
        let link = "https://media.example/a?signature=hunter2";
        let found = temporary_link(&json!({"links": {"content_direct_temporary": link}}));
        assert_eq!(found.unwrap().expose(), link);
        for none in [
            json!({}),
            json!({"links": null}),
            json!({"links": {"content": "/v1/Services/IS1/Media/ME1/Content"}}),
            json!({"links": {"content_direct_temporary": "/relative"}}),
            json!({"links": {"content_direct_temporary": "https://user:pass@media.example/a"}}),
            json!([]),
        ] {
            assert!(temporary_link(&none).is_none(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_link_panics(link in ".{0,60}") {
            let _ = temporary_link(&json!({"links": {"content_direct_temporary": link}}));
        }
    }
}
