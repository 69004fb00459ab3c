//! A plain HTTP server behind a plain reverse proxy: what one would run instead of a function behind a door.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::bench::process::{Background, free_address};
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

/// Both, running.
pub(super) struct Plain {
    /// Where the proxy listens: `host:port`.
    pub(super) address: String,
    /// Held so that they live as long; ended in this order.
    _proxy: Background,
    _server: Background,
}

impl Plain {
    /// Starts the server in the subject's language and the proxy; `None`, with a line that says so, where there is no nginx.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(super) fn start(folder: &Path, subject: &Subject, code: &str) -> Result<Option<Self>, Failure> {
        if Command::new("nginx").arg("-v").output().is_err() {
            println!(
                "skipped: what stands beside nginx, which is not here (Debian's package is nginx-light)"
            );
            return Ok(None);
        }
        let flag = if subject.name == "node" { "-e" } else { "-c" };
        let mut command = Command::new(&subject.program);
        command.args([flag, code]);
        let (server, port) = Background::start_and_read_line(&mut command)?;
        let failed = |error: io::Error| Failure::during("nginx", error);
        let address = free_address().map_err(failed)?;
        let folder = folder.join("nginx");
        fs::create_dir_all(&folder).map_err(failed)?;
        fs::write(folder.join("nginx.conf"), configuration(&address, &port)).map_err(failed)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "errors"]);
        let proxy = Background::start_and_connect(&mut command, &address)?;
        Ok(Some(Self { address, _proxy: proxy, _server: server }))
    }
}

/// One process, so that it ends with us; connections to the server are kept, and no log is written.
fn configuration(address: &str, port: &str) -> String {
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path other;
    uwsgi_temp_path other;
    scgi_temp_path other;
    keepalive_requests 1000000;
    upstream plain {{
        server 127.0.0.1:{port};
        keepalive 64;
        keepalive_requests 1000000;
    }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://plain;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $host;
        }}
    }}
}}
"
    )
}
