//! The bootstraps on real interpreters, against a Runtime API of the test's own.

mod api;
mod nodejs;
mod python;

use std::{
    fs::File,
    process::{Command, ExitStatus, Stdio},
};

use serde_json::{Value, json};

use super::*;
use crate::environment::log_frames::LOG_DESCRIPTOR_VARIABLE;
use api::{Api, Event, Post};

/// Names and texts of a package.
type Files<'a> = &'a [(&'a str, &'a str)];

/// What became of a function.
struct Outcome {
    posts: Vec<Post>,
    /// Standard output and error.
    log: String,
    status: ExitStatus,
}

impl Outcome {
    /// The JSON that was posted at last.
    fn last(&self) -> Value {
        let post = self.posts.last().unwrap_or_else(|| panic!("nothing was posted: {}", self.log));
        serde_json::from_slice(&post.body).unwrap_or_else(|_| panic!("no JSON: {post:?}"))
    }

    /// Error type and message that were posted at last.
    fn error(&self) -> (String, String) {
        let json = self.last();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        (text("errorType"), text("errorMessage"))
    }
}

/// An interpreter of this machine and the runtime that it is.
struct Language {
    runtime: &'static str,
    host: HostRuntimes,
    _data: tempfile::TempDir,
}

/// Those that are there.
fn languages(prefix: &str) -> Vec<Language> {
    let runtimes = names::INTERPRETED.into_iter().filter(|runtime| runtime.starts_with(prefix));
    let there = runtimes.filter_map(|runtime| {
        let (data, host) = host(&[]);
        host.interpreter(runtime, Family::of(runtime)).ok()?;
        Some(Language { runtime, host, _data: data })
    });
    let there: Vec<Language> = there.collect();
    if there.is_empty() {
        println!("skipped: no {prefix} is on this machine");
    }
    there
}

impl Language {
    /// Runs a function on events until its process ends, which it does when there are no more.
    fn run(&self, files: Files<'_>, handler: &str, events: &[Event]) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let task = std::fs::canonicalize(folder.path()).unwrap().join("task");
        for (name, text) in files {
            let path = task.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let api = Api::serve(events.to_vec());
        let log = folder.path().join("log");
        let mut command = self.command(&task, handler);
        command.env("AWS_LAMBDA_RUNTIME_API", &api.address);
        let written = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(written.try_clone().unwrap()).stderr(written);
        let status = command.status().unwrap();
        Outcome { posts: api.posts(), log: std::fs::read_to_string(&log).unwrap(), status }
    }

    /// The plan's program and variables with the paths of the host, as at isolation level `process`.
    fn command(&self, task: &Path, handler: &str) -> Command {
        let request = PlanRequest { runtime: self.runtime, handler, region: "us-east-1" };
        let plan = self.host.plan(&request).unwrap();
        let on_host = |path: &Path| {
            let mut binds = plan.binds.iter().filter(|bind| path.starts_with(&bind.target));
            binds.next_back().map_or(path.to_owned(), |bind| match path.strip_prefix(&bind.target) {
                Ok(rest) if !rest.as_os_str().is_empty() => bind.source.join(rest),
                _ => bind.source.clone(),
            })
        };
        let mut command = Command::new(on_host(Path::new(&plan.argv[0])));
        command.args(plan.argv[1..].iter().map(|argument| on_host(Path::new(argument))));
        command.env_clear().current_dir(task);
        // Here standard output is all that there is.
        for (name, value) in plan.environment.iter().filter(|(name, _)| name != LOG_DESCRIPTOR_VARIABLE) {
            let paths = value.split(':').map(|part| on_host(Path::new(part)).to_string_lossy().into_owned());
            command.env(
                name,
                if value.starts_with('/') { paths.collect::<Vec<_>>().join(":") } else { value.clone() },
            );
        }
        command.env("LAMBDA_TASK_ROOT", task).env("_HANDLER", handler);
        command.env("AWS_LAMBDA_FUNCTION_NAME", "function").env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        command
    }
}

/// An event with the id `id-<number>`.
fn event(number: u32, body: &Value) -> Event {
    let mut headers = vec![
        ("Lambda-Runtime-Aws-Request-Id".to_owned(), format!("id-{number}")),
        ("Lambda-Runtime-Deadline-Ms".to_owned(), "4102444800000".to_owned()),
        ("Lambda-Runtime-Invoked-Function-Arn".to_owned(), "arn:of:function".to_owned()),
    ];
    if number % 2 == 1 {
        headers.push(("Lambda-Runtime-Trace-Id".to_owned(), format!("Root=1-{number}")));
    }
    Event { headers, body: body.to_string().into_bytes() }
}
