//! A complete RPKI on loopback, for trainers and for tests.
//!
//! [`Plan`] says what there is, and computes the truth about it; [`Authority`] signs it;
//! [`RrdpRepository`] writes the RRDP documents. Up to here all is pure. [`Lab`] publishes on
//! loopback, and [`generate()`] writes to disk; [`generate_scale`] does so at the size of the
//! Internet, by a way of its own.

mod attack;
mod authority;
mod error;
mod generate;
mod hostile;
mod https;
mod issue;
mod keys;
mod plan;
mod rrdp;
mod rsync;
mod running;
mod scale;
mod server_uris;
mod small_internet;
mod tls;

pub use attack::{Attack, attacks, besieged};
pub use authority::{Authority, TrustAnchorFiles};
pub use error::LabError;
pub use generate::generate;
pub use https::Served;
pub use plan::{Ca, Plan, Roa, Server, Transports, Truth};
pub use rrdp::RrdpRepository;
pub use running::{Lab, LabOptions, RsyncUse};
pub use scale::{Counts, Scale, churn_scale, generate_scale};
pub use server_uris::ServerUris;
pub use small_internet::{Expected, Stop, small_internet, tour};

#[cfg(test)]
mod tests;
