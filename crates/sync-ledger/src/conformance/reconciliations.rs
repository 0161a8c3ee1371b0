//! The rules of [`ReconciliationStore`](crate::ReconciliationStore).

use chrono::TimeDelta;

use super::fixture::{acd, at};
use crate::{Ledger, LedgerError, Reconciliation, Retention};

super::cases![
    accounts_are_told_newest_first,
    the_last_account_outlives_the_others,
];

fn account(number: u8, second: i64, unexplained: u64) -> Reconciliation {
    Reconciliation {
        acd: acd(number),
        from: at(second - 100),
        to: at(second),
        at: at(second),
        totals: serde_json::json!({ "complete": 12, "parked": { "no-media": 1 } }),
        unexplained,
    }
}

async fn accounts_are_told_newest_first<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    ledger.register(&acd(2), "an acd").await.unwrap();
    assert_eq!(ledger.reconciliations(&acd(1), 9).await.unwrap(), []);
    for run in [account(1, 10, 0), account(2, 20, 5), account(1, 30, 1)] {
        ledger.record_reconciliation(&run).await.unwrap();
    }
    assert_eq!(
        ledger.reconciliations(&acd(1), 9).await.unwrap(),
        [account(1, 30, 1), account(1, 10, 0)]
    );
    assert_eq!(
        ledger.reconciliations(&acd(1), 1).await.unwrap(),
        [account(1, 30, 1)]
    );
    let unknown = ledger.record_reconciliation(&account(3, 10, 0)).await;
    assert!(matches!(unknown, Err(LedgerError::UnknownAcd { .. })));
}

async fn the_last_account_outlives_the_others<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    ledger.register(&acd(2), "an acd").await.unwrap();
    for run in [account(1, 10, 0), account(2, 20, 5), account(1, 30, 1)] {
        ledger.record_reconciliation(&run).await.unwrap();
    }
    let retention = Retention {
        details: TimeDelta::seconds(100),
        rows: TimeDelta::seconds(1000),
    };
    let prune = async |second| ledger.prune(at(second), &retention, 10).await.unwrap();
    assert_eq!(prune(1009).await.reconciliations, 0);
    assert_eq!(prune(9999).await.reconciliations, 1);
    assert_eq!(
        ledger.reconciliations(&acd(1), 9).await.unwrap(),
        [account(1, 30, 1)]
    );
    assert_eq!(ledger.reconciliations(&acd(2), 9).await.unwrap().len(), 1);
}
