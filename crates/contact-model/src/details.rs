//! The customer's data of a contact: kept apart, sealed by the ledger, dropped after a while.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known of a contact beyond SIDs and times.
///
/// `Debug` prints none of it. The ledger seals it at rest and drops it after the configured time.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The task's attributes as the connector last saw them, parsed; `None` where they were empty or never seen.
    pub attributes: Option<serde_json::Value>,
    /// The task version that these attributes are of.
    pub attributes_version: Option<u64>,
    /// The agent's name as TaskRouter has it (`friendly_name`).
    pub worker_name: Option<String>,
    /// The agent's full name, from the worker attribute `full_name`.
    pub worker_full_name: Option<String>,
    /// The agent's address as Flex's clients know it, from the worker attribute `contact_uri`.
    pub worker_contact_uri: Option<String>,
    /// The queue's name at the time.
    pub queue_name: Option<String>,
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Details")
            .field("attributes_version", &self.attributes_version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_no_customer_data() {
        let details = Details {
            attributes: Some(serde_json::json!({"from": "+15550100"})),
            attributes_version: Some(3),
            worker_name: Some("ada".into()),
            worker_full_name: Some("Ada Lovelace".into()),
            worker_contact_uri: Some("client:ada".into()),
            queue_name: Some("Claims".into()),
        };
        let printed = format!("{details:?}");
        assert_eq!(printed, "Details { attributes_version: Some(3), .. }");
    }

    #[test]
    fn a_row_of_an_older_version_still_reads() {
        assert_eq!(
            serde_json::from_str::<Details>("{}").unwrap(),
            Details::default()
        );
    }
}
