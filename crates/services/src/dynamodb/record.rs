//! Tables as they are kept.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::dynamodb::types};
use serde::{Deserialize, Serialize};
use store::{TableKey, TableView};

use super::{
    Handled,
    error::{in_use, no_table, no_table_named},
    history::History,
    keys::{KeyAttribute, KeySchema},
    policy::TablePolicy,
    streams::TableStream,
    tables::check_throughput,
    ttl::Expiry,
    warm::Warmed,
};
use crate::{
    change::ChangeError,
    service::{ServiceContext, partition_of},
};

/// A table.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TableRecord {
    /// A UUID.
    pub id: String,
    /// Unix time, milliseconds.
    pub created_ms: i64,
    /// Where its items are.
    pub space: i64,
    pub key: KeySchema,
    /// Every attribute of a key, in the order of the request.
    pub attributes: Vec<KeyAttribute>,
    pub local: Vec<IndexRecord>,
    pub global: Vec<IndexRecord>,
    pub settings: Settings,
    pub tags: BTreeMap<String, String>,
    /// What says when items expire.
    pub expiry: Option<Expiry>,
    /// Its last stream.
    pub stream: Option<TableStream>,
    #[serde(default)]
    pub policy: Option<TablePolicy>,
    /// What it was made of.
    #[serde(default)]
    pub restored: Option<Restored>,
    /// What its items were, where points in time are kept.
    #[serde(default)]
    pub history: Option<History>,
    /// Whether it is still being made, by an import.
    #[serde(default)]
    pub is_importing: bool,
}

/// Where a table's items come from.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Restored {
    /// The backup, or a point in time of the table.
    pub backup_arn: Option<String>,
    pub table_arn: String,
    /// Unix time, milliseconds; where nothing is said it is the table's own.
    #[serde(default)]
    pub at_ms: Option<i64>,
}

/// What is kept and shown, and changes nothing here.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    /// `PROVISIONED` or `PAY_PER_REQUEST`.
    pub billing_mode: String,
    pub throughput: Option<types::ProvisionedThroughput>,
    pub on_demand_throughput: Option<types::OnDemandThroughput>,
    pub table_class: Option<String>,
    pub is_protected: bool,
    #[serde(default)]
    pub warm: Option<types::WarmThroughput>,
}

impl Settings {
    /// Changes the mode, the throughput of a provisioned table, or both; a mode forgets the throughput of the one before.
    pub(super) fn set_throughput(
        &mut self,
        billing_mode: Option<String>,
        throughput: Option<types::ProvisionedThroughput>,
    ) -> Handled<()> {
        if let Some(billing_mode) = billing_mode {
            check_throughput(&billing_mode, throughput.as_ref())?;
            self.billing_mode = billing_mode;
            self.throughput = None;
        }
        self.throughput = throughput.or(self.throughput.take());
        Ok(())
    }
}

/// A secondary index.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct IndexRecord {
    pub name: String,
    /// Where its entries are.
    pub space: i64,
    pub key: KeySchema,
    pub projection: types::Projection,
    pub throughput: Option<types::ProvisionedThroughput>,
    #[serde(default)]
    pub warm: Option<types::WarmThroughput>,
}

impl TableRecord {
    /// What its table could take at once.
    pub(super) fn warmed(&self) -> Warmed<'_> {
        let Settings { billing_mode, throughput, warm, .. } = &self.settings;
        Warmed { billing_mode, throughput: throughput.as_ref(), asked: warm.as_ref() }
    }

    /// The same of an index.
    pub(super) fn warmed_index<'a>(&'a self, index: &'a IndexRecord) -> Warmed<'a> {
        let throughput = index.throughput.as_ref();
        Warmed { billing_mode: &self.settings.billing_mode, throughput, asked: index.warm.as_ref() }
    }

    /// Nobody asks for less than there is.
    pub(super) fn check_warm(&self) -> Handled<()> {
        self.warmed().check("table")?;
        self.global
            .iter()
            .try_for_each(|index| self.warmed_index(index).check(&format!("index {}", index.name)))
    }

    /// Every space of it but its stream's, which outlives it.
    pub(super) fn spaces(&self) -> impl Iterator<Item = i64> {
        let expiry = self.expiry.iter().map(|expiry| expiry.space);
        let history = self.history.iter().map(|history| history.space);
        self.indexes().map(|index| index.space).chain(expiry).chain(history).chain([self.space])
    }

    pub(super) fn indexes(&self) -> impl Iterator<Item = &IndexRecord> {
        self.local.iter().chain(&self.global)
    }

    /// An index, and whether it is a local one.
    pub(super) fn index(&self, name: &str) -> Option<(&IndexRecord, bool)> {
        let local = self.local.iter().map(|index| (index, true));
        local.chain(self.global.iter().map(|index| (index, false))).find(|(index, _)| index.name == name)
    }
}

/// A table of the caller's, by its name or its ARN.
pub(super) fn table_key(context: &ServiceContext, name_or_arn: Option<&str>) -> TableKey {
    let asked = name_or_arn.unwrap_or_default();
    let parts: Vec<&str> = asked.splitn(6, ':').collect();
    if let ["arn", _, "dynamodb", region, account_id, resource] = parts[..]
        && let Some(name) = resource.strip_prefix("table/")
    {
        return TableKey { account_id: account_id.into(), region: region.into(), name: name.into() };
    }
    TableKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        name: asked.to_owned(),
    }
}

pub(super) fn table_arn(TableKey { account_id, region, name }: &TableKey) -> String {
    format!("arn:{}:dynamodb:{region}:{account_id}:table/{name}", partition_of(region))
}

/// A table that is there.
///
/// # Errors
/// When it is not.
pub(super) fn table_in(view: &TableView<'_>, key: &TableKey) -> Result<TableRecord, ChangeError> {
    // While it is being made there is nothing to read.
    found_in(view, key)?.filter(|table| !table.is_importing).ok_or_else(|| no_table().into())
}

/// A table that is there and may be changed.
///
/// # Errors
/// When it is not, or is still being made.
pub(super) fn changeable_in(view: &TableView<'_>, key: &TableKey) -> Result<TableRecord, ChangeError> {
    let table = found_in(view, key)?.ok_or_else(|| no_table_named(&key.name))?;
    match table.is_importing {
        true => Err(in_use(format!(
            "Attempt to change a resource which is still in use: Table is being created: {}",
            key.name
        ))
        .into()),
        false => Ok(table),
    }
}

/// A table, if it is there.
pub(super) fn found_in(view: &TableView<'_>, key: &TableKey) -> Result<Option<TableRecord>, ChangeError> {
    let description = view.table(key)?;
    description.map(|description| decode(&description)).transpose()
}

pub(super) fn decode(description: &[u8]) -> Result<TableRecord, ChangeError> {
    serde_json::from_slice(description).map_err(|error| failed(&error).into())
}

pub(super) fn encode(record: &TableRecord) -> Result<Vec<u8>, ChangeError> {
    serde_json::to_vec(record).map_err(|error| failed(&error).into())
}

fn failed(error: &serde_json::Error) -> ApiError {
    crate::change::failed(format!("the record of a table: {error}"))
}
