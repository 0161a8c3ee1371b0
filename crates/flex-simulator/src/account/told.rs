//! What was told of contacts, against what there was to tell.

use std::collections::BTreeMap;

use super::Account;
use crate::calabrio::ReceivedContact;
use crate::webhooks::ReceivedWebhook;
use crate::world::{ExpectedLeg, Outcome};

/// The leg of a connector's test of the receiver.
const NOBODY: &str = "WR00000000000000000000000000000000";

impl Account {
    pub(super) fn told(
        &mut self,
        webhooks: &[ReceivedWebhook],
        received: &[ReceivedContact],
        expected: &[ExpectedLeg],
    ) {
        let mut by_leg: BTreeMap<&str, Vec<&ReceivedWebhook>> = BTreeMap::new();
        for webhook in webhooks {
            if webhook.leg == NOBODY {
                continue;
            }
            by_leg.entry(&webhook.leg).or_default().push(webhook);
            self.webhooks_delivered += u64::from(webhook.is_acknowledged());
        }
        for leg in expected {
            let told = by_leg.remove(leg.leg.as_str()).unwrap_or_default();
            let last = told.iter().rfind(|webhook| webhook.is_acknowledged());
            let wanted = leg.outcome.status();
            let right = last.map(|webhook| webhook.status.as_str()) == wanted;
            self.webhooks_lost += u64::from(wanted.is_some() && !right);
            let again = told
                .windows(2)
                .filter(|two| change(two[0]) == change(two[1]));
            self.webhooks_double_issued += again.count() as u64;
            let wrong = told.iter().filter(|webhook| !is_so(webhook, leg, received));
            self.webhooks_wrong += wrong.count() as u64;
        }
        // Of no leg that there is.
        self.webhooks_wrong += by_leg.values().map(|told| told.len() as u64).sum::<u64>();
    }
}

/// What a webhook tells. A contact that was sent anew is another one of Calabrio's, and is told with the same status.
fn change(webhook: &ReceivedWebhook) -> (&str, Option<&str>, i64) {
    (
        &webhook.status,
        webhook.failure_reason.as_deref(),
        webhook.ccr_id,
    )
}

/// Whether an event tells what is so. A leg that will be delivered may have been set aside before.
fn is_so(webhook: &ReceivedWebhook, leg: &ExpectedLeg, received: &[ReceivedContact]) -> bool {
    let number = u64::try_from(webhook.ccr_id).ok();
    let contact = number.filter(|id| *id > 0).map(|id| {
        received
            .iter()
            .any(|contact| contact.id == id && contact.leg == leg.leg)
    });
    let complete = webhook.status == "COMPLETE";
    webhook.ccr_id >= 0
        && webhook.session == leg.session
        && match leg.outcome.status() {
            None => false,
            Some("FAILED") => !complete && contact != Some(false),
            Some(_) if complete => contact == Some(true),
            Some(_) => contact != Some(false),
        }
}

impl Outcome {
    /// What is told of a leg that ends so: `COMPLETE`, `FAILED`, or nothing.
    pub const fn status(&self) -> Option<&'static str> {
        match self {
            Self::Complete => Some("COMPLETE"),
            Self::Parked(_) => Some("FAILED"),
            Self::Excluded(_) => None,
        }
    }
}
