//! As many requests a second as a stage's settings allow, for each of its routes; a bucket of the burst's size evens them out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use serde_json::Value;

use super::{Refusal, Visit};

/// Buckets by API, stage and route.
#[derive(Default)]
pub(in crate::gateway) struct Throttle {
    buckets: Mutex<HashMap<(String, String, String), Bucket>>,
}

/// Of buckets that fill up again, before those that are full are forgotten.
const BUCKETS_MAX: usize = 10_000;

struct Bucket {
    left: f64,
    at: Instant,
}

impl Throttle {
    /// Lets a request through, or not. Routes without limits are never counted.
    pub(super) fn admit(&self, visit: &Visit<'_>) -> Result<(), Refusal> {
        let Some((rate, burst)) = limits(visit) else { return Ok(()) };
        let now = Instant::now();
        let key = (visit.api.api_id.clone(), visit.stage.name.clone(), visit.route.key.to_owned());
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| now.duration_since(bucket.at).as_secs() < 60);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: burst, at: now });
        bucket.left = (bucket.left + now.duration_since(bucket.at).as_secs_f64() * rate).min(burst);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Refusal::TooManyRequests);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

/// Requests a second and at once, where the route's settings or the stage's say so.
fn limits(visit: &Visit<'_>) -> Option<(f64, f64)> {
    let settings = &visit.stage.settings;
    let of_route = settings.get("RouteSettings").and_then(|all| all.get(visit.route.key));
    let of_stage = settings.get("DefaultRouteSettings");
    let number = |member: &str| {
        let found = of_route.and_then(|it| it.get(member)).or_else(|| of_stage?.get(member));
        found.and_then(Value::as_f64)
    };
    let (rate, burst) = (number("ThrottlingRateLimit"), number("ThrottlingBurstLimit"));
    match (rate, burst) {
        (None, None) => None,
        (rate, burst) => {
            let rate = rate.or(burst).unwrap_or_default();
            Some((rate, burst.unwrap_or(rate)))
        }
    }
}
