//! Which key of the pool each CA and each EE certificate of a lab has. Pure.

use std::sync::Arc;

use super::LabError;
use super::plan::Plan;
use crate::ca::{KeyPool, SigningKey};

/// Hands out the keys of the pool: first one for each CA, then a new one for each EE certificate.
///
/// A lab that needs more than the pool has uses EE keys again, and never a CA's for an EE.
pub(super) struct Keys {
    offset: usize,
    cas: usize,
    used: usize,
}

impl Keys {
    pub(super) fn new(plan: &Plan, seed: u64) -> Self {
        let pool = KeyPool::shared().len() as u64;
        let offset = usize::try_from(seed % pool).unwrap_or_default();
        Keys { offset, cas: plan.ca_count(), used: 0 }
    }

    /// Returns the key of CA number `number`.
    pub(super) fn ca(&self, number: usize) -> Result<Arc<SigningKey>, LabError> {
        self.key(number)
    }

    /// Returns the key for the next EE certificate.
    pub(super) fn next(&mut self) -> Result<Arc<SigningKey>, LabError> {
        let ee_keys = KeyPool::shared().len().saturating_sub(self.cas).max(1);
        let number = self.cas + self.used % ee_keys;
        self.used += 1;
        self.key(number)
    }

    fn key(&self, number: usize) -> Result<Arc<SigningKey>, LabError> {
        let pool = KeyPool::shared();
        Ok(pool.key((self.offset + number) % pool.len())?)
    }
}
