//! The functions of this server in memory, so that no invocation waits for the disk.
//!
//! The store is the truth, and this follows it commit by commit, before anyone hears of one (see [`crate::deployment`]).

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use lambda_model::{
    LambdaError,
    function::{FunctionKey, FunctionRecord, LATEST},
    ports::{FunctionCatalog, ResolvedFunction, RunnableVersion},
};

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Catalog {
    functions: RwLock<HashMap<FunctionKey, ResolvedFunction>>,
}

impl Catalog {
    /// Takes over a record as the store has it now. The revision that invocations run.
    pub(crate) fn put(&self, record: &FunctionRecord) -> String {
        let resolved = resolve(record);
        let running = resolved.version.revision_id.clone();
        let mut functions = self.functions.write().unwrap_or_else(PoisonError::into_inner);
        functions.insert(record.key.clone(), resolved);
        running
    }

    /// Whether the function exists.
    pub(crate) fn contains(&self, key: &FunctionKey) -> bool {
        self.functions.read().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// Forgets a function.
    pub(crate) fn remove(&self, key: &FunctionKey) {
        self.functions.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// What invocations of the record run: while an update is being prepared, what was there before it (I-07).
fn resolve(record: &FunctionRecord) -> ResolvedFunction {
    let version = match record.previous.as_deref() {
        Some(previous) => RunnableVersion {
            key: record.key.clone(),
            version: record.version.clone(),
            revision_id: previous.revision_id.clone(),
            configuration: previous.configuration.clone(),
            code: previous.code.clone(),
        },
        None => RunnableVersion {
            key: record.key.clone(),
            version: record.version.clone(),
            revision_id: record.revision_id.clone(),
            configuration: record.configuration.clone(),
            code: record.code.clone(),
        },
    };
    ResolvedFunction { version: Arc::new(version), state: record.state, reserved_concurrency: None }
}

impl FunctionCatalog for Catalog {
    fn resolve(&self, key: &FunctionKey, qualifier: Option<&str>) -> Result<ResolvedFunction, LambdaError> {
        let qualifier = qualifier.unwrap_or(LATEST);
        let functions = self.functions.read().unwrap_or_else(PoisonError::into_inner);
        match functions.get(key) {
            Some(function) if qualifier == LATEST => Ok(function.clone()),
            _ => Err(LambdaError::function_not_found(&key.qualified_arn(qualifier))),
        }
    }
}
