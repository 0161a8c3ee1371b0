//! Whether an endpoint answers, without telling it anything.

use std::time::Duration;

use http_retry::{BaseUrl, Call, HttpClient, Idempotency, Request, RetryPolicy, RetrySettings};

use super::url;
use crate::{DeliveryContract, DeliveryError, HttpAccess, NoSession};

const WHAT: &str = "a test request";

/// What an endpoint answered to a question that delivers nothing.
#[derive(Debug)]
pub struct Probed {
    /// The setting of the path: `agent_http.path`.
    pub setting: &'static str,
    /// The path below the base URL.
    pub path: String,
    /// The status, whatever it is, or why there is none.
    pub status: Result<u16, DeliveryError>,
}

/// Asks each path of the contract with GET, which changes nothing, and with the credentials of a delivery; each within `deadline`.
///
/// What the statuses mean is the caller's to judge: 401 and 403 speak of the credentials, 404 of the path or of the method, 405 says that
/// somebody is there who takes deliveries alone. What cannot be reached ends it: all paths are on one host. Where no session can be opened, that is the one answer, about `http.access`.
pub async fn probe(
    http: &HttpClient,
    base: &BaseUrl,
    access: &HttpAccess,
    contract: &DeliveryContract,
    deadline: Duration,
) -> Vec<Probed> {
    let mut probed = Vec::new();
    let session = match access.session(None).await {
        Ok(session) => session,
        Err(NoSession { source, .. }) => {
            let (setting, path) = ("http.access", String::new());
            let status = Err(DeliveryError::NoSession { what: WHAT, source });
            probed.push(Probed {
                setting,
                path,
                status,
            });
            return probed;
        }
    };
    for (setting, path) in [
        ("user_http.path", &contract.user_http.path),
        ("service_queue_http.path", &contract.service_queue_http.path),
        ("agent_http.path", &contract.agent_http.path),
        ("queue_http.path", &contract.queue_http.path),
        ("state_http.path", &contract.state_http.path),
    ] {
        let mut call = Call::new("wfm.probe", Idempotency::Idempotent).accept_all();
        // Whoever asks whether it works wants to hear soon that it does not.
        let soon = RetrySettings {
            attempts: 2,
            ..RetrySettings::default()
        };
        if let Ok(policy) = RetryPolicy::new(soon) {
            call = call.policy(policy);
        }
        let url = url(base, path);
        let asking = http.send(&call, |_| {
            access.put(Request::get(url.clone()), session.as_ref())
        });
        let status = match tokio::time::timeout(deadline, asking).await {
            Ok(Ok(response)) => Ok(response.status()),
            Ok(Err(source)) => Err(DeliveryError::Call { what: WHAT, source }),
            Err(_) => Err(DeliveryError::Deadline {
                what: WHAT,
                seconds: deadline.as_secs(),
            }),
        };
        let reached = status.is_ok();
        probed.push(Probed {
            setting,
            path: path.clone(),
            status,
        });
        if !reached {
            break;
        }
    }
    probed
}
