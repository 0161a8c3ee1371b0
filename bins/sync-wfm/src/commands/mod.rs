//! One function for each command.

mod acd;
mod ask;
mod check;
mod events;
mod history;
mod run;

use anyhow::Result;
use command_line::CommandError;
use connector_config::Config;
use contact_model::AcdKey;
use service_runtime::Exit;

use crate::cli::{Cli, Command, Events, Global, Reports};
use crate::open;

#[cfg(feature = "demo")]
pub(crate) use run::{Working, work};

/// Carries a command out.
pub(crate) async fn carry_out(global: &Global, command: Command) -> Result<Exit> {
    match command {
        Command::Init(init) => command_line::init(global, init),
        Command::Check(check) => Box::pin(check::check(global, &check)).await,
        Command::Run(run) => Box::pin(run::run(global, &run)).await,
        Command::History(asked) => Box::pin(history::history(global, &asked)).await,
        Command::Reports(Reports::Preview(of)) => Box::pin(ask::preview(global, &of)).await,
        Command::Activities(of) => Box::pin(ask::activities(global, &of)).await,
        Command::Queues(of) => ask::roster(global, &of, sync_ledger::SubjectKind::Queue).await,
        Command::Agents(of) => ask::roster(global, &of, sync_ledger::SubjectKind::Agent).await,
        Command::Adherence(asked) => Box::pin(ask::adherence(global, &asked)).await,
        Command::Events(Events::Setup { of, show }) => {
            Box::pin(events::set_up(global, &of, show)).await
        }
        Command::Acd(asked) => acd::acd(global, asked).await,
        Command::Status => ask::status(global).await,
        #[cfg(feature = "demo")]
        Command::Demo(demo) => Box::pin(crate::demo::demo(global, demo)).await,
        Command::Completions(completions) => command_line::completions::<Cli>(completions),
        Command::Man(man) => command_line::man::<Cli>(&man),
    }
}

/// The keys and names of the ACDs that have workforce management: one by name, or all.
pub(crate) fn named(
    config: &Config,
    name: Option<&str>,
) -> Result<Vec<(AcdKey, String)>, CommandError> {
    let acds = open::acds(config, name)?;
    Ok(acds
        .into_iter()
        .map(|acd| (acd.key(), acd.name.clone()))
        .collect())
}
