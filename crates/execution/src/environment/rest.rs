//! What an environment gives up while it is idle for long: sockets on which nobody calls, which its sandbox keeps and brings back.
//!
//! ```text
//! served ──idle for REST_AFTER_IDLE_MS──► resting ──somebody inside connects, or sends something──► that one is served again
//! ```
//! What is connected stays so: the runtime's own connection is what the next invocation comes on.

use std::io;

use sandbox::WantedSocket;

use super::Environment;

/// The listeners in the order of the specification (`sandboxes::Services`).
const RUNTIME_API: usize = 0;
/// What takes datagrams, in the same way.
const XRAY: usize = 0;

impl Environment {
    /// Closes what the sandbox keeps.
    pub(super) fn rest(&mut self) {
        self.is_resting = true;
        self.api.rest();
        self.xray.rest();
        if let Some(names) = &mut self.names {
            names.rest();
        }
        // Its connections would end with it.
        if self.endpoint.as_ref().is_some_and(|endpoint| endpoint.is_idle()) {
            self.endpoint = None;
        }
        // An error is the end of the sandbox, which the next look finds.
        let _ = self.sandbox.rest();
    }

    /// Serves again what somebody inside wants.
    pub(super) fn serve_wanted(&mut self) {
        for socket in self.sandbox.take_wanted() {
            self.is_resting = false;
            if let Err(error) = self.serve_again(socket) {
                tracing::warn!(environment = self.id, %error, "a socket of an environment is not served again");
            }
        }
    }

    fn serve_again(&mut self, socket: WantedSocket) -> io::Result<()> {
        match socket {
            WantedSocket::Listener(RUNTIME_API, listener) => self.api.resume(listener),
            WantedSocket::Listener(_, listener) => {
                // One that has connections was never closed.
                let serve = || self.context.endpoint.serve(listener);
                self.endpoint.get_or_insert_with(serve);
                Ok(())
            }
            WantedSocket::Datagram(XRAY, socket) => self.xray.resume(socket),
            WantedSocket::Datagram(_, socket) => {
                self.names.as_mut().map_or(Ok(()), |names| names.resume(socket))
            }
        }
    }
}
