//! The names of ACDs. The ledger knows them by account, workspace and tenant; people by the name in the configuration.

use connector_config::Config;
use contact_model::AcdKey;
use sync_ledger::AcdStore;

use super::ReportError;

/// Every ACD that the ledger or the configuration knows, with its name. The configuration's names come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcdNames(Vec<Named>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    key: AcdKey,
    name: String,
    configured: bool,
}

impl AcdNames {
    /// Reads them. Where both know an ACD, its name is the configuration's.
    pub async fn read<L: AcdStore>(ledger: &L, config: &Config) -> Result<Self, ReportError> {
        let mut names = Self::configured(config);
        for row in ledger.acds().await? {
            if names.0.iter().all(|named| named.key != row.key) {
                names.0.push(Named {
                    key: row.key,
                    name: row.name,
                    configured: false,
                });
            }
        }
        Ok(names)
    }

    /// Those of the configuration alone.
    pub fn configured(config: &Config) -> Self {
        let named = |acd: &connector_config::Acd| Named {
            key: acd.key(),
            name: acd.name.clone(),
            configured: true,
        };
        Self(config.acds.iter().map(named).collect())
    }

    /// The name of an ACD; its key as text where none is known.
    pub fn name(&self, key: &AcdKey) -> String {
        let named = self.0.iter().find(|named| named.key == *key);
        named.map_or_else(|| key.to_string(), |named| named.name.clone())
    }

    /// The ACD of that name, compared exactly.
    pub fn find(&self, name: &str) -> Result<&AcdKey, ReportError> {
        let named = self.0.iter().find(|named| named.name == name);
        named
            .map(|named| &named.key)
            .ok_or_else(|| ReportError::UnknownAcd {
                name: name.to_owned(),
                known: match self.0.as_slice() {
                    [] => "the configuration has none".to_owned(),
                    all => {
                        let all: Vec<_> = all.iter().map(|acd| acd.name.as_str()).collect();
                        format!("there is {}", all.join(", "))
                    }
                },
            })
    }

    /// The ACD of that name, where one is asked for.
    pub fn find_some(&self, name: Option<&str>) -> Result<Option<AcdKey>, ReportError> {
        name.map(|name| self.find(name).cloned()).transpose()
    }

    /// Whether the configuration names this ACD.
    pub fn is_configured(&self, key: &AcdKey) -> bool {
        self.0
            .iter()
            .any(|named| named.key == *key && named.configured)
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &AcdKey> {
        self.0.iter().map(|named| &named.key)
    }
}
