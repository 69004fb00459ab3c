//! The least HTTP client that measures without being measured: one connection, kept alive, whole answers.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any invocation of a benchmark.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Read at a time.
const PIECE_BYTES: usize = 16 * 1024;

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
    /// An operation of EventBridge.
    Events(&'static str),
    /// An operation of DynamoDB.
    DynamoDb(&'static str),
    /// An operation of Kinesis.
    Kinesis(&'static str),
    /// An operation of CloudWatch Logs.
    Logs(&'static str),
    /// Of S3: the path and the method say what.
    S3,
    /// The same of both API Gateways.
    ApiGateway,
    /// A request of anybody, whom nothing signs for.
    Web,
}

impl About {
    /// Whom it is signed for.
    fn service(self) -> Option<&'static str> {
        Some(match self {
            Self::Lambda | Self::Event => "lambda",
            Self::Sqs(_) => "sqs",
            Self::Events(_) => "events",
            Self::DynamoDb(_) => "dynamodb",
            Self::Kinesis(_) => "kinesis",
            Self::Logs(_) => "logs",
            Self::S3 => "s3",
            Self::ApiGateway => "apigateway",
            Self::Web => return None,
        })
    }

    fn signature(self) -> String {
        let Some(service) = self.service() else { return String::new() };
        format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=bench/20240101/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=00\r\nX-Amz-Date: 20240101T000000Z\r\n"
        )
    }

    fn headers(self) -> String {
        match self {
            Self::Lambda | Self::ApiGateway | Self::Web => "Content-Type: application/json\r\n".into(),
            Self::Event => "Content-Type: application/json\r\nX-Amz-Invocation-Type: Event\r\n".into(),
            Self::Sqs(operation) => json("1.0", "AmazonSQS", operation),
            Self::Events(operation) => json("1.1", "AWSEvents", operation),
            Self::DynamoDb(operation) => json("1.0", "DynamoDB_20120810", operation),
            Self::Kinesis(operation) => json("1.1", "Kinesis_20131202", operation),
            Self::Logs(operation) => json("1.1", "Logs_20140328", operation),
            Self::S3 => "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n".into(),
        }
    }
}

fn json(version: &str, prefix: &str, operation: &str) -> String {
    format!("Content-Type: application/x-amz-json-{version}\r\nX-Amz-Target: {prefix}.{operation}\r\n")
}

/// The bytes of a request.
pub(super) fn request(address: &str, method: &str, path: &str, body: &[u8], about: About) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\
         {}{}\r\n",
        body.len(),
        about.signature(),
        about.headers()
    );
    [head.as_bytes(), body].concat()
}

impl Answer {
    /// The answer that `received` begins with, and how long it is; `None` while there is more to come.
    ///
    /// # Errors
    /// When it is not HTTP, or has no length.
    pub(super) fn parse(received: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&received[..end]).map_err(io::Error::other)?;
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default();
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not an answer: {line:?}")))?;
        let (mut length, mut function_error) = (0, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("x-amz-function-error") {
                function_error = true;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(io::Error::other("chunked answers are not read"));
            }
        }
        let (begin, end) = (end + 4, end + 4 + length);
        let body = received.get(begin..end).map(<[u8]>::to_vec);
        Ok(body.map(|body| (Self { status, body, function_error }, end)))
    }
}

/// One connection to a server.
pub(super) struct Connection {
    stream: TcpStream,
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
        Ok(Self { stream, address: address.to_owned() })
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not HTTP.
    pub(super) fn call(&mut self, method: &str, path: &str, body: &[u8], about: About) -> io::Result<Answer> {
        self.stream.write_all(&request(&self.address, method, path, body, about))?;
        let mut received = Vec::new();
        loop {
            if receive(&mut self.stream, &mut received)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((answer, _)) = Answer::parse(&received)? {
                return Ok(answer);
            }
        }
    }
}

/// Reads once what is there; the bytes read.
pub(super) fn receive(mut stream: impl Read, received: &mut Vec<u8>) -> io::Result<usize> {
    let before = received.len();
    received.resize(before + PIECE_BYTES, 0);
    let read = stream.read(&mut received[before..]);
    received.truncate(before + *read.as_ref().unwrap_or(&0));
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_parsed_once_it_is_whole() {
        let whole =
            b"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\nX-Amz-Function-Error: Unhandled\r\n\r\nabcHTTP/1";
        for end in 0..whole.len() - 6 {
            assert!(Answer::parse(&whole[..end]).unwrap().is_none(), "{end}");
        }
        let (answer, length) = Answer::parse(whole).unwrap().unwrap();
        assert_eq!((answer.status, answer.function_error, &*answer.body), (202, true, &b"abc"[..]));
        assert_eq!(length, whole.len() - 6);
        assert!(Answer::parse(b"nothing\r\n\r\n").is_err());
    }
}
