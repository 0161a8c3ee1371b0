//! A ledger of long ago.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// Writes a ledger as the first release left it, of schema version 1: a complete contact with two recordings, a parked one, one that nobody
/// can read.
pub async fn first_release(path: &Path) {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    for part in [
        include_str!("../../migrations/0001_contacts_cursors_wishes.sql"),
        "PRAGMA application_id = 1364020295; PRAGMA user_version = 1",
        include_str!("first_release.sql"),
    ] {
        sqlx::raw_sql(part).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}
