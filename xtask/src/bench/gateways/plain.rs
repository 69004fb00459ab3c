//! A plain HTTP server behind a plain reverse proxy: what one would run instead of a function behind a door.

use std::path::Path;
use std::process::Command;

use crate::bench::nginx::Nginx;
use crate::bench::process::Background;
use crate::bench::runtimes::Subject;
use crate::failure::Failure;

/// Answers with what it is sent and prints its port; keeps connections, and waits for no acknowledgement.
pub(super) const PYTHON: &str = "
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Echo(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    disable_nagle_algorithm = True
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(('127.0.0.1', 0), Echo)
print(server.server_address[1], flush=True)
server.serve_forever()
";
/// The same.
pub(super) const NODE: &str = "
const server = require('node:http').createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = Buffer.concat(pieces);
    response.writeHead(200, {'content-type': 'application/json', 'content-length': body.length});
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

/// Hands the request on, and keeps the connection.
const PASS: &str = "proxy_pass http://plain; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;";

/// Both, running.
pub(super) struct Plain {
    /// Where the proxy listens: `host:port`.
    pub(super) address: String,
    /// Held so that they live as long; ended in this order.
    _proxy: Nginx,
    _server: Background,
}

impl Plain {
    /// Starts the server in the subject's language and the proxy; `None`, with a line that says so, where there is no nginx.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(super) fn start(folder: &Path, subject: &Subject, code: &str) -> Result<Option<Self>, Failure> {
        if !Nginx::is_here() {
            println!(
                "skipped: what stands beside nginx, which is not here (Debian's package is nginx-light)"
            );
            return Ok(None);
        }
        let flag = if subject.name == "node" { "-e" } else { "-c" };
        let mut command = Command::new(&subject.program);
        command.args([flag, code]);
        let (server, port) = Background::start_and_read_line(&mut command)?;
        let upstream = format!(
            "upstream plain {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 1000000; }}"
        );
        let proxy = Nginx::start(&folder.join("nginx"), &upstream, PASS)?;
        let address = proxy.address.clone();
        Ok(Some(Self { address, _proxy: proxy, _server: server }))
    }
}
