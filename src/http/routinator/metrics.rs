//! `/metrics?names=routinator`: the numbers under the names that Routinator's dashboards read.

use std::fmt::{self, Display, Write};

use super::status::{Routers, code, serial, tried};
use super::tally::{Items, Numbers};
use crate::http::limits::MAX_REPOSITORY_SERIES;
use crate::http::state::{App, Served};
use crate::validate::ObjectKind;
use crate::world::RepositoryStatus;

/// Appends all families; before the first world there are none.
pub(crate) fn write(out: &mut String, app: &App) -> fmt::Result {
    let Some(served) = app.answering() else { return Ok(()) };
    let mut target = Target(out);
    update(&mut target, app, &served)?;
    let tally = served.tally();
    let anchors: Vec<Group<'_>> =
        tally.trust_anchors.iter().map(|(name, n)| Group { name, numbers: n }).collect();
    groups(&mut target, "ta", "name", &anchors)?;
    let repositories = tally.repositories.iter().take(MAX_REPOSITORY_SERIES);
    let repositories: Vec<Group<'_>> =
        repositories.map(|(name, n)| Group { name, numbers: n }).collect();
    groups(&mut target, "repository", "uri", &repositories)?;
    target.single("vrps_added_locally", "VRPs added from local exceptions", tally.asserted_vrps)?;
    target.single("aspa_large_provider_set", "ASPAs with too many providers", 0)?;
    transports(&mut target, &served)?;
    connections(&mut target, app)?;
    deprecated(&mut target, &served)
}

/// One series of a group of families.
#[derive(Clone, Copy)]
struct Group<'a> {
    name: &'a str,
    numbers: &'a Numbers,
}

struct Target<'a>(&'a mut String);

impl Target<'_> {
    fn head(&mut self, name: &str, help: &str, kind: &str) -> fmt::Result {
        writeln!(self.0, "# HELP routinator_{name} {help}\n# TYPE routinator_{name} {kind}")
    }

    fn single(&mut self, name: &str, help: &str, value: impl Display) -> fmt::Result {
        self.head(name, help, "gauge")?;
        writeln!(self.0, "routinator_{name} {value}")
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.head(name, help, "counter")?;
        writeln!(self.0, "routinator_{name} {value}")
    }

    fn series(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) -> fmt::Result {
        write!(self.0, "routinator_{name}{{")?;
        let mut delimiter = "";
        for (label, text) in labels {
            // Names come from files and certificates (THREATS J10).
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(self.0, "{delimiter}{label}=\"{text}\"")?;
            delimiter = ", ";
        }
        writeln!(self.0, "}} {value}")
    }
}

fn update(target: &mut Target<'_>, app: &App, served: &Served) -> fmt::Result {
    let world = served.world();
    let (now, duration) = (app.now(), world.validation_duration);
    let start = now.since(world.time).as_secs();
    let done = now.since(world.time.plus(duration)).as_secs();
    target.single("last_update_start", "seconds since the start of the last update", start)?;
    let help = "duration of the last update in seconds";
    target.single("last_update_duration", help, duration.as_secs())?;
    target.single("last_update_done", "seconds since the end of the last update", done)?;
    target.single("serial", "number of the payload in use", serial(app, served))
}

/// Writes the families that trust anchors and repositories both have.
fn groups(target: &mut Target<'_>, kind: &str, label: &str, groups: &[Group<'_>]) -> fmt::Result {
    let name = format!("{kind}_publication_points_total");
    target.head(&name, "publication points", "gauge")?;
    for Group { name: of, numbers } in groups {
        for (state, points) in
            [("valid", numbers.valid_points), ("rejected", numbers.rejected_points)]
        {
            target.series(&name, &[(label, *of), ("state", state)], points)?;
        }
    }
    let name = format!("{kind}_objects_total");
    target.head(&name, "objects by type and state", "gauge")?;
    for Group { name: of, numbers } in groups {
        for (object, state, count) in objects(numbers) {
            target.series(&name, &[(label, *of), ("type", object), ("state", state)], count)?;
        }
    }
    for (name, help, number) in ITEMS {
        let vrps = format!("{kind}_{name}_vrps_total");
        target.head(&vrps, &format!("VRPs, {help}"), "gauge")?;
        for Group { name: of, numbers } in groups {
            target.series(&vrps, &[(label, *of)], number(numbers.vrps()))?;
        }
        let payload = format!("{kind}_{name}_payload_total");
        target.head(&payload, &format!("payload items, {help}"), "gauge")?;
        for Group { name: of, numbers } in groups {
            for (item, items) in [
                ("route_origins_ipv4", numbers.ipv4),
                ("route_origins_ipv6", numbers.ipv6),
                ("router_keys", numbers.router_keys),
                ("aspas", numbers.aspas),
            ] {
                // Routinator filters no ASPAs.
                if (name, item) != ("locally_filtered", "aspas") {
                    target.series(&payload, &[(label, *of), ("type", item)], number(items))?;
                }
            }
        }
    }
    Ok(())
}

/// Returns one number of something.
type Number<T> = fn(T) -> u64;

/// What is counted of items: the name in the middle, the help, the number.
const ITEMS: [(&str, &str, Number<Items>); 4] = [
    ("valid", "valid", |items| items.valid),
    ("locally_filtered", "filtered out by local exceptions", |items| items.filtered),
    ("duplicate", "of which another object gives the same", |items| items.duplicate),
    ("contributed", "in the final set", Items::contributed),
];

/// Returns the objects of a group by type and state.
fn objects(numbers: &Numbers) -> [(&'static str, &'static str, u64); 19] {
    use ObjectKind::{
        Aspa, CaCertificate, Crl, Ghostbusters, Manifest, Other, Roa, RouterCertificate,
    };
    let (valid, invalid) = (|kind| numbers.valid(kind), |kind| numbers.invalid(kind));
    [
        ("manifest", "valid", valid(Manifest)),
        ("manifest", "invalid", invalid(Manifest)),
        ("manifest", "premature", numbers.premature_manifests),
        ("manifest", "stale", numbers.stale_manifests),
        ("manifest", "missing", numbers.missing_manifests),
        ("crl", "valid", valid(Crl)),
        ("crl", "invalid", invalid(Crl)),
        ("crl", "stale", numbers.stale_crls),
        ("crl", "stray", 0),
        ("ca_cert", "valid", valid(CaCertificate)),
        ("router_cert", "valid", valid(RouterCertificate)),
        ("cert", "invalid", invalid(CaCertificate)),
        ("roa", "valid", valid(Roa)),
        ("roa", "invalid", invalid(Roa)),
        ("aspa", "valid", valid(Aspa)),
        ("aspa", "invalid", invalid(Aspa)),
        ("gbr", "valid", valid(Ghostbusters)),
        ("gbr", "invalid", invalid(Ghostbusters)),
        ("other", "invalid", valid(Other) + invalid(Other)),
    ]
}

fn transports(target: &mut Target<'_>, served: &Served) -> fmt::Result {
    let status = |status: &RepositoryStatus| Some(code(status).to_string());
    let duration = |status: &RepositoryStatus| {
        status.duration.map(|duration| format!("{:.3}", duration.as_secs_f64()))
    };
    let serial = |status: &RepositoryStatus| status.serial.map(|serial| serial.to_string());
    type Value<'a> = &'a dyn Fn(&RepositoryStatus) -> Option<String>;
    let families: [(&str, &str, bool, Value<'_>); 7] = [
        ("rrdp_status", "status of the last RRDP update", true, &status),
        ("rrdp_notification_status", "status of the RRDP notification", true, &status),
        ("rrdp_payload_status", "status of the RRDP payload", true, &status),
        ("rrdp_duration", "duration of the last RRDP update in seconds", true, &duration),
        ("rrdp_serial_info", "serial of the last RRDP update", true, &serial),
        ("rsync_status", "exit status of the last rsync run", false, &status),
        ("rsync_duration", "duration of the last rsync run in seconds", false, &duration),
    ];
    for (name, help, is_rrdp, value) in families {
        target.head(name, help, "gauge")?;
        for status in tried(served.world(), is_rrdp).take(MAX_REPOSITORY_SERIES) {
            if let Some(value) = value(status) {
                target.series(name, &[("uri", status.id.as_str())], value)?;
            }
        }
    }
    Ok(())
}

fn connections(target: &mut Target<'_>, app: &App) -> fmt::Result {
    let routers = Routers::of(app);
    target.single("rtr_current_connections", "RTR connections", routers.open)?;
    target.counter("rtr_bytes_read", "bytes read from RTR connections", 0)?;
    target.counter("rtr_bytes_written", "bytes written to RTR connections", routers.sent_bytes)?;
    let counters = &app.counters;
    target.counter("http_connections", "HTTP connections opened", counters.connections())?;
    let open = counters.open_connections();
    target.single("http_current_connections", "HTTP connections that are open", open)?;
    target.counter("http_bytes_read", "bytes read from HTTP", counters.bytes_read())?;
    target.counter("http_bytes_written", "bytes written to HTTP", counters.bytes_written())?;
    target.counter("http_requests", "HTTP requests", counters.requests())
}

/// Writes what Routinator calls deprecated, and old dashboards read.
fn deprecated(target: &mut Target<'_>, served: &Served) -> fmt::Result {
    let tally = served.tally();
    type OfGroup = fn(&Numbers) -> u64;
    let families: [(&str, &str, OfGroup); 4] = [
        ("valid_roas", "valid ROAs", |n| n.valid(ObjectKind::Roa)),
        ("total_vrps", "valid VRPs", |n| n.vrps().valid),
        ("vrps_filtered_locally", "VRPs filtered out by local exceptions", |n| n.vrps().filtered),
        ("vrps_duplicate", "VRPs that another object gives, too", |n| n.vrps().duplicate),
    ];
    for (name, help, number) in families {
        target.head(name, help, "gauge")?;
        for (tal, numbers) in &tally.trust_anchors {
            target.series(name, &[("tal", tal)], number(numbers))?;
        }
    }
    target.single("vrps_final", "final number of VRPs", served.view().vrps().len())?;
    target.single("stale_objects", "stale manifests and CRLs", tally.all.stale_objects())
}
