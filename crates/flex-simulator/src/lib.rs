#![doc = include_str!("../README.md")]
// How the two halves meet (removed once both stand):
//   scenario::Scenario            pub, Default + Deserialize: what calls to make; Scenario::from_toml/json as its owner likes
//   world::World::new(scenario: &Scenario, seed: u64, now: DateTime<Utc>) -> Result<World, _>
//   World::{account_sid, auth_token, api_key() -> (&str sid, &str secret), workspace_sid} as &str
//   World::private_keys() -> &[PrivateKeyFile { name, public_key_sid, pem }]   the keys an operator would hold (not the missing one)
//   World::mappings() -> &[(String attribute, String calabrio label)], World::exclusions() -> rules for the written config
//   World::expected() -> Vec<ExpectedLeg>  pub + Serialize: leg id, session id, kind, outcome (complete|parked|excluded), metadata, audio
//   World::judge(leg_id: &str, audio: Option<&HeardAudio>) -> AudioVerdict     HeardAudio is crate::calabrio::audio's, see there: whole PCM up to
//     8 MiB, else the first 16 Ki frames plus SHA-256 per channel and frame count (locate the head in the shared audio, hash that span)
//   World::workers() -> Vec<(sid, full name)>, World::metadata_labels() -> Vec<String> with the leg key's first
//   twilio::TwilioHost { Api, TaskRouter, FlexApi, Insights, Accounts, Media }
//   twilio::handle(world: &World, host: TwilioHost, req: &Inbound, ctx: &Ctx) -> Outbound

pub(crate) mod http;
pub mod scenario;
pub(crate) mod strict;
pub(crate) mod twilio;
pub mod world;

pub use strict::Violation;
