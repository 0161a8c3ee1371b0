//! The table of agents and queues.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::SqliteLedger;
use super::rows::{stored_bytes, time_of};
use crate::seal::Bound;
use crate::{
    LedgerError, Result, RosterChange, RosterStore, SeenSubject, StoredBytes, Subject, SubjectKind,
    SubjectNames, SubjectSid, ToldFile, ToldSubject,
};

const WHAT: &str = "an agent or a queue";

/// How many former names are kept.
const FORMER: usize = 8;

/// Names, as they are sealed.
#[derive(Default, Serialize, Deserialize)]
struct Names {
    now: Option<SubjectNames>,
    former: Vec<SubjectNames>,
}

const COLUMNS: &str = "SELECT sid, names, names_seal, active, version, first_seen, last_seen, gone, told, refused FROM subject \
     WHERE acd = ? AND kind = ? ORDER BY sid";

impl RosterStore for SqliteLedger {
    async fn see_roster(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
        seen: &[SeenSubject],
        now: DateTime<Utc>,
    ) -> Result<RosterChange> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let id = self.acd_id(&mut tx, acd).await?;
        let rows = sqlx::query(COLUMNS)
            .bind(id)
            .bind(kind_number(kind))
            .fetch_all(&mut *tx)
            .await
            .map_err(fault)?;
        let mut known = BTreeMap::new();
        for row in &rows {
            let subject = self.read_subject(acd, kind, row)?;
            known.insert(subject.sid, subject);
        }
        let at = now.timestamp_millis();
        let mut change = RosterChange::default();
        let mut listed: BTreeMap<SubjectSid, &SubjectNames> = BTreeMap::new();
        for one in seen.iter().filter(|one| one.sid.kind() == kind) {
            listed.insert(one.sid, &one.names);
        }
        for (sid, names) in &listed {
            let (version, former) = match known.get(sid) {
                None => {
                    change.new += 1;
                    (1, Vec::new())
                }
                Some(before) if before.names.as_ref() == Some(*names) && before.active => {
                    change.unchanged += 1;
                    continue;
                }
                Some(before) => {
                    let renamed = before.names.as_ref() != Some(*names);
                    change.renamed += u64::from(renamed);
                    change.back += u64::from(!before.active);
                    let old = before.names.iter().filter(|_| renamed).cloned();
                    let mut former: Vec<_> = old.chain(before.former.iter().cloned()).collect();
                    former.retain(|one| one != *names);
                    former.truncate(FORMER);
                    (before.version + 1, former)
                }
            };
            let all = Names {
                now: Some((*names).clone()),
                former,
            };
            let all = serde_json::to_vec(&all).map_err(|_| unreadable("they cannot be written"))?;
            let sealed = self
                .inner
                .sealing
                .seal_bytes(Bound::Subject(acd, sid.as_str()), &all)?;
            sqlx::query(
                "INSERT INTO subject (acd, kind, sid, names, names_seal, active, version, first_seen, last_seen) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?7) ON CONFLICT (acd, kind, sid) DO UPDATE SET \
                 names = ?4, names_seal = ?5, active = 1, version = ?6, gone = NULL, refused = NULL",
            )
            .bind(id)
            .bind(kind_number(kind))
            .bind(sid.as_str())
            .bind(sealed.bytes)
            .bind(sealed.marker)
            .bind(version)
            .bind(at)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        }
        for gone in known.values() {
            if !gone.active || listed.contains_key(&gone.sid) {
                continue;
            }
            change.gone += 1;
            sqlx::query(
                "UPDATE subject SET active = 0, version = version + 1, gone = ?, refused = NULL WHERE acd = ? AND kind = ? AND sid = ?",
            )
            .bind(at)
            .bind(id)
            .bind(kind_number(kind))
            .bind(gone.sid.as_str())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        }
        sqlx::query("UPDATE subject SET last_seen = ? WHERE acd = ? AND kind = ? AND active = 1")
            .bind(at)
            .bind(id)
            .bind(kind_number(kind))
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        self.commit(tx).await?;
        Ok(change)
    }

    async fn roster(&self, acd: &AcdKey, kind: SubjectKind) -> Result<Vec<Subject>> {
        let Some(id) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query(COLUMNS)
            .bind(id)
            .bind(kind_number(kind))
            .fetch_all(&self.inner.reader)
            .await
            .map_err(|error| self.fault(error))?;
        rows.iter()
            .map(|row| self.read_subject(acd, kind, row))
            .collect()
    }

    async fn told_roster(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
        told: &[ToldSubject],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let id = self.acd_id(&mut tx, acd).await?;
        for one in told {
            let statement = match &one.refused {
                None => sqlx::query(
                    "UPDATE subject SET told = ?4, refused = CASE WHEN version = ?4 THEN NULL ELSE refused END, \
                     told_before = CASE WHEN ?5 IS NULL THEN NULL WHEN file IS NULL THEN told ELSE told_before END, \
                     file = ?5, filed_at = CASE WHEN ?5 IS NULL THEN NULL ELSE ?6 END WHERE acd = ?1 AND kind = ?2 AND sid = ?3 AND COALESCE(told, 0) < ?4 AND version >= ?4",
                ),
                // What changed meanwhile is told anew.
                Some(_) => sqlx::query(
                    "UPDATE subject SET refused = ?5 WHERE acd = ?1 AND kind = ?2 AND sid = ?3 AND version = ?4",
                ),
            };
            let statement = statement
                .bind(id)
                .bind(kind_number(kind))
                .bind(one.sid.as_str())
                .bind(one.version);
            let statement = match &one.refused {
                None => statement
                    .bind(one.file.as_deref())
                    .bind(now.timestamp_millis()),
                Some(reason) => statement.bind(reason.as_str()),
            };
            statement
                .execute(&mut *tx)
                .await
                .map_err(|error| self.fault(error))?;
        }
        self.commit(tx).await
    }

    async fn told_files(&self, acd: &AcdKey, kind: SubjectKind) -> Result<Vec<ToldFile>> {
        let Some(id) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT DISTINCT file, filed_at FROM subject WHERE acd = ? AND kind = ? AND file IS NOT NULL ORDER BY filed_at, file",
        )
        .bind(id)
        .bind(kind_number(kind))
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        rows.into_iter()
            .map(|(name, at)| {
                let at = time_of(WHAT, at)?;
                Ok(ToldFile { name, at })
            })
            .collect()
    }

    async fn close_told_file(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
        file: &ToldFile,
        refused: Option<&str>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let id = self.acd_id(&mut tx, acd).await?;
        sqlx::query(
            "UPDATE subject SET told = CASE WHEN ?5 IS NULL THEN told ELSE told_before END, \
             refused = CASE WHEN ?5 IS NOT NULL AND version = told THEN ?5 ELSE refused END, \
             file = NULL, filed_at = NULL, told_before = NULL \
             WHERE acd = ?1 AND kind = ?2 AND file = ?3 AND filed_at = ?4",
        )
        .bind(id)
        .bind(kind_number(kind))
        .bind(&file.name)
        .bind(file.at.timestamp_millis())
        .bind(refused)
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.commit(tx).await
    }
}

impl SqliteLedger {
    fn read_subject(&self, acd: &AcdKey, kind: SubjectKind, row: &SqliteRow) -> Result<Subject> {
        let fault = |error| self.fault(error);
        let text: String = row.try_get("sid").map_err(fault)?;
        let bad = || unreadable("its SID is none");
        let sid = match kind {
            SubjectKind::Agent => SubjectSid::Agent(text.parse().map_err(|_| bad())?),
            SubjectKind::Queue => SubjectSid::Queue(text.parse().map_err(|_| bad())?),
        };
        let names: Option<Vec<u8>> = row.try_get("names").map_err(fault)?;
        let seal: Option<String> = row.try_get("names_seal").map_err(fault)?;
        let bound = Bound::Subject(acd, sid.as_str());
        // Whoever's names cannot be read is still known by SID, and its names come again with the next list.
        let names = match stored_bytes(
            &self.inner.sealing,
            bound,
            names.as_deref(),
            seal.as_deref(),
        ) {
            StoredBytes::Present(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            _ => Names::default(),
        };
        Ok(Subject {
            sid,
            names: names.now,
            former: names.former,
            active: row.try_get("active").map_err(fault)?,
            version: row.try_get("version").map_err(fault)?,
            first_seen: time_of(WHAT, row.try_get("first_seen").map_err(fault)?)?,
            last_seen: time_of(WHAT, row.try_get("last_seen").map_err(fault)?)?,
            gone: row
                .try_get::<Option<i64>, _>("gone")
                .map_err(fault)?
                .map(|gone| time_of(WHAT, gone))
                .transpose()?,
            told: row.try_get("told").map_err(fault)?,
            refused: row.try_get("refused").map_err(fault)?,
        })
    }
}

fn kind_number(kind: SubjectKind) -> i64 {
    match kind {
        SubjectKind::Agent => 1,
        SubjectKind::Queue => 2,
    }
}

fn unreadable(fault: &str) -> LedgerError {
    LedgerError::Unreadable {
        what: WHAT.to_owned(),
        fault: fault.to_owned(),
    }
}
