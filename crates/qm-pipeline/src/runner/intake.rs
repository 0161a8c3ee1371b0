//! Pushed events, from the listener to the task that processes them.

use std::sync::Arc;

use connector_config::{Config, Product, Secrets};
use event_intake::IntakeError;
use ledger_intake::{Intake, Watcher};
use sync_ledger::{Ledger, PushedEvent};
use tokio::sync::Notify;

use super::Witness;

/// Listens for pushed events, where the configuration asks for it. `pushed` is notified when something came.
pub async fn intake<L: Ledger>(
    config: &Config,
    secrets: &Secrets,
    ledger: L,
    pushed: Arc<Notify>,
    witness: Arc<dyn Witness>,
) -> Result<Option<Intake<L>>, IntakeError> {
    let waker = Waker { pushed, witness };
    Intake::bind(
        config,
        Product::QualityManagement,
        secrets,
        ledger,
        Arc::new(waker),
    )
    .await
}

struct Waker {
    pushed: Arc<Notify>,
    witness: Arc<dyn Witness>,
}

impl Watcher for Waker {
    fn committed(&self, _: Vec<PushedEvent>) {
        self.pushed.notify_one();
    }

    fn count(&self, acd: &str, what: &'static str, count: u64) {
        self.witness.pushed(acd, what, count);
    }
}
