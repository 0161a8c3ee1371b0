//! `webhooks`: list, show, replay, test, enable.

use anyhow::{Context as _, Result};
use chrono::Utc;
use connector_config::{Acd, Config};
use qm_pipeline::report::AcdNames;
use qm_pipeline::report::webhooks::{self as report, MessageQuery, Replay};
use service_runtime::Exit;
use sync_ledger::OutboxStore as _;

use crate::cli::{Global, OfAcd, WebhookList, WebhookReplay, Webhooks};
use crate::open;
use command_line::Told;

pub(super) async fn webhooks(global: &Global, asked: Webhooks) -> Result<Exit> {
    match asked {
        Webhooks::List(asked) => list(global, asked).await,
        Webhooks::Show { id } => {
            let config = global.configuration()?;
            let (ledger, _) = open::ledger(&config)?.beside().await?;
            let names = AcdNames::read(&ledger, &config).await?;
            global.print(&report::message(&ledger, &names, &id).await?)?;
            Ok(Exit::Ok)
        }
        Webhooks::Replay(asked) => replay(global, asked).await,
        Webhooks::Test(of) => test(global, &of).await,
        Webhooks::Enable(of) => enable(global, &of).await,
    }
}

async fn list(global: &Global, asked: WebhookList) -> Result<Exit> {
    let config = global.configuration()?;
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    let names = AcdNames::read(&ledger, &config).await?;
    let query = MessageQuery {
        acd: asked.of.acd,
        states: asked.state,
        leg: asked.leg,
        from: asked.from,
        to: asked.to,
        limit: asked.limit,
    };
    global.print(&report::messages(&ledger, &names, &query).await?)?;
    Ok(Exit::Ok)
}

/// A message is due by a row of the ledger: whoever delivers, in this process or another, finds it there.
async fn replay(global: &Global, asked: WebhookReplay) -> Result<Exit> {
    let which = match (asked.id, asked.from, asked.to) {
        (Some(id), _, _) => Replay::Message { id },
        (None, Some(from), Some(to)) if from < to => Replay::Range {
            from,
            to,
            delivered: asked.delivered,
        },
        _ => {
            return Err(Told::usage(
                "the range to replay ends before it begins",
                "give a beginning that lies before the end",
            )
            .into());
        }
    };
    let config = global.configuration()?;
    let (ledger, holder) = open::ledger(&config)?.beside().await?;
    let acds: Vec<_> = with_webhook(&config, &asked.of)?
        .into_iter()
        .map(Acd::key)
        .collect();
    if let Replay::Message { id } = &which
        && let Some(message) = ledger.message(id).await?
        && !acds.contains(&message.row.acd)
    {
        let names = AcdNames::read(&ledger, &config).await?;
        let acd = names.name(&message.row.acd);
        return Err(Told::usage(
            format!("message {id} is of {acd}, which has no event_webhook_url or is not the ACD that is asked for"),
            "set event_webhook_url and webhook.secrets in the configuration, or leave --acd out",
        )
        .into());
    }
    let running = holder.is_some();
    let done = report::replay(&ledger, &acds, &which, running, Utc::now()).await?;
    global.print(&done)?;
    Ok(Exit::Ok)
}

async fn enable(global: &Global, of: &OfAcd) -> Result<Exit> {
    let config = global.configuration()?;
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    for acd in with_webhook(&config, of)? {
        let done = report::enable(&ledger, &acd.key(), Utc::now()).await?;
        global.print(&done)?;
    }
    Ok(Exit::Ok)
}

async fn test(global: &Global, of: &OfAcd) -> Result<Exit> {
    let config = global.configuration()?;
    let secrets = open::secrets(&config)?;
    let mut taken = true;
    for acd in with_webhook(&config, of)? {
        let own = secrets
            .acd(&acd.name)
            .context("the secrets of this ACD were not fetched")?;
        let Some(endpoint) = qm_pipeline::webhook(&config, acd, own)? else {
            continue;
        };
        let tenant = acd.calabrio.tenant_id.unwrap_or_default();
        let mut random = [0; 20];
        aws_lc_rs::rand::fill(&mut random)
            .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
        let extra_ca = open::extra_ca(&config)?;
        let sent = report::test(&acd.name, tenant, endpoint, extra_ca, random, Utc::now());
        let sent = sent.await.map_err(qm_pipeline::PipelineError::from)?;
        taken &= sent.taken;
        global.print(&sent)?;
    }
    Ok(command_line::exit_if(taken, Exit::CheckFailed))
}

/// The ACDs that have a webhook, of those that are asked for.
fn with_webhook<'a>(config: &'a Config, of: &OfAcd) -> Result<Vec<&'a Acd>> {
    AcdNames::configured(config).find_some(of.acd.as_deref())?;
    let asked = config
        .acds
        .iter()
        .filter(|acd| of.acd.as_ref().is_none_or(|name| *name == acd.name));
    let found: Vec<_> = asked
        .filter(|acd| acd.event_webhook_url.is_some())
        .collect();
    if found.is_empty() {
        return Err(Told::usage(
            "no ACD that is asked for has an event_webhook_url",
            "set event_webhook_url and webhook.secrets in the configuration, or name another ACD",
        )
        .into());
    }
    Ok(found)
}
