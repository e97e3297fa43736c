//! The crypto floor of a run: so many RSA-2048 verifications, on all cores, and nothing else.
//!
//! `cargo bench --bench floor -- N` verifies N signatures, the key parsed for each, as when every
//! object is judged for the first time; `scale.json` of a lab of scale says its N. Whoever calls
//! it measures the CPU time, in the same way as that of the run beside it.

#![expect(clippy::print_stdout, reason = "says what it measured")]

use std::time::Instant;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use provost::ca::{CaError, KeyPool};
use rayon::prelude::*;

/// How many keys take turns: few, as making one costs as much as thirty verifications, and that
/// is measured with them.
const KEYS: usize = 32;

/// How long what is signed is: half of the signatures are over a certificate, half over the signed
/// attributes of an object.
fn length(number: usize) -> usize {
    if number.is_multiple_of(2) { 1_100 } else { 107 }
}

fn main() -> Result<(), CaError> {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(10_000);
    let signed: Result<Vec<_>, CaError> = (0..KEYS)
        .into_par_iter()
        .map(|number| {
            let key = KeyPool::scale().fresh(number)?;
            let message = vec![0x30; length(number)];
            let signature = key.sign(&message)?;
            Ok((key.public_key().bits().to_vec(), message, signature))
        })
        .collect();
    let signed = signed?;
    let clock = Instant::now();
    let good = (0..count).into_par_iter().filter(|number: &usize| {
        signed.get(number % KEYS).is_some_and(|(key, message, signature)| {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
            key.verify(message, signature).is_ok()
        })
    });
    assert_eq!(good.count(), count);
    let wall = clock.elapsed().as_secs_f64();
    let threads = rayon::current_num_threads();
    println!("{count} verifications on {threads} threads in {wall:.3} s");
    Ok(())
}
