//! How fast the store alone accepts events: `accept_events DIRECTORY CALLERS SECONDS BYTES` prints the time that each took, microseconds,
//! a line each, and the seconds that all took last. The benchmarks set it beside the server.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use lambda_model::{
    function::FunctionKey, invocation::asynchronous::AsyncEvent, ports::AsyncInvocationQueue,
};
use store::{Change, CommitObserver, DataDir, OpenOptions, Queues, Store};

struct Nobody;

impl CommitObserver for Nobody {
    fn committed(&self, _: &Change) {}
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, callers, seconds, bytes] = arguments.as_slice() else {
        return Err("usage: accept_events DIRECTORY CALLERS SECONDS BYTES".into());
    };
    let options = OpenOptions { data_dir: PathBuf::from(directory), ephemeral: false };
    let store = Store::open(DataDir::open(&options)?, Arc::new(Nobody))?;
    let payload = bytes::Bytes::from(vec![b'x'; bytes.parse()?]);
    let duration = Duration::from_secs_f64(seconds.parse()?);
    let started = Instant::now();
    let callers: Vec<_> = (0..callers.parse::<usize>()?)
        .map(|_| tokio::spawn(caller(store.queues(), payload.clone(), duration)))
        .collect();
    let mut lines = String::new();
    for caller in callers {
        for micros in caller.await? {
            lines.push_str(&format!("{micros}\n"));
        }
    }
    lines.push_str(&format!("{}\n", started.elapsed().as_secs_f64()));
    std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes())?;
    store.close().await;
    Ok(())
}

async fn caller(queues: Queues, payload: bytes::Bytes, duration: Duration) -> Vec<u128> {
    let mut micros = Vec::new();
    let started = Instant::now();
    while started.elapsed() < duration {
        let began = Instant::now();
        let event = AsyncEvent {
            request_id: "8f5a9b1e-0000-4000-8000-000000000000".into(),
            key: FunctionKey {
                account_id: "000000000000".into(),
                region: "us-east-1".into(),
                name: "f".into(),
            },
            qualifier: None,
            payload: payload.clone(),
            trace_id: None,
            accepted_at_ms: 1_800_000_000_000,
        };
        if queues.accept(event).await.is_err() {
            break;
        }
        micros.push(began.elapsed().as_micros());
    }
    micros
}
