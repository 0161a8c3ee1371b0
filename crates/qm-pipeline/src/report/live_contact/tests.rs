use calabrio_client::CalabrioSettings;
use http_retry::{HttpClient, RetryPolicy, RetrySettings};
use serde_json::{Value, json};
use service_runtime::{Output, Terminal, print_report};
use sync_ledger::TenantFact;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::super::fixture::{Fixture, at, config};
use super::*;
use crate::policy::confirmed::{is_synthetic, read_back_confirmed};

const CONTACTS: &str = "/api/rest/recording/contact";

fn quick() -> Patience {
    Patience {
        wait: Duration::from_millis(300),
        first: Duration::from_millis(5),
        longest: Duration::from_millis(20),
    }
}

fn client(server: &MockServer) -> CalabrioClient {
    let policy = RetryPolicy::new(RetrySettings {
        attempts: 1,
        unauthorized_retries: 0,
        ..RetrySettings::default()
    });
    let http = HttpClient::builder()
        .policy(policy.unwrap())
        .build()
        .unwrap();
    let base = server.uri().parse().unwrap();
    let settings = CalabrioSettings::new(base, "service@example.com", "hunter2".into());
    CalabrioClient::new(settings, http).unwrap()
}

fn synthetic(products: &[connector_config::QmProduct]) -> Synthetic {
    let mut acd = config().acds.remove(0);
    acd.products.quality_management = products.to_vec();
    Synthetic::new(&acd, None, at(0)).unwrap()
}

fn call() -> Synthetic {
    synthetic(&[connector_config::QmProduct::Voice])
}

/// A contact as Calabrio shows it once it is done, or as `change` has it.
fn stored(sent: &ContactImport, change: &Value) -> Value {
    let is_call = sent.content.kind() == ContactKind::Call;
    let mut contact = json!({
        "id": if is_call { 5001 } else { 5002 },
        "startTime": sent.start.timestamp_millis(), "callDuration": sent.duration_ms,
        "contactType": if is_call { "CALL" } else { "TEXT" },
        "ani": "synthetic-contact", "dnis": "connector-check", "assocCallId": sent.session.as_str(),
        "audioUploaded": is_call, "textUploaded": !is_call,
        "metadata": {"Twilio-Leg-key": {"value": sent.leg.as_str()}},
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        contact[key] = value.clone();
    }
    contact
}

/// Shows nothing at first, then its contacts.
struct After(std::sync::atomic::AtomicU32, Value);

impl Respond for After {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let asked = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // Each search takes two pages: what there is, and an empty one.
        let body = match asked {
            0..=3 => json!([]),
            even if even % 2 == 0 => self.1.clone(),
            _ => json!([]),
        };
        ResponseTemplate::new(200).set_body_json(body)
    }
}

async fn mount(server: &MockServer, verb: &str, at: &str, answer: impl Respond + 'static) {
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn answer(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

async fn tenant(contacts: Vec<Value>) -> MockServer {
    let server = MockServer::start().await;
    mount(
        &server,
        "POST",
        "/api/rest/authorize",
        answer(json!({"sessionId": "HZ1"})),
    )
    .await;
    mount(
        &server,
        "POST",
        "/api/upload/contacts",
        answer(json!({"contacts": []})),
    )
    .await;
    for contact in &contacts {
        let one = format!("{CONTACTS}/{}", contact["id"]);
        mount(&server, "GET", &one, answer(contact.clone())).await;
        let metadata = format!("{one}/metadata");
        mount(
            &server,
            "GET",
            &metadata,
            answer(contact["metadata"].clone()),
        )
        .await;
        mount(&server, "PUT", &metadata, answer(json!({}))).await;
    }
    let fields = json!([{"key": "Twilio-Leg-key", "label": "Twilio Leg", "type": "TEXT"}]);
    mount(
        &server,
        "GET",
        "/api/rest/recording/metadata",
        answer(fields),
    )
    .await;
    mount(
        &server,
        "GET",
        "/api/rest/cas/textview",
        answer(json!({"text": "synthetic"})),
    )
    .await;
    let all = After(0.into(), json!(contacts));
    mount(&server, "GET", CONTACTS, all).await;
    server
}

async fn sent(synthetic: &Synthetic, change: Value) -> LiveContact {
    let stored = synthetic.contacts.iter().map(|sent| stored(sent, &change));
    let server = tenant(stored.collect()).await;
    live_contact("main", &client(&server), synthetic, quick(), &|_| {}).await
}

fn held(found: &LiveContact, number: u16) -> Option<bool> {
    let line = found.assumptions.iter().find(|line| line.number == number);
    line.unwrap().held
}

#[test]
fn a_contact_is_made_for_each_product_and_is_recognised_by_its_leg_key_and_session() {
    use connector_config::QmProduct::{Digital, Voice};
    let both = synthetic(&[Voice, Digital]);
    let kinds: Vec<_> = both
        .contacts
        .iter()
        .map(|sent| sent.content.kind())
        .collect();
    assert_eq!(kinds, [ContactKind::Call, ContactKind::Text]);
    for contact in &both.contacts {
        assert!(is_synthetic(contact.leg));
        assert!(contact.session.as_str().starts_with("synthetic-2026-"));
    }
    assert_ne!(both.contacts[0].leg, both.contacts[1].leg);
    let text = both.contacts[1].content.text().unwrap();
    let document = Transcript::from_json(text.document()).unwrap();
    assert_eq!(document.messages().len(), 1);
    assert!(text.rendering().is_some());
    assert_eq!(synthetic(&[Digital]).contacts.len(), 1);
}

#[tokio::test]
async fn it_waits_until_the_contact_is_whole_and_says_of_each_assumption_whether_it_held() {
    let found = sent(&call(), json!({})).await;
    assert!(found.confirmed, "{found:#?}");
    assert_eq!(found.sent[0].found.len(), 1);
    assert_eq!(found.assumptions.len(), assumptions().count());
    for number in [315, 318, 320, 402] {
        assert_eq!(held(&found, number), Some(true), "{number}");
    }
    assert_eq!(held(&found, 701), None, "a contact does not show people");
}

#[tokio::test]
async fn what_held_is_remembered_so_that_the_deletion_of_sources_may_rest_upon_it() {
    let fixture = Fixture::new(Vec::new()).await;
    let (ledger, acd) = (&fixture.ledger, fixture.config.acds[0].key());
    let good = sent(&call(), json!({})).await;
    remember(ledger, &acd, &good, at(0)).await.unwrap();
    let facts = ledger.confirmed(&acd).await.unwrap();
    assert!(read_back_confirmed(&facts), "{facts:?}");
    // The next time it does not hold any more.
    let bad = sent(&call(), json!({"callDuration": 2})).await;
    assert!(!bad.confirmed);
    remember(ledger, &acd, &bad, at(1)).await.unwrap();
    let facts = ledger.confirmed(&acd).await.unwrap();
    assert!(!read_back_confirmed(&facts));
    assert!(facts.contains(&TenantFact {
        assumption: 315,
        held: false,
        at: at(1)
    }));
}

#[tokio::test]
async fn a_contact_that_does_not_come_is_waited_for_no_longer_than_said() {
    let synthetic = call();
    let server = tenant(Vec::new()).await;
    let found = live_contact("main", &client(&server), &synthetic, quick(), &|_| {}).await;
    assert!(!found.confirmed && found.sent[0].found.is_empty());
    assert_eq!(held(&found, 318), None);
    let fixture = Fixture::new(Vec::new()).await;
    let acd = fixture.config.acds[0].key();
    remember(&fixture.ledger, &acd, &found, at(0))
        .await
        .unwrap();
    let facts = fixture.ledger.confirmed(&acd).await.unwrap();
    assert!(!facts.iter().any(|fact| fact.assumption == 318));
}

#[tokio::test]
async fn what_is_refused_is_not_waited_for() {
    let server = MockServer::start().await;
    mount(
        &server,
        "POST",
        "/api/rest/authorize",
        answer(json!({"sessionId": "HZ1"})),
    )
    .await;
    mount(&server, "GET", CONTACTS, answer(json!([]))).await;
    let refusal = ResponseTemplate::new(403).set_body_json(json!({"error": "no permission"}));
    mount(&server, "POST", "/api/upload/contacts", refusal).await;
    let found = live_contact("main", &client(&server), &call(), quick(), &|_| {}).await;
    assert!(
        matches!(found.sent[0].import, Import::Refused { status: 403, .. }),
        "{:?}",
        found.sent[0]
    );
    assert!(!found.confirmed);
    let report = LiveContactReport { acds: vec![found] };
    let mut out = Vec::new();
    print_report(&report, Output::Table, Terminal::NONE, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("refused with 403"), "{text}");
    assert!(text.contains("no source recording is deleted"), "{text}");
}

#[tokio::test]
async fn a_contact_that_calabrio_gives_up_ends_the_wait() {
    let mut patience = quick();
    patience.wait = Duration::from_mins(5);
    let synthetic = call();
    let failed = json!({"state": "FAILED", "failureReason": "no"});
    let stored = stored(&synthetic.contacts[0], &failed);
    let server = tenant(vec![stored]).await;
    let found = live_contact("main", &client(&server), &synthetic, patience, &|_| {}).await;
    assert!(!found.confirmed && found.sent[0].waited_seconds < 60);
    assert_eq!(held(&found, 406), Some(true));
}

#[tokio::test]
async fn where_a_call_was_sent_a_chat_does_not_stand_in_for_it() {
    use connector_config::QmProduct::{Digital, Voice};
    let both = synthetic(&[Voice, Digital]);
    // Only the chat comes back.
    let server = tenant(vec![stored(&both.contacts[1], &json!({}))]).await;
    let found = live_contact("main", &client(&server), &both, quick(), &|_| {}).await;
    assert!(found.sent[1].read_back && !found.sent[0].read_back);
    assert!(!found.confirmed);
    assert_eq!(held(&found, 315), None);
    assert_eq!(held(&found, 408), Some(true));
}
