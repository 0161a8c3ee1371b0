//! Two programs, for tests.

use std::error::Error;
use std::path::Path;

use connector_config::{Config, Product};

use crate::{Advised, Program};

#[derive(Debug, Clone)]
pub(crate) struct Quality;

impl Program for Quality {
    const NAME: &'static str = "sync-qm";
    const PRODUCT: Product = Product::QualityManagement;
    const CONFIG_VARIABLE: &'static str = "COMMAND_LINE_TEST_QUALITY";
    const LOG_EXAMPLE: &'static str = "info,quality=debug";
    const FILL_IN: &'static str = "fill in what is empty";

    fn advice(_: &(dyn Error + 'static)) -> Option<Advised> {
        None
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Workforce;

impl Program for Workforce {
    const NAME: &'static str = "sync-wfm";
    const PRODUCT: Product = Product::WorkforceManagement;
    const CONFIG_VARIABLE: &'static str = "COMMAND_LINE_TEST_WORKFORCE";
    const LOG_EXAMPLE: &'static str = "info,workforce=debug";
    const FILL_IN: &'static str = "fill in what is empty";

    fn advice(_: &(dyn Error + 'static)) -> Option<Advised> {
        None
    }
}

/// The configuration that `init` writes, with the two SIDs that it wants: one ACD, `main`, for quality management alone. Its files lie in `directory`.
pub(crate) fn config(directory: &Path) -> Config {
    let text = connector_config::COMMENTED_FILE
        .replace(
            "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            &format!("AC{:032}", 1),
        )
        .replace(
            "WSxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            &format!("WS{:032}", 1),
        );
    Config::parse(&text, &directory.join("connector.toml")).unwrap()
}
