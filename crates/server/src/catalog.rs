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

#[cfg(test)]
mod tests {
    use lambda_model::function::{CodeReference, FunctionConfiguration, FunctionState, LastUpdateStatus};

    use super::*;

    fn record() -> FunctionRecord {
        FunctionRecord {
            key: FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() },
            version: LATEST.into(),
            configuration: FunctionConfiguration {
                runtime: "python3.11".into(),
                handler: "app.handler".into(),
                role: String::new(),
                description: String::new(),
                timeout_seconds: 3,
                memory_size_mb: 128,
                ephemeral_storage_mb: 512,
                environment: None,
                architecture: "x86_64".into(),
                tracing_mode: "PassThrough".into(),
            },
            code: CodeReference { sha256_hex: "old".into(), code_sha256: String::new(), code_size_bytes: 1 },
            state: FunctionState::Active,
            state_reason: None,
            state_reason_code: None,
            last_update_status: LastUpdateStatus::Successful,
            last_update_status_reason: None,
            last_update_status_reason_code: None,
            previous: None,
            revision_id: "1".into(),
            last_modified_ms: 0,
            tags: Default::default(),
        }
    }

    #[test]
    fn while_an_update_is_prepared_the_old_code_runs() {
        let catalog = Catalog::default();
        let mut record = record();
        assert_eq!(catalog.put(&record), "1");
        record.begin_update("2".into(), 0);
        record.code.sha256_hex = "new".into();
        assert_eq!(catalog.put(&record), "1");
        let running = || catalog.resolve(&record.key, None).unwrap().version.code.sha256_hex.clone();
        assert_eq!(running(), "old");
        let mut prepared = record.clone();
        prepared.become_active("3".into(), None);
        assert_eq!(catalog.put(&prepared), "3");
        assert_eq!(running(), "new");
    }

    #[test]
    fn only_the_latest_version_exists_and_only_until_it_is_removed() {
        let catalog = Catalog::default();
        let record = record();
        catalog.put(&record);
        assert!(catalog.contains(&record.key));
        assert!(catalog.resolve(&record.key, Some(LATEST)).is_ok());
        assert!(catalog.resolve(&record.key, Some("1")).is_err());
        catalog.remove(&record.key);
        let refused = catalog.resolve(&record.key, None).unwrap_err();
        assert_eq!(refused.to_string(), "Function not found: arn:aws:lambda:r:0:function:f:$LATEST");
    }
}
