//! Route origin validation: which VRPs cover a route, and what that makes of it (RFC 6811). Pure.
//!
//! [`Index`] finds, [`Validity::of`] and [`Verdict::of`] judge, [`table`] does both for many
//! routes at once.

mod address;
mod index;
pub mod table;
mod validity;

pub use index::{Cover, Covering, Cursor, Index, Permission};
pub use validity::{CoveringVrp, Fit, InvalidReason, Validity, Verdict};
