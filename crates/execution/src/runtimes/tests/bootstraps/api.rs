//! A Runtime API that hands out given events, takes what is posted, and hangs up when there is nothing more.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

/// What a `next` answers.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request: what a bootstrap posted, or a `next`.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub method: String,
    /// Without the prefix of all paths.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Post {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(super) struct Api {
    pub address: String,
    served: JoinHandle<Vec<Post>>,
}

impl Api {
    /// For one connection.
    pub(super) fn serve(events: Vec<Event>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { address, served: thread::spawn(move || converse(listener.accept().unwrap().0, events)) }
    }

    /// All that was posted; the bootstrap's process has ended.
    pub(super) fn posts(self) -> Vec<Post> {
        // Where none has connected, the one that waits for it must end too.
        drop(TcpStream::connect(&self.address));
        self.served.join().unwrap()
    }
}

fn converse(mut stream: TcpStream, events: Vec<Event>) -> Vec<Post> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut events, mut posts) = (events.into_iter(), Vec::new());
    while let Some(request) = request(&mut reader) {
        if request.method == "POST" {
            posts.push(request);
            respond(&mut stream, "202 Accepted", &[], br#"{"status":"OK"}"#);
            continue;
        }
        assert_eq!(request.path, "/invocation/next");
        let Some(event) = events.next() else { break };
        respond(&mut stream, "200 OK", &event.headers, &event.body);
    }
    posts
}

fn request(reader: &mut impl BufRead) -> Option<Post> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let (method, path) = first.strip_suffix(" HTTP/1.1")?.split_once(" /2018-06-01/runtime")?;
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Post { method: method.to_owned(), path: path.to_owned(), headers, body })
}

/// In two writes, so that no bootstrap may count on having all at once.
fn respond(stream: &mut TcpStream, status: &str, headers: &[(String, String)], body: &[u8]) {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    // It may have ended meanwhile, as after an error of its initialization.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
