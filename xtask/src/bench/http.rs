//! The least HTTP client that measures without being measured: one connection, kept alive, whole answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any invocation of a benchmark.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// Whether the function, rather than the server, failed.
    pub(super) function_error: bool,
}

/// What a request is about, beside its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// A call of Lambda's; an invocation waits for the function.
    Lambda,
    /// An invocation that waits for nothing but being accepted.
    Event,
    /// An operation of SQS.
    Sqs(&'static str),
}

impl About {
    fn service(self) -> &'static str {
        match self {
            Self::Lambda | Self::Event => "lambda",
            Self::Sqs(_) => "sqs",
        }
    }

    fn headers(self) -> String {
        match self {
            Self::Lambda => "Content-Type: application/json\r\n".into(),
            Self::Event => "Content-Type: application/json\r\nX-Amz-Invocation-Type: Event\r\n".into(),
            Self::Sqs(operation) => {
                format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{operation}\r\n")
            }
        }
    }
}

/// One connection to a server.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// Those of connecting.
    pub(super) fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream), address: address.to_owned() })
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not HTTP.
    pub(super) fn call(&mut self, method: &str, path: &str, body: &[u8], about: About) -> io::Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=bench/20240101/us-east-1/{}/aws4_request, \
             SignedHeaders=host, Signature=00\r\nX-Amz-Date: 20240101T000000Z\r\n{}\r\n",
            self.address,
            body.len(),
            about.service(),
            about.headers()
        );
        let stream = self.stream.get_mut();
        // One write for what fits a packet, as real clients do it.
        if body.len() <= 4096 {
            stream.write_all(&[head.as_bytes(), body].concat())?;
        } else {
            stream.write_all(head.as_bytes())?;
            stream.write_all(body)?;
        }
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not an answer: {line:?}")))?;
        let mut length = 0;
        let mut function_error = false;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            match header.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = value.trim().parse().map_err(io::Error::other)?,
                Some(("x-amz-function-error", _)) => function_error = true,
                Some(("transfer-encoding", _)) => {
                    return Err(io::Error::other("chunked answers are not read"));
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body, function_error })
    }
}
