//! What clients ask before or beside their work.

use aws_api::generated::dynamodb::types;

use super::{DynamoDb, Handled};
use crate::service::{NoInput, ServiceContext};

impl DynamoDb {
    /// AWS's quotas as they are at first: nobody is held to them here.
    pub(super) async fn describe_limits(
        &self,
        _: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::DescribeLimitsOutput> {
        Ok(types::DescribeLimitsOutput {
            account_max_read_capacity_units: Some(80_000),
            account_max_write_capacity_units: Some(80_000),
            table_max_read_capacity_units: Some(40_000),
            table_max_write_capacity_units: Some(40_000),
        })
    }

    /// This server, for as long as the client likes.
    pub(super) async fn describe_endpoints(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::DescribeEndpointsResponse> {
        let address = context.endpoint.split("://").last().unwrap_or_default().to_owned();
        let endpoint = types::Endpoint { address: Some(address), cache_period_in_minutes: Some(1_440) };
        Ok(types::DescribeEndpointsResponse { endpoints: Some(vec![endpoint]) })
    }
}
