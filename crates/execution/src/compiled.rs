//! Code that is compiled when it is deployed, so that no start of an environment compiles it again.
//!
//! ```text
//! deployed, or started without ──► wanted ──one at a time──► compiled, in a sandbox of its own ──► kept beside its package
//!                                                 └── too small or too large, or the compiler fails: never asked again
//! ```
//! An environment that starts later finds it at [`ROOT`], where the bootstrap looks for it; one that starts before goes without. What is
//! compiled is the function's own, as hostile as any: its compiler sees it and nothing else, and what it hands back is used where the
//! package is and nowhere else.

mod compiler;
mod frames;

use std::{
    collections::HashSet,
    ffi::OsStr,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use lambda_model::{error::with_causes, function::CodeReference, ports::RunnableVersion};
use sandbox::{Bind, IsolationLevel};
use tokio::sync::{Notify, mpsc};

use crate::{
    context::Context,
    runtimes::{Compiler, RuntimePlan},
    sandboxes::{Kind, LAYERS_ROOT, TASK_ROOT},
};

/// Where an environment has what was compiled: what belongs to the package in one folder, what belongs to the layers in another.
pub(crate) const ROOT: &str = "/var/rapid";
/// The folders, and what they stand for.
pub(crate) const TASK: &str = "/var/rapid/task";
pub(crate) const LAYERS: &str = "/var/rapid/opt";
/// Tells a bootstrap of it.
pub(crate) const VARIABLE: &str = "_LAMBENT_COMPILED";

/// Between two looks for a moment in which the host has room for a compiler.
const LOOK: Duration = Duration::from_secs(1);

/// What is to be compiled.
pub(crate) struct Compilations {
    /// Packages in a runtime ([`number_of`]) that are being compiled, or are never to be.
    known: Mutex<HashSet<u64>>,
    wanted: mpsc::UnboundedSender<Wish>,
    wishes: Mutex<Option<mpsc::UnboundedReceiver<Wish>>>,
    closed: Notify,
}

/// A package that is to be compiled.
struct Wish {
    code: CodeReference,
    /// Where environments have it.
    root: &'static str,
    runtime: String,
    compiler: Compiler,
    /// What environments of its runtime are built from.
    kind: Kind,
}

impl Compilations {
    pub(crate) fn new() -> Self {
        let (wanted, wishes) = mpsc::unbounded_channel();
        let wishes = Mutex::new(Some(wishes));
        Self { known: Mutex::default(), wanted, wishes, closed: Notify::new() }
    }

    /// What the version runs is to be compiled, if it was not.
    pub(crate) fn want(&self, context: &Context, version: &RunnableVersion, plan: &RuntimePlan) {
        let Some(compiler) = compiler_of(context, version, plan) else { return };
        let layers = version.configuration.layers.iter().map(|layer| (&layer.code, LAYERS_ROOT));
        for (code, root) in layers.chain([(&version.code, TASK_ROOT)]) {
            let runtime = &version.configuration.runtime;
            if self.known().insert(number_of(code, runtime)) {
                let kind = Kind::of(&context.configuration, version, plan).of_compiler();
                let (code, runtime, compiler) = (code.clone(), runtime.clone(), compiler.clone());
                // Nobody listens any more when the server ends.
                let _ = self.wanted.send(Wish { code, root, runtime, compiler, kind });
            }
        }
    }

    /// What was compiled of a version, as an environment is to have it. What was not yet is wanted now.
    pub(crate) fn of(&self, context: &Context, version: &RunnableVersion, plan: &RuntimePlan) -> Vec<Bind> {
        if compiler_of(context, version, plan).is_none() {
            return Vec::new();
        }
        let runtime = &version.configuration.runtime;
        let layers: Vec<_> = version.configuration.layers.iter().map(|layer| layer.code.clone()).collect();
        let bind = |source: PathBuf, target: &str| Bind { source, target: target.into() };
        let task = context.code.compiled(&version.code, runtime).map(|source| bind(source, TASK));
        // Several are laid over each other the first time, which takes a while.
        let laid = || context.code.compiled_layers(&layers, runtime);
        let opt = if layers.is_empty() { Ok(None) } else { tokio::task::block_in_place(laid) };
        let opt = opt.unwrap_or_else(|error| {
            tracing::warn!(error, "what was compiled of layers is not used");
            None
        });
        let binds: Vec<Bind> = task.into_iter().chain(opt.map(|source| bind(source, LAYERS))).collect();
        if binds.len() < 1 + usize::from(!layers.is_empty()) {
            self.want(context, version, plan);
        }
        binds
    }

    fn known(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what is being compiled, and the task.
    pub(crate) fn close(&self) {
        self.closed.notify_one();
    }
}

/// Stands for a package in a runtime. Two that have the same are compiled once, which costs one of them some time at its starts.
fn number_of(code: &CodeReference, runtime: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&code.sha256_hex, runtime).hash(&mut hasher);
    hasher.finish()
}

/// Only where what it compiles is what the interpreter would run.
fn compiler_of<'a>(
    context: &Context,
    version: &RunnableVersion,
    plan: &'a RuntimePlan,
) -> Option<&'a Compiler> {
    let mut own_variables = version.configuration.environment.iter().flatten();
    let is_as_any = |compiler: &&Compiler| {
        context.configuration.isolation == IsolationLevel::Sandbox
            && !own_variables.any(|(name, _)| name.starts_with(compiler.variables))
    };
    plan.compiler.as_ref().filter(is_as_any)
}

/// Compiles what is wanted, until the context is closed or gone.
pub(crate) async fn compile_wanted(context: Weak<Context>) {
    let wishes =
        |context: &Context| context.compilations.wishes.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut wishes) = context.upgrade().as_deref().and_then(wishes) else { return };
    while let Some(wanted) = wishes.recv().await {
        let Some(context) = context.upgrade() else { return };
        tokio::select! {
            () = context.compilations.closed.notified() => return,
            compiled = compile(&context, &wanted) => match compiled {
                // Should it be gone one day, and come again, it is compiled again.
                Ok(Outcome::Kept) => drop(context.compilations.known().remove(&number_of(&wanted.code, &wanted.runtime))),
                Ok(Outcome::NotWorthIt) => {}
                Err(why) => {
                    let (package, runtime) = (&wanted.code.sha256_hex, &wanted.runtime);
                    tracing::warn!(package, runtime, why, "a package is not compiled ahead of its starts");
                }
            },
        }
    }
}

enum Outcome {
    Kept,
    NotWorthIt,
}

async fn compile(context: &Arc<Context>, wanted: &Wish) -> Result<Outcome, String> {
    // Whoever updates a function's settings has it prepared again, with the same code.
    if context.code.compiled(&wanted.code, &wanted.runtime).is_some() {
        return Ok(Outcome::Kept);
    }
    let (code, packages) = (wanted.code.clone(), Arc::clone(&context.code));
    let endings = wanted.compiler.sources;
    let found = tokio::task::spawn_blocking(move || {
        let directory = packages.directory(&code)?;
        let sources = Sources::of(&directory.path, endings);
        Ok::<_, String>((directory, sources))
    });
    let (directory, sources) = found.await.map_err(|error| error.to_string())??;
    if !wanted.compiler.source_bytes.contains(&sources.bytes) {
        return Ok(Outcome::NotWorthIt);
    }
    while !context.budget.has_room_to_spare() {
        tokio::time::sleep(LOOK).await;
    }
    let package = Bind { source: directory.path.clone(), target: wanted.root.into() };
    let output = compiler::run(context, &wanted.kind, package, (&wanted.compiler, sources.bytes));
    let output = output.await.map_err(|error| with_causes(&error))?;
    let (code, runtime, packages) = (wanted.code.clone(), wanted.runtime.clone(), Arc::clone(&context.code));
    let is_product = wanted.compiler.is_product;
    let kept = tokio::task::spawn_blocking(move || {
        let files = frames::files(&output, sources.count, is_product)?;
        let kept = packages.keep_compiled(&code, &runtime, &files);
        drop(directory);
        kept
    });
    kept.await.map_err(|error| error.to_string())?.map(|()| Outcome::Kept)
}

/// What there is to compile.
#[derive(Default)]
struct Sources {
    count: usize,
    bytes: u64,
}

impl Sources {
    /// All below a folder; links are not followed.
    fn of(folder: &Path, endings: &[&str]) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.fold(Self::default(), |all, entry| {
            let more = match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => Self::of(&entry.path(), endings),
                Ok(metadata) if ends_with_one(&entry.file_name(), endings) => {
                    Self { count: 1, bytes: metadata.len() }
                }
                _ => Self::default(),
            };
            Self { count: all.count + more.count, bytes: all.bytes + more.bytes }
        })
    }
}

fn ends_with_one(name: &OsStr, endings: &[&str]) -> bool {
    endings.iter().any(|ending| name.as_encoded_bytes().ends_with(ending.as_bytes()))
}
