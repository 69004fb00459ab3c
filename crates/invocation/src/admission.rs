//! Counting concurrent executions and requests per account, Region, function and version; the rules themselves are in
//! [`lambda_model::concurrency`].

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use lambda_model::{
    concurrency::{Admission, ConcurrencyInUse, Place, Rate, TokenBucket},
    error::ThrottleReason,
    function::FunctionKey,
};
use tokio::time::Instant;

/// An account in a Region.
type Account = (String, String);
/// A version of a function.
type Version = (FunctionKey, String);

/// Counts of all accounts.
pub(crate) struct ConcurrencyLedger {
    unreserved: ByKey<Account, AtomicU32>,
    on_demand: ByKey<FunctionKey, AtomicU32>,
    provisioned: ByKey<Version, AtomicU32>,
    account_rates: ByKey<Account, Bucket>,
    reserved_rates: ByKey<FunctionKey, Bucket>,
    provisioned_rates: ByKey<Version, Bucket>,
    /// Requests per second for each unit of concurrency (C-03).
    requests_per_second: u32,
    /// The clock of the buckets begins here.
    origin: Instant,
}

type Bucket = Mutex<TokenBucket>;

/// An admitted invocation; gives its places back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// What it counts as.
    pub(crate) place: Place,
    _counted: Vec<Counted>,
}

/// One place in a counter, given back when dropped.
#[derive(Debug)]
struct Counted(Arc<AtomicU32>);

impl Counted {
    /// Takes a place; how many there were before.
    fn take(counter: &Arc<AtomicU32>) -> (Self, u32) {
        let before = counter.fetch_add(1, Ordering::AcqRel);
        (Self(Arc::clone(counter)), before)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl ConcurrencyLedger {
    pub(crate) fn new(requests_per_second: u32) -> Self {
        Self {
            unreserved: ByKey::default(),
            on_demand: ByKey::default(),
            provisioned: ByKey::default(),
            account_rates: ByKey::default(),
            reserved_rates: ByKey::default(),
            provisioned_rates: ByKey::default(),
            requests_per_second,
            origin: Instant::now(),
        }
    }

    /// Admits one more invocation of the version; `account_max` is the account's whole concurrency. Who can wait is not to use up the
    /// requests of who cannot.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit(
        &self,
        key: &FunctionKey,
        version: &str,
        limits: Admission,
        account_max: u32,
        is_patient: bool,
    ) -> Result<Admitted, ThrottleReason> {
        if limits.provisioned > 0
            && let Some(admitted) = self.admit_to_provisioned(&(key.clone(), version.to_owned()), limits)
        {
            return Ok(admitted);
        }
        let account = (key.account_id.clone(), key.region.clone());
        // Counted first and checked with itself left out: two that race for the last place never both get it.
        let (on_demand, functions) = Counted::take(&self.on_demand.get(key));
        let (unreserved, accounts) = match limits.reserved {
            None => {
                let (counted, before) = Counted::take(&self.unreserved.get(&account));
                (Some(counted), before)
            }
            Some(_) => (None, 0),
        };
        let in_use =
            ConcurrencyInUse { unreserved: accounts, on_demand: functions, provisioned: limits.provisioned };
        let place = limits.check(in_use)?;
        match limits.reserved {
            Some(reserved) if !self.has_token(&self.reserved_rates.get(key), reserved, is_patient) => {
                return Err(ThrottleReason::ReservedFunctionInvocationRateLimitExceeded);
            }
            None if !self.has_token(&self.account_rates.get(&account), account_max, is_patient) => {
                return Err(ThrottleReason::FunctionInvocationRateLimitExceeded);
            }
            _ => {}
        }
        Ok(Admitted { place, _counted: std::iter::once(on_demand).chain(unreserved).collect() })
    }

    /// A provisioned environment, while one is free and not asked too often; what is beyond spills over.
    fn admit_to_provisioned(&self, version: &Version, limits: Admission) -> Option<Admitted> {
        let (counted, before) = Counted::take(&self.provisioned.get(version));
        let in_use = ConcurrencyInUse { provisioned: before, ..ConcurrencyInUse::default() };
        let is_free = limits.check(in_use) == Ok(Place::Provisioned);
        let admitted =
            is_free && self.has_token(&self.provisioned_rates.get(version), limits.provisioned, false);
        admitted.then(|| Admitted { place: Place::Provisioned, _counted: vec![counted] })
    }

    fn has_token(&self, bucket: &Bucket, concurrency: u32, is_patient: bool) -> bool {
        let rate = Rate::per_second(f64::from(concurrency) * f64::from(self.requests_per_second));
        let rate = if is_patient { rate.with_reserve() } else { rate };
        let now_us = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        bucket.lock().unwrap_or_else(PoisonError::into_inner).take(rate, now_us)
    }

    /// Invocations of the account in the Region that run now and hold no reservation.
    #[cfg(test)]
    pub(crate) fn unreserved_in_use(&self, account_id: &str, region: &str) -> u32 {
        self.unreserved.get(&(account_id.to_owned(), region.to_owned())).load(Ordering::Acquire)
    }
}

/// A value per key, made on first use.
struct ByKey<K, V>(RwLock<HashMap<K, Arc<V>>>);

impl<K, V> Default for ByKey<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq + Clone, V: Default> ByKey<K, V> {
    fn get(&self, key: &K) -> Arc<V> {
        if let Some(value) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Arc::clone(value);
        }
        let mut values = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(values.entry(key.clone()).or_default())
    }
}
