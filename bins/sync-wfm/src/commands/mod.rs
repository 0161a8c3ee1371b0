//! One function for each command.

mod ask;
mod check;
mod history;
mod paper;
mod run;

use anyhow::Result;
use service_runtime::Exit;

use crate::cli::{Command, Global, Reports};

#[cfg(feature = "demo")]
pub(crate) use run::{Working, work};

/// Carries a command out.
pub(crate) async fn carry_out(global: &Global, command: Command) -> Result<Exit> {
    match command {
        Command::Init(init) => paper::init(global, &init),
        Command::Check(check) => Box::pin(check::check(global, &check)).await,
        Command::Run(run) => Box::pin(run::run(global, &run)).await,
        Command::History(asked) => Box::pin(history::history(global, &asked)).await,
        Command::Reports(Reports::Preview(of)) => Box::pin(ask::preview(global, &of)).await,
        Command::Activities(of) => Box::pin(ask::activities(global, &of)).await,
        Command::Queues(of) => ask::roster(global, &of, sync_ledger::SubjectKind::Queue).await,
        Command::Agents(of) => ask::roster(global, &of, sync_ledger::SubjectKind::Agent).await,
        Command::Adherence(asked) => Box::pin(ask::adherence(global, &asked)).await,
        Command::Status => ask::status(global).await,
        #[cfg(feature = "demo")]
        Command::Demo(demo) => Box::pin(crate::demo::demo(global, demo)).await,
        Command::Completions(completions) => paper::completions(&completions),
        Command::Man(man) => paper::man(&man),
    }
}
