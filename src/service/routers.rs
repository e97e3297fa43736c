//! Takes every view of the server to the routers, and withdraws what is too old for them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::spawn_blocking;

use super::server::CLOCK_INTERVAL;
use crate::http::{App, Served};
use crate::model::Timestamp;
use crate::rtr::Updater;

/// Follows `app`; ends never.
pub(super) async fn feed(app: App, updater: Updater, now: fn() -> Timestamp) {
    let updater = Arc::new(Mutex::new(updater));
    let mut last: Option<Arc<Served>> = None;
    loop {
        if let Some(served) = app.current() {
            let time = now();
            let is_new = last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, &served));
            let is_due = || {
                let updater = updater.lock().unwrap_or_else(PoisonError::into_inner);
                updater.is_due(served.view(), time)
            };
            if is_new || is_due() {
                last = Some(Arc::clone(&served));
                update(Arc::clone(&updater), served, time).await;
            }
        }
        tokio::time::sleep(CLOCK_INTERVAL).await;
    }
}

async fn update(updater: Arc<Mutex<Updater>>, served: Arc<Served>, time: Timestamp) {
    let work = spawn_blocking(move || {
        let mut updater = updater.lock().unwrap_or_else(PoisonError::into_inner);
        updater.update(served.view(), time);
    });
    if let Err(error) = work.await {
        tracing::error!(%error, "preparing data for routers panicked; they keep the old ones");
    }
}
