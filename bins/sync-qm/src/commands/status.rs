//! `status`: how things stand.

use anyhow::Result;
use chrono::Utc;
use qm_pipeline::report::{self, AcdNames};
use service_runtime::Exit;

use crate::cli::Global;
use crate::open;

pub(super) async fn status(global: &Global) -> Result<Exit> {
    let config = global.configuration()?;
    let (ledger, holder) = open::ledger(&config)?.beside().await?;
    let names = AcdNames::read(&ledger, &config).await?;
    let report = report::status(&ledger, &names, &config, holder.into(), Utc::now()).await?;
    global.print(&report)?;
    Ok(Exit::Ok)
}
