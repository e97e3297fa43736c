//! The unit of the crypto floor: one RSA-2048 verification of a signed object's size, with the key
//! parsed for every signature, as `rpki` does, and parsed once.

use std::hint::black_box;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use criterion::{Criterion, Throughput};
use provost::ca::KeyPool;
use rpki::crypto::{RpkiSignatureAlgorithm, Signature};

/// The bytes that are signed: about as long as the certificate of a ROA.
const MESSAGE: [u8; 1_200] = [0x30; 1_200];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = KeyPool::shared().key(0)?;
    let bytes = key.sign(&MESSAGE)?;
    let public = key.public_key();
    let signature = Signature::new(RpkiSignatureAlgorithm::default(), bytes.clone().into());
    let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.bits())?;
    public.verify(&MESSAGE, &signature)?;
    parsed.verify_sig(&MESSAGE, &bytes)?;

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    group.bench_function("key parsed each time", |b| {
        b.iter(|| public.verify(black_box(&MESSAGE), black_box(&signature)).is_ok());
    });
    group.bench_function("key parsed once", |b| {
        b.iter(|| parsed.verify_sig(black_box(&MESSAGE), black_box(&bytes)).is_ok());
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}
