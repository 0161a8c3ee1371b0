//! What leaves the process beside contacts: webhooks, deletions at the source, people, and pushed events on their way from the inbox.

use flex_simulator::scenario::{Push, UnknownAgent};
use sync_ledger::{
    DeletionFilter, DeletionRow, DeletionState, DeletionStore as _, Inbox as _, OutboxStore as _,
    SqliteLedger, TenantFacts as _,
};

use super::*;

/// The assumptions without which nothing is deleted.
const READ_BACK: [u32; 4] = [315, 318, 320, 402];

const WEBHOOK: &str = "POST hooks.example/";
const NEW_PERSON: &str = "POST calabrio.example/api/rest/org/common/person?";
const PERSON_STATUS: &str = "PUT calabrio.example/api/rest/org/common/person/";

impl Place {
    /// What must be there before the first worker starts.
    pub(super) async fn prepare(&self) {
        if self.scenario().unknown_agent == UnknownAgent::Create {
            self.insert("acd.people", "deactivate = true");
        }
        if !self.scenario().delete_source {
            return;
        }
        // What a synthetic contact would have shown.
        let acd = Config::load(&self.config).unwrap().acds[0].clone();
        let (_, ledger) = common::worker(&self.config, Arc::new(Nobody)).await;
        ledger.register(&acd.key(), &acd.name).await.unwrap();
        for assumption in READ_BACK {
            let (key, now) = (acd.key(), Utc::now());
            ledger.confirm(&key, assumption, true, now).await.unwrap();
        }
        ledger.close().await;
    }

    fn scenario(&self) -> &Scenario {
        self.simulator.world().scenario()
    }

    /// Whether everything was told, every pushed event was taken and processed, every recording that may go is deleted, and everybody who
    /// must be is made or deactivated.
    pub(super) async fn effects_are_settled(&self, ledger: &SqliteLedger) -> bool {
        let told = ledger.outbox_counts(None).await.unwrap();
        let pushed = self.simulator.pushed();
        told.iter().all(|count| count.pending == 0)
            && self.simulator.account().webhooks_lost == 0
            && pushed.accepted >= pushed.events
            && ledger.inbox_backlog().await.unwrap().is_empty()
            && (!self.scenario().delete_source || are_settled(&deletions(ledger).await))
            && (self.scenario().unknown_agent != UnknownAgent::Create
                || self.people_are_settled(ledger).await)
    }

    /// Whether the one whose worker is gone is deactivated, and no contact waits for a person: to be parked for that is not the end.
    async fn people_are_settled(&self, ledger: &SqliteLedger) -> bool {
        let people = self.simulator.people();
        let former = people.iter().find(|person| person["lastName"] == "Former");
        let contacts = common::contacts(ledger).await;
        !former.unwrap()["deactivated"].is_null()
            && common::disagreements(&self.simulator, &contacts).is_empty()
    }

    /// Adds what the world beside the contacts has come to, without what differs from run to run.
    pub(super) async fn add_effects(&self, ledger: &SqliteLedger, ended: &mut Ended) {
        // Each change of a status comes under one id: under a second one it is told twice.
        for told in self.simulator.webhooks() {
            assert!(told.is_acknowledged(), "{told:?}");
            let what = json!({"status": told.status, "failure": told.failure_reason});
            ended.entry(told.leg).or_default().push(what);
        }

        let deleted = self.simulator.world().deleted_recordings();
        let rows = deletions(ledger).await;
        let recorded = rows
            .iter()
            .filter(|row| row.state == DeletionState::Deleted)
            .map(|row| row.recording.to_string());
        assert_eq!(
            deleted.iter().cloned().collect::<BTreeSet<_>>(),
            recorded.collect(),
            "what is deleted is recorded"
        );
        let deleted = deleted.into_iter().map(Value::from).collect();
        ended.insert("deleted".to_owned(), deleted);

        let person = |person: &Value| {
            let inactive = !person["deactivated"].is_null();
            json!([person["acdId"], person["lastName"], inactive])
        };
        let mut people: Vec<_> = self.simulator.people().iter().map(person).collect();
        people.sort_by_key(ToString::to_string);
        ended.insert("people".to_owned(), people);
    }
}

async fn deletions(ledger: &SqliteLedger) -> Vec<DeletionRow> {
    let filter = DeletionFilter::default();
    let page = ledger.deletions(&filter, 1_000, None).await.unwrap();
    page.deletions
}

/// A leg that is parked keeps its recording.
fn are_settled(deletions: &[DeletionRow]) -> bool {
    let rests = |row: &DeletionRow| {
        row.state == DeletionState::Deleted || row.reason.as_deref() == Some("leg-parked")
    };
    !deletions.is_empty() && deletions.iter().all(rests)
}

/// Calls of which the customer is told, whose recordings are deleted at the source, of one leg, of two, and under a key; and of whose events
/// the later ones are pushed.
fn with_what_follows() -> Scenario {
    let kinds = [
        Kind::ConferenceEncrypted,
        Kind::ConferenceMono,
        Kind::TransferSharedConference,
        Kind::TransferDual,
        Kind::NotStored,
    ];
    let mut scenario = scenario(&kinds, 3, Span::new(1_000, 2_000));
    scenario.delete_source = true;
    let mut push = Push::default();
    push.callback = true;
    scenario.push = Some(push);
    scenario
}

/// Contacts whose agents nobody stands for, until people are made.
fn making_people() -> Scenario {
    let kinds = [Kind::ConferenceMono, Kind::InboundCustomerFirst];
    let mut scenario = scenario(&kinds, 0, Span::new(1_000, 2_000));
    scenario.contacts = 6;
    scenario.abandoned = 0;
    scenario.agents = 3;
    scenario.unknown_agents = 2;
    scenario.unknown_agent = UnknownAgent::Create;
    // Whether a contact was parked before its person was there differs from run to run.
    scenario.webhooks = false;
    scenario
}

/// Sent and not done, done and not answered: at these occurrences of a request.
fn on_the_wire(request: &'static str, occurrences: &[usize]) -> Vec<Vec<Kill>> {
    let rows = occurrences.iter().flat_map(|nth| {
        [HoldAt::Arrival, HoldAt::Answer].map(|at| vec![Kill::Wire(request, at, nth - 1)])
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_any_moment_of_a_deletion_at_the_source_the_end_is_the_same() {
    let rows = at_each_moment(Step::DeleteSource, &[1, 2]);
    table(with_what_follows, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_while_it_tells_by_webhook_the_end_is_the_same() {
    let mut rows = on_the_wire(WEBHOOK, &[1, 3]);
    // Told again and again, and never settled.
    rows.push(vec![Kill::Wire(WEBHOOK, HoldAt::Answer, 0); 3]);
    table(with_what_follows, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_with_pushed_events_committed_and_not_applied_or_not_settled_the_end_is_the_same() {
    let mut rows = Vec::new();
    for nth in [1, 2, 4] {
        rows.push(vec![Kill::At(Point::Step(
            Step::Apply,
            Moment::Before,
            nth,
        ))]);
        rows.push(vec![Kill::At(Point::Step(Step::Apply, Moment::After, nth))]);
    }
    // Applied again and again, and never settled.
    let applied = Kill::At(Point::Step(Step::Apply, Moment::After, 1));
    rows.push(vec![applied; 3]);
    // And while they come.
    rows.extend(chances(4, 4_000).map(|after| vec![Kill::Once(after)]));
    table(with_what_follows, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_it_sees_whom_it_made_a_worker_leaves_no_contact_of_theirs_parked() {
    let place = Place::new(making_people()).await;
    let before = place.simulator.people().len();
    let made = Kill::Wire(NEW_PERSON, HoldAt::Answer, 0);
    made.carry_out(&place).await;
    assert_eq!(place.simulator.people().len(), before + 1);
    place.finish(Arc::new(Nobody)).await;
    assert_eq!(place.simulator.people().len(), before + 2, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_while_it_makes_or_deactivates_people_the_end_is_the_same() {
    let mut rows = vec![vec![Kill::Wire(NEW_PERSON, HoldAt::Arrival, 0)]];
    rows.extend(on_the_wire(NEW_PERSON, &[2]));
    rows.extend(on_the_wire(PERSON_STATUS, &[1]));
    table(making_people, rows).await;
}
