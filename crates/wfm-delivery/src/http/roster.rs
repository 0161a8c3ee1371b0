//! Agents and queues as requests.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_retry::{BaseUrl, HttpClient, Idempotency, SafeUrl};
use serde_json::Map;
use wfm_interval::Zone;

use super::{Endpoint, object, url};
use crate::field::RosterField;
use crate::layout::{Layout, Layouts};
use crate::{
    Delivering, DeliveryContract, DeliveryError, HttpAccess, RosterBatch, RosterKind, RosterSink,
};

/// Agents and queues as JSON over HTTP. Redirects are not followed.
#[derive(Debug)]
pub struct RosterHttp {
    endpoint: Endpoint,
    agents: (SafeUrl, Layout<RosterField>),
    queues: (SafeUrl, Layout<RosterField>),
}

impl RosterHttp {
    /// As [`HistoryHttp::new`](crate::HistoryHttp::new). Agents and queues may always come twice.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Contract`] with every fault of the settings.
    pub fn new(
        http: HttpClient,
        base: &BaseUrl,
        access: HttpAccess,
        contract: &DeliveryContract,
        acd_server: u32,
        zone: Zone,
        deadline: Duration,
    ) -> Result<Self, DeliveryError> {
        let layouts = Layouts::new(contract, acd_server, zone)?;
        Ok(Self {
            endpoint: Endpoint {
                http,
                access,
                contract: contract.http.clone(),
                answers: contract.answers.clone(),
                deadline,
                what: "the roster",
                call: "wfm.roster",
                idempotency: Idempotency::Idempotent,
            },
            agents: (url(base, &contract.user_http.path), layouts.user_http),
            queues: (
                url(base, &contract.service_queue_http.path),
                layouts.service_queue_http,
            ),
        })
    }
}

impl RosterSink for RosterHttp {
    fn deliver<'a>(&'a self, batch: &'a RosterBatch, now: DateTime<Utc>) -> Delivering<'a> {
        Box::pin(async move {
            let (url, layout) = match batch.kind() {
                RosterKind::Agents => &self.agents,
                RosterKind::Queues => &self.queues,
            };
            let body = |rows: &[usize], _| {
                let rows = rows.iter().filter_map(|place| batch.row(*place));
                let rows = rows.map(|row| object(layout, layout.cells(row, now)));
                self.endpoint.body(rows.collect(), Map::new())
            };
            self.endpoint
                .deliver(url, batch.len(), &body, &HashMap::new())
                .await
        })
    }
}
