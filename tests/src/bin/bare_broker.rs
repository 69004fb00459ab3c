//! The floor of the benchmarks: the least that can stand between a caller and a runtime on the same HTTP stack.
//!
//! `POST /invoke` hands its body to whichever runtime waits at `GET .../invocation/next`, and is answered with
//! what that runtime posts. No authentication, no limits, no log, no isolation: what Lambent costs beyond this
//! is what Lambent is for. Prints its address and serves until it is killed.
//!
//! It may not be slow by construction. `bare-broker THREADS`: with one, which looks for what comes next for a moment before it sleeps, a
//! single caller is answered soonest; with two, many callers are.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot};

/// How long it looks for what comes next: a processor that sleeps takes as long to wake.
const PATIENCE: Duration = Duration::from_micros(50);
/// Invocations that may wait for a runtime.
const QUEUE_MAX: usize = 1024;

/// An invocation on its way to a runtime.
struct Event {
    id: u64,
    body: Bytes,
}

struct Broker {
    next_id: AtomicU64,
    enter: mpsc::Sender<Event>,
    leave: AsyncMutex<mpsc::Receiver<Event>>,
    callers: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    begun: Instant,
    /// When something came last, microseconds since it began.
    last_us: AtomicU64,
    called: Notify,
}

fn main() -> std::io::Result<()> {
    let threads = std::env::args().nth(1).and_then(|threads| threads.parse().ok()).unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(serve(threads == 1))
}

async fn serve(looks: bool) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (enter, leave) = mpsc::channel(QUEUE_MAX);
    let broker = Arc::new(Broker {
        next_id: AtomicU64::new(1),
        enter,
        leave: AsyncMutex::new(leave),
        callers: Mutex::new(HashMap::new()),
        begun: Instant::now(),
        last_us: AtomicU64::new(0),
        called: Notify::new(),
    });
    if looks {
        tokio::spawn(look_out(Arc::clone(&broker)));
    }
    // Not on the thread that waits for `main`.
    let _ = tokio::spawn(accept(listener, broker)).await;
    Ok(())
}

async fn accept(listener: TcpListener, broker: Arc<Broker>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let broker = Arc::clone(&broker);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&broker, request));
            // A client that goes away is no error of ours.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Asks the reactor again and again while things follow each other.
async fn look_out(broker: Arc<Broker>) {
    loop {
        broker.called.notified().await;
        while broker
            .begun
            .elapsed()
            .saturating_sub(Duration::from_micros(broker.last_us.load(Ordering::Relaxed)))
            < PATIENCE
        {
            tokio::task::yield_now().await;
        }
    }
}

async fn answer(broker: &Broker, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    broker.last_us.store(u64::try_from(broker.begun.elapsed().as_micros()).unwrap_or(0), Ordering::Relaxed);
    broker.called.notify_one();
    let path = request.uri().path().to_owned();
    let asks_for_next = request.headers().contains_key("lambent-runtime-then");
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let answered = match path.rsplit('/').take(2).collect::<Vec<_>>().as_slice() {
        ["invoke", ..] => invoke(broker, body).await,
        ["next", ..] => next(broker).await,
        ["response", id] => match respond(broker, id, body) {
            Some(_) if asks_for_next => next(broker).await,
            responded => responded,
        },
        _ => None,
    };
    Ok(answered.unwrap_or_else(|| status(StatusCode::BAD_REQUEST)))
}

async fn invoke(broker: &Broker, body: Bytes) -> Option<Response<Full<Bytes>>> {
    let id = broker.next_id.fetch_add(1, Ordering::Relaxed);
    let (caller, answered) = oneshot::channel();
    broker.callers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, caller);
    broker.enter.send(Event { id, body }).await.ok()?;
    Some(Response::new(Full::new(answered.await.ok()?)))
}

async fn next(broker: &Broker) -> Option<Response<Full<Bytes>>> {
    let event = broker.leave.lock().await.recv().await?;
    let response = Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", format!("00000000-0000-4000-8000-{:012}", event.id))
        .header("Lambda-Runtime-Deadline-Ms", "32503680000000")
        .header(
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:000000000000:function:floor",
        );
    response.body(Full::new(event.body)).ok()
}

fn respond(broker: &Broker, id: &str, body: Bytes) -> Option<Response<Full<Bytes>>> {
    let number: u64 = id.rsplit('-').next()?.parse().ok()?;
    let caller = broker.callers.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)?;
    // The caller may have gone; the runtime need not know.
    let _ = caller.send(body);
    Some(status(StatusCode::ACCEPTED))
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"status\":\"OK\"}\n")));
    *response.status_mut() = code;
    response
}
