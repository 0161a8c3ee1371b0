#![doc = include_str!("../README.md")]

mod error;
mod format;
mod found;
mod plan;
mod probe;
mod source;
mod transform;

pub use error::AudioError;
pub use format::{Codec, Format};
pub use found::Found;
pub use plan::{Clip, Joining, Plan};
pub use probe::{Prober, probe};
pub use source::{LengthClaim, Source};
pub use transform::{Transform, Want};
