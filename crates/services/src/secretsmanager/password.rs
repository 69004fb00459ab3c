//! Random passwords.

use aws_api::generated::secretsmanager::types;

use super::{Handled, SecretsManager, error::invalid_parameter};
use crate::{random, service::ServiceContext};

/// Characters of a password, where the request says nothing (GetRandomPassword).
const LENGTH_DEFAULT: i64 = 32;

impl SecretsManager {
    pub(super) async fn get_random_password(
        &self,
        _: &ServiceContext,
        input: types::GetRandomPasswordRequest,
    ) -> Handled<types::GetRandomPasswordResponse> {
        let length = usize::try_from(input.password_length.unwrap_or(LENGTH_DEFAULT)).unwrap_or(1);
        let kinds = kinds(&input);
        if kinds.is_empty() {
            return Err(invalid_parameter("The password would have no characters to be made of."));
        }
        let has_each = input.require_each_included_type != Some(false);
        if has_each && length < kinds.len() {
            return Err(invalid_parameter(format!(
                "Password length {length} is too short based on the required types."
            )));
        }
        let password = random_password(&kinds, length, has_each);
        Ok(types::GetRandomPasswordResponse { random_password: Some(password) })
    }
}

/// The kinds of characters that may be in it, none of them empty.
fn kinds(input: &types::GetRandomPasswordRequest) -> Vec<Vec<char>> {
    let excluded = input.exclude_characters.as_deref().unwrap_or_default();
    let all = [
        (input.exclude_lowercase != Some(true), ('a'..='z').collect::<Vec<_>>()),
        (input.exclude_uppercase != Some(true), ('A'..='Z').collect()),
        (input.exclude_numbers != Some(true), ('0'..='9').collect()),
        (input.exclude_punctuation != Some(true), ('!'..='~').filter(char::is_ascii_punctuation).collect()),
        (input.include_space == Some(true), vec![' ']),
    ];
    let kinds = all.into_iter().filter(|(is_in, _)| *is_in).map(|(_, letters)| letters);
    let kinds =
        kinds.map(|letters| letters.into_iter().filter(|letter| !excluded.contains(*letter)).collect());
    kinds.filter(|letters: &Vec<char>| !letters.is_empty()).collect()
}

fn random_password(kinds: &[Vec<char>], length: usize, has_each: bool) -> String {
    let all = kinds.concat();
    let each = kinds.iter().filter(|_| has_each).map(|kind| kind[random::below(kind.len())]);
    let mut letters: Vec<char> = each.collect();
    while letters.len() < length {
        letters.push(all[random::below(all.len())]);
    }
    // Those of each kind may be anywhere.
    for place in (1..letters.len()).rev() {
        letters.swap(place, random::below(place + 1));
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_each_kind_and_nothing_that_is_excluded() {
        let input = types::GetRandomPasswordRequest {
            exclude_characters: Some("abc\"'".into()),
            include_space: Some(true),
            ..Default::default()
        };
        let kinds = kinds(&input);
        assert_eq!(kinds.len(), 5);
        for length in [5, 32, 4_096] {
            let password = random_password(&kinds, length, true);
            assert_eq!(password.chars().count(), length);
            assert!(kinds.iter().all(|kind| password.contains(&kind[..])), "{password}");
            assert!(!password.contains(['a', 'b', 'c', '"', '\'']), "{password}");
        }
        let digits = types::GetRandomPasswordRequest {
            exclude_lowercase: Some(true),
            exclude_uppercase: Some(true),
            exclude_punctuation: Some(true),
            ..Default::default()
        };
        let password = random_password(&super::kinds(&digits), 40, true);
        assert!(password.chars().all(|letter| letter.is_ascii_digit()), "{password}");
    }
}
