//! ACDs: those of the configuration that a command is for, and those that the ledger knows.

use connector_config::{Acd, Config, Product};
use contact_model::AcdKey;
use serde::Serialize;
use service_runtime::{Mood, Table};
use sync_ledger::AcdStore;

use crate::CommandError;

/// The ACDs of the configuration that have a product: the one of that name, or all.
///
/// # Errors
///
/// [`CommandError::Unknown`], [`CommandError::WithoutProduct`].
pub fn configured<'a>(
    config: &'a Config,
    product: Product,
    name: Option<&str>,
) -> Result<Vec<&'a Acd>, CommandError> {
    let Some(name) = name else {
        return Ok(config.acds_with(product).collect());
    };
    let acd = config.acd(name).ok_or_else(|| CommandError::Unknown {
        name: name.to_owned(),
        known: known(
            config.acds.iter().map(|acd| acd.name.as_str()),
            "the configuration has none",
        ),
    })?;
    if acd.products.has(product) {
        return Ok(vec![acd]);
    }
    Err(CommandError::WithoutProduct {
        name: name.to_owned(),
        product: match product {
            Product::QualityManagement => "quality_management",
            Product::WorkforceManagement => "workforce_management",
        },
    })
}

fn known<'a>(names: impl Iterator<Item = &'a str>, none: &str) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        none.to_owned()
    } else {
        format!("there is {}", names.join(", "))
    }
}

/// An ACD that the configuration or a ledger knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownAcd {
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

/// Every ACD that the configuration or a ledger knows, those of the configuration first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownAcds {
    /// Each of them.
    pub acds: Vec<KnownAcd>,
}

impl KnownAcds {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`CommandError::Ledger`].
    pub async fn read<'a, L: AcdStore>(
        ledger: &L,
        configured: impl IntoIterator<Item = &'a Acd>,
    ) -> Result<Self, CommandError> {
        let rows = ledger.acds().await?;
        let row_of = |key: &AcdKey| rows.iter().find(|row| row.key == *key);
        let configured = configured.into_iter().map(|acd| {
            let key = acd.key();
            let row = row_of(&key);
            KnownAcd {
                name: acd.name.clone(),
                configured: true,
                in_ledger: row.is_some(),
                unfinished: row.map_or(0, |row| row.unfinished),
                key,
            }
        });
        let mut acds: Vec<KnownAcd> = configured.collect();
        for row in &rows {
            if acds.iter().all(|acd| acd.key != row.key) {
                acds.push(KnownAcd {
                    name: row.name.clone(),
                    key: row.key.clone(),
                    configured: false,
                    in_ledger: true,
                    unfinished: row.unfinished,
                });
            }
        }
        Ok(Self { acds })
    }

    /// The one ACD of this name, or with this key as `status` shows it.
    ///
    /// # Errors
    ///
    /// [`CommandError::Unknown`]; [`CommandError::Ambiguous`] where two have the name: an ACD whose tenant changed leaves one of the same name behind.
    pub fn find(&self, text: &str) -> Result<&KnownAcd, CommandError> {
        if let Some(acd) = self.acds.iter().find(|acd| acd.key.to_string() == text) {
            return Ok(acd);
        }
        let named: Vec<_> = self.acds.iter().filter(|acd| acd.name == text).collect();
        match named.as_slice() {
            [one] => Ok(one),
            [] => Err(CommandError::Unknown {
                name: text.to_owned(),
                known: known(
                    self.acds.iter().map(|acd| acd.name.as_str()),
                    "neither the configuration nor the ledger has any",
                ),
            }),
            several => {
                let keys: Vec<_> = several.iter().map(|acd| acd.key.to_string()).collect();
                Err(CommandError::Ambiguous {
                    name: text.to_owned(),
                    keys: keys.join(", "),
                })
            }
        }
    }

    /// A table of them, with further columns: `cells` gives what stands in these for an ACD that the ledger knows.
    pub fn table<const N: usize>(
        &self,
        columns: [&str; N],
        cells: impl Fn(&KnownAcd) -> [String; N],
    ) -> Table {
        let header = ["acd", "identity", "configured"];
        let mut table = Table::new(header.into_iter().chain(columns));
        for acd in &self.acds {
            let (configured, mood) = if acd.configured {
                ("yes", None)
            } else {
                ("no", Some(Mood::Careful))
            };
            let common = [
                (acd.name.clone(), None),
                (acd.key.to_string(), None),
                (configured.to_owned(), mood),
            ];
            let own = if acd.in_ledger {
                cells(acd)
            } else {
                std::array::from_fn(|place| match place {
                    0 => "not in the ledger yet".to_owned(),
                    _ => String::new(),
                })
            };
            let own = own.into_iter().map(|cell| (cell, None));
            table.row_with_moods(common.into_iter().chain(own));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use service_runtime::{Output, Page, Report, Terminal, print_report};
    use sync_ledger::SqliteLedger;

    use super::*;
    use crate::LedgerFile;
    use crate::testing::config;

    async fn ledger(config: &Config) -> SqliteLedger {
        let file = LedgerFile::of(config, Product::QualityManagement).unwrap();
        file.as_worker().await.unwrap()
    }

    fn old_key(config: &Config) -> AcdKey {
        AcdKey {
            tenant: "before.example.com".parse().unwrap(),
            ..config.acds[0].key()
        }
    }

    #[test]
    fn a_name_that_none_has_and_a_product_that_is_off_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let quality = Product::QualityManagement;
        assert_eq!(configured(&config, quality, None).unwrap().len(), 1);
        let named = configured(&config, quality, Some("main")).unwrap();
        assert_eq!(named[0].name, "main");
        let error = configured(&config, quality, Some("mian")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no ACD named \"mian\": there is main"
        );
        let error = configured(&config, Product::WorkforceManagement, Some("main")).unwrap_err();
        assert!(
            matches!(error, CommandError::WithoutProduct { .. }),
            "{error}"
        );
        let none = configured(&config, Product::WorkforceManagement, None).unwrap();
        assert!(none.is_empty());
    }

    #[tokio::test]
    async fn acds_of_the_file_and_of_the_ledger_alone_are_listed() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let ledger = ledger(&config).await;
        ledger.register(&old_key(&config), "old").await.unwrap();
        let known = KnownAcds::read(&ledger, &config.acds).await.unwrap();
        let lines: Vec<_> = known
            .acds
            .iter()
            .map(|acd| (acd.name.as_str(), acd.configured, acd.in_ledger))
            .collect();
        assert_eq!(lines, [("main", true, false), ("old", false, true)]);
        let text = shown(known);
        assert!(text.contains("not in the ledger yet"), "{text}");
        assert!(text.contains('7') && text.contains("queues"), "{text}");
    }

    fn shown(known: KnownAcds) -> String {
        #[derive(Serialize)]
        struct Shown(KnownAcds);
        impl Report for Shown {
            fn page(&self, page: &mut Page) {
                page.table(
                    self.0
                        .table(["agents", "queues"], |_| ["7".into(), "3".into()]),
                );
            }
        }
        let mut out = Vec::new();
        print_report(&Shown(known), Output::Table, Terminal::NONE, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn a_name_that_two_have_is_refused_and_the_key_decides() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let ledger = ledger(&config).await;
        let old = old_key(&config);
        ledger.register(&old, "main").await.unwrap();
        let known = KnownAcds::read(&ledger, &config.acds).await.unwrap();
        let error = known.find("main").unwrap_err();
        assert!(matches!(error, CommandError::Ambiguous { .. }), "{error}");
        assert!(error.to_string().contains(&old.to_string()), "{error}");
        assert_eq!(known.find(&old.to_string()).unwrap().key, old);
        let error = known.find("mian").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no ACD named \"mian\": there is main, main"
        );
    }

    #[tokio::test]
    async fn what_the_ledger_says_against_it_is_handed_through() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let ledger = ledger(&config).await;
        ledger.close().await;
        let error = KnownAcds::read(&ledger, &config.acds).await.unwrap_err();
        assert!(matches!(error, CommandError::Ledger(_)), "{error}");
    }
}
