//! What clients ask before or beside their work.

use aws_api::generated::dynamodb::types;
use store::TableView;

use super::{
    DynamoDb, Handled,
    error::table_not_found,
    record::{found_in, table_key},
};
use crate::{
    change::ChangeError,
    service::{NoInput, ServiceContext},
};

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

    /// There are none, which infrastructure tools ask for.
    pub(super) async fn describe_continuous_backups(
        &self,
        context: &ServiceContext,
        input: types::DescribeContinuousBackupsInput,
    ) -> Handled<types::DescribeContinuousBackupsOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let read = move |view: &TableView<'_>| -> Result<(), ChangeError> {
            match found_in(view, &key)? {
                Some(_) => Ok(()),
                None => Err(table_not_found(&key.name).into()),
            }
        };
        self.tables.read(read).await?;
        let point_in_time_recovery_description = Some(types::PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some("DISABLED".to_owned()),
            ..types::PointInTimeRecoveryDescription::default()
        });
        let description = types::ContinuousBackupsDescription {
            // So of every table; points in time are what may be disabled ("Before you begin using point-in-time recovery").
            continuous_backups_status: Some("ENABLED".to_owned()),
            point_in_time_recovery_description,
        };
        Ok(types::DescribeContinuousBackupsOutput { continuous_backups_description: Some(description) })
    }
}
