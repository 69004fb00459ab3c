//! AddPermission and RemovePermission: statements of a topic's policy, by their labels.

use aws_api::generated::sns::types;

use super::{Handled, Sns, error::invalid, topics::policy_of};
use crate::{
    labelled_statements::{self, Grant},
    service::ServiceContext,
};

impl Sns {
    pub(super) async fn add_permission(
        &self,
        context: &ServiceContext,
        input: types::AddPermissionInput,
    ) -> Handled<()> {
        let (key, _) = self.topic_of(context, input.topic_arn.as_deref())?;
        let actions = input.action_name.unwrap_or_default();
        let grant = Grant {
            label: input.label.unwrap_or_default(),
            accounts: input.aws_account_id.unwrap_or_default(),
            actions: actions.iter().map(|action| format!("SNS:{action}")).collect(),
        };
        let topic = key.clone();
        self.change_topic(&key, move |record| {
            let mut policy = policy_of(&topic, record);
            if !labelled_statements::add(&mut policy, grant, &topic.arn(), &topic.region) {
                return Err(invalid("Statement already exists"));
            }
            record.attributes.insert("Policy".into(), policy.to_string());
            Ok(())
        })
        .await
    }

    pub(super) async fn remove_permission(
        &self,
        context: &ServiceContext,
        input: types::RemovePermissionInput,
    ) -> Handled<()> {
        let (key, _) = self.topic_of(context, input.topic_arn.as_deref())?;
        let label = input.label.unwrap_or_default();
        let topic = key.clone();
        self.change_topic(&key, move |record| {
            let mut policy = policy_of(&topic, record);
            labelled_statements::remove(&mut policy, &label);
            record.attributes.insert("Policy".into(), policy.to_string());
            Ok(())
        })
        .await
    }
}
