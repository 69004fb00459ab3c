//! The product under measurement: a server of its own, and functions on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::http::{About, Connection};
use super::process::Background;
use super::runtimes::Subject;
use crate::failure::Failure;

/// Fetching an SDK may take a minute; nothing else takes as long.
const ACTIVE_TIMEOUT: Duration = Duration::from_secs(120);
/// Requests a second for each unit of concurrency: a quota of accounts is not what is measured, and ten thousand a second are less than
/// what runs.
const REQUEST_RATE: &str = "1000";
/// As many as there are in the largest measurement, and one.
const RULES_PER_BUS: &str = "10001";
const POLL: Duration = Duration::from_millis(20);

/// A running server.
pub(super) struct Lambent {
    process: Background,
    /// `host:port`.
    pub(super) address: String,
    /// Its data directory.
    pub(super) data: PathBuf,
}

impl Lambent {
    /// Starts the build on an empty data directory, with these arguments beside the usual ones.
    ///
    /// # Errors
    /// When it does not become ready.
    pub(super) fn start(folder: &Path, subjects: &[Subject], more: &[&str]) -> Result<Self, Failure> {
        // One with arguments of its own runs beside the other.
        let data = folder.join(if more.is_empty() { "data" } else { "data-of-another" });
        if data.exists() {
            fs::remove_dir_all(&data).map_err(|e| Failure::during(data.display(), e))?;
        }
        let paths = subjects.iter().filter_map(|subject| subject.runtime_path.as_deref());
        let paths: Vec<&str> = paths.flat_map(|path| ["--runtime-path", path]).collect();
        Self::start_on(data, &[&paths, more].concat())
    }

    fn start_on(data: PathBuf, more: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(super::built("lambent"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--no-sdk", "--data-dir"]).arg(&data);
        command.args(["--request-rate", REQUEST_RATE, "--rules-per-bus", RULES_PER_BUS]).args(more);
        let (process, line) = Background::start_and_read_line(&mut command)?;
        let ready: Value = serde_json::from_str(&line).map_err(|e| Failure::during(&line, e))?;
        let endpoint = ready["endpoint"].as_str().unwrap_or_default();
        Ok(Self { process, address: endpoint.trim_start_matches("http://").to_owned(), data })
    }

    /// Stops it and starts it again on what it has stored; how long that took, from the start to its first line.
    ///
    /// # Errors
    /// As above.
    pub(super) fn again(self, more: &[&str]) -> Result<(Self, Duration), Failure> {
        self.process.stop();
        let started = Instant::now();
        let server = Self::start_on(self.data, more)?;
        Ok((server, started.elapsed()))
    }

    /// The number of its process.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Memory of its process, megabytes.
    ///
    /// # Errors
    /// When the machine does not tell.
    pub(super) fn resident_mb(&self) -> Result<f64, Failure> {
        let path = format!("/proc/{}/status", self.pid());
        let text = fs::read_to_string(&path).map_err(|e| Failure::during(&path, e))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kb.map(|kb| kb / 1024.0).ok_or_else(|| Failure::during(&path, "no VmRSS"))
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(&self.address).map_err(|e| Failure::during("connect", e))
    }

    /// Puts something where a path says.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) fn put(&self, path: &str, body: &[u8], about: About) -> Result<(), Failure> {
        let answer = self.connect()?.call("PUT", path, body, about).map_err(|e| Failure::during(path, e))?;
        match answer.status {
            200 => Ok(()),
            _ => Err(Failure::during(path, String::from_utf8_lossy(&answer.body))),
        }
    }

    /// Creates a function and waits until it is active; returns the path that invokes it.
    ///
    /// # Errors
    /// When the server refuses it, or it does not become active.
    pub(super) fn deploy(&self, subject: &Subject, name: &str) -> Result<String, Failure> {
        self.deploy_package(subject, name, &subject.package)
    }

    /// The same with other code.
    ///
    /// # Errors
    /// As above.
    pub(super) fn deploy_package(
        &self,
        subject: &Subject,
        name: &str,
        package: &[u8],
    ) -> Result<String, Failure> {
        self.deploy_code(subject, name, &json!({"ZipFile": STANDARD.encode(package)}))
    }

    /// The same with code from anywhere, as CreateFunction takes it.
    ///
    /// # Errors
    /// As above.
    pub(super) fn deploy_code(&self, subject: &Subject, name: &str, code: &Value) -> Result<String, Failure> {
        self.create_with(subject, name, code)?;
        wait_until_active(&mut self.connect()?, name)?;
        Ok(format!("/2015-03-31/functions/{name}/invocations"))
    }

    /// Creates a function, and does not wait for it.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) fn create(&self, subject: &Subject, name: &str, package: &[u8]) -> Result<(), Failure> {
        self.create_with(subject, name, &json!({"ZipFile": STANDARD.encode(package)}))
    }

    fn create_with(&self, subject: &Subject, name: &str, code: &Value) -> Result<(), Failure> {
        let mut connection = self.connect()?;
        let request = json!({
            "FunctionName": name,
            "Runtime": subject.runtime,
            "Role": "arn:aws:iam::000000000000:role/bench",
            "Handler": subject.handler,
            "MemorySize": 1769,
            "Timeout": 30,
            "Code": code,
        });
        let created = connection
            .call("POST", "/2015-03-31/functions", request.to_string().as_bytes(), About::Lambda)
            .map_err(|e| Failure::during("CreateFunction", e))?;
        if created.status != 201 {
            return Err(Failure::during("CreateFunction", String::from_utf8_lossy(&created.body)));
        }
        Ok(())
    }

    /// How often a function has run.
    ///
    /// # Errors
    /// When the server does not say.
    pub(super) fn invocations(&self, name: &str) -> Result<usize, Failure> {
        self.counted("aws_lambda_Invocations_total{", &format!("FunctionName=\"{name}\""))
    }

    /// The first count of a metric whose labels have this.
    ///
    /// # Errors
    /// When the server does not say.
    pub(super) fn counted(&self, metric: &str, label: &str) -> Result<usize, Failure> {
        let mut connection = Connection::open(&self.address).map_err(|e| Failure::during("connect", e))?;
        let answer = connection
            .call("GET", "/_lambent/metrics", b"", About::Lambda)
            .map_err(|e| Failure::during("metrics", e))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let line = text.lines().find(|line| line.starts_with(metric) && line.contains(label));
        Ok(line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0))
    }

    /// Lets the server take its environments down.
    pub(super) fn stop(self) {
        self.process.stop();
    }
}

fn wait_until_active(connection: &mut Connection, name: &str) -> Result<(), Failure> {
    let started = Instant::now();
    while started.elapsed() < ACTIVE_TIMEOUT {
        let answer = connection
            .call("GET", &format!("/2015-03-31/functions/{name}/configuration"), b"", About::Lambda)
            .map_err(|e| Failure::during("GetFunctionConfiguration", e))?;
        let configuration: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match configuration["State"].as_str() {
            Some("Active") => return Ok(()),
            Some("Failed") => {
                return Err(Failure::new(format!("{name} failed: {}", configuration["StateReason"])));
            }
            _ => thread::sleep(POLL),
        }
    }
    Err(Failure::new(format!("{name} is not active after {} s", ACTIVE_TIMEOUT.as_secs())))
}
