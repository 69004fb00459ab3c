//! The direction of dependencies: which of our crates may use which, and which libraries a crate must never
//! see. The table is `WALLS` in `walls.rs`; the truth is what `cargo metadata` resolves, so that a library
//! that comes in by the back door is found too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::violation::Violation;
use super::walls::{self, WALLS, Wall};
use crate::failure::Failure;
use crate::shell;

/// Libraries that no crate of ours may pull in, with the reason.
const NEVER_ANYWHERE: &[(&str, &str)] = &[
    ("aws-lc-sys", "needs cmake and a long C build; the README promises Rust and a C compiler only"),
    ("openssl-sys", "needs a system library that a fresh machine does not have"),
    ("native-tls", "needs a system library that a fresh machine does not have"),
];

/// A crate of this workspace, with what its manifest names.
#[derive(Debug, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Names of its binaries.
    pub(crate) binaries: Vec<String>,
    /// Every dependency in the manifest, also for tests and build scripts.
    pub(crate) named: BTreeSet<String>,
    /// Dependencies of the built crate and its build script.
    pub(crate) named_for_build: BTreeSet<String>,
    /// Every library that ends up in the build, through however many others.
    pub(crate) reached: BTreeSet<String>,
}

/// The crates of the workspace and what they depend on.
pub(crate) struct Graph {
    pub(crate) members: Vec<Member>,
}

impl Graph {
    /// Asks cargo.
    ///
    /// # Errors
    /// When `cargo metadata` fails or prints something we do not understand.
    pub(crate) fn of_checkout(root: &Path) -> Result<Self, Failure> {
        let mut cargo = shell::cargo();
        cargo.current_dir(root).args(["metadata", "--format-version", "1", "--filter-platform"]);
        cargo.arg(host_target()?);
        let text = shell::output_of(&mut cargo)?;
        let metadata: Value =
            serde_json::from_str(&text).map_err(|e| Failure::during("cargo metadata", e))?;
        Ok(Self::from_metadata(&metadata))
    }

    /// Reads the answer of `cargo metadata --format-version 1`.
    pub(crate) fn from_metadata(metadata: &Value) -> Self {
        let names = names_by_id(metadata);
        let edges = edges_by_id(metadata);
        let members = strings(&metadata["workspace_members"]);
        let packages = array(&metadata["packages"]);
        let ours = packages.iter().filter(|package| members.contains(&text(&package["id"])));
        Self { members: ours.map(|package| member(package, &names, &edges)).collect() }
    }
}

fn host_target() -> Result<String, Failure> {
    let text = shell::output_of(std::process::Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("`rustc -vV` does not name its host"))
}

fn member(
    package: &Value,
    names: &BTreeMap<String, String>,
    edges: &BTreeMap<String, Vec<String>>,
) -> Member {
    let dependencies = array(&package["dependencies"]);
    let for_build = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
    let targets = array(&package["targets"]);
    let binaries = targets.iter().filter(|target| strings(&target["kind"]).contains(&"bin".to_owned()));
    Member {
        name: text(&package["name"]),
        binaries: binaries.map(|target| text(&target["name"])).collect(),
        named: dependencies.iter().map(|dependency| text(&dependency["name"])).collect(),
        named_for_build: for_build.map(|dependency| text(&dependency["name"])).collect(),
        reached: reached(&text(&package["id"]), names, edges),
    }
}

fn reached(
    from: &str,
    names: &BTreeMap<String, String>,
    edges: &BTreeMap<String, Vec<String>>,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut open = vec![from.to_owned()];
    while let Some(id) = open.pop() {
        for next in edges.get(&id).into_iter().flatten() {
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    seen.remove(from);
    seen.iter().filter_map(|id| names.get(id).cloned()).collect()
}

fn names_by_id(metadata: &Value) -> BTreeMap<String, String> {
    let packages = array(&metadata["packages"]).iter();
    packages.map(|package| (text(&package["id"]), text(&package["name"]))).collect()
}

/// What each package is built with; edges for tests only are left out.
fn edges_by_id(metadata: &Value) -> BTreeMap<String, Vec<String>> {
    let mut edges = BTreeMap::new();
    for node in array(&metadata["resolve"]["nodes"]) {
        let used = array(&node["deps"])
            .iter()
            .filter(|dependency| array(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"));
        edges.insert(text(&node["id"]), used.map(|dependency| text(&dependency["pkg"])).collect());
    }
    edges
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    array(value).iter().map(text).collect()
}

/// Every edge that the table does not allow.
pub(crate) fn check(graph: &Graph) -> Vec<Violation> {
    let mut found = Vec::new();
    for member in &graph.members {
        match walls::of_crate(&member.name) {
            Some(wall) => found.extend(check_member(member, wall, graph)),
            None => found.push(Violation::of(
                format!("crate {}", member.name),
                "is not in the dependency table",
                "a new crate is an event: it needs a wall, a privilege or a large mass as its reason",
                "add it to WALLS in xtask/src/tidy/walls.rs and to ARCHITECTURE.md",
            )),
        }
    }
    for wall in WALLS {
        if !graph.members.iter().any(|member| member.name == wall.name) {
            found.push(Violation::of(
                format!("crate {}", wall.name),
                "is in the dependency table but not in the workspace",
                "the table is read as the map of the project",
                "take it out of WALLS in xtask/src/tidy/walls.rs",
            ));
        }
    }
    found
}

fn check_member(member: &Member, wall: &Wall, graph: &Graph) -> Vec<Violation> {
    let mut found = Vec::new();
    for other in graph.members.iter().filter(|other| member.named.contains(&other.name)) {
        if !wall.may_use.contains(&other.name.as_str()) {
            found.push(edge(member, format!("depends on our crate {}", other.name), wall.why));
        }
    }
    for library in wall.never_named.iter().filter(|library| member.named_for_build.contains(**library)) {
        found.push(edge(member, format!("names the library {library}"), wall.why));
    }
    for library in wall.never_reached.iter().filter(|library| member.reached.contains(**library)) {
        found.push(edge(member, format!("is built with the library {library}"), wall.why));
    }
    for (library, why) in NEVER_ANYWHERE.iter().filter(|(library, _)| member.reached.contains(*library)) {
        found.push(edge(member, format!("is built with the library {library}"), why));
    }
    found
}

fn edge(member: &Member, what: String, why: &'static str) -> Violation {
    Violation::of(
        format!("crate {}", member.name),
        what,
        why,
        format!(
            "`cargo tree -p {} -e normal,build` shows the way in; cut it, or go through a port",
            member.name
        ),
    )
}

#[cfg(test)]
mod tests;
