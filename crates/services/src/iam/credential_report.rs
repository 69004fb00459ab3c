//! The report of who has which credentials, as AWS writes it: a table in CSV, made on request and good for four hours.

use aws_api::{generated::iam::types, timestamp};
use store::Transaction;

use super::{
    Handled, Iam,
    error::IamError,
    list, range,
    records::{self, AccessKey, CredentialReport, User},
    seconds,
};
use crate::service::{NoInput, ServiceContext};

/// A report is this old at most.
const LIFETIME_MS: i64 = 4 * 60 * 60 * 1000;
const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
/// The name that a report is kept under.
const NAME: &str = "report";

impl Iam {
    /// A report is made at once, but the first answer says that it was begun, as AWS does.
    pub(super) async fn generate_credential_report(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::GenerateCredentialReportResponse> {
        let (account_id, now_ms) = (context.account_id().to_owned(), context.now_ms);
        let partition = context.partition();
        let state = self.store.transact(move |tx| {
            let key = records::key(&account_id, NAME);
            let known = tx.document::<CredentialReport>(&key)?;
            if known.is_some_and(|report| now_ms - report.generated_ms < LIFETIME_MS) {
                return Ok::<_, IamError>("COMPLETE");
            }
            let content = content(tx, partition, &account_id)?;
            tx.put_document(&key, &CredentialReport { name: NAME.into(), content, generated_ms: now_ms })?;
            Ok("STARTED")
        });
        let state = state.await?;
        let description = "No report exists. Starting a new report generation task";
        Ok(types::GenerateCredentialReportResponse {
            state: Some(state.into()),
            description: (state == "STARTED").then(|| description.into()),
        })
    }

    pub(super) async fn get_credential_report(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::GetCredentialReportResponse> {
        let report = self.read::<CredentialReport>(context.account_id(), NAME).await;
        let report = report.map_err(|error| match error {
            IamError::NoSuchEntity(message) => IamError::Other("ReportNotPresent", 410, message),
            other => other,
        })?;
        if context.now_ms - report.generated_ms >= LIFETIME_MS {
            let message = "Credential report expired. Please generate a new report.";
            return Err(IamError::Other("ReportExpired", 410, message.into()));
        }
        Ok(types::GetCredentialReportResponse {
            content: Some(bytes::Bytes::from(report.content).into()),
            report_format: Some("text/csv".into()),
            generated_time: seconds(report.generated_ms),
        })
    }
}

fn content(tx: &Transaction<'_>, partition: &str, account_id: &str) -> Handled<String> {
    let keys = tx.documents::<AccessKey>(&range(account_id))?.into_iter().map(|(_, key)| key);
    let keys: Vec<AccessKey> = keys.collect();
    let root = format!("<root_account>,arn:{partition}:iam::{account_id}:root{}", ",N/A".repeat(20));
    let users: Vec<User> = list(tx, account_id)?;
    let rows = users.iter().map(|user| row(user, &keys));
    Ok([HEADER.to_owned(), root].into_iter().chain(rows).collect::<Vec<_>>().join("\n"))
}

/// What this server does not record (uses, MFA) reads as on AWS for what was never used.
fn row(user: &User, all_keys: &[AccessKey]) -> String {
    let mut cells = vec![user.name.clone(), user.arn.clone(), time(user.created_ms)];
    match &user.login_profile {
        Some(profile) => {
            let changed = time(profile.created_ms);
            cells.extend(["true".into(), "no_information".into(), changed, "N/A".into()]);
        }
        None => cells.extend(["false", "N/A", "N/A", "N/A"].map(str::to_owned)),
    }
    cells.push("false".into());
    let mut keys: Vec<&AccessKey> = all_keys.iter().filter(|key| key.user_name == user.name).collect();
    keys.sort_by_key(|key| key.created_ms);
    for place in 0..2 {
        cells.extend(state(keys.get(place).map(|key| (key.active, key.created_ms))));
        cells.extend(["N/A", "N/A", "N/A"].map(str::to_owned));
    }
    for place in 0..2 {
        cells.extend(state(user.certificates.get(place).map(|one| (one.active, one.uploaded_ms))));
    }
    cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",")
}

/// A cell of CSV: names of users may have commas.
fn quoted(cell: &str) -> String {
    if cell.contains(',') { format!("\"{cell}\"") } else { cell.to_owned() }
}

/// Whether something is active, and since when it is there.
fn state(found: Option<(bool, i64)>) -> [String; 2] {
    match found {
        Some((active, since_ms)) => [active.to_string(), time(since_ms)],
        None => ["false".into(), "N/A".into()],
    }
}

/// As the report writes it: `2026-11-25T12:00:00+00:00`.
fn time(ms: i64) -> String {
    timestamp::iso_seconds(ms.div_euclid(1000)).replace('Z', "+00:00")
}
