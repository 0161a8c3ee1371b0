//! Live states, from what Twilio tells to what Calabrio is told.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use wfm_delivery::{DeliveryError, Outcome};
use wfm_state_mapping::CalabrioState;
use wiremock::matchers::method;
use wiremock::{Mock, Request, ResponseTemplate};

use super::*;
use crate::runner::testing::{ACCOUNT, Bench, WORKSPACE, noon, sid, worker};

/// An event `seconds` after noon, as Event Streams pushes it.
fn event(
    acd: &AcdServices,
    number: usize,
    seconds: i64,
    kind: &str,
    fields: &Value,
) -> PushedEvent {
    let at = noon() + TimeDelta::seconds(seconds);
    let stamp = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let id = sid("EV", number);
    let mut payload = json!({
        "eventtype": kind, "timestamp": stamp, "sid": id,
        "account_sid": ACCOUNT, "workspace_sid": WORKSPACE,
    });
    let own = fields.as_object().unwrap().clone();
    payload.as_object_mut().unwrap().extend(own);
    let kind = format!("com.twilio.taskrouter.{kind}");
    let cloud = json!({
        "specversion": "1.0", "type": kind, "id": id, "time": stamp,
        "source": format!("/v1/Workspaces/{WORKSPACE}/Events/{id}"),
        "data": {"account_sid": ACCOUNT, "timestamp": stamp, "payload": payload},
    });
    PushedEvent {
        acd: acd.key.clone(),
        id,
        kind,
        form: WireForm::CloudEvent.as_str().to_owned(),
        at: Some(at),
        received_at: at,
        payload: cloud.to_string().into(),
    }
}

fn activity(
    acd: &AcdServices,
    number: usize,
    seconds: i64,
    agent: usize,
    to: usize,
) -> PushedEvent {
    let name = ["Offline", "Available", "Lunch"][to];
    let fields = json!({"worker_sid": sid("WK", agent), "worker_activity_sid": sid("WA", to), "worker_activity_name": name});
    event(acd, number, seconds, "worker.activity.update", &fields)
}

fn accepted(acd: &AcdServices, number: usize, seconds: i64, agent: usize) -> PushedEvent {
    let fields = json!({
        "worker_sid": sid("WK", agent), "reservation_sid": sid("WR", agent),
        "task_sid": sid("WT", agent), "task_channel_unique_name": "voice",
    });
    event(acd, number, seconds, "reservation.accepted", &fields)
}

fn task(agent: usize) -> Value {
    json!({"sid": sid("WT", agent), "assignment_status": "assigned", "task_channel_unique_name": "voice"})
}

fn reservation(agent: usize) -> Value {
    json!({
        "sid": sid("WR", agent), "task_sid": sid("WT", agent), "worker_sid": sid("WK", agent),
        "reservation_status": "accepted", "date_updated": "2026-03-03T11:30:00Z",
    })
}

fn worker_sid(number: usize) -> twilio_sid::WorkerSid {
    sid("WK", number).parse().unwrap()
}

struct Floor {
    bench: Bench,
    acd: AcdServices,
    services: AdherenceServices,
    core: Arc<Core<sync_ledger::SqliteLedger>>,
    live: Live,
    feeds: Feeds,
    groups: mpsc::Receiver<Vec<PushedEvent>>,
}

impl Floor {
    /// With so many agents, all of them available.
    async fn new(agents: usize) -> Self {
        let bench = Bench::new().await;
        let name = |number: usize| format!("agent-{number}");
        let workers = (1..=agents).map(|number| worker(number, &name(number), &name(number), 1));
        bench.list("Workers", workers);
        let acd = bench.services();
        let services = acd.adherence.clone().unwrap();
        let core = Arc::new(bench.core(&acd).await);
        let live = Live::new(&services);
        let (feeds, groups) = Feeds::new([(acd.key.clone(), live.clone())].into());
        Self {
            bench,
            acd,
            services,
            core,
            live,
            feeds,
            groups,
        }
    }

    async fn resynchronise(&self) -> Resynchronised {
        let (live, clock) = (&self.live, &self.core.clock);
        live.resynchronise(&self.acd, &self.services, clock)
            .await
            .unwrap()
    }

    fn states(&self) -> Vec<Option<CalabrioState>> {
        let mut table = self.live.table();
        table.sort_by_key(|row| row.agent);
        table.into_iter().map(|row| row.state).collect()
    }

    /// Delivers until nothing waits or something fails.
    async fn deliver(&self, most: usize) {
        while let Some(batch) = self.live.take(most) {
            let receipt = self.services.sink.deliver(&batch, self.core.now()).await;
            self.live.settle(&batch, &receipt, self.core.now());
            if receipt.retry_later().is_some() {
                return;
            }
        }
    }

    fn told(&self) -> Vec<Vec<(bool, CalabrioState)>> {
        let batches = self.bench.states.taken().into_iter();
        batches
            .map(|batch| {
                batch
                    .into_iter()
                    .map(|(whole, row)| (whole, row.state))
                    .collect()
            })
            .collect()
    }
}

use CalabrioState::{Hold, NotReady, Ready, Talking};

#[tokio::test]
async fn what_is_handed_over_and_what_the_inbox_has_give_the_same_states() {
    let (mut quick, slow) = (Floor::new(3).await, Floor::new(3).await);
    let events = vec![
        activity(&quick.acd, 1, 10, 1, 2),
        accepted(&quick.acd, 2, 20, 2),
        // Late, and twice.
        activity(&quick.acd, 3, 5, 1, 1),
        accepted(&quick.acd, 2, 20, 2),
    ];
    for floor in [&quick, &slow] {
        floor.resynchronise().await;
        floor.deliver(10).await;
        assert_eq!(floor.states(), [Some(Ready); 3]);
        floor.core.ledger.receive(&events, 1_000).await.unwrap();
    }
    quick.feeds.hand_over(events);
    let group = quick.groups.recv().await.unwrap();
    quick.feeds.apply(&group);
    assert_eq!(settle_some(&slow.core, &slow.feeds).await.unwrap(), 3);
    assert_eq!(settle_some(&slow.core, &slow.feeds).await.unwrap(), 0);
    for floor in [&quick, &slow] {
        assert_eq!(floor.states(), [Some(NotReady), Some(Talking), Some(Ready)]);
        floor.deliver(10).await;
    }
    let all = |floor: &Floor| floor.bench.states.taken();
    assert_eq!(all(&quick), all(&slow));

    // The inbox still has them all.
    assert_eq!(settle_some(&quick.core, &quick.feeds).await.unwrap(), 3);
    quick.deliver(10).await;
    assert_eq!(all(&quick), all(&slow), "applied twice, it changes nothing");
}

#[tokio::test]
async fn what_finds_no_room_in_memory_wakes_whoever_empties_the_inbox() {
    let floor = Floor::new(1).await;
    for _ in 0..=GROUPS {
        floor.feeds.hand_over(Vec::new());
    }
    let woken = floor.feeds.overflow.notified();
    tokio::time::timeout(Duration::from_secs(5), woken)
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_is_told_before_the_workspace_was_read_and_then_everybody_first() {
    let floor = Floor::new(3).await;
    floor.feeds.apply(&[activity(&floor.acd, 1, -60, 1, 2)]);
    floor.deliver(10).await;
    assert_eq!(floor.told(), [] as [Vec<_>; 0]);
    assert_eq!(floor.live.standing(), Standing::Busy);

    floor.resynchronise().await;
    floor.deliver(2).await;
    let mut first: Vec<_> = floor.told().concat();
    first.sort_unstable();
    assert_eq!(first.len(), 3);
    assert!(first.iter().all(|(snapshot, _)| *snapshot));
    assert_eq!(floor.told().len(), 2, "two at a time");
    assert_eq!(floor.live.standing(), Standing::Quiet);

    floor.feeds.apply(&[accepted(&floor.acd, 2, 30, 2)]);
    floor.deliver(10).await;
    assert_eq!(floor.told()[2..], [vec![(false, Talking)]]);
}

#[tokio::test]
async fn after_an_outage_everybody_is_told_anew() {
    let floor = Floor::new(2).await;
    floor.resynchronise().await;
    floor.deliver(10).await;
    floor.feeds.apply(&[accepted(&floor.acd, 1, 30, 2)]);
    for failures in 1..=3 {
        floor.bench.states.answer_next(Outcome::RetryLater {
            error: DeliveryError::CutOff,
            in_doubt: true,
        });
        floor.deliver(10).await;
        assert_eq!(floor.live.standing(), Standing::Busy);
        assert_eq!(floor.told()[failures..], [[(false, Talking)]]);
    }
    floor.deliver(10).await;
    let mut again = floor.told().pop().unwrap();
    again.sort_unstable();
    let mut all = [(true, Ready), (true, Talking)];
    all.sort_unstable();
    assert_eq!(again, all);
    assert_eq!(floor.live.standing(), Standing::Quiet);
}

#[tokio::test]
async fn calabrio_was_told_of_everybody_where_nobody_is_and_not_during_an_outage() {
    let nobody = Floor::new(0).await;
    nobody.deliver(10).await;
    assert!(!nobody.live.everybody_was_told(), "nothing was read yet");
    nobody.resynchronise().await;
    nobody.deliver(10).await;
    assert!(nobody.live.everybody_was_told());

    let floor = Floor::new(2).await;
    floor.resynchronise().await;
    assert!(!floor.live.everybody_was_told());
    floor.deliver(10).await;
    assert!(floor.live.everybody_was_told());
    floor.feeds.apply(&[accepted(&floor.acd, 1, 30, 2)]);
    let told = async || {
        let error = DeliveryError::CutOff;
        let later = Outcome::RetryLater {
            error,
            in_doubt: true,
        };
        floor.bench.states.answer_next(later);
        floor.deliver(10).await;
        floor.live.everybody_was_told()
    };
    assert_eq!(
        [told().await, told().await, told().await],
        [true, true, false]
    );
    floor.deliver(10).await;
    assert!(floor.live.everybody_was_told());
}

#[tokio::test]
async fn while_calabrio_asks_to_be_left_alone_states_do_not_get_old() {
    let mut floor = Floor::new(1).await;
    floor.services.sink = floor.bench.states_over_http();
    floor.resynchronise().await;
    let (asked, mut times) = mpsc::unbounded_channel();
    let refused = AtomicBool::new(false);
    let answer = move |request: &Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        asked.send((Instant::now(), body)).unwrap();
        if refused.swap(true, Ordering::Relaxed) {
            ResponseTemplate::new(200)
        } else {
            ResponseTemplate::new(429).insert_header("Retry-After", "1")
        }
    };
    let states = Mock::given(method("POST")).respond_with(answer);
    floor.bench.answering(states).await;
    let (stop, listed) = (CancellationToken::new(), CancellationToken::new());
    listed.cancel();
    let delivering = tokio::spawn(deliver::deliver(
        Arc::clone(&floor.core),
        Arc::new(floor.acd.clone()),
        floor.services.clone(),
        floor.live.clone(),
        listed,
        stop.clone(),
    ));
    let (first, body) = times.recv().await.unwrap();
    floor.feeds.apply(&[accepted(&floor.acd, 1, 30, 1)]);
    let (second, newest) = times.recv().await.unwrap();
    assert!(second - first >= Duration::from_secs(1));
    assert_ne!(body, newest, "the newest, not the same again");
    while floor.live.standing() == Standing::Busy {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.cancel();
    delivering.await.unwrap();
    assert!(
        times.try_recv().is_err(),
        "the older state is not sent again"
    );
}

#[tokio::test]
async fn a_call_whose_end_nobody_told_ends_with_the_next_reading_of_the_workspace() {
    let floor = Floor::new(2).await;
    floor.resynchronise().await;
    floor.feeds.apply(&[
        accepted(&floor.acd, 1, 30, 1),
        accepted(&floor.acd, 2, 30, 2),
    ]);
    assert_eq!(floor.states(), [Some(Talking), Some(Talking)]);
    floor.bench.list("Tasks", [task(2)]);
    let path = format!("Tasks/{}/Reservations", sid("WT", 2));
    floor.bench.list(&path, [reservation(2)]);
    floor.bench.set_now(noon() + TimeDelta::minutes(5));
    let done = floor.resynchronise().await;
    assert_eq!((done.ended, done.gone), (1, 0));
    assert_eq!(floor.states(), [Some(Ready), Some(Talking)]);
}

#[tokio::test]
async fn what_cannot_be_read_in_a_list_is_not_taken_for_over() {
    let floor = Floor::new(3).await;
    let calls = || {
        floor.bench.list("Tasks", [task(1), task(2)]);
        for agent in [1, 2] {
            let path = format!("Tasks/{}/Reservations", sid("WT", agent));
            floor.bench.list(&path, [reservation(agent)]);
        }
    };
    calls();
    floor.resynchronise().await;
    let before = [Some(Talking), Some(Talking), Some(Ready)];
    assert_eq!(floor.states(), before);
    let workers = floor.bench.world(|world| world.lists["Workers"].clone());
    let nonsense = json!({"sid": "nonsense"});
    let reservations = format!("Tasks/{}/Reservations", sid("WT", 1));
    let lists = [
        (
            "Workers",
            vec![workers[0].clone(), workers[1].clone(), nonsense.clone()],
        ),
        ("Tasks", vec![task(1), nonsense.clone()]),
        (reservations.as_str(), vec![nonsense]),
    ];
    for (minute, (path, list)) in (5..).zip(lists) {
        floor.bench.list("Workers", workers.clone());
        calls();
        floor.bench.list(path, list);
        floor.bench.set_now(noon() + TimeDelta::minutes(minute));
        let done = floor.resynchronise().await;
        assert_eq!((done.ended, done.gone), (0, 0), "{path}");
        assert_eq!(floor.states(), before, "{path}");
    }
}

/// The agents of each delivery since the first so many.
fn agents_told(floor: &Floor, since: usize) -> Vec<Vec<String>> {
    let agents = |batch: Vec<(bool, StateChange)>| {
        let mut agents: Vec<_> = batch.iter().map(|(_, row)| row.agent.to_string()).collect();
        agents.sort_unstable();
        agents
    };
    let taken = floor.bench.states.taken().into_iter();
    taken.skip(since).map(agents).collect()
}

#[tokio::test]
async fn a_refused_state_goes_again_once_calabrio_was_told_of_its_agent() {
    let floor = Floor::new(3).await;
    floor.resynchronise().await;
    let refused = Outcome::Refused(wfm_delivery::Refusal::PenaltyBox);
    floor.bench.states.answer_next(refused);
    floor.deliver(10).await;
    assert_eq!(floor.live.refused(), 3);
    // A state that is taken shows that its agent is known.
    floor.feeds.apply(&[accepted(&floor.acd, 1, 30, 2)]);
    floor.deliver(10).await;
    assert_eq!(floor.live.refused(), 2);
    assert_eq!(agents_told(&floor, 1), [[sid("WK", 2)]]);

    // It is told of the first, and does not take the third either.
    let third = wfm_delivery::RowRefusal {
        row: 2,
        refusal: wfm_delivery::Refusal::PenaltyBox,
    };
    floor
        .bench
        .roster
        .answer_next(Outcome::RowsRefused(vec![third]));
    let round = crate::runner::roster::round(&floor.core, &floor.acd, Some(&floor.live));
    round.await.unwrap();
    floor.deliver(10).await;
    assert_eq!(agents_told(&floor, 2), [[sid("WK", 1)]]);
    assert_eq!(floor.live.refused(), 1);
}

#[tokio::test]
async fn a_refused_state_goes_again_with_each_reading_of_the_workspace_until_it_is_taken() {
    let mut floor = Floor::new(2).await;
    floor.services.resync_confirm = Duration::from_millis(10);
    floor.resynchronise().await;
    for _ in 0..2 {
        let refused = wfm_delivery::RowRefusal {
            row: 0,
            refusal: wfm_delivery::Refusal::PenaltyBox,
        };
        floor
            .bench
            .states
            .answer_next(Outcome::RowsRefused(vec![refused]));
        floor.deliver(10).await;
        assert_eq!(floor.live.refused(), 1);
        assert_eq!(
            floor.live.standing(),
            Standing::Quiet,
            "it keeps nobody waiting"
        );
        floor.resynchronise().await;
    }
    floor.deliver(10).await;
    assert_eq!(floor.live.refused(), 0);
    let told: Vec<_> = agents_told(&floor, 0).iter().map(Vec::len).collect();
    assert_eq!(told, [2, 1, 1]);
    floor.resynchronise().await;
    floor.deliver(10).await;
    assert_eq!(floor.told().len(), 3);
}

#[tokio::test]
async fn a_state_goes_again_whose_file_came_into_the_penalty_box() {
    let mut floor = Floor::new(3).await;
    let (folder, files) = floor.bench.state_folder();
    floor.services.sink = Arc::new(files.clone());
    floor.resynchronise().await;
    for second in 0..2 {
        // A name for each file.
        floor.bench.set_now(noon() + TimeDelta::seconds(second));
        floor.deliver(2).await;
    }
    let looked = async || floor.live.look_at_files("main", &files).await.unwrap();
    assert_eq!(looked().await, 0);
    let mut written: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    written.sort_unstable();
    assert_eq!(written.len(), 2, "of two agents and of one: {written:?}");
    for (file, place) in written.iter().zip(["penaltyBox", "archives"]) {
        let place = folder.join(place);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::rename(file, place.join(file.file_name().unwrap())).unwrap();
    }
    assert_eq!(looked().await, 2);
    assert_eq!(floor.live.refused(), 2);
    assert_eq!(looked().await, 0, "it is said once");
    assert_eq!(floor.live.standing(), Standing::Quiet);

    floor
        .live
        .told([worker_sid(1), worker_sid(2), worker_sid(3)]);
    floor.bench.set_now(noon() + TimeDelta::seconds(2));
    floor.deliver(2).await;
    let again = std::fs::read_dir(&folder).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.is_file() && std::fs::read_to_string(path).unwrap().lines().count() == 3
    });
    assert_eq!(again.count(), 1, "a line for the names, and two agents");
    assert_eq!(floor.live.refused(), 0);
}

fn conference(agent: usize) -> Value {
    json!({"sid": sid("CF", agent), "friendly_name": sid("WT", agent), "status": "in-progress"})
}

fn participant(agent: usize, hold: bool) -> Value {
    json!({
        "call_sid": sid("CA", agent), "conference_sid": sid("CF", agent), "label": "customer",
        "hold": hold, "coaching": false, "status": "connected",
        "date_updated": "Tue, 03 Mar 2026 11:59:00 +0000",
    })
}

#[tokio::test]
async fn hold_is_asked_for_within_the_budget_and_of_each_call_in_its_turn() {
    const AGENTS: usize = 12;
    let mut floor = Floor::new(AGENTS).await;
    floor.services.hold_budget = 10;
    floor.services.hold_every = Duration::from_millis(100);
    floor.resynchronise().await;
    for agent in 1..=AGENTS {
        floor.feeds.apply(&[accepted(&floor.acd, agent, 1, agent)]);
        let path = format!("Conferences/{}/Participants.json", sid("CF", agent));
        floor.bench.list(&path, [participant(agent, agent == 3)]);
    }
    floor
        .bench
        .list("Conferences.json", (1..=AGENTS).map(conference));
    floor.bench.world(|world| world.asked.clear());

    let (stop, begun) = (CancellationToken::new(), Instant::now());
    let asking = tokio::spawn(poll_holds(
        Arc::clone(&floor.core),
        Arc::new(floor.acd.clone()),
        floor.services.clone(),
        floor.live.clone(),
        stop.clone(),
    ));
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    stop.cancel();
    asking.await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let asked = floor.bench.world(|world| world.asked.clone());
    #[expect(clippy::cast_precision_loss, reason = "a few requests")]
    let rate = (asked.len() - 1) as f64 / seconds;
    assert!(rate <= 10.0, "{} in {seconds} s", asked.len());
    let calls: Vec<_> = asked
        .iter()
        .filter(|path| path.ends_with("/Participants.json"))
        .collect();
    assert!(calls.len() >= AGENTS, "{asked:?}");
    let each: BTreeSet<_> = calls[..AGENTS].iter().collect();
    assert_eq!(each.len(), AGENTS, "none twice before each once");
    let held: Vec<_> = floor
        .states()
        .iter()
        .map(|state| *state == Some(Hold))
        .collect();
    assert_eq!(held.iter().filter(|held| **held).count(), 1);
    assert!(held[2]);
}
