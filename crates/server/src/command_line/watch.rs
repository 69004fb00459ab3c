//! `lambent watch FUNCTION DIR`: deploys the files of a folder whenever they change, and, asked by the server before an invocation,
//! at once (see [`crate::watches`]).

mod folder;

use std::{path::PathBuf, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use http_body_util::BodyExt;
use hyper::{StatusCode, body::Incoming};
use serde_json::{Value, json};

use super::{
    Client, CommandError,
    client::{self, BoxError, Call, encoded},
};
use folder::Snapshot;

/// The folder is also looked at when nobody asks, so that mistakes show when they are made.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The pause between two questions whether an update is done.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Questions before the watcher gives up on an update.
const POLLS_MAX: usize = 6_000;

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// Name of a function that exists.
    function: String,
    /// Folder with what the package would have at its top.
    dir: PathBuf,
    #[command(flatten)]
    client: Client,
}

/// Watches until interrupted.
pub(super) fn run(arguments: WatchArguments) -> Result<(), CommandError> {
    let client = arguments.client.clone();
    client::block_on(async move {
        let mut watcher = Watcher { arguments, deployed: None };
        // Before the first deployment: once that is announced, no invocation misses a save.
        let questions =
            watcher.ask_to_be_asked().await.map_err(|error| client::unreachable(&client, &*error))?;
        // The first deployment must succeed; later ones say what is wrong and go on.
        watcher.deploy().await?;
        watcher.watch(questions).await.map_err(|error| client::unreachable(&client, &*error))
    })
}

struct Watcher {
    arguments: WatchArguments,
    deployed: Option<Snapshot>,
}

impl Watcher {
    async fn ask_to_be_asked(&self) -> Result<Questions, BoxError> {
        let path = self.path("");
        let response =
            client::send(&self.arguments.client, &Call { method: "GET", path: &path, body: None }).await?;
        Ok(Questions { body: response.into_body(), unread: Vec::new() })
    }

    async fn watch(&mut self, mut questions: Questions) -> Result<(), BoxError> {
        loop {
            let asked = tokio::select! {
                asked = questions.next() => asked?,
                () = tokio::time::sleep(LOOK_INTERVAL) => None,
            };
            if let Err(error) = self.deploy().await {
                eprintln!("lambent: {error}");
            }
            if let Some(number) = asked {
                let path = self.path(&format!("&checked={number}"));
                client::whole(&self.arguments.client, &Call { method: "POST", path: &path, body: None })
                    .await?;
            }
        }
    }

    fn path(&self, more: &str) -> String {
        let WatchArguments { client, function, .. } = &self.arguments;
        format!(
            "/_lambent/watch?account={}&region={}&function={}{more}",
            encoded(&client.account_id),
            encoded(&client.region),
            encoded(function)
        )
    }

    /// Deploys the folder if it is not what was deployed last.
    async fn deploy(&mut self) -> Result<(), CommandError> {
        let snapshot = Snapshot::of(&self.arguments.dir).map_err(|error| self.unreadable(&error))?;
        if self.deployed.as_ref() == Some(&snapshot) {
            return Ok(());
        }
        let zip = folder::zip(&self.arguments.dir, &snapshot).map_err(|error| self.unreadable(&error))?;
        // Not tried again before something changes.
        self.deployed = Some(snapshot);
        self.upload(&zip).await?;
        println!("deployed {} to {}", self.arguments.dir.display(), self.arguments.function);
        Ok(())
    }

    fn unreadable(&self, error: &std::io::Error) -> CommandError {
        CommandError::Failed(format!("{}: {error}", self.arguments.dir.display()))
    }

    async fn upload(&self, zip: &[u8]) -> Result<(), CommandError> {
        let function = encoded(&self.arguments.function);
        let path = format!("/2015-03-31/functions/{function}/code");
        let body = json!({"ZipFile": BASE64_STANDARD.encode(zip)}).to_string();
        for _ in 0..POLLS_MAX {
            match self.call("PUT", &path, Some(&body)).await? {
                (StatusCode::OK, _) => return self.wait_until_active().await,
                // Somebody else's update is in progress.
                (StatusCode::CONFLICT, _) => tokio::time::sleep(POLL_INTERVAL).await,
                (_, answer) => return Err(refusal(&answer)),
            }
        }
        Err(CommandError::Failed("another update of the function does not end".into()))
    }

    async fn wait_until_active(&self) -> Result<(), CommandError> {
        let path = format!("/2015-03-31/functions/{}/configuration", encoded(&self.arguments.function));
        for _ in 0..POLLS_MAX {
            let (status, answer) = self.call("GET", &path, None).await?;
            if status != StatusCode::OK {
                return Err(refusal(&answer));
            }
            if answer["LastUpdateStatus"] != "InProgress" {
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Err(CommandError::Failed("the update of the function does not end".into()))
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<(StatusCode, Value), CommandError> {
        let client = &self.arguments.client;
        let answer = client::whole(client, &Call { method, path, body }).await;
        let (status, body) = answer.map_err(|error| client::unreachable(client, &*error))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

fn refusal(answer: &Value) -> CommandError {
    let message = answer["message"].as_str().or_else(|| answer["Message"].as_str());
    CommandError::Failed(message.unwrap_or("the server refused").to_owned())
}

/// The server's questions, a line each.
struct Questions {
    body: Incoming,
    unread: Vec<u8>,
}

impl Questions {
    /// The newest number that was asked; `None` for a line that asks nothing. May be dropped while it waits.
    async fn next(&mut self) -> Result<Option<u64>, BoxError> {
        let frame = self.body.frame().await.ok_or("the server ended the watch")??;
        self.unread.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        let Some(end) = self.unread.iter().rposition(|byte| *byte == b'\n') else { return Ok(None) };
        let whole: Vec<u8> = self.unread.drain(..=end).collect();
        let newest = String::from_utf8_lossy(&whole).lines().filter_map(number).max();
        Ok(newest)
    }
}

fn number(line: &str) -> Option<u64> {
    line.strip_prefix("check ")?.parse().ok()
}
