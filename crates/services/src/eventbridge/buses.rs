//! Operations on buses.

use aws_api::generated::events::types;
use store::Transaction;

use super::{
    EventBridge, Handled,
    bus::{BusKey, BusRecord, DEFAULT, RuleRecord},
    error::{exists, invalid, no_bus, not_found},
    registry::Bus,
    tags,
};
use crate::{
    change::ChangeError,
    paging,
    service::{ServiceContext, not_implemented},
};

/// Entries of a page at most (API reference).
pub(super) const PAGE: i64 = 100;

impl EventBridge {
    pub(super) async fn create_event_bus(
        &self,
        context: &ServiceContext,
        input: types::CreateEventBusRequest,
    ) -> Handled<types::CreateEventBusResponse> {
        let name = input.name.unwrap_or_default();
        // No partner has any here.
        if let Some(source) = &input.event_source_name {
            return Err(not_found(format!("Event source {source} does not exist.")));
        }
        if name.contains('/') {
            return Err(invalid("Event bus name must not contain '/'."));
        }
        check_settings(input.kms_key_identifier.as_ref(), input.log_config.as_ref())?;
        let key = BusKey::asked(context, Some(&name));
        let record = BusRecord {
            created_ms: context.now_ms,
            modified_ms: context.now_ms,
            description: input.description.clone(),
            dead_letter: input.dead_letter_config.clone().and_then(|config| config.arn),
            policy: None,
            tags: tags::given(input.tags)?,
        };
        let arn = key.arn();
        let is_default = name == DEFAULT;
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if is_default || transaction.document::<BusRecord>(&key.document())?.is_some() {
                return Err(exists(format!("Event bus {} already exists.", key.name)).into());
            }
            Ok(transaction.put_document(&key.document(), &record)?)
        };
        self.store.transact(change).await?;
        Ok(types::CreateEventBusResponse {
            event_bus_arn: Some(arn),
            description: input.description,
            dead_letter_config: input.dead_letter_config,
            ..Default::default()
        })
    }

    /// Deleting what is not there is nothing.
    pub(super) async fn delete_event_bus(
        &self,
        context: &ServiceContext,
        input: types::DeleteEventBusRequest,
    ) -> Handled<()> {
        let key = BusKey::asked(context, input.name.as_deref());
        if key.name == DEFAULT {
            return Err(invalid("Cannot delete event bus default."));
        }
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if !transaction.documents::<RuleRecord>(&key.rules())?.is_empty() {
                return Err(invalid("Event bus can't be deleted since it has rules.").into());
            }
            transaction.delete_document::<BusRecord>(&key.document())?;
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn describe_event_bus(
        &self,
        context: &ServiceContext,
        input: types::DescribeEventBusRequest,
    ) -> Handled<types::DescribeEventBusResponse> {
        let key = BusKey::asked(context, input.name.as_deref());
        let bus = self.bus(&key)?;
        let record = bus.record.as_deref();
        Ok(types::DescribeEventBusResponse {
            arn: Some(key.arn()),
            name: Some(key.name),
            description: record.and_then(|record| record.description.clone()),
            dead_letter_config: record
                .and_then(|record| record.dead_letter.clone())
                .map(|arn| types::DeadLetterConfig { arn: Some(arn) }),
            policy: policy_of(&bus),
            creation_time: record.map(|record| seconds(record.created_ms)),
            last_modified_time: record.map(|record| seconds(record.modified_ms)),
            ..Default::default()
        })
    }

    pub(super) async fn list_event_buses(
        &self,
        context: &ServiceContext,
        input: types::ListEventBusesRequest,
    ) -> Handled<types::ListEventBusesResponse> {
        let prefix = input.name_prefix.unwrap_or_default();
        let all = self.registry.of_account(context.account_id(), &context.region);
        let found = all.into_iter().filter(|(key, _)| key.name.starts_with(&prefix));
        let named = found.map(|(key, bus)| (key.name.clone(), shown(&key, &bus))).collect();
        let (buses, next_token) = page(named, input.limit, input.next_token.as_deref())?;
        Ok(types::ListEventBusesResponse { event_buses: Some(buses), next_token })
    }

    pub(super) async fn update_event_bus(
        &self,
        context: &ServiceContext,
        input: types::UpdateEventBusRequest,
    ) -> Handled<types::UpdateEventBusResponse> {
        check_settings(input.kms_key_identifier.as_ref(), input.log_config.as_ref())?;
        let key = BusKey::asked(context, input.name.as_deref());
        let answer = types::UpdateEventBusResponse {
            arn: Some(key.arn()),
            name: Some(key.name.clone()),
            description: input.description.clone(),
            dead_letter_config: input.dead_letter_config.clone(),
            ..Default::default()
        };
        self.change_bus(context, &key, move |record| {
            record.description = input.description;
            record.dead_letter = input.dead_letter_config.and_then(|config| config.arn);
            Ok(())
        })
        .await?;
        Ok(answer)
    }

    /// A bus that must be there.
    pub(super) fn bus(&self, key: &BusKey) -> Handled<Bus> {
        self.registry.bus(key).ok_or_else(|| no_bus(&key.name))
    }

    /// Changes what is set of a bus; of the default one there may be nothing yet.
    pub(super) async fn change_bus(
        &self,
        context: &ServiceContext,
        key: &BusKey,
        change: impl FnOnce(&mut BusRecord) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        let (key, now_ms) = (key.clone(), context.now_ms);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let found = transaction.document::<BusRecord>(&key.document())?;
            let new = || BusRecord { created_ms: now_ms, ..BusRecord::default() };
            let mut record = match found {
                None if key.name == DEFAULT => new(),
                found => found.ok_or_else(|| no_bus(&key.name))?,
            };
            change(&mut record)?;
            record.modified_ms = now_ms;
            Ok(transaction.put_document(&key.document(), &record)?)
        };
        Ok(self.store.transact(change).await?)
    }
}

fn check_settings(key: Option<&String>, log: Option<&types::LogConfig>) -> Handled<()> {
    if key.is_some_and(|key| !key.is_empty()) {
        return Err(not_implemented("EventBridge", "encryption with keys of KMS"));
    }
    match log.and_then(|log| log.level.as_deref()).is_some_and(|level| level != "OFF") {
        true => Err(not_implemented("EventBridge", "logs of event buses")),
        false => Ok(()),
    }
}

fn shown(key: &BusKey, bus: &Bus) -> types::EventBus {
    let record = bus.record.as_deref();
    types::EventBus {
        name: Some(key.name.clone()),
        arn: Some(key.arn()),
        description: record.and_then(|record| record.description.clone()),
        policy: policy_of(bus),
        creation_time: record.map(|record| seconds(record.created_ms)),
        last_modified_time: record.map(|record| seconds(record.modified_ms)),
        ..Default::default()
    }
}

fn policy_of(bus: &Bus) -> Option<String> {
    bus.record.as_ref()?.policy.as_ref().map(ToString::to_string)
}

fn seconds(unix_ms: i64) -> f64 {
    unix_ms.div_euclid(1_000) as f64
}

/// A page of what is in order of its names, and where the next begins.
pub(super) fn page<T>(
    named: Vec<(String, T)>,
    limit: Option<i64>,
    token: Option<&str>,
) -> Handled<(Vec<T>, Option<String>)> {
    paging::page(named, limit.unwrap_or(PAGE).min(PAGE), token)
        .map_err(|_| invalid("Parameter NextToken is not valid."))
}
