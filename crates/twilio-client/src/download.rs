//! Bytes by GET, and where a redirect may lead.

use http_retry::{Call, Idempotency, Request, Response, SafeUrl};

use crate::clock::Sent;
use crate::settings::Host;
use crate::{TwilioClient, TwilioError};

/// How often a redirect is followed.
const MAX_HOPS: u8 = 2;

/// Why a download did not come to its answer.
pub(crate) enum Astray {
    /// A call failed.
    Call(TwilioError),
    /// A redirect was not followed; the text ends a sentence that begins with "it was redirected".
    Redirect(String),
}

/// Whose address it is that is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// Ours: made from the endpoints. It gets the credentials.
    Own,
    /// One that an answer gave: it never gets them.
    Given,
}

impl TwilioClient {
    /// The answer of an address, with its body still on its way.
    ///
    /// A redirect is followed by hand, twice at most, to https alone (or to what the settings list), without credentials once it leads
    /// away from the host's own base address.
    pub(crate) async fn download(
        &self,
        name: &'static str,
        host: Host,
        url: SafeUrl,
        address: Address,
    ) -> Result<Response, Astray> {
        let call = Call::new(name, Idempotency::Idempotent);
        let base = self.base(host);
        let mut url = url;
        let mut trusted = address == Address::Own;
        let mut hops = 0;
        loop {
            let sent = Sent::default();
            let build = |_| {
                sent.now();
                let request = Request::get(url.clone());
                if trusted {
                    self.authorized(request)
                } else {
                    request
                }
            };
            let response = self.http().send(&call, build).await;
            let response = response.map_err(|error| Astray::Call(TwilioError::of(error)))?;
            if trusted {
                self.clock().note(&sent, response.header("date"));
            }
            if response.status() < 300 {
                return Ok(response);
            }
            hops += 1;
            if hops > MAX_HOPS {
                return Err(Astray::Redirect(format!("more than {MAX_HOPS} times")));
            }
            let Some(to) = response.header("location") else {
                return Err(Astray::Redirect(format!(
                    "with status {} and without an address",
                    response.status()
                )));
            };
            let next = url
                .join(to)
                .map_err(|_| Astray::Redirect("to what is no address".to_owned()))?;
            self.may_follow(host, &next)?;
            // Once away from Twilio, no address brings the credentials back.
            trusted = trusted && base.contains(&next);
            url = next;
        }
    }

    /// Whether an address that an answer gave may be asked at all.
    pub(crate) fn may_follow(&self, host: Host, url: &SafeUrl) -> Result<(), Astray> {
        let may = url.scheme() == "https"
            || self.base(host).origin().is_origin_of(url)
            || self
                .media_origins()
                .iter()
                .any(|origin| origin.is_origin_of(url));
        if may {
            Ok(())
        } else {
            Err(Astray::Redirect(format!(
                "to {}://{}, which is not https",
                url.scheme(),
                url.host()
            )))
        }
    }
}
