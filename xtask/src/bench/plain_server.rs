//! The peer of G4: a plain HTTP server of Node.js with the function in its own process, which takes one request at a time as an environment
//! does.

use std::process::Command;

use super::process::Background;
use super::runtimes::Subject;
use crate::failure::Failure;

const SERVER: &str = "
const handler = async (event) => event;
let last = Promise.resolve();
const server = require('node:http').createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    last = last.then(async () => {
      const answer = JSON.stringify(await handler(JSON.parse(Buffer.concat(parts))));
      response.writeHead(200, {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer)});
      response.end(answer);
    });
  });
});
server.listen(0, '127.0.0.1', () => console.log('127.0.0.1:' + server.address().port));
";

/// The server, until it is dropped.
pub(super) struct PlainServer {
    /// `host:port`.
    pub(super) address: String,
    _process: Background,
}

impl PlainServer {
    /// Starts it with the subject's interpreter.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub(super) fn start(subject: &Subject) -> Result<Self, Failure> {
        let mut command = Command::new(&subject.program);
        let (process, address) = Background::start_and_read_line(command.args(["-e", SERVER]))?;
        Ok(Self { address, _process: process })
    }
}
