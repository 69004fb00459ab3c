//! The functions of this server in memory, so that no invocation waits for the disk.
//!
//! The store is the truth, and this follows it commit by commit, before anyone hears of one (see [`crate::deployment`]).

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use lambda_model::{
    LambdaError,
    function::{Alias, FunctionKey, FunctionRecord, FunctionState, LATEST},
    ports::{FunctionCatalog, ResolvedFunction, RunnableVersion},
};

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Catalog {
    entries: RwLock<Entries>,
}

#[derive(Default)]
struct Entries {
    functions: HashMap<FunctionKey, Function>,
    /// Reserved concurrency by account and Region.
    reserved: HashMap<(String, String), u32>,
}

/// A function with all that an invocation may name of it.
#[derive(Default)]
struct Function {
    versions: HashMap<String, Version>,
    aliases: HashMap<String, Alias>,
    reserved_concurrency: Option<u32>,
}

struct Version {
    runnable: Arc<RunnableVersion>,
    state: FunctionState,
}

impl Catalog {
    /// Takes over a version as the store has it now. The deployment that invocations run.
    pub(crate) fn put(&self, record: &FunctionRecord) -> String {
        let runnable = Arc::new(runnable(record));
        let running = runnable.deployment_id.clone();
        let mut entries = self.write();
        let entries = &mut *entries;
        let function = entries.functions.entry(record.key.clone()).or_default();
        if record.version == LATEST {
            let before = std::mem::replace(&mut function.reserved_concurrency, record.reserved_concurrency);
            entries.account_for(&record.key, before, record.reserved_concurrency);
        }
        let function = entries.functions.entry(record.key.clone()).or_default();
        function.versions.insert(record.version.clone(), Version { runnable, state: record.state });
        running
    }

    /// Takes over an alias.
    pub(crate) fn put_alias(&self, key: &FunctionKey, alias: Alias) {
        let mut entries = self.write();
        entries.functions.entry(key.clone()).or_default().aliases.insert(alias.name.clone(), alias);
    }

    /// Forgets an alias.
    pub(crate) fn remove_alias(&self, key: &FunctionKey, name: &str) {
        if let Some(function) = self.write().functions.get_mut(key) {
            function.aliases.remove(name);
        }
    }

    /// Forgets a version.
    pub(crate) fn remove_version(&self, key: &FunctionKey, version: &str) {
        if let Some(function) = self.write().functions.get_mut(key) {
            function.versions.remove(version);
        }
    }

    /// Whether the function exists.
    pub(crate) fn contains(&self, key: &FunctionKey) -> bool {
        self.read().functions.contains_key(key)
    }

    /// Forgets a function.
    pub(crate) fn remove(&self, key: &FunctionKey) {
        let mut entries = self.write();
        if let Some(function) = entries.functions.remove(key) {
            entries.account_for(key, function.reserved_concurrency, None);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn account_for(&mut self, key: &FunctionKey, before: Option<u32>, after: Option<u32>) {
        let total = self.reserved.entry((key.account_id.clone(), key.region.clone())).or_default();
        *total = total.saturating_sub(before.unwrap_or(0)).saturating_add(after.unwrap_or(0));
    }
}

/// What invocations of the record run: while an update is being prepared, what was there before it (I-07).
fn runnable(record: &FunctionRecord) -> RunnableVersion {
    let (deployment_id, configuration, code) = match record.previous.as_deref() {
        Some(previous) => (&previous.deployment_id, &previous.configuration, &previous.code),
        None => (&record.deployment_id, &record.configuration, &record.code),
    };
    RunnableVersion {
        key: record.key.clone(),
        version: record.version.clone(),
        deployment_id: deployment_id.clone(),
        configuration: configuration.clone(),
        code: code.clone(),
    }
}

impl FunctionCatalog for Catalog {
    fn resolve(
        &self,
        key: &FunctionKey,
        qualifier: Option<&str>,
        roll: f64,
    ) -> Result<ResolvedFunction, LambdaError> {
        let qualifier = qualifier.unwrap_or(LATEST);
        let entries = self.read();
        let found = entries.functions.get(key).and_then(|function| {
            let version = function.aliases.get(qualifier).map_or(qualifier, |alias| alias.choose(roll));
            Some((function, function.versions.get(version)?))
        });
        let (function, version) =
            found.ok_or_else(|| LambdaError::function_not_found(&key.qualified_arn(qualifier)))?;
        let account = (key.account_id.clone(), key.region.clone());
        Ok(ResolvedFunction {
            version: Arc::clone(&version.runnable),
            state: version.state,
            reserved_concurrency: function.reserved_concurrency,
            account_reserved_concurrency: entries.reserved.get(&account).copied().unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use lambda_model::function::{CodeReference, FunctionConfiguration};

    use super::*;

    fn record() -> FunctionRecord {
        let key = FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() };
        let code = CodeReference { sha256_hex: "old".into(), code_sha256: String::new(), code_size_bytes: 1 };
        let mut record = FunctionRecord::new(key, FunctionConfiguration::default(), code, "1".into(), 0);
        record.become_active("1".into(), None);
        record
    }

    #[test]
    fn while_an_update_is_prepared_the_old_code_runs() {
        let catalog = Catalog::default();
        let mut record = record();
        assert_eq!(catalog.put(&record), "1");
        record.begin_update("2".into(), 0);
        record.code.sha256_hex = "new".into();
        assert_eq!(catalog.put(&record), "1");
        let running = || catalog.resolve(&record.key, None, 0.0).unwrap().version.code.sha256_hex.clone();
        assert_eq!(running(), "old");
        let mut prepared = record.clone();
        prepared.become_active("3".into(), None);
        assert_eq!(catalog.put(&prepared), "2");
        assert_eq!(running(), "new");
    }

    #[test]
    fn an_alias_shares_its_requests_between_versions() {
        let catalog = Catalog::default();
        for version in [LATEST, "1", "2"] {
            catalog.put(&FunctionRecord { version: version.into(), ..record() });
        }
        let key = record().key;
        let alias = Alias {
            name: "live".into(),
            function_version: "1".into(),
            description: String::new(),
            additional_version: Some(("2".into(), 0.5)),
            revision_id: String::new(),
        };
        catalog.put_alias(&key, alias);
        let executed =
            |roll| catalog.resolve(&key, Some("live"), roll).map(|found| found.version.version.clone());
        assert_eq!((executed(0.2).unwrap(), executed(0.7).unwrap()), ("2".to_owned(), "1".to_owned()));
        catalog.remove_version(&key, "2");
        assert!(executed(0.2).is_err());
        catalog.remove_alias(&key, "live");
        assert!(executed(0.7).is_err());
    }

    #[test]
    fn reservations_are_counted_for_the_account() {
        let catalog = Catalog::default();
        let reserved = |name: &str, reserved| {
            let mut record = record();
            record.key.name = name.into();
            record.reserved_concurrency = reserved;
            catalog.put(&record);
            catalog.resolve(&record.key, None, 0.0).unwrap().account_reserved_concurrency
        };
        assert_eq!(reserved("a", Some(5)), 5);
        assert_eq!(reserved("b", Some(7)), 12);
        assert_eq!(reserved("a", Some(1)), 8);
        assert_eq!(reserved("a", None), 7);
        catalog.remove(&FunctionKey { name: "b".into(), ..record().key });
        assert_eq!(reserved("a", None), 0);
    }

    #[test]
    fn only_the_latest_version_exists_and_only_until_it_is_removed() {
        let catalog = Catalog::default();
        let record = record();
        catalog.put(&record);
        assert!(catalog.contains(&record.key));
        assert!(catalog.resolve(&record.key, Some(LATEST), 0.0).is_ok());
        assert!(catalog.resolve(&record.key, Some("1"), 0.0).is_err());
        catalog.remove(&record.key);
        let refused = catalog.resolve(&record.key, None, 0.0).unwrap_err();
        assert_eq!(refused.to_string(), "Function not found: arn:aws:lambda:r:0:function:f:$LATEST");
    }
}
