//! Passwords: an account's rules for them, and which users have one. Nobody logs in with a password here: one that is given is held
//! against the rules and forgotten.

use aws_api::generated::iam::types;
use store::Transaction;

use super::{
    Handled, Iam,
    error::IamError,
    records::{self, LoginProfile, PasswordPolicy, User},
    seconds, users,
};
use crate::service::{NoInput, ServiceContext};

/// What the rules of AWS ask where an account has none: characters, and kinds of characters among the four.
const DEFAULT_LENGTH_MIN: usize = 8;
const DEFAULT_KINDS_MIN: usize = 3;

impl Iam {
    /// What is not given is at its default, not as it was.
    pub(super) async fn update_account_password_policy(
        &self,
        context: &ServiceContext,
        input: types::UpdateAccountPasswordPolicyRequest,
    ) -> Handled<()> {
        let policy = PasswordPolicy {
            name: context.account_id().to_owned(),
            length_min: input.minimum_password_length.unwrap_or(6),
            symbols: input.require_symbols.unwrap_or_default(),
            numbers: input.require_numbers.unwrap_or_default(),
            uppercase: input.require_uppercase_characters.unwrap_or_default(),
            lowercase: input.require_lowercase_characters.unwrap_or_default(),
            users_may_change: input.allow_users_to_change_password.unwrap_or_default(),
            days_max: input.max_password_age.unwrap_or_default(),
            reuse_prevention: input.password_reuse_prevention,
            hard_expiry: input.hard_expiry.unwrap_or_default(),
        };
        let key = records::key(context.account_id(), &policy.name);
        Ok(self.store.transact(move |tx| tx.put_document(&key, &policy)).await?)
    }

    pub(super) async fn get_account_password_policy(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::GetAccountPasswordPolicyResponse> {
        let policy: PasswordPolicy = self.read(context.account_id(), context.account_id()).await?;
        Ok(types::GetAccountPasswordPolicyResponse {
            password_policy: Some(types::PasswordPolicy {
                minimum_password_length: Some(policy.length_min),
                require_symbols: Some(policy.symbols),
                require_numbers: Some(policy.numbers),
                require_uppercase_characters: Some(policy.uppercase),
                require_lowercase_characters: Some(policy.lowercase),
                allow_users_to_change_password: Some(policy.users_may_change),
                expire_passwords: Some(policy.days_max > 0),
                max_password_age: Some(policy.days_max),
                password_reuse_prevention: policy.reuse_prevention,
                hard_expiry: Some(policy.hard_expiry),
            }),
        })
    }

    pub(super) async fn delete_account_password_policy(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<()> {
        let name = Some(context.account_id().to_owned());
        self.delete(context.account_id(), name, |_: &PasswordPolicy, _| Ok(())).await.map_err(|error| {
            match error {
                IamError::NoSuchEntity(_) => IamError::NoSuchEntity(
                    "The account policy with name PasswordPolicy cannot be found.".into(),
                ),
                other => other,
            }
        })
    }

    pub(super) async fn create_login_profile(
        &self,
        context: &ServiceContext,
        input: types::CreateLoginProfileRequest,
    ) -> Handled<types::CreateLoginProfileResponse> {
        let name = users::user_or_caller(input.user_name, context)?;
        let (account_id, password) = (context.account_id().to_owned(), input.password.unwrap_or_default());
        let profile = LoginProfile {
            created_ms: context.now_ms,
            must_be_changed: input.password_reset_required.unwrap_or_default(),
        };
        let given = profile.clone();
        self.change(context.account_id(), Some(name.clone()), move |user: &mut User, tx| {
            if user.login_profile.is_some() {
                return Err(IamError::EntityAlreadyExists(format!(
                    "Login Profile for user {} already exists.",
                    user.name
                )));
            }
            check(&password, rules(tx, &account_id)?.as_ref())?;
            user.login_profile = Some(given);
            Ok(())
        })
        .await?;
        Ok(types::CreateLoginProfileResponse { login_profile: Some(shown(name, &profile)) })
    }

    pub(super) async fn get_login_profile(
        &self,
        context: &ServiceContext,
        input: types::GetLoginProfileRequest,
    ) -> Handled<types::GetLoginProfileResponse> {
        let name = users::user_or_caller(input.user_name, context)?;
        let user: User = self.read(context.account_id(), &name).await?;
        let profile = user.login_profile.ok_or_else(|| missing(&name))?;
        Ok(types::GetLoginProfileResponse { login_profile: Some(shown(name, &profile)) })
    }

    pub(super) async fn update_login_profile(
        &self,
        context: &ServiceContext,
        input: types::UpdateLoginProfileRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        self.change(context.account_id(), input.user_name, move |user: &mut User, tx| {
            let profile = user.login_profile.as_mut().ok_or_else(|| missing(&user.name))?;
            if let Some(password) = &input.password {
                check(password, rules(tx, &account_id)?.as_ref())?;
            }
            profile.must_be_changed = input.password_reset_required.unwrap_or(profile.must_be_changed);
            Ok(())
        })
        .await
    }

    pub(super) async fn delete_login_profile(
        &self,
        context: &ServiceContext,
        input: types::DeleteLoginProfileRequest,
    ) -> Handled<()> {
        let name = users::user_or_caller(input.user_name, context)?;
        self.change(context.account_id(), Some(name), |user: &mut User, _| match user.login_profile.take() {
            Some(_) => Ok(()),
            None => Err(missing(&user.name)),
        })
        .await
    }
}

/// The account's own rules, if it has any.
fn rules(tx: &Transaction<'_>, account_id: &str) -> Handled<Option<PasswordPolicy>> {
    Ok(tx.document(&records::key(account_id, account_id))?)
}

fn shown(user_name: String, profile: &LoginProfile) -> types::LoginProfile {
    types::LoginProfile {
        user_name: Some(user_name),
        create_date: seconds(profile.created_ms),
        password_reset_required: Some(profile.must_be_changed),
    }
}

fn missing(user_name: &str) -> IamError {
    IamError::NoSuchEntity(format!("Login Profile for User {user_name} cannot be found."))
}

/// Holds a password against the account's rules, or those of AWS.
fn check(password: &str, policy: Option<&PasswordPolicy>) -> Handled<()> {
    let has = |kind: fn(&char) -> bool| password.chars().any(|character| kind(&character));
    let kinds = [
        (has(char::is_ascii_uppercase), "an uppercase letter"),
        (has(char::is_ascii_lowercase), "a lowercase letter"),
        (has(char::is_ascii_digit), "a number"),
        (has(char::is_ascii_punctuation), "a symbol"),
    ];
    let length = password.chars().count();
    let Some(policy) = policy else {
        let found = kinds.iter().filter(|(has, _)| *has).count();
        let conforms = length >= DEFAULT_LENGTH_MIN && found >= DEFAULT_KINDS_MIN;
        return if conforms {
            Ok(())
        } else {
            Err(violation("Password does not conform to the account password policy."))
        };
    };
    if i64::try_from(length).unwrap_or(i64::MAX) < policy.length_min {
        return Err(violation(&format!("Password should have a minimum length of {}", policy.length_min)));
    }
    let wanted = [policy.uppercase, policy.lowercase, policy.numbers, policy.symbols];
    match kinds.iter().zip(wanted).find(|((has, _), wanted)| *wanted && !has) {
        Some(((_, kind), _)) => Err(violation(&format!("Password should have at least {kind}"))),
        None => Ok(()),
    }
}

fn violation(message: &str) -> IamError {
    IamError::Other("PasswordPolicyViolation", 400, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_rules_of_its_own_an_account_has_those_of_aws() {
        for (password, conforms) in
            [("My-pass1", true), ("my-pass", false), ("longpassword", false), ("Longpassword1", true)]
        {
            assert_eq!(check(password, None).is_ok(), conforms, "{password}");
        }
    }

    #[test]
    fn an_accounts_rules_are_asked_one_by_one() {
        let policy = PasswordPolicy { length_min: 6, symbols: true, ..PasswordPolicy::default() };
        assert!(check("sixsix", Some(&policy)).is_err(), "no symbol");
        assert!(check("six-six", Some(&policy)).is_ok());
        assert!(check("s-x", Some(&policy)).is_err(), "too short");
    }
}
