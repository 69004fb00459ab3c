//! How fast each function may start environments (C-02).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use lambda_model::{
    concurrency::{Rate, TokenBucket},
    function::FunctionKey,
};
use tokio::time::Instant;

/// A bucket per function, all versions together.
pub(crate) struct ScalingRates {
    rate: Rate,
    origin: Instant,
    buckets: Mutex<HashMap<FunctionKey, TokenBucket>>,
}

impl ScalingRates {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, origin: Instant::now(), buckets: Mutex::default() }
    }

    /// Whether the function may start one more environment now.
    pub(crate) fn take(&self, key: &FunctionKey) -> bool {
        let now_us = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(key) {
            buckets.insert(key.clone(), TokenBucket::default());
        }
        buckets.get_mut(key).is_some_and(|bucket| bucket.take(self.rate, now_us))
    }

    /// A function is gone, or has started nothing for as long as a bucket takes to fill.
    pub(crate) fn forget(&self, key: &FunctionKey) {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
