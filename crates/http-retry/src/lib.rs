#![doc = include_str!("../README.md")]

mod backoff;
pub mod guard;
mod origin;
mod outcome;
mod policy;
mod retry_after;
mod safe_url;

pub use backoff::Backoff;
pub use origin::{BaseUrl, LinkError, Origin};
pub use outcome::{Idempotency, Outcome};
pub use policy::{
    BrokenRule, Decision, History, PolicyError, RetryPolicy, RetrySettings, StopReason,
};
pub use retry_after::RetryAfter;
pub use safe_url::{SafeUrl, UrlError};

#[cfg(feature = "client")]
mod body;
#[cfg(feature = "client")]
mod call;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod limit;
#[cfg(feature = "client")]
mod multipart;
#[cfg(feature = "client")]
mod observe;
#[cfg(feature = "client")]
mod request;
#[cfg(feature = "client")]
mod resolve;
#[cfg(feature = "client")]
mod response;

#[cfg(feature = "client")]
pub use body::{Body, BodyError, BodyStream};
#[cfg(feature = "client")]
pub use call::{Attempt, Call, Deadlines};
#[cfg(feature = "client")]
pub use client::{HttpClient, HttpClientBuilder, SetupError};
#[cfg(feature = "client")]
pub use error::{Answer, AnswerFacts, CallError};
#[cfg(feature = "client")]
pub use limit::ConcurrencyLimit;
#[cfg(feature = "client")]
pub use multipart::{Multipart, Part};
#[cfg(feature = "client")]
pub use observe::{CallObservation, Observer};
#[cfg(feature = "client")]
pub use request::{Method, Request};
#[cfg(feature = "client")]
pub use resolve::{Addresses, Resolver};
#[cfg(feature = "client")]
pub use response::{Fetched, Response, Unfit};
