//! Numbers of the SMS sandbox: each is sent a password, and verified with it. No account is confined to them here.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::sns::types};
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, DocumentRange, Transaction};

use super::numbers::checked;
use crate::{
    change::{ChangeError, of_store},
    service::{NoInput, ServiceContext},
    sns::{Handled, Sns, sent::SentRecord, topics::page},
};

/// A number and how far it is.
#[derive(Debug, Serialize, Deserialize)]
struct SandboxRecord {
    is_verified: bool,
    /// What it was sent.
    password: String,
}

impl Document for SandboxRecord {
    const KIND: &'static str = "sns/sandbox_number";
}

impl Sns {
    pub(in crate::sns) async fn get_sms_sandbox_account_status(
        &self,
        _: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::GetSMSSandboxAccountStatusResult> {
        Ok(types::GetSMSSandboxAccountStatusResult { is_in_sandbox: Some(false) })
    }

    /// A number that is there already is sent a new password.
    pub(in crate::sns) async fn create_sms_sandbox_phone_number(
        &self,
        context: &ServiceContext,
        input: types::CreateSMSSandboxPhoneNumberInput,
    ) -> Handled<types::CreateSMSSandboxPhoneNumberResult> {
        let number = checked(input.phone_number)?;
        let password = format!("{:06}", uuid::Uuid::new_v4().as_u128() % 1_000_000);
        let (place, record) =
            (place(context, &number), SandboxRecord { is_verified: false, password: password.clone() });
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            Ok(transaction.put_document(&place, &record)?)
        };
        self.store.transact(change).await?;
        let owner = (context.account_id().to_owned(), context.region.clone());
        let sent = SentRecord::alone(
            "sms",
            number,
            format!("Your verification code is {password}"),
            self.clock.now_ms(),
        );
        self.put_sent(owner, sent).await?;
        Ok(types::CreateSMSSandboxPhoneNumberResult {})
    }

    pub(in crate::sns) async fn verify_sms_sandbox_phone_number(
        &self,
        context: &ServiceContext,
        input: types::VerifySMSSandboxPhoneNumberInput,
    ) -> Handled<types::VerifySMSSandboxPhoneNumberResult> {
        let number = checked(input.phone_number)?;
        let (place, given) = (place(context, &number), input.one_time_password.unwrap_or_default());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record = transaction.document::<SandboxRecord>(&place)?.ok_or_else(no_number)?;
            if record.password != given {
                return Err(ApiError::user("VerificationException", 400, "Invalid OTP").into());
            }
            record.is_verified = true;
            Ok(transaction.put_document(&place, &record)?)
        };
        self.store.transact(change).await?;
        Ok(types::VerifySMSSandboxPhoneNumberResult {})
    }

    pub(in crate::sns) async fn delete_sms_sandbox_phone_number(
        &self,
        context: &ServiceContext,
        input: types::DeleteSMSSandboxPhoneNumberInput,
    ) -> Handled<types::DeleteSMSSandboxPhoneNumberResult> {
        let place = place(context, &checked(input.phone_number)?);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.delete_document::<SandboxRecord>(&place)? {
                true => Ok(()),
                false => Err(no_number().into()),
            }
        };
        self.store.transact(change).await?;
        Ok(types::DeleteSMSSandboxPhoneNumberResult {})
    }

    pub(in crate::sns) async fn list_sms_sandbox_phone_numbers(
        &self,
        context: &ServiceContext,
        input: types::ListSMSSandboxPhoneNumbersInput,
    ) -> Handled<types::ListSMSSandboxPhoneNumbersResult> {
        let range = DocumentRange {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            ..Default::default()
        };
        let found = self.store.documents::<SandboxRecord>(range).await.map_err(of_store)?;
        let all: BTreeMap<String, bool> =
            found.into_iter().map(|(place, record)| (place.name, record.is_verified)).collect();
        let (numbers, next_token) = page(all.keys().cloned().collect(), input.next_token.as_deref())?;
        let shown = numbers.into_iter().map(|number| {
            let status = if all[&number] { "Verified" } else { "Pending" };
            types::SMSSandboxPhoneNumber { phone_number: Some(number), status: Some(status.into()) }
        });
        Ok(types::ListSMSSandboxPhoneNumbersResult { phone_numbers: Some(shown.collect()), next_token })
    }
}

fn place(context: &ServiceContext, number: &str) -> DocumentKey {
    DocumentKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        parent: String::new(),
        name: number.to_owned(),
    }
}

fn no_number() -> ApiError {
    ApiError::user("ResourceNotFound", 404, "The destination phone number is not in the SMS sandbox")
}
