//! Settings of an account's text messages in a Region.

use std::collections::BTreeMap;

use aws_api::generated::sns::types;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, Transaction};

use crate::{
    change::{ChangeError, of_store},
    service::{ServiceContext, not_implemented},
    sns::{Handled, Sns, error::invalid},
};

/// The settings as they are stored.
#[derive(Default, Serialize, Deserialize)]
struct SmsRecord {
    attributes: BTreeMap<String, String>,
}

impl Document for SmsRecord {
    const KIND: &'static str = "sns/sms";
}

impl Sns {
    pub(in crate::sns) async fn set_sms_attributes(
        &self,
        context: &ServiceContext,
        input: types::SetSMSAttributesInput,
    ) -> Handled<types::SetSMSAttributesResponse> {
        let attributes = input.attributes.unwrap_or_default();
        attributes.iter().try_for_each(|(name, value)| check(name, value))?;
        let place = place(context);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record = transaction.document::<SmsRecord>(&place)?.unwrap_or_default();
            record.attributes.extend(attributes);
            Ok(transaction.put_document(&place, &record)?)
        };
        self.store.transact(change).await?;
        Ok(types::SetSMSAttributesResponse {})
    }

    pub(in crate::sns) async fn get_sms_attributes(
        &self,
        context: &ServiceContext,
        input: types::GetSMSAttributesInput,
    ) -> Handled<types::GetSMSAttributesResponse> {
        let record = self.store.document::<SmsRecord>(&place(context)).await.map_err(of_store)?;
        let mut attributes = record.unwrap_or_default().attributes;
        if let Some(wanted) = input.attributes.filter(|wanted| !wanted.is_empty()) {
            attributes.retain(|name, _| wanted.contains(name));
        }
        Ok(types::GetSMSAttributesResponse { attributes: Some(attributes) })
    }
}

fn place(context: &ServiceContext) -> DocumentKey {
    DocumentKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        parent: String::new(),
        name: "attributes".into(),
    }
}

fn check(name: &str, value: &str) -> Handled<()> {
    let is_right = match name {
        "MonthlySpendLimit" => value.parse::<u32>().is_ok(),
        "DefaultSenderID" => {
            value.is_empty()
                || (1..=11).contains(&value.len())
                    && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        }
        "DefaultSMSType" => matches!(value, "Promotional" | "Transactional"),
        "DeliveryStatusIAMRole" | "DeliveryStatusSuccessSamplingRate" | "UsageReportS3Bucket"
            if value.is_empty() =>
        {
            true
        }
        "DeliveryStatusIAMRole" | "DeliveryStatusSuccessSamplingRate" => {
            return Err(not_implemented("SNS", "delivery status logs"));
        }
        "UsageReportS3Bucket" => return Err(not_implemented("SNS", "usage reports of text messages")),
        _ => return Err(invalid(format!("{name} is not a valid attribute"))),
    };
    if is_right { Ok(()) } else { Err(invalid(format!("{name} Reason: invalid value {value}"))) }
}
