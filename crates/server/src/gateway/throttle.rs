//! As many requests a second as a stage's settings allow, for each of its routes or methods; a bucket of the burst's size evens them out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use serde_json::Value;
use services::apigatewayv2::Shape;

/// Buckets by API, stage, and route or method.
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
    /// Whether a request may go through: of so many a second and so many at once. What has no limits is never counted.
    pub(super) fn admits(&self, key: (&str, &str, &str), limits: Option<(f64, f64)>) -> bool {
        let Some((rate, burst)) = limits else { return true };
        let now = Instant::now();
        let key = (key.0.to_owned(), key.1.to_owned(), key.2.to_owned());
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| now.duration_since(bucket.at).as_secs() < 60);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: burst, at: now });
        bucket.left = (bucket.left + now.duration_since(bucket.at).as_secs_f64() * rate).min(burst);
        bucket.at = now;
        let is_admitted = bucket.left >= 1.0;
        if is_admitted {
            bucket.left -= 1.0;
        }
        is_admitted
    }
}

/// Requests a second and at once of a route of an HTTP or WebSocket API, where its settings or the stage's say so.
pub(super) fn of_route(stage: &Shape, key: &str) -> Option<(f64, f64)> {
    let of_route = stage.get("RouteSettings").and_then(|all| all.get(key));
    let of_stage = stage.get("DefaultRouteSettings");
    let number = |member: &str| {
        let found = of_route.and_then(|it| it.get(member)).or_else(|| of_stage?.get(member));
        found.and_then(Value::as_f64)
    };
    limits(number("ThrottlingRateLimit"), number("ThrottlingBurstLimit"))
}

/// Both limits where one or both are given.
pub(super) fn limits(rate: Option<f64>, burst: Option<f64>) -> Option<(f64, f64)> {
    let given = rate.or(burst)?;
    Some((given, burst.unwrap_or(given)))
}
