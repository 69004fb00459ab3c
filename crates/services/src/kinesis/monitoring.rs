//! Metrics of shards that are asked for: kept and shown, and counted by nobody.

use std::collections::BTreeSet;

use aws_api::generated::kinesis::types;

use super::{Handled, Kinesis, Named};
use crate::service::ServiceContext;

/// Stands for all of them.
const ALL: &str = "ALL";
/// What `ALL` stands for.
const METRICS: &[&str] = &[
    "IncomingBytes",
    "IncomingRecords",
    "IteratorAgeMilliseconds",
    "OutgoingBytes",
    "OutgoingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
];

impl Kinesis {
    pub(super) async fn enable_enhanced_monitoring(
        &self,
        context: &ServiceContext,
        input: types::EnableEnhancedMonitoringInput,
    ) -> Handled<types::EnhancedMonitoringOutput> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let asked = asked(input.shard_level_metrics);
        self.change_metrics(named, move |metrics| metrics.extend(asked)).await
    }

    pub(super) async fn disable_enhanced_monitoring(
        &self,
        context: &ServiceContext,
        input: types::DisableEnhancedMonitoringInput,
    ) -> Handled<types::EnhancedMonitoringOutput> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let asked = asked(input.shard_level_metrics);
        self.change_metrics(named, move |metrics| metrics.retain(|metric| !asked.contains(metric))).await
    }

    async fn change_metrics(
        &self,
        named: Named,
        change: impl FnOnce(&mut BTreeSet<String>) + Send + 'static,
    ) -> Handled<types::EnhancedMonitoringOutput> {
        let arn = named.arn.clone();
        let (name, before, after) = self
            .change(named, move |stream, _| {
                let before = stream.metrics.clone();
                change(&mut stream.metrics);
                Ok((stream.name.clone(), before, stream.metrics.clone()))
            })
            .await?;
        Ok(types::EnhancedMonitoringOutput {
            stream_name: Some(name),
            current_shard_level_metrics: Some(before.into_iter().collect()),
            desired_shard_level_metrics: Some(after.into_iter().collect()),
            stream_arn: Some(arn),
        })
    }
}

fn asked(metrics: Option<Vec<String>>) -> BTreeSet<String> {
    let metrics = metrics.unwrap_or_default();
    match metrics.iter().any(|metric| metric == ALL) {
        true => METRICS.iter().map(|metric| (*metric).to_owned()).collect(),
        false => metrics.into_iter().collect(),
    }
}
