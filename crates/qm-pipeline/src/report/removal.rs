//! ACDs that the ledger knows, and removing one with everything that the ledger has of it.

use connector_config::Config;
use contact_model::AcdKey;
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{AcdStore, RemovedAcd};

use super::ReportError;

/// Every ACD that the configuration or the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcdList {
    /// Those of the configuration first.
    pub acds: Vec<AcdLine>,
}

/// An ACD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcdLine {
    /// Its name: that of the configuration, else the last one that the ledger was told.
    pub name: String,
    /// Its identity.
    pub key: AcdKey,
    /// Whether the configuration names it.
    pub configured: bool,
    /// Whether the ledger knows it. Before its first `run` it does not.
    pub in_ledger: bool,
    /// How many of its contacts are not complete, failed or excluded.
    pub unfinished: u64,
}

/// Every ACD that the configuration or the ledger knows.
pub async fn acds<L: AcdStore>(ledger: &L, config: &Config) -> Result<AcdList, ReportError> {
    let rows = ledger.acds().await?;
    let row_of = |key: &AcdKey| rows.iter().find(|row| row.key == *key);
    let mut acds: Vec<AcdLine> = config
        .acds
        .iter()
        .map(|acd| {
            let key = acd.key();
            let row = row_of(&key);
            AcdLine {
                name: acd.name.clone(),
                configured: true,
                in_ledger: row.is_some(),
                unfinished: row.map_or(0, |row| row.unfinished),
                key,
            }
        })
        .collect();
    for row in &rows {
        if acds.iter().all(|line| line.key != row.key) {
            acds.push(AcdLine {
                name: row.name.clone(),
                key: row.key.clone(),
                configured: false,
                in_ledger: true,
                unfinished: row.unfinished,
            });
        }
    }
    Ok(AcdList { acds })
}

impl AcdList {
    /// The one ACD of this name, or with this key as `status` shows it.
    ///
    /// A name that two have is refused: an ACD whose tenant changed leaves one of the same name behind.
    pub fn find(&self, text: &str) -> Result<&AcdLine, ReportError> {
        if let Some(line) = self.acds.iter().find(|line| line.key.to_string() == text) {
            return Ok(line);
        }
        let named: Vec<&AcdLine> = self.acds.iter().filter(|line| line.name == text).collect();
        match named.as_slice() {
            [one] => Ok(one),
            [] => Err(ReportError::UnknownAcd {
                name: text.to_owned(),
                known: match self.acds.as_slice() {
                    [] => "neither the configuration nor the ledger has any".to_owned(),
                    all => {
                        let all: Vec<_> = all.iter().map(|line| line.name.as_str()).collect();
                        format!("there is {}", all.join(", "))
                    }
                },
            }),
            several => {
                let keys: Vec<_> = several.iter().map(|line| line.key.to_string()).collect();
                Err(ReportError::AmbiguousAcd {
                    name: text.to_owned(),
                    keys: keys.join(", "),
                })
            }
        }
    }
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovalReport {
    /// The ACD.
    pub acd: AcdLine,
    /// What went with it.
    pub removed: RemovedAcd,
}

/// Removes an ACD. Nobody may work for it meanwhile: the caller holds the ledger's lock.
pub async fn remove<L: AcdStore>(
    ledger: &L,
    acd: &AcdLine,
    with_unfinished: bool,
) -> Result<RemovalReport, ReportError> {
    let removed = ledger.remove(&acd.key, with_unfinished).await?;
    Ok(RemovalReport {
        acd: acd.clone(),
        removed,
    })
}

impl Report for AcdList {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new(["acd", "identity", "configured", "unfinished contacts"]);
        for line in &self.acds {
            let (configured, mood) = if line.configured {
                ("yes", None)
            } else {
                ("no", Some(Mood::Careful))
            };
            let unfinished = if line.in_ledger {
                line.unfinished.to_string()
            } else {
                "not in the ledger yet".to_owned()
            };
            table.row_with_moods([
                (line.name.clone(), None),
                (line.key.to_string(), None),
                (configured.to_owned(), mood),
                (unfinished, None),
            ]);
        }
        page.table(table);
    }
}

impl Report for RemovalReport {
    fn page(&self, page: &mut Page) {
        let RemovedAcd {
            contacts,
            unfinished,
            messages,
            events,
        } = self.removed;
        page.line(format!(
            "removed {} ({}): {contacts} contacts, of which {unfinished} were not finished; {messages} webhook messages; {events} pushed events",
            self.acd.name, self.acd.key
        ));
        page.mood(
            Mood::Quiet,
            "what is at Twilio and in Calabrio ONE stays there",
        );
        if self.acd.configured {
            page.mood(
                Mood::Careful,
                "the configuration still names this ACD: the next run begins it anew, at discover_from",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use contact_model::ParkReason;
    use sync_ledger::{ContactStore as _, LedgerError};

    use super::super::fixture::{Fixture, discovered, excluded, parked};
    use super::*;

    fn old_key(fixture: &Fixture) -> AcdKey {
        AcdKey {
            tenant: "before.example.com".parse().unwrap(),
            ..fixture.config.acds[0].key()
        }
    }

    #[tokio::test]
    async fn acds_of_the_file_and_of_the_ledger_alone_are_listed() {
        let fixture = Fixture::new(vec![discovered(), excluded()]).await;
        fixture
            .ledger
            .register(&old_key(&fixture), "old")
            .await
            .unwrap();
        let list = acds(&fixture.ledger, &fixture.config).await.unwrap();
        let lines: Vec<_> = list
            .acds
            .iter()
            .map(|line| {
                (
                    line.name.as_str(),
                    line.configured,
                    line.in_ledger,
                    line.unfinished,
                )
            })
            .collect();
        assert_eq!(lines, [("main", true, true, 1), ("old", false, true, 0)]);
    }

    #[tokio::test]
    async fn a_name_that_two_have_is_refused_and_the_key_decides() {
        let fixture = Fixture::new(Vec::new()).await;
        let old = old_key(&fixture);
        fixture.ledger.register(&old, "main").await.unwrap();
        let list = acds(&fixture.ledger, &fixture.config).await.unwrap();
        let error = list.find("main").unwrap_err();
        assert!(matches!(error, ReportError::AmbiguousAcd { .. }), "{error}");
        assert!(error.to_string().contains(&old.to_string()), "{error}");
        assert_eq!(list.find(&old.to_string()).unwrap().key, old);
        let error = list.find("mian").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no ACD named \"mian\": there is main, main"
        );
    }

    #[tokio::test]
    async fn what_is_unfinished_goes_only_if_that_is_asked_for() {
        let fixture = Fixture::new(vec![parked(ParkReason::NoMedia), excluded()]).await;
        let ledger = &fixture.ledger;
        let list = acds(ledger, &fixture.config).await.unwrap();
        let line = list.find("main").unwrap();
        let error = remove(ledger, line, false).await.unwrap_err();
        assert!(
            matches!(
                error,
                ReportError::Ledger(LedgerError::Unfinished { contacts: 1, .. })
            ),
            "{error}"
        );
        let report = remove(ledger, line, true).await.unwrap();
        assert_eq!((report.removed.contacts, report.removed.unfinished), (2, 1));
        assert!(ledger.counts(None).await.unwrap().is_empty());
        let list = acds(ledger, &fixture.config).await.unwrap();
        assert!(!list.find("main").unwrap().in_ledger);
    }
}
