//! Our writers and Routinator's, on the same lab: the same bytes, but for times and what is named.

use std::fs;

use provost::lab::RsyncUse;
use tokio::process::Command;

use crate::support::{is_installed, lab, run};

/// Removes what must differ: times, blanks at line ends, and our member for StayRTR.
fn normal(format: &str, text: &str) -> String {
    let is_time = |word: &str| {
        let digits = word.trim_matches(|c: char| !c.is_ascii_digit());
        let shape: String =
            digits.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        shape.starts_with("0000-00-00") || shape.starts_with("00:00:00") || shape == "0000000000"
    };
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.contains("\"buildtime\"")) {
        let words =
            line.trim_end().split(' ').map(|word| if is_time(word) { "TIME" } else { word });
        let line = words.collect::<Vec<_>>().join(" ");
        match format {
            // Its last two columns are times.
            "csvext" => lines.push(line.split(',').take(4).collect::<Vec<_>>().join(",")),
            _ => lines.push(line),
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn every_format_of_routinator_is_written_as_routinator_does() {
    if !is_installed("routinator").await {
        return;
    }
    let lab = lab(RsyncUse::Never).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut sync = Command::new(env!("CARGO_BIN_EXE_provost"));
    sync.args(["sync", "--lab", "--no-rir-tals", "--no-rsync", "--allow-local-addresses"]);
    sync.arg("--root-cert").arg(lab.tls_root()).arg("--data-dir").arg(&data);
    let config = directory.path().join("routinator.conf");
    let cache = directory.path().join("cache");
    fs::create_dir_all(&cache).unwrap();
    fs::write(&config, format!("repository-dir = {cache:?}\n")).unwrap();
    for tal in lab.tals() {
        sync.arg("--tal").arg(tal);
    }
    run(&mut sync).await;
    let formats = [
        "none",
        "csv",
        "csvcompat",
        "csvext",
        "json",
        "slurm",
        "slurm2",
        "openbgpd",
        "bird1",
        "bird2",
        "rpsl",
        "summary",
    ];
    for format in formats {
        let mut theirs = Command::new("routinator");
        theirs.arg("--config").arg(&config).arg("--no-rir-tals");
        theirs.arg("--extra-tals-dir").arg(lab.tal_directory());
        theirs.arg("--rrdp-root-cert").arg(lab.tls_root());
        theirs.args(["--allow-dubious-hosts", "--disable-rsync", "vrps", "--format", format]);
        if format != "none" {
            // The first one, which writes nothing, has fetched.
            theirs.arg("--noupdate");
        }
        let theirs = run(&mut theirs).await.stdout;
        if format == "none" {
            continue;
        }
        let mut ours = Command::new(env!("CARGO_BIN_EXE_provost"));
        ours.args(["export", "--format", format]).arg("--data-dir").arg(&data);
        let ours = run(&mut ours).await.stdout;
        let text = |bytes: Vec<u8>| normal(format, &String::from_utf8(bytes).unwrap());
        let (theirs, ours) = (text(theirs), text(ours));
        // Its `generatedTime` is the last member; ours is followed by `buildtime`.
        assert_eq!(ours.replace("TIME,", "TIME"), theirs.replace("TIME,", "TIME"), "{format}");
        assert!(ours.lines().count() > 5, "{format} has content");
    }
}
