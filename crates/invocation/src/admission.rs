//! Counting concurrent executions per account, Region and function; the rule itself is [`lambda_model::concurrency::admission`].

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use lambda_model::{
    concurrency::{Admission, ConcurrencyInUse},
    error::ThrottleReason,
    function::FunctionKey,
};

/// Counts of all accounts.
#[derive(Default)]
pub(crate) struct ConcurrencyLedger {
    unreserved: Counters<(String, String)>,
    functions: Counters<FunctionKey>,
}

/// An admitted invocation; gives its place back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    unreserved: Option<Arc<AtomicU32>>,
    function: Arc<AtomicU32>,
}

impl ConcurrencyLedger {
    /// Admits one more invocation of the function.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit(&self, key: &FunctionKey, limits: Admission) -> Result<Admitted, ThrottleReason> {
        let function = self.functions.get(key);
        let unreserved = self.unreserved.get(&(key.account_id.clone(), key.region.clone()));
        // Counted first and checked with itself left out: two that race for the last place never both get it.
        let admitted = Admitted {
            unreserved: limits.reserved.is_none().then(|| Arc::clone(&unreserved)),
            function: Arc::clone(&function),
        };
        let in_use = ConcurrencyInUse {
            unreserved: admitted.unreserved.as_ref().map_or_else(
                || unreserved.load(Ordering::Acquire),
                |count| count.fetch_add(1, Ordering::AcqRel),
            ),
            function: function.fetch_add(1, Ordering::AcqRel),
        };
        limits.check(in_use)?;
        Ok(admitted)
    }

    /// Invocations of the account in the Region that run now and hold no reservation.
    #[cfg(test)]
    pub(crate) fn unreserved_in_use(&self, account_id: &str, region: &str) -> u32 {
        self.unreserved.get(&(account_id.to_owned(), region.to_owned())).load(Ordering::Acquire)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(unreserved) = &self.unreserved {
            unreserved.fetch_sub(1, Ordering::AcqRel);
        }
        self.function.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A counter per key, made on first use.
struct Counters<K>(RwLock<HashMap<K, Arc<AtomicU32>>>);

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq + Clone> Counters<K> {
    fn get(&self, key: &K) -> Arc<AtomicU32> {
        if let Some(counter) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Arc::clone(counter);
        }
        let mut counters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(counters.entry(key.clone()).or_default())
    }
}
