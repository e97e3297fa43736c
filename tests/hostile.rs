//! Hostile publication servers: whatever one does, the others are unchanged.

#![expect(clippy::expect_used, reason = "a program that cannot be run is a failed test")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use support::{is_installed, provost_in, text};

/// Each attack of the lab, and what the repository's error must say; nothing where the attack is
/// survived without one.
const ATTACKS: &[(&str, &str)] = &[
    ("slow-bytes", "not done after 5 s"),
    ("silence", "not done after 5 s"),
    ("endless-body", "body above"),
    ("dies-in-transfer", "snapshot"),
    ("length-lie", "snapshot"),
    ("gzip-bomb", "body above"),
    ("xml-bomb", "declaration"),
    ("hash-lie", "does not fit the hash"),
    ("serial-lie", "another found"),
    ("session-lie", "another found"),
    ("redirect-loop", "redirects"),
    ("redirect-elsewhere", "another origin"),
    ("cross-origin", "origin"),
    ("path-tricks", "malformed"),
    ("foreign-objects", ""),
    ("come-back-tomorrow", "429"),
    ("many-deltas", ""),
    ("delegation-tree", "not done after 5 s"),
    ("siege", "notification"),
    ("rsync-silence", "not done after 5 s"),
    ("rsync-links", ""),
    ("rsync-dies", "rsync"),
];

/// Carries one attack out, and returns what went wrong.
fn survive(name: &str, says: &str) -> Result<(), String> {
    let home = tempfile::tempdir().expect("a directory can be made");
    let mut command = provost_in(home.path(), &["lab", "attack", name, "--quiet"]);
    let output = command.output().expect("the program runs");
    let (shown, errors) = (text(&output.stdout), text(&output.stderr));
    let attacker = shown.lines().find(|line| line.starts_with("attacks"));
    let attacker = attacker.ok_or(format!("{name}: nobody attacks: {shown}{errors}"))?;
    if !output.status.success() || !shown.contains(", unchanged.") {
        return Err(format!("{name}: the others changed: {shown}{errors}"));
    }
    let failed = !attacker.contains(" current ");
    if failed == says.is_empty() || !attacker.to_lowercase().contains(says) {
        return Err(format!("{name}: expected {says:?}: {attacker}"));
    }
    Ok(())
}

/// A01 to A25, B04 to B32, C01 to C05: each attack that the lab knows, against the whole program.
#[test]
fn a11_b29_c05_every_attack_of_the_lab_leaves_the_others_unchanged() {
    let listed = provost_in(std::path::Path::new("/"), &["lab", "attack"]).output();
    let listed = text(&listed.expect("the program runs").stdout);
    let names: Vec<&str> = listed.lines().filter(|l| !l.contains(' ') && !l.is_empty()).collect();
    assert_eq!(names, ATTACKS.iter().map(|(name, _)| *name).collect::<Vec<_>>());

    let next = AtomicUsize::new(0);
    let work = || {
        let mut faults = Vec::new();
        while let Some((name, says)) = ATTACKS.get(next.fetch_add(1, Ordering::Relaxed)) {
            if name.starts_with("rsync") && !is_installed("rsync") {
                continue;
            }
            faults.extend(survive(name, says).err());
        }
        faults
    };
    let faults: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
