//! Operations on rules.

use aws_api::generated::iot::types;
use store::{DocumentKey, DocumentRange, Transaction};

use super::{
    Handled, Iot,
    actions::check_action,
    error::{exists, invalid, no_rule, unbuilt, unreadable},
    record::{RuleRecord, SQL_VERSION_DEFAULT, rule_arn, rule_key},
    sql::Statement,
    tags,
    topics::matches,
};
use crate::{
    change::{ChangeError, of_store},
    paging,
    service::ServiceContext,
};

/// Actions of a rule at most (IoT quotas).
const ACTIONS_MAX: usize = 10;
/// Rules of a page, where the request says nothing.
const PAGE_DEFAULT: i64 = 100;

impl Iot {
    pub(super) async fn create_topic_rule(
        &self,
        context: &ServiceContext,
        input: types::CreateTopicRuleRequest,
    ) -> Handled<()> {
        let name = input.rule_name.unwrap_or_default();
        let tags = tags::of_header(input.tags.as_deref())?;
        let record = RuleRecord {
            created_ms: context.now_ms,
            tags,
            ..self.checked(input.topic_rule_payload.unwrap_or_default(), context)?
        };
        let key = rule_key(context, &name);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.document::<RuleRecord>(&key)? {
                None => Ok(transaction.put_document(&key, &record)?),
                Some(_) => Err(exists(format!("Rule already exists: {name}")).into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn replace_topic_rule(
        &self,
        context: &ServiceContext,
        input: types::ReplaceTopicRuleRequest,
    ) -> Handled<()> {
        let changed = self.checked(input.topic_rule_payload.unwrap_or_default(), context)?;
        self.change_rule(context, input.rule_name, move |record| {
            let (created_ms, tags) = (record.created_ms, std::mem::take(&mut record.tags));
            *record = RuleRecord { created_ms, tags, ..changed };
        })
        .await
    }

    pub(super) async fn enable_topic_rule(
        &self,
        context: &ServiceContext,
        input: types::EnableTopicRuleRequest,
    ) -> Handled<()> {
        self.change_rule(context, input.rule_name, |record| record.is_disabled = false).await
    }

    pub(super) async fn disable_topic_rule(
        &self,
        context: &ServiceContext,
        input: types::DisableTopicRuleRequest,
    ) -> Handled<()> {
        self.change_rule(context, input.rule_name, |record| record.is_disabled = true).await
    }

    /// Deleting what is not there is no error.
    pub(super) async fn delete_topic_rule(
        &self,
        context: &ServiceContext,
        input: types::DeleteTopicRuleRequest,
    ) -> Handled<()> {
        let key = rule_key(context, &input.rule_name.unwrap_or_default());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            transaction.delete_document::<RuleRecord>(&key)?;
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn get_topic_rule(
        &self,
        context: &ServiceContext,
        input: types::GetTopicRuleRequest,
    ) -> Handled<types::GetTopicRuleResponse> {
        let name = input.rule_name.unwrap_or_default();
        let key = rule_key(context, &name);
        let record = self.store.document::<RuleRecord>(&key).await.map_err(of_store)?;
        let record = record.ok_or_else(|| no_rule(&name))?;
        Ok(types::GetTopicRuleResponse {
            rule_arn: Some(rule_arn(&key)),
            rule: Some(types::TopicRule {
                rule_name: Some(name),
                sql: Some(record.sql),
                description: record.description,
                created_at: Some(record.created_ms as f64 / 1_000.0),
                actions: Some(record.actions),
                rule_disabled: Some(record.is_disabled),
                aws_iot_sql_version: Some(record.sql_version),
                error_action: record.error_action,
            }),
        })
    }

    pub(super) async fn list_topic_rules(
        &self,
        context: &ServiceContext,
        input: types::ListTopicRulesRequest,
    ) -> Handled<types::ListTopicRulesResponse> {
        let range = DocumentRange {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            ..DocumentRange::default()
        };
        let all = self.store.documents::<RuleRecord>(range).await.map_err(of_store)?;
        let items = all.into_iter().map(|(key, record)| (key.name.clone(), item(&key, record)));
        let is_wanted = |item: &types::TopicRuleListItem| {
            let pattern = item.topic_pattern.as_deref().unwrap_or_default();
            input.rule_disabled.is_none_or(|disabled| item.rule_disabled == Some(disabled))
                && input.topic.as_deref().is_none_or(|topic| matches(pattern, topic))
        };
        let wanted = items.filter(|(_, item)| is_wanted(item)).collect();
        let limit = input.max_results.unwrap_or(PAGE_DEFAULT);
        let page = paging::page(wanted, limit, input.next_token.as_deref());
        let (rules, next_token) = page.map_err(|_| invalid("Invalid next token"))?;
        Ok(types::ListTopicRulesResponse { rules: Some(rules), next_token })
    }

    async fn change_rule(
        &self,
        context: &ServiceContext,
        name: Option<String>,
        change: impl FnOnce(&mut RuleRecord) + Send + 'static,
    ) -> Handled<()> {
        let name = name.unwrap_or_default();
        let key = rule_key(context, &name);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record = transaction.document::<RuleRecord>(&key)?.ok_or_else(|| no_rule(&name))?;
            change(&mut record);
            Ok(transaction.put_document(&key, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }

    /// A rule that can be kept: its statement is read, and its actions are built.
    fn checked(&self, payload: types::TopicRulePayload, context: &ServiceContext) -> Handled<RuleRecord> {
        let sql = payload.sql.unwrap_or_default();
        Statement::parse(&sql).map_err(unreadable)?;
        let actions = payload.actions.unwrap_or_default();
        if actions.is_empty() || actions.len() > ACTIONS_MAX {
            return Err(invalid(format!("A rule must have between 1 and {ACTIONS_MAX} actions.")));
        }
        actions.iter().try_for_each(|action| check_action(action, context))?;
        if payload.error_action.is_some() {
            return Err(unbuilt("Error actions of topic rules are not implemented by this server."));
        }
        if !self.has_broker {
            return Err(unbuilt(
                "This server knows no broker of MQTT. Start it with --mqtt-broker mqtt://HOST:PORT to have rules on its topics.",
            ));
        }
        Ok(RuleRecord {
            sql,
            description: payload.description,
            actions,
            is_disabled: payload.rule_disabled.unwrap_or(false),
            sql_version: payload.aws_iot_sql_version.unwrap_or_else(|| SQL_VERSION_DEFAULT.to_owned()),
            error_action: None,
            created_ms: 0,
            tags: Default::default(),
        })
    }
}

fn item(key: &DocumentKey, record: RuleRecord) -> types::TopicRuleListItem {
    let statement = Statement::parse(&record.sql).ok();
    types::TopicRuleListItem {
        rule_arn: Some(rule_arn(key)),
        rule_name: Some(key.name.clone()),
        topic_pattern: statement.map(|statement| statement.topic_filter().to_owned()),
        created_at: Some(record.created_ms as f64 / 1_000.0),
        rule_disabled: Some(record.is_disabled),
    }
}
