//! One function for each command.

mod acd;
mod agents;
mod backfill;
mod check;
mod contacts;
mod decrypt;
mod events;
mod export;
mod forget;
mod keys;
pub(crate) mod live_contact;
pub(crate) mod reconcile;
mod reseal;
mod run;
mod start;
mod status;
mod webhooks;

use anyhow::Result;
use service_runtime::Exit;

use crate::cli::{Agents, Cli, Command, Contacts, Events, Global, Keys, Recordings};

pub(crate) use run::{Ended, work};
pub(crate) use start::Refused;

/// Carries a command out.
pub(crate) async fn carry_out(global: &Global, command: Command) -> Result<Exit> {
    match command {
        Command::Init(init) => command_line::init(global, init),
        Command::Check(check) if check.live.wanted => {
            Box::pin(live_contact::check(global, &check)).await
        }
        Command::Check(check) => check::check(global, &check).await,
        Command::Run(run) => Box::pin(run::run(global, &run)).await,
        Command::Backfill(backfill) => Box::pin(backfill::backfill(global, &backfill)).await,
        Command::Reconcile(reconcile) => Box::pin(reconcile::reconcile(global, &reconcile)).await,
        Command::Status => status::status(global).await,
        Command::Contacts(Contacts::List(list)) => contacts::list(global, list).await,
        Command::Contacts(Contacts::Show { leg }) => contacts::show(global, leg).await,
        Command::Contacts(Contacts::Retry(retry)) => contacts::retry(global, retry).await,
        Command::Contacts(Contacts::Export(asked)) => export::export(global, asked).await,
        Command::Contacts(Contacts::Forget(asked)) => forget::forget(global, asked).await,
        Command::Agents(Agents::List(of)) => Box::pin(agents::list(global, &of)).await,
        Command::Acd(asked) => acd::acd(global, asked).await,
        Command::Webhooks(of) => webhooks::webhooks(global, of).await,
        Command::Events(Events::Setup { of, show }) => events::set_up(global, &of, show).await,
        Command::Keys(Keys::List(of)) => keys::list(global, &of),
        Command::Keys(Keys::Verify { of, offline }) => keys::verify(global, &of, offline).await,
        Command::Fields(of) => keys::fields(global, &of).await,
        Command::Recordings(Recordings::Decrypt(decrypt)) => {
            decrypt::decrypt(global, decrypt).await
        }
        #[cfg(feature = "demo")]
        Command::Demo(demo) => Box::pin(crate::demo::demo(global, demo)).await,
        Command::Completions(completions) => command_line::completions::<Cli>(completions),
        Command::Man(man) => command_line::man::<Cli>(&man),
    }
}
