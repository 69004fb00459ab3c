//! The functions of this server in memory, so that no invocation waits for the disk.
//!
//! The store is the truth, and this follows it commit by commit, before anyone hears of one (see [`crate::deployment`]).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use lambda_model::{
    LambdaError,
    concurrency::Provisions,
    function::{Alias, FunctionKey, FunctionRecord, FunctionState, LATEST, PreviousVersion},
    invocation::{
        asynchronous::{RetryPolicy, destination_record::Targets},
        event_invoke_config::EventInvokeConfig,
    },
    ports::{AsyncSettings, FunctionCatalog, ResolvedFunction, RunnableVersion},
};

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Catalog {
    entries: RwLock<Entries>,
    /// Of asynchronous invocations for which nothing else is configured.
    retry_policy: RetryPolicy,
}

#[derive(Default)]
struct Entries {
    functions: HashMap<FunctionKey, Function>,
    /// By account and Region: see [`Function::taken`].
    taken: HashMap<(String, String), u32>,
}

/// A function with all that an invocation may name of it.
#[derive(Default)]
struct Function {
    versions: HashMap<String, Version>,
    aliases: HashMap<String, Alias>,
    reserved_concurrency: Option<u32>,
    /// Provisioned concurrency by qualifier.
    provisioned: BTreeMap<String, u32>,
    /// The same by version.
    provisioned_by_version: BTreeMap<String, u32>,
    /// What is configured for asynchronous invocations, by qualifier.
    event_invoke_configs: HashMap<String, EventInvokeConfig>,
    allows_recursion: bool,
}

impl Function {
    /// What the function takes of the account's concurrency: its reservation, or else what is provisioned for it.
    fn taken(&self) -> u32 {
        self.reserved_concurrency.unwrap_or_else(|| self.provisioned.values().sum())
    }

    fn provisions(&self) -> Provisions {
        Provisions {
            by_qualifier: self.provisioned.clone(),
            aliases: self.aliases.values().cloned().collect(),
        }
    }
}

struct Version {
    runnable: Arc<RunnableVersion>,
    state: FunctionState,
}

impl Catalog {
    /// An empty one.
    pub(crate) fn new(retry_policy: RetryPolicy) -> Self {
        Self { retry_policy, ..Self::default() }
    }

    /// Takes over a version as the store has it now.
    pub(crate) fn put(&self, record: FunctionRecord) {
        let (reserved_concurrency, state) = (record.reserved_concurrency, record.state);
        let allows_recursion = record.recursive_loop.as_deref() == Some("Allow");
        let runnable = Arc::new(runnable(record));
        self.change(&runnable.key, |function| {
            if runnable.version == LATEST {
                function.reserved_concurrency = reserved_concurrency;
                function.allows_recursion = allows_recursion;
            }
            let version = Version { runnable: Arc::clone(&runnable), state };
            function.versions.insert(runnable.version.clone(), version);
        });
    }

    /// Takes over an alias.
    pub(crate) fn put_alias(&self, key: &FunctionKey, alias: Alias) {
        self.change(key, |function| drop(function.aliases.insert(alias.name.clone(), alias)));
    }

    /// Forgets an alias.
    pub(crate) fn remove_alias(&self, key: &FunctionKey, name: &str) {
        self.change(key, |function| drop(function.aliases.remove(name)));
    }

    /// Takes over what is provisioned for a version or an alias.
    pub(crate) fn put_provisioned(&self, key: &FunctionKey, qualifier: &str, requested: u32) {
        self.change(key, |function| {
            function.provisioned.insert(qualifier.to_owned(), requested);
        });
    }

    /// Forgets it.
    pub(crate) fn remove_provisioned(&self, key: &FunctionKey, qualifier: &str) {
        self.change(key, |function| {
            function.provisioned.remove(qualifier);
        });
    }

    /// Takes over what is configured for asynchronous invocations.
    pub(crate) fn put_event_invoke_config(
        &self,
        key: &FunctionKey,
        qualifier: &str,
        config: EventInvokeConfig,
    ) {
        self.change(key, |function| {
            function.event_invoke_configs.insert(qualifier.to_owned(), config);
        });
    }

    /// Forgets it.
    pub(crate) fn remove_event_invoke_config(&self, key: &FunctionKey, qualifier: &str) {
        self.change(key, |function| drop(function.event_invoke_configs.remove(qualifier)));
    }

    /// Forgets a version.
    pub(crate) fn remove_version(&self, key: &FunctionKey, version: &str) {
        self.change(key, |function| drop(function.versions.remove(version)));
    }

    /// The versions of a function that are to be kept initialised, as far as they are ready to run, and how often.
    pub(crate) fn to_provision(&self, key: &FunctionKey) -> Vec<(Arc<RunnableVersion>, u32)> {
        let entries = self.read();
        let Some(function) = entries.functions.get(key) else { return Vec::new() };
        let wanted = function.provisioned_by_version.iter().filter_map(|(version, count)| {
            let version = function.versions.get(version)?;
            (version.state == FunctionState::Active).then(|| (Arc::clone(&version.runnable), *count))
        });
        wanted.collect()
    }

    /// What all functions of an account have taken of its concurrency in a Region.
    pub(crate) fn taken(&self, account_id: &str, region: &str) -> u32 {
        let account = (account_id.to_owned(), region.to_owned());
        self.read().taken.get(&account).copied().unwrap_or(0)
    }

    fn change(&self, key: &FunctionKey, change: impl FnOnce(&mut Function)) {
        let mut entries = self.write();
        let function = entries.functions.entry(key.clone()).or_default();
        let before = function.taken();
        change(function);
        function.provisioned_by_version = function.provisions().by_version();
        let after = function.taken();
        entries.account_for(key, before, after);
    }

    /// The log group of the function's unpublished version; `None` when there is no such function.
    pub(crate) fn log_group(&self, key: &FunctionKey) -> Option<String> {
        let function = self.resolve(key, None, 0.0).ok()?;
        let own = function.version.configuration.logging.log_group.clone();
        Some(own.unwrap_or_else(|| key.log_group()))
    }

    /// Whether the function exists.
    pub(crate) fn contains(&self, key: &FunctionKey) -> bool {
        self.read().functions.contains_key(key)
    }

    /// Forgets a function.
    pub(crate) fn remove(&self, key: &FunctionKey) {
        let mut entries = self.write();
        if let Some(function) = entries.functions.remove(key) {
            entries.account_for(key, function.taken(), 0);
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
    fn account_for(&mut self, key: &FunctionKey, before: u32, after: u32) {
        if before != after {
            let total = self.taken.entry((key.account_id.clone(), key.region.clone())).or_default();
            *total = total.saturating_sub(before).saturating_add(after);
        }
    }

    fn taken_in(&self, key: &FunctionKey) -> u32 {
        self.taken.get(&(key.account_id.clone(), key.region.clone())).copied().unwrap_or(0)
    }
}

/// What invocations of the record run: while an update is being prepared, what was there before it (I-07).
fn runnable(record: FunctionRecord) -> RunnableVersion {
    let FunctionRecord { key, version, deployment_id, configuration, code, previous, .. } = record;
    match previous {
        Some(previous) => {
            let PreviousVersion { configuration, code, deployment_id } = *previous;
            RunnableVersion { key, version, deployment_id, configuration, code }
        }
        None => RunnableVersion { key, version, deployment_id, configuration, code },
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
        Ok(ResolvedFunction {
            version: Arc::clone(&version.runnable),
            state: version.state,
            reserved_concurrency: function.reserved_concurrency,
            account_taken: entries.taken_in(key),
            provisioned: function.provisioned_by_version.get(&version.runnable.version).copied().unwrap_or(0),
            provisioned_of_function: function.provisioned_by_version.values().sum(),
            allows_recursion: function.allows_recursion,
        })
    }

    fn asynchronous(&self, key: &FunctionKey, qualifier: Option<&str>) -> AsyncSettings {
        let qualifier = qualifier.unwrap_or(LATEST);
        let entries = self.read();
        let Some(function) = entries.functions.get(key) else {
            return AsyncSettings { policy: self.retry_policy, ..AsyncSettings::default() };
        };
        let config = function.event_invoke_configs.get(qualifier);
        // Versions of one alias have the same dead-letter queue (V-02).
        let version = function.aliases.get(qualifier).map_or(qualifier, |alias| &alias.function_version);
        let runnable = function.versions.get(version).map(|version| &version.runnable);
        AsyncSettings {
            policy: config.map_or(self.retry_policy, |config| self.retry_policy.configured(config)),
            targets: Targets {
                on_success: config.and_then(|config| config.on_success.clone()),
                on_failure: config.and_then(|config| config.on_failure.clone()),
                dead_letter: runnable
                    .and_then(|runnable| runnable.configuration.dead_letter_target_arn.clone()),
            },
            reserved_concurrency: function.reserved_concurrency,
        }
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
        let running = |record: &FunctionRecord| {
            catalog.put(record.clone());
            let version = catalog.resolve(&record.key, None, 0.0).unwrap().version;
            assert_eq!(version.deployment_id, record.running_deployment_id());
            (version.deployment_id.clone(), version.code.sha256_hex.clone())
        };
        let is = |deployment_id: &str, code: &str| (deployment_id.to_owned(), code.to_owned());
        assert_eq!(running(&record), is("1", "old"));
        record.begin_update("2".into(), 0);
        record.code.sha256_hex = "new".into();
        assert_eq!(running(&record), is("1", "old"));
        record.become_active("3".into(), None);
        assert_eq!(running(&record), is("2", "new"));
    }

    #[test]
    fn an_alias_shares_its_requests_between_versions() {
        let catalog = Catalog::default();
        for version in [LATEST, "1", "2"] {
            catalog.put(FunctionRecord { version: version.into(), ..record() });
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
            catalog.put(record.clone());
            catalog.resolve(&record.key, None, 0.0).unwrap().account_taken
        };
        assert_eq!(reserved("a", Some(5)), 5);
        assert_eq!(reserved("b", Some(7)), 12);
        assert_eq!(reserved("a", Some(1)), 8);
        assert_eq!(reserved("a", None), 7);
        catalog.remove(&FunctionKey { name: "b".into(), ..record().key });
        assert_eq!(reserved("a", None), 0);
    }

    #[test]
    fn asynchronous_invocations_follow_their_qualifier() {
        let catalog = Catalog::default();
        let mut record = record();
        record.configuration.dead_letter_target_arn = Some("dead".into());
        record.recursive_loop = Some("Allow".into());
        record.reserved_concurrency = Some(4);
        catalog.put(record.clone());
        let key = &record.key;
        let config = EventInvokeConfig {
            maximum_retry_attempts: Some(1),
            on_failure: Some("failed".into()),
            ..EventInvokeConfig::default()
        };
        catalog.put_event_invoke_config(key, "live", config);
        let latest = catalog.asynchronous(key, None);
        assert_eq!((latest.policy.retries_max, latest.targets.on_failure), (2, None));
        assert_eq!(latest.targets.dead_letter.as_deref(), Some("dead"));
        assert_eq!(latest.reserved_concurrency, Some(4));
        assert!(catalog.resolve(key, None, 0.0).unwrap().allows_recursion);
        let live = catalog.asynchronous(key, Some("live"));
        assert_eq!((live.policy.retries_max, live.targets.on_failure.as_deref()), (1, Some("failed")));
        catalog.remove_event_invoke_config(key, "live");
        assert_eq!(catalog.asynchronous(key, Some("live")).targets.on_failure, None);
    }

    #[test]
    fn what_is_provisioned_is_taken_from_the_account_and_moves_with_the_alias() {
        let catalog = Catalog::default();
        for version in [LATEST, "1", "2"] {
            catalog.put(FunctionRecord { version: version.into(), ..record() });
        }
        let key = record().key;
        let alias = |version: &str| Alias {
            name: "live".into(),
            function_version: version.into(),
            description: String::new(),
            additional_version: None,
            revision_id: String::new(),
        };
        catalog.put_alias(&key, alias("1"));
        catalog.put_provisioned(&key, "live", 3);
        let provisioned = || {
            let wanted = catalog.to_provision(&key);
            wanted.iter().map(|(version, count)| (version.version.clone(), *count)).collect::<Vec<_>>()
        };
        assert_eq!(provisioned(), [("1".to_owned(), 3)]);
        assert_eq!(catalog.taken("0", "r"), 3);
        let resolved = catalog.resolve(&key, Some("live"), 0.0).unwrap();
        assert_eq!((resolved.provisioned, resolved.provisioned_of_function), (3, 3));
        assert_eq!(catalog.resolve(&key, None, 0.0).unwrap().provisioned, 0);
        catalog.put_alias(&key, alias("2"));
        assert_eq!(provisioned(), [("2".to_owned(), 3)]);
        catalog.put(FunctionRecord { reserved_concurrency: Some(5), ..record() });
        assert_eq!(catalog.taken("0", "r"), 5, "it is within the reservation");
        catalog.remove_provisioned(&key, "live");
        assert!(provisioned().is_empty());
    }

    #[test]
    fn only_the_latest_version_exists_and_only_until_it_is_removed() {
        let catalog = Catalog::default();
        let record = record();
        catalog.put(record.clone());
        assert!(catalog.contains(&record.key));
        assert!(catalog.resolve(&record.key, Some(LATEST), 0.0).is_ok());
        assert!(catalog.resolve(&record.key, Some("1"), 0.0).is_err());
        catalog.remove(&record.key);
        let refused = catalog.resolve(&record.key, None, 0.0).unwrap_err();
        assert_eq!(refused.to_string(), "Function not found: arn:aws:lambda:r:0:function:f:$LATEST");
    }
}
