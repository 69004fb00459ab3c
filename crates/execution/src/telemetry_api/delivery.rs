//! The task that brings one subscriber its telemetry.
//!
//! A batch that cannot be delivered is tried again and again, more slowly each time; meanwhile the buffer fills, and drops.

use std::{sync::Arc, time::Duration};

use lambda_model::{environment::Destination, platform_log::PlatformEvent};

use super::{
    buffer::Buffer,
    destination::{Connection, Sockets},
    telemetry::envelope,
};

/// The first pause after a failure; it doubles each time.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Delivers until aborted.
pub(super) async fn run(buffer: Arc<Buffer>, destination: Destination, sockets: Arc<Sockets>) {
    let mut connection = Connection::default();
    loop {
        let (mut batch, dropped) = buffer.next_batch().await;
        if let Some(dropped) = dropped {
            let event = PlatformEvent::LogsDropped(dropped);
            batch.push(envelope(event.event_type(), &event.record()));
        }
        let mut pause = RETRY_PAUSE;
        while let Err(error) = connection.deliver(&batch, &destination, &sockets).await {
            tracing::debug!(%error, "telemetry not delivered");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
        buffer.is_delivered();
    }
}
