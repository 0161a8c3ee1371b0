//! The questions about the webhook of an ACD. Nothing is sent: `webhooks test` does that.

use std::net::IpAddr;
use std::time::Duration;

use connector_config::{Acd, AcdSecrets};
use http_retry::SafeUrl;
use http_retry::guard::AddressGuard;
use webhook_delivery::SigningSecret;

use crate::report::{Question, Rows};
use crate::run::within;

const QUESTION: Question = Question::Webhook;

/// Where an ACD's events go, and which addresses that may lead to.
pub(crate) struct Target {
    url: SafeUrl,
    guard: AddressGuard,
}

impl Target {
    pub(crate) fn new(acd: &Acd, loopback: &[std::net::SocketAddr]) -> Option<Self> {
        Some(Self {
            url: acd.event_webhook_url.clone()?,
            guard: acd.webhook.guard(loopback),
        })
    }

    /// What the file and the secrets tell. Whether anything was wrong.
    pub(crate) fn offline(&self, rows: &mut Rows, secrets: &AcdSecrets) -> bool {
        let mut sound = true;
        if let Err(error) = self.guard.check(&self.url) {
            sound = false;
            rows.fail(
                QUESTION,
                error.to_string(),
                "correct event_webhook_url, or list the network under webhook.allow_networks",
            );
        }
        let secrets = secrets.webhook_secrets.iter().map(SigningSecret::parse);
        let Ok(secrets) = secrets.collect::<Result<Vec<_>, _>>() else {
            rows.skip(
                QUESTION,
                "its secrets cannot sign: their row says what is wrong",
            );
            return false;
        };
        if sound {
            let versions: Vec<_> = secrets.iter().map(SigningSecret::version).collect();
            rows.ok(
                QUESTION,
                format!(
                    "events to {} are signed {} times ({})",
                    self.url.host(),
                    versions.len(),
                    versions.join(", ")
                ),
            );
        }
        sound
    }

    /// Where the host's name leads to.
    pub(crate) async fn online(&self, rows: &mut Rows, deadline: Duration) {
        let host = self.url.host().trim_matches(['[', ']']).to_owned();
        if host.parse::<IpAddr>().is_ok() {
            // It was judged already.
            return;
        }
        match within(
            deadline,
            tokio::net::lookup_host((host.as_str(), self.url.port())),
        )
        .await
        {
            Ok(Ok(found)) => {
                let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
                self.judge(rows, &host, &found);
            }
            Ok(Err(error)) => rows.fail(
                QUESTION,
                format!("{host} has no address: {error}"),
                "correct event_webhook_url, or this machine's name servers",
            ),
            Err(late) => rows.fail(QUESTION, late, "check this machine's name servers"),
        }
    }

    fn judge(&self, rows: &mut Rows, host: &str, found: &[IpAddr]) {
        let refused: Vec<_> = found
            .iter()
            .filter_map(|address| self.guard.address(*address).err())
            .collect();
        let remedy = "see that the name is meant; a private network must be listed under webhook.allow_networks";
        match refused.first() {
            None if found.is_empty() => rows.fail(
                QUESTION,
                format!("{host} has no address"),
                "correct event_webhook_url",
            ),
            None => rows.ok(
                QUESTION,
                format!("{host} leads to addresses that may be called"),
            ),
            Some(error) if refused.len() == found.len() => {
                rows.fail(QUESTION, format!("{host}: {error}"), remedy);
            }
            Some(error) => rows.warn(
                QUESTION,
                format!("{host}: {error}; its other addresses are called"),
                remedy,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    fn judged(found: &[&str], networks: &[&str]) -> (Status, String) {
        let guard = networks.iter().fold(AddressGuard::new(), |guard, network| {
            guard.allow_network(network.parse().unwrap())
        });
        let target = Target {
            url: "https://hooks.example.com/secret-path".parse().unwrap(),
            guard,
        };
        let found: Vec<IpAddr> = found
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        let mut rows = Rows::new(None);
        target.judge(&mut rows, "hooks.example.com", &found);
        let row = rows.rows.remove(0);
        assert!(!row.detail.contains("secret-path"));
        (row.status, row.detail)
    }

    #[test]
    fn a_name_that_leads_to_private_addresses_alone_fails_and_says_where() {
        let (status, detail) = judged(&["10.1.2.3"], &[]);
        assert_eq!(status, Status::Fail);
        assert!(
            detail.contains("hooks.example.com: 10.1.2.3 is a private address"),
            "{detail}"
        );
        assert_eq!(judged(&["10.1.2.3"], &["10.0.0.0/8"]).0, Status::Ok);
        assert_eq!(judged(&["10.1.2.3", "9.9.9.9"], &[]).0, Status::Warn);
        assert_eq!(judged(&["9.9.9.9"], &[]).0, Status::Ok);
        assert_eq!(judged(&[], &[]).0, Status::Fail);
    }
}
