//! What HTTP and a disk allow together: a server of one thread that appends what all its clients have sent, syncs it once, and answers all
//! of them. Nothing that takes requests over connections and keeps them can be faster here.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::http;

const ANSWER: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
/// How often it looks whether it is to stop.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Connections at a time, and events of one look.
const CONNECTIONS_MAX: usize = 1_024;
/// Marks the listener among the events.
const LISTENER: u64 = u64::MAX;

/// The server; it ends when this is dropped.
pub(super) struct HttpFloor {
    /// Where it listens: `host:port`.
    pub(super) address: String,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<io::Result<()>>>,
    path: PathBuf,
}

impl HttpFloor {
    /// Appends to a file in `folder`.
    ///
    /// # Errors
    /// When it cannot listen, or write.
    pub(super) fn start(folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (address, path) = (listener.local_addr()?.to_string(), folder.join("http-floor"));
        let (file, stop) = (File::create(&path)?, Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let serving = Some(thread::spawn(move || serve(&listener, file, &stopped)));
        Ok(Self { address, stop, serving, path })
    }
}

impl Drop for HttpFloor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.serving.take().map(JoinHandle::join) {
            eprintln!("the floor of HTTP ended early: {error}");
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// A connection and what came of its next request.
struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

fn serve(listener: &TcpListener, mut file: File, stop: &AtomicBool) -> io::Result<()> {
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let watch = |socket: &dyn std::os::fd::AsFd, data| {
        epoll::add(&ready, socket, epoll::EventData::new_u64(data), epoll::EventFlags::IN)
    };
    watch(listener, LISTENER)?;
    let mut clients: Vec<Client> = Vec::new();
    let mut events = Vec::with_capacity(CONNECTIONS_MAX);
    while !stop.load(Ordering::Relaxed) {
        events.clear();
        epoll::wait(&ready, spare_capacity(&mut events), Some(&LOOK))?;
        let (mut batch, mut asking) = (Vec::new(), Vec::new());
        for number in events.iter().map(|event| event.data.u64()) {
            if number == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    watch(&stream, clients.len() as u64)?;
                    clients.push(Client { stream, received: Vec::new() });
                }
            } else if clients[number as usize].receive(&ready, &mut batch)? {
                asking.push(number as usize);
            }
        }
        if !asking.is_empty() {
            file.write_all(&batch)?;
            file.sync_data()?;
            asking.iter().try_for_each(|number| (&clients[*number].stream).write_all(ANSWER))?;
        }
    }
    Ok(())
}

impl Client {
    /// Reads what is there; whether a request is whole now, whose body is in the batch then.
    fn receive(&mut self, ready: &impl std::os::fd::AsFd, batch: &mut Vec<u8>) -> io::Result<bool> {
        if http::receive(&self.stream, &mut self.received)? == 0 {
            epoll::delete(ready, &self.stream)?;
            return Ok(false);
        }
        let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(false);
        };
        let head = String::from_utf8_lossy(&self.received[..end]);
        let length = head.split("\r\n").filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.transpose().map_err(io::Error::other)?.unwrap_or(0);
        let Some(body) = self.received.get(end + 4..end + 4 + length) else { return Ok(false) };
        batch.extend_from_slice(body);
        self.received.drain(..end + 4 + length);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::http::{About, Connection};

    #[test]
    fn what_is_answered_is_in_the_file() {
        let folder = std::env::temp_dir().join(format!("lambent-http-floor-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let floor = HttpFloor::start(&folder).unwrap();
        let mut connections: Vec<_> = (0..3).map(|_| Connection::open(&floor.address).unwrap()).collect();
        for connection in &mut connections {
            for _ in 0..2 {
                let answer = connection.call("POST", "/", &[b'x'; 20_000], About::Event).unwrap();
                assert_eq!(answer.status, 202);
            }
        }
        assert_eq!(fs::metadata(folder.join("http-floor")).unwrap().len(), 6 * 20_000);
        drop((connections, floor));
        fs::remove_dir(&folder).unwrap();
    }
}
