//! Screen recording is told of legs that begin and end while the worker runs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_model::LegId;
use flex_simulator::scenario::{Kind, Push, Scenario, Span};
use flex_simulator::{FaultLevel, HoldAt};
use qm_pipeline::{Step, Until, Witness};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_mins(2);

/// Counts messages that were taken, and those that were dropped.
#[derive(Default)]
struct Told(Mutex<(u64, u64)>);

impl Witness for Told {
    fn after(&self, step: Step, _: Option<LegId>, worked: bool) {
        if step == Step::TellScreen {
            let mut told = self.0.lock().unwrap();
            told.0 += u64::from(worked);
            told.1 += u64::from(!worked);
        }
    }
}

fn live() -> Scenario {
    let mut scenario = Scenario::default();
    scenario.contacts = 5;
    scenario.kinds = [(Kind::ConferenceMono, 1)].into();
    scenario.audio_ms = Span::new(3_000, 4_000);
    scenario.live_contacts = 4;
    scenario.abandoned = 0;
    scenario.rte_messaging = true;
    scenario.webhooks = false;
    let mut push = Push::default();
    push.callback = true;
    scenario.push = Some(push);
    scenario
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_leg_is_told_to_begin_and_to_end_in_that_order_and_every_message_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (simulator, config) =
        common::simulator(live(), 5, FaultLevel::None, directory.path()).await;
    let mut slow = simulator.hold(HoldAt::Answer, 0, |request| {
        request.contains("/recordingcontrols/screen")
    });
    let told = Arc::new(Told::default());
    let (worker, ledger) = common::whole_worker(&config, Arc::clone(&told) as _).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone(), Until::Stopped));
    let ended = async {
        while !common::is_settled(&simulator, &ledger).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // The first message is not answered until every contact is delivered: contacts never wait for it. It is sent again.
    tokio::time::timeout(DEADLINE, slow.reached())
        .await
        .unwrap();
    tokio::time::timeout(DEADLINE, ended).await.unwrap();
    slow.release();
    // Any that are under way.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.cancel();
    running.await.unwrap().unwrap();

    let mut by_leg: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in simulator.screen_messages() {
        by_leg.entry(message.leg).or_default().push(message.verb);
    }
    let (mut whole, mut sum) = (0, 0);
    for (leg, verbs) in &by_leg {
        let mut of_leg: Vec<_> = verbs.iter().map(String::as_str).collect();
        of_leg.dedup();
        sum += of_leg.len() as u64;
        match of_leg[..] {
            ["start", "stop"] => whole += 1,
            // It was going on before: that it began is no news.
            ["stop"] => {}
            _ => panic!("{leg}: {verbs:?}"),
        }
    }
    assert!(whole >= 1, "{by_leg:#?}");
    let (taken, dropped) = *told.0.lock().unwrap();
    assert_eq!((taken, dropped), (sum, 0));
    simulator.stop().await;
}
