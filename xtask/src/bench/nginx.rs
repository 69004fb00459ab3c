//! nginx as one process: what stands beside our doors, and beside our load.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::process::{Background, free_address};
use crate::failure::Failure;

/// It, running.
pub(super) struct Nginx {
    /// Where it listens: `host:port`.
    pub(super) address: String,
    _process: Background,
}

impl Nginx {
    /// Whether it is on this machine.
    pub(super) fn is_here() -> bool {
        Command::new("nginx").arg("-v").output().is_ok()
    }

    /// Starts it in a folder of its own, with what is `around` its one server and what it does at `location`, as nginx writes both.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(folder: &Path, around: &str, location: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::during("nginx", error);
        let address = free_address().map_err(failed)?;
        fs::create_dir_all(folder).map_err(failed)?;
        fs::write(folder.join("nginx.conf"), configuration(&address, around, location)).map_err(failed)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "errors"]);
        let process = Background::start_and_connect(&mut command, &address)?;
        Ok(Self { address, _process: process })
    }
}

/// One process, so that it ends with us; connections are kept, and no log is written.
fn configuration(address: &str, around: &str, location: &str) -> String {
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
    keepalive_requests 100000000;
    {around}
    server {{
        listen {address};
        location / {{ {location} }}
    }}
}}
"
    )
}
