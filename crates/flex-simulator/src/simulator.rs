//! A simulator that runs: what it is made of, what it tells, and how it ends.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Account;
use crate::calabrio::{self, Calabrio, ReceivedContact, ScreenMessage};
use crate::config_writer::{self, Facts, KeyFile, WrittenConfig};
use crate::faults::{FaultLevel, Faults};
use crate::floor::{
    self, FloorError, FloorReady, FloorRun, WfmReceiver, WfmSettingsError, receiver, taskrouter,
};
use crate::hold::{Held, HoldAt, Holds};
use crate::options::{SimulatorOptions, Timings};
use crate::push::{self, Outlet, PushCounts, SentEvent};
use crate::server::{self, State, host_names};
use crate::strict::{Violation, Violations};
use crate::tls;
use crate::webhooks::{self, ReceivedWebhook, Receiver};
use crate::world::{ExpectedLeg, World, WorldError};

/// How long connections may take to end at a stop.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Why a simulator does not start, or a configuration is not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The scenario cannot be made.
    #[error("the scenario cannot be made: {0}")]
    Scenario(#[from] WorldError),
    /// The floor cannot be made.
    #[error("the floor cannot be made: {0}")]
    Floor(#[from] FloorError),
    /// The receiving ends of classic WFM cannot be set up so.
    #[error(transparent)]
    Wfm(#[from] WfmSettingsError),
    /// The scenario could not be finished because the runtime is stopping.
    #[error("the scenario was not finished; the runtime is stopping")]
    Stopping,
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another address, or port 0 for a free one"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificates cannot be made.
    #[error("the certificates for TLS cannot be made: {0}")]
    Tls(String),
    /// A file cannot be written.
    #[error("{} cannot be written: {source}; choose a directory that you may write to", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A Twilio Flex and a Calabrio ONE on one address. It ends when it is stopped or dropped.
pub struct Simulator {
    state: Arc<State>,
    address: SocketAddr,
    ca_pem: Option<String>,
    timings: Timings,
    drop_folder: Option<PathBuf>,
    accepting: Option<JoinHandle<()>>,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Simulator")
            .field("address", &self.address)
            .field("faults", &self.state.faults.level())
            .finish_non_exhaustive()
    }
}

/// What a ready simulator tells: the one line of the command. Its secrets are the simulator's own inventions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ready {
    /// Where it listens.
    pub address: SocketAddr,
    /// Scheme and authority.
    pub base_url: String,
    /// Each simulated host's address by its name.
    pub hosts: BTreeMap<String, String>,
    /// The Twilio account's SID.
    pub account_sid: String,
    /// Its auth token.
    pub auth_token: String,
    /// SID of an API key.
    pub api_key_sid: String,
    /// Secret of that key.
    pub api_key_secret: String,
    /// The Flex workspace's SID.
    pub workspace_sid: String,
    /// Calabrio's base address.
    pub calabrio_url: String,
    /// Calabrio's service account.
    pub calabrio_username: String,
    /// Its password.
    pub calabrio_password: String,
    /// Key of the metadata field of the leg key.
    pub leg_key_field: String,
    /// What classic WFM's receiving ends take as bearer or in `X-Api-Key`.
    pub wfm_token: String,
    /// Where the receiver takes contact status events.
    pub webhook_url: String,
    /// Where the connector is to listen for pushed events, where any are pushed.
    pub intake: Option<SocketAddr>,
    /// The seed.
    pub seed: u64,
    /// How much goes wrong.
    pub faults: FaultLevel,
    /// How many legs there are.
    pub legs: usize,
    /// The configuration file, where one was written.
    pub config: Option<PathBuf>,
    /// The private keys of recordings, where a configuration was written.
    pub key_files: Vec<KeyFile>,
    /// The certificate to trust, where TLS is spoken and a configuration was written.
    pub ca_file: Option<PathBuf>,
    /// The floor, where one is lived through.
    pub floor: Option<FloorReady>,
}

impl Simulator {
    /// Makes the scenario and starts to listen; what it returns answers already.
    pub async fn start(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let listener =
            TcpListener::bind(options.listen)
                .await
                .map_err(|source| SimulatorError::Listen {
                    address: options.listen,
                    source,
                })?;
        let address = listener
            .local_addr()
            .map_err(|source| SimulatorError::Listen {
                address: options.listen,
                source,
            })?;
        let strict = options.scenario.strict;
        let webhook_faults = options.scenario.webhook_faults;
        let (scenario, seed) = (options.scenario, options.seed);
        let names = options.tls.then(host_names);
        let floor = options.floor;
        let made = tokio::task::spawn_blocking(move || {
            let tls = names
                .map(|names| tls::make(address.ip(), &names))
                .transpose();
            let mut world = World::new(&scenario, seed, Utc::now());
            let mut floor = floor.map(|floor| FloorRun::new(floor, seed)).transpose();
            if let (Ok(world), Ok(Some(floor))) = (&mut world, &mut floor) {
                if scenario.contacts == 0 {
                    taskrouter::furnish(world, floor);
                }
                // Last, since its clock runs from then on.
                floor.start();
            }
            (world, tls, floor)
        });
        let (world, tls, floor) = made.await.map_err(|_| SimulatorError::Stopping)?;
        let (world, tls) = (Arc::new(world?), tls.map_err(SimulatorError::Tls)?);
        let floor = floor?.map(Arc::new);
        let drop_folder = options.wfm.drop_folder.clone();
        let wfm = WfmReceiver::new(options.wfm, seed, floor.clone())?;
        if let Some(folder) = &drop_folder {
            let made = tokio::fs::create_dir_all(folder).await;
            made.map_err(|source| SimulatorError::Write {
                path: folder.clone(),
                source,
            })?;
        }

        let push = world.scenario().push.as_ref();
        let outlet = push
            .map(|push| {
                Outlet::new(push, world.workspace_sid()).map_err(|source| SimulatorError::Listen {
                    address: push.intake,
                    source,
                })
            })
            .transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (acceptor, ca_pem) = tls.map(|tls| (tls.acceptor, tls.ca_pem)).unzip();
        let calabrio = Calabrio::new(
            Arc::clone(&world),
            seed,
            options.faults,
            &options.timings,
            options.compare_audio_up_to,
        );
        let state = Arc::new(State {
            world,
            calabrio: Arc::new(calabrio),
            webhooks: Receiver::new(seed),
            wfm,
            outlet,
            faults: Faults::new(options.faults, seed).for_webhooks(webhook_faults),
            violations: Arc::new(Violations::new(strict)),
            timings: options.timings,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            root: format!("{scheme}://{address}"),
            requests: Mutex::default(),
            holds: Holds::default(),
            floor,
        });
        state.tasks.spawn(push::run(Arc::clone(&state)));
        if let Some(folder) = drop_folder.clone() {
            let watching = receiver::files::watch(Arc::clone(&state), folder);
            state.tasks.spawn(watching);
        }
        let accepting = tokio::spawn(server::run(listener, acceptor, Arc::clone(&state)));
        Ok(Self {
            state,
            address,
            ca_pem,
            timings: options.timings,
            drop_folder,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme and authority: `http://127.0.0.1:40123`.
    pub fn base_url(&self) -> &str {
        &self.state.root
    }

    /// The address of a simulated host, for clients that cannot set a `Host` header: `http://127.0.0.1:40123/api.twilio.com`.
    pub fn host_url(&self, host: &str) -> String {
        format!("{}/{host}", self.state.root)
    }

    /// The address of Calabrio ONE, for the same.
    pub fn calabrio_url(&self) -> String {
        self.host_url(calabrio::HOST)
    }

    /// The address of Flex Insights, for the same.
    pub fn insights_url(&self) -> String {
        self.host_url(floor::insights::HOST)
    }

    /// The floor that is lived through, where one is.
    pub fn floor(&self) -> Option<&FloorRun> {
        self.state.floor.as_deref()
    }

    /// Name and password of Calabrio's service account.
    pub fn calabrio_credentials(&self) -> (&str, &str) {
        let calabrio = &self.state.calabrio;
        (calabrio.user(), calabrio.password())
    }

    /// The certificate of the authority that signs, in PEM, where TLS is spoken.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The simulated contact centre.
    pub fn world(&self) -> &World {
        &self.state.world
    }

    /// How long things take.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// Every contact that Calabrio holds, in the order of import.
    pub fn received(&self) -> Vec<ReceivedContact> {
        self.state.calabrio.store.all()
    }

    /// How many contacts Calabrio holds.
    pub fn received_count(&self) -> usize {
        self.state.calabrio.store.len()
    }

    /// Every contact status event that came to the receiver, whatever became of it.
    pub fn webhooks(&self) -> Vec<ReceivedWebhook> {
        self.state.webhooks.all()
    }

    /// Where the receiver takes contact status events.
    pub fn webhook_url(&self) -> String {
        format!("{}{}", self.host_url(webhooks::HOST), webhooks::PATH)
    }

    /// The secrets that the receiver verifies by: `whsec_…` and `whsk_…`.
    pub fn webhook_secrets(&self) -> Option<(&str, &str)> {
        let secrets = self.state.webhooks.secrets.as_ref()?;
        Some((&secrets.symmetric, &secrets.private))
    }

    /// Where the connector is to listen for pushed events; nothing where none are pushed.
    pub fn intake(&self) -> Option<SocketAddr> {
        self.state.outlet.as_ref().map(|outlet| outlet.intake)
    }

    /// What was pushed so far.
    pub fn pushed(&self) -> PushCounts {
        let outlet = self.state.outlet.as_ref();
        outlet.map_or_else(PushCounts::default, Outlet::counts)
    }

    /// When each event of a floor was sent, in the order in which they went out; the first two million.
    pub fn sent(&self) -> Vec<SentEvent> {
        let outlet = self.state.outlet.as_ref();
        outlet.map_or_else(Vec::new, Outlet::sent)
    }

    /// Every message for screen recording that Calabrio took, in the order they came.
    pub fn screen_messages(&self) -> Vec<ScreenMessage> {
        self.state.calabrio.screen_messages()
    }

    /// Every person of Calabrio's, as they are now, in its own JSON.
    pub fn people(&self) -> Vec<serde_json::Value> {
        self.state.calabrio.people()
    }

    /// The receiving ends of classic WFM.
    pub fn wfm(&self) -> &WfmReceiver {
        &self.state.wfm
    }

    /// What the floor's clock shows; the time where there is none.
    pub fn clock(&self) -> DateTime<Utc> {
        self.state.clock()
    }

    /// What a correct connector makes of every leg.
    pub fn expected(&self) -> &[ExpectedLeg] {
        self.state.world.expected()
    }

    /// The requests outside the documented surface, the first thousand.
    pub fn violations(&self) -> Vec<Violation> {
        self.state.violations.list()
    }

    /// How many of those there were.
    pub fn violation_count(&self) -> u64 {
        self.state.violations.count()
    }

    /// What was received against what was expected.
    pub fn account(&self) -> Account {
        self.state.account()
    }

    /// How often each fault was met.
    pub fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        self.state.faults.counts()
    }

    /// From now on nothing goes wrong any more.
    pub fn stop_faults(&self) {
        self.state.faults.stop();
    }

    /// Holds up one request: the first to come that `picks` chooses, after so many others that it chooses too. It is given the method,
    /// the host with the path below it, and the query, as `GET taskrouter.twilio.com/v1/Workspaces/WS…/Events?PageSize=50`.
    pub fn hold(
        &self,
        at: HoldAt,
        after: usize,
        picks: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Held {
        self.state.holds.add(at, after, Box::new(picks))
    }

    /// Ends every session at Calabrio.
    pub fn end_sessions(&self) {
        self.state.calabrio.end_sessions();
    }

    /// Writes a configuration file for the connector, and beside it, in a directory `{name}.secrets`, the private keys and other secrets,
    /// readable by their owner alone. Files of an earlier run are replaced. Blocks while it writes.
    pub fn write_config(&self, config: &Path) -> Result<WrittenConfig, SimulatorError> {
        let facts = Facts {
            world: &self.state.world,
            calabrio: &self.state.calabrio,
            webhook_secrets: self.webhook_secrets(),
            intake: self.intake(),
            timings: &self.timings,
            faults: self.state.faults.level(),
            address: self.address,
            root: &self.state.root,
            ca_pem: self.ca_pem(),
            floor: self.floor(),
            drop_folder: self.drop_folder.as_deref(),
        };
        config_writer::write(&facts, config)
            .map_err(|(path, source)| SimulatorError::Write { path, source })
    }

    /// What the command prints when the simulator is ready.
    pub fn ready(&self, written: Option<&WrittenConfig>) -> Ready {
        let world = &self.state.world;
        let (api_key_sid, api_key_secret) = world.api_key();
        let (user, password) = self.calabrio_credentials();
        let hosts = host_names()
            .into_iter()
            .map(|host| (host.to_owned(), self.host_url(host)))
            .collect();
        Ready {
            address: self.address,
            base_url: self.state.root.clone(),
            hosts,
            account_sid: world.account_sid().to_owned(),
            auth_token: world.auth_token().to_owned(),
            api_key_sid: api_key_sid.to_owned(),
            api_key_secret: api_key_secret.to_owned(),
            workspace_sid: world.workspace_sid().to_owned(),
            calabrio_url: self.calabrio_url(),
            calabrio_username: user.to_owned(),
            calabrio_password: password.to_owned(),
            leg_key_field: world.leg_key_field(),
            wfm_token: self.wfm().token().to_owned(),
            webhook_url: self.webhook_url(),
            intake: self.intake(),
            seed: world.seed(),
            faults: self.state.faults.level(),
            legs: self.expected().len(),
            config: written.map(|written| written.config.clone()),
            key_files: written.map_or_else(Vec::new, |written| written.key_files.clone()),
            ca_file: written.and_then(|written| written.ca_file.clone()),
            floor: self.floor().map(|floor| floor.ready(self.insights_url())),
        }
    }

    /// Stops: no new connections, and those that are there end. What was received can be asked for before.
    pub async fn stop(mut self) {
        self.state.stop.cancel();
        if let Some(accepting) = self.accepting.take() {
            // It ends by itself once cancelled.
            let _ = accepting.await;
        }
        self.state.tasks.close();
        let _ = tokio::time::timeout(STOP_DEADLINE, self.state.tasks.wait()).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}
