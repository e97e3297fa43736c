//! One router: its queries, our answers, and who ends it when.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::cache::{Cache, Phase, Stop};
use super::clients::{Counts, Entry};
use super::inbox::{Broken, Inbox, Query};
use super::limits::{FAREWELL_TIMEOUT, Limits, MAX_VERSION_TRIES};
use super::pace::Pace;
use super::pdu::{ErrorCode, Version, cache_reset, error_report, error_text, serial_notify};
use super::table::Snapshot;
use crate::clock;

/// A session with one router, over any transport.
pub(super) struct Session<S> {
    stream: S,
    inbox: Inbox,
    cache: Cache,
    phases: watch::Receiver<Phase>,
    /// The phase in which the session began.
    first: Phase,
    entry: Entry,
    limits: Limits,
    version: Option<Version>,
    version_tries: u32,
    /// The session id that the router was given.
    established: Option<u16>,
    /// What the router knows or was told of: session and serial.
    known: Option<(u16, u32)>,
    notify: Notify,
    pace: Pace,
    opened: Instant,
    last_query: Instant,
    /// Since when a part of a PDU is there.
    partial: Option<Instant>,
}

/// When the router is told of a change.
#[derive(Default)]
struct Notify {
    pending: bool,
    last: Option<Instant>,
}

/// Why a session ends.
enum End {
    /// The router closed, or cannot be reached.
    Gone,
    /// It reads too slowly, or says nothing.
    TooSlow,
    /// It ended the session by an Error Report, or there are no data for it any more.
    Dropped,
    /// It broke the rules, and is told.
    Broke { code: ErrorCode, pdu: BytesMut },
    /// A defect of ours.
    Defect,
    /// The server ends.
    Stopped(Stop),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        End::Gone
    }
}

/// What is written next.
enum Send<'a> {
    /// Some of these bytes, as many as there is room for.
    Some(&'a [u8]),
    /// All that the transport still holds.
    Rest,
}

/// What woke the session.
enum Event {
    Read(io::Result<usize>),
    Deadline,
    Notify,
    Ready,
    Phase,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub fn new(stream: S, cache: Cache, entry: Entry, limits: Limits) -> Self {
        let now = Instant::now();
        let mut phases = cache.watch();
        let first = *phases.borrow_and_update();
        Session {
            stream,
            inbox: Inbox::default(),
            cache,
            phases,
            first,
            entry,
            limits,
            version: None,
            version_tries: 0,
            established: None,
            known: None,
            notify: Notify::default(),
            pace: Pace::new(limits.query_interval, now),
            opened: now,
            last_query: now,
            partial: None,
        }
    }

    /// Speaks with the router until one of both ends it.
    pub async fn run(mut self) {
        let Err(end) = self.talk().await;
        let last_words = match &end {
            // After an answer that broke off, an Error Report would be read as a part of it.
            End::Gone | End::Dropped | End::Defect => None,
            End::TooSlow => {
                self.entry.count(|counts| counts.too_slow += 1);
                None
            }
            End::Broke { code, pdu } => {
                self.entry.count(|counts| counts.protocol_errors += 1);
                let text = words(*code);
                tracing::info!(client = %self.entry.address(), error = text, "router is cut off");
                let version = self.version.or_else(|| version_of(pdu));
                Some(error_report(version.unwrap_or(Version::HIGHEST), *code, pdu, text))
            }
            End::Stopped(stop) => self.version.filter(|version| *version >= Version::V2).map(|v| {
                let code = match stop {
                    Stop::Restart => ErrorCode::CacheRestart,
                    Stop::Shutdown => ErrorCode::CacheShutdown,
                };
                error_report(v, code, &[], words(code))
            }),
        };
        let farewell = async {
            if let Some(words) = last_words {
                self.stream.write_all(&words).await?;
            }
            self.stream.shutdown().await?;
            // What the router sent in the meantime would turn our close into a reset, and the
            // reset would take the last words with it.
            let mut rest = [0; 1024];
            while !matches!(end, End::Gone) && self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Whoever does not listen misses it.
        let _ = timeout(FAREWELL_TIMEOUT, farewell).await;
    }

    async fn talk(&mut self) -> Result<Infallible, End> {
        loop {
            self.check_phase()?;
            let now = Instant::now();
            let ready_at = self.pace.ready_at(now);
            if ready_at <= now && self.take_query().await? {
                continue;
            }
            let (deadline, notify_at) = (self.deadline(), self.notify_at());
            let is_full = self.inbox.is_full();
            let event = {
                let mut space = self.inbox.space();
                tokio::select! {
                    // Loses nothing when another branch wins: what was read is in the inbox.
                    read = self.stream.read_buf(&mut space), if !is_full => Event::Read(read),
                    () = sleep_until(deadline) => Event::Deadline,
                    () = sleep_until(notify_at.unwrap_or(deadline)), if notify_at.is_some() => {
                        Event::Notify
                    }
                    () = sleep_until(ready_at), if now < ready_at => Event::Ready,
                    changed = self.phases.changed() => {
                        // The cache outlives its sessions.
                        changed.map_err(|_| End::Gone)?;
                        Event::Phase
                    }
                }
            };
            match event {
                Event::Read(read) => {
                    if read? == 0 {
                        return Err(End::Gone);
                    }
                }
                Event::Deadline => return Err(End::TooSlow),
                Event::Notify => self.send_notify().await?,
                Event::Ready => {}
                Event::Phase => self.notify.pending = true,
            }
        }
    }

    fn check_phase(&self) -> Result<(), End> {
        let phase = *self.phases.borrow();
        if let Some(stop) = phase.stop {
            return Err(End::Stopped(stop));
        }
        if phase.withdrawal != self.first.withdrawal {
            return Err(End::Dropped);
        }
        Ok(())
    }

    /// Returns when the router must have sent something.
    fn deadline(&self) -> Instant {
        let idle = match self.version {
            Some(_) => self.last_query + self.limits.idle_timeout,
            None => self.opened + self.limits.handshake_timeout,
        };
        match self.partial {
            Some(since) => idle.min(since + self.limits.pdu_timeout),
            None => idle,
        }
    }

    /// Returns when the router is to be told of a change, if there is one that it does not know.
    fn notify_at(&self) -> Option<Instant> {
        let snapshot = self.cache.current()?;
        let version = self.version?;
        let news = self.known != Some((snapshot.session(version), snapshot.serial()));
        let earliest = self.notify.last.map(|last| last + self.limits.notify_interval);
        (self.notify.pending && news).then(|| earliest.unwrap_or(self.opened))
    }

    async fn send_notify(&mut self) -> Result<(), End> {
        self.notify.pending = false;
        let (Some(snapshot), Some(version)) = (self.cache.current(), self.version) else {
            return Ok(());
        };
        let (session, serial) = (snapshot.session(version), snapshot.serial());
        self.send(&serial_notify(version, session, serial)).await?;
        self.notify.last = Some(Instant::now());
        self.known = Some((session, serial));
        self.entry.count(|counts| counts.notifies += 1);
        Ok(())
    }

    /// Answers the next query, if a whole one is there.
    async fn take_query(&mut self) -> Result<bool, End> {
        let query = match self.inbox.take(self.version) {
            Ok(Some(query)) => query,
            Ok(None) => {
                let partial = self.partial.unwrap_or_else(Instant::now);
                self.partial = (!self.inbox.is_empty()).then_some(partial);
                return Ok(false);
            }
            Err(Broken::Tell { code, pdu }) => return Err(End::Broke { code, pdu }),
            Err(Broken::Silent) => {
                self.entry.count(|counts| counts.protocol_errors += 1);
                return Err(End::Dropped);
            }
        };
        self.partial = None;
        self.last_query = Instant::now();
        self.pace.spend();
        match query {
            Query::Reset { pdu, version } => self.answer_reset(version, &pdu).await?,
            Query::Serial { pdu, version, session, serial } => {
                self.answer_serial(version, pdu, session, serial).await?;
            }
            Query::Unspoken { pdu } => {
                self.version_tries += 1;
                if self.version_tries >= MAX_VERSION_TRIES {
                    return Err(End::Broke { code: ErrorCode::UnsupportedVersion, pdu });
                }
                let code = ErrorCode::UnsupportedVersion;
                let report = error_report(Version::HIGHEST, code, &pdu, words(code));
                self.send(&report).await?;
            }
            Query::Error { pdu, code } => {
                let text = error_text(&pdu);
                tracing::info!(client = %self.entry.address(), code, text, "router reports an error");
                self.entry.count(|counts| counts.error_reports += 1);
                // Never answered (RFC 8210, section 5.11), and most of them end the session.
                if is_fatal(code, self.version) {
                    return Err(End::Dropped);
                }
            }
        }
        Ok(true)
    }

    async fn answer_reset(&mut self, version: Version, pdu: &[u8]) -> Result<(), End> {
        self.agree(version);
        let Some(snapshot) = self.cache.current() else {
            return self.answer_no_data(version, pdu).await;
        };
        let table = snapshot.table(version, self.cache.tables()).await;
        let table = table.map_err(|_| End::Defect)?;
        let (session, serial) = (snapshot.session(version), snapshot.serial());
        // A slow router keeps one table in memory, not the whole snapshot.
        drop(snapshot);
        let sent = tokio::select! {
            sent = self.send(&table.bytes) => sent,
            () = table.retirement() => Err(End::TooSlow),
        };
        sent?;
        self.finish(session, serial, |counts| counts.tables += 1);
        Ok(())
    }

    async fn answer_serial(
        &mut self,
        version: Version,
        pdu: BytesMut,
        session: u16,
        serial: u32,
    ) -> Result<(), End> {
        self.agree(version);
        if self.established.is_some_and(|established| established != session) {
            return Err(End::Broke { code: ErrorCode::CorruptData, pdu });
        }
        let Some(snapshot) = self.cache.current() else {
            return self.answer_no_data(version, &pdu).await;
        };
        match self.changes(&snapshot, version, session, serial).await? {
            Some(bytes) => {
                let serial = snapshot.serial();
                drop(snapshot);
                self.send(&bytes).await?;
                self.finish(session, serial, |counts| counts.changes += 1);
            }
            None => {
                self.send(&cache_reset(version)).await?;
                self.entry.count(|counts| counts.resets += 1);
            }
        }
        Ok(())
    }

    async fn changes(
        &self,
        snapshot: &Arc<Snapshot>,
        version: Version,
        session: u16,
        serial: u32,
    ) -> Result<Option<Bytes>, End> {
        if session != snapshot.session(version) {
            return Ok(None);
        }
        snapshot.changes(version, serial).await.map_err(|_| End::Defect)
    }

    async fn answer_no_data(&mut self, version: Version, pdu: &[u8]) -> Result<(), End> {
        let code = ErrorCode::NoData;
        self.send(&error_report(version, code, pdu, words(code))).await?;
        self.entry.count(|counts| counts.no_data += 1);
        Ok(())
    }

    fn agree(&mut self, version: Version) {
        self.version = Some(version);
        self.entry.note(|client| client.version = Some(version));
    }

    fn finish(&mut self, session: u16, serial: u32, count: impl FnOnce(&mut Counts)) {
        self.established = Some(session);
        self.known = Some((session, serial));
        // Whatever came while the answer was on its way.
        self.notify.pending = true;
        let now = clock::now();
        self.entry.note(|client| {
            client.serial = Some(serial);
            client.updated = Some(now);
        });
        self.entry.count(count);
    }

    /// Writes bytes within the limits of time; nothing is copied or queued.
    async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        let end = Instant::now() + self.limits.answer_timeout;
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            let limit = left.min(self.limits.stall_timeout);
            let written = self.within(limit, Send::Some(rest)).await?;
            rest = rest.get(written..).unwrap_or_default();
            let bytes = u64::try_from(written).unwrap_or(u64::MAX);
            self.entry.note(|client| client.sent_bytes += bytes);
        }
        // What TLS still holds; nothing over TCP.
        self.within(self.limits.stall_timeout, Send::Rest).await?;
        Ok(())
    }

    async fn within(&mut self, limit: Duration, what: Send<'_>) -> Result<usize, End> {
        let mut phases = self.phases.clone();
        let first = self.first;
        let over =
            phases.wait_for(|phase| phase.stop.is_some() || phase.withdrawal != first.withdrawal);
        let stream = &mut self.stream;
        let send = async {
            match what {
                Send::Some(bytes) => match stream.write(bytes).await? {
                    0 => Err(End::Gone),
                    written => Ok(written),
                },
                Send::Rest => Ok(stream.flush().await.map(|()| 0)?),
            }
        };
        tokio::select! {
            biased;
            sent = send => sent,
            // In the middle of an answer there is nothing to say.
            _ = over => Err(End::Dropped),
            () = tokio::time::sleep(limit) => Err(End::TooSlow),
        }
    }
}

/// Returns the version of a PDU, if it is one that is spoken.
fn version_of(pdu: &[u8]) -> Option<Version> {
    pdu.first().and_then(|number| Version::from_number(*number))
}

/// Tells whether an error ends the session (section 12).
fn is_fatal(code: u16, version: Option<Version>) -> bool {
    let no_data = ErrorCode::NoData.number();
    let of_version_2 = [ErrorCode::UnsupportedVersion, ErrorCode::CacheRestart];
    let is_one_of_version_2 = of_version_2.into_iter().any(|other| other.number() == code);
    code != no_data && !(version == Some(Version::V2) && is_one_of_version_2)
}

/// What an Error Report says to people.
fn words(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::CorruptData => "length or session does not fit",
        ErrorCode::NoData => "no validated data, or too old: try again later",
        ErrorCode::InvalidRequest => "not a query of a router",
        ErrorCode::UnsupportedVersion => "versions 0, 1 and 2 are spoken",
        ErrorCode::UnsupportedType => "unknown type of PDU",
        ErrorCode::UnexpectedVersion => "another version than before",
        ErrorCode::CacheRestart => "the cache restarts; keep the data",
        ErrorCode::CacheShutdown => "the cache ends; forget its data",
    }
}
