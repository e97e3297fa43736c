//! The parts of a cold run: decoding each kind of object, and judging a whole publication point.
//!
//! `verify` measures what cannot be avoided, a signature; a ROA needs two of them.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use provost::lab::{Authority, Plan, Roa, ServerUris, Transports, small_internet};
use provost::model::{ObjectHash, ObjectUri, RepositoryId, Timestamp};
use provost::object::{Cert, ContentType, Crl, Manifest, SignedObject, Tal, decode_roa};
use provost::validate::{CaLocation, ObjectSource, Policy, Selection, SourceError, State, step};

const NOW: Timestamp = Timestamp(1_795_502_270);

/// How many ROAs the large point has: about as many as the CAs that have the most.
const ROAS: usize = 500;

/// The objects of a lab in memory.
struct Objects {
    anchors: BTreeMap<String, Bytes>,
    files: BTreeMap<ObjectUri, Bytes>,
    by_hash: BTreeMap<ObjectHash, Bytes>,
}

impl ObjectSource for Objects {
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError> {
        Ok(self.anchors.get(name).cloned())
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        Ok(Selection::Ready(RepositoryId::Rsync(ca.directory.module())))
    }

    fn lookup(
        &self,
        _repository: &RepositoryId,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, SourceError> {
        Ok(self.files.get(uri).map(|bytes| ObjectHash::of(bytes)))
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        Ok(self.by_hash.get(hash).cloned())
    }
}

/// The default lab, with one CA that has very many ROAs.
fn plan() -> Result<Plan, Box<dyn std::error::Error>> {
    let mut plan = small_internet();
    let template = plan.ca("cedar").and_then(|ca| ca.roas.first()).cloned().ok_or("no cedar")?;
    let anchor = plan.trust_anchors.iter_mut().find(|ca| ca.name == "east").ok_or("no east")?;
    let cedar = anchor.children.iter_mut().find(|ca| ca.name == "cedar").ok_or("no cedar")?;
    cedar
        .roas
        .extend((0..ROAS).map(|number| Roa { name: format!("more-{number}"), ..template.clone() }));
    Ok(plan)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = plan()?;
    let uris = plan.servers.iter().map(|server| {
        let host = format!("{}.example", server.name);
        ServerUris::new(&host, &host, Transports::RrdpAndRsync)
    });
    let servers = plan.servers.len();
    let authority = Authority::new(plan.clone(), uris.collect::<Result<_, _>>()?, 1, NOW)?;
    let files: BTreeMap<_, _> = (0..servers).flat_map(|server| authority.objects(server)).collect();
    let by_hash = files.values().map(|bytes| (ObjectHash::of(bytes), bytes.clone())).collect();
    let anchors = authority.trust_anchors();
    let tals: Result<Vec<Tal>, _> =
        anchors.iter().map(|anchor| Tal::parse(&anchor.name, anchor.tal.as_bytes())).collect();
    let tals = tals?;
    let anchors = anchors.into_iter().map(|anchor| (anchor.name, anchor.certificate)).collect();
    let objects = Objects { anchors, files, by_hash };

    let mut criterion = Criterion::default().configure_from_args();
    decode(&mut criterion, &objects)?;
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements(objects.files.len() as u64));
    group.bench_function("a lab with a point of 500 ROAs", |b| {
        let policy = Policy::default();
        b.iter(|| black_box(step(&tals, &objects, &State::default(), &policy, NOW)));
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn decode(criterion: &mut Criterion, objects: &Objects) -> Result<(), &'static str> {
    let find = |end: &str| {
        let file = objects.files.iter().find(|(uri, _)| uri.as_str().ends_with(end));
        file.map(|(_, bytes)| bytes.clone()).ok_or("an object is missing")
    };
    let (roa, cert) = (find("more-1.roa")?, find("cedar.cer")?);
    let (manifest, crl) = (find("cedar.mft")?, find("cedar.crl")?);
    let mut group = criterion.benchmark_group("decode");
    group.bench_function("ROA", |b| {
        b.iter(|| {
            let object = SignedObject::decode(black_box(&roa), ContentType::Roa).ok();
            black_box(object.and_then(|object| decode_roa(&object.content).ok()))
        });
    });
    group.bench_function("certificate", |b| b.iter(|| Cert::decode(black_box(&cert)).is_ok()));
    group.bench_function("CRL", |b| b.iter(|| Crl::decode(black_box(&crl)).is_ok()));
    group.bench_function("manifest of 500 files", |b| {
        b.iter(|| {
            let object = SignedObject::decode(black_box(&manifest), ContentType::Manifest).ok();
            black_box(object.and_then(|object| Manifest::decode(&object.content).ok()))
        });
    });
    group.bench_function("SHA-256 of a ROA", |b| b.iter(|| ObjectHash::of(black_box(&roa))));
    group.finish();
    Ok(())
}
