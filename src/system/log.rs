//! The log: events with fields, on standard error, as text or JSON.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

/// How many lines wait for a reader of the log that has stopped to read; then lines are lost.
const WAITING_LINES: usize = 4_096;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text an event.
    #[default]
    Text,
    /// One JSON object an event.
    Json,
}

/// Starts the log. `verbosity`: below 0 errors only, 0 warnings, 1 information, 2 and more debug.
///
/// A second call changes nothing.
pub fn init(verbosity: i16, format: LogFormat) {
    let level = match verbosity {
        i16::MIN..=-1 => LevelFilter::ERROR,
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    // Our own events at the chosen level, the libraries' only when something is wrong.
    let targets = tracing_subscriber::filter::Targets::new()
        .with_default(LevelFilter::WARN.min(level))
        .with_target("provost", level);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text =
        tracing_subscriber::fmt::layer().with_writer(Lines).with_ansi(colour).with_target(false);
    let registry = tracing_subscriber::registry().with(targets);
    // An error means that a log is running already.
    let _ = match format {
        LogFormat::Text => registry.with(text).try_init(),
        LogFormat::Json => registry.with(text.json()).try_init(),
    };
}

/// Where lines go once the log must not block.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Lets the log of this process never block again: whoever stops to read it costs lines, not work
/// (THREATS L17). Starts a thread, so a sandbox must be entered before.
///
/// For processes that run for long; a short one ends before the thread has written everything.
pub fn never_block() {
    let (queue, lines) = Queue::new();
    let lost = queue.lost.clone();
    if QUEUE.set(queue).is_ok() {
        std::thread::spawn(move || drain(&lines, &lost, &mut io::stderr()));
    }
}

/// Lines that wait to be written.
struct Queue {
    lines: SyncSender<Vec<u8>>,
    lost: Arc<AtomicU64>,
}

impl Queue {
    fn new() -> (Self, Receiver<Vec<u8>>) {
        let (lines, receiver) = sync_channel(WAITING_LINES);
        (Queue { lines, lost: Arc::default() }, receiver)
    }

    fn put(&self, line: &[u8]) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line.to_vec()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes lines as they come, and says how many were lost.
fn drain(lines: &Receiver<Vec<u8>>, lost: &AtomicU64, to: &mut dyn Write) {
    for line in lines {
        // Without a log, there is nobody to tell.
        let _ = to.write_all(&line);
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => {
                let _ = writeln!(to, "{lost} lines of the log are lost: nobody read it in time");
            }
        }
    }
}

/// Writes one event at a time.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        Lines
    }
}

impl Write for Lines {
    /// Takes a whole line: that is how events are written.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match QUEUE.get() {
            Some(queue) => queue.put(line),
            None => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l17_a_log_that_nobody_reads_costs_lines_and_says_how_many() {
        let (queue, lines) = Queue::new();
        for number in 0..WAITING_LINES + 10 {
            queue.put(format!("line {number}\n").as_bytes());
        }
        let (lost, mut written) = (queue.lost.clone(), Vec::new());
        drop(queue);
        drain(&lines, &lost, &mut written);
        let text = String::from_utf8(written).unwrap();
        assert_eq!(text.lines().count(), WAITING_LINES + 1);
        assert!(text.contains("10 lines of the log are lost"));
        assert!(!text.contains(&format!("line {WAITING_LINES}\n")));
    }
}
