//! Telephone numbers. Nobody can answer STOP to a message that is kept here, so that no number is ever opted out.

use aws_api::generated::sns::types;

use crate::{
    service::ServiceContext,
    sns::{Handled, Sns, error::invalid},
};

/// What may stand between two digits, once.
const BETWEEN: [char; 4] = ['-', '.', '/', ' '];

/// Whether it is a number as E.164 has them, its `+` or not, perhaps as people write it.
pub(in crate::sns) fn is_phone_number(text: &str) -> bool {
    let number = text.strip_prefix('+').unwrap_or(text);
    let mut groups = number.split(BETWEEN);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_group = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    (2..=15).contains(&digits) && !number.starts_with('0') && groups.all(is_group)
}

pub(super) fn checked(text: Option<String>) -> Handled<String> {
    let text = text.unwrap_or_default();
    match is_phone_number(&text) {
        true => Ok(text),
        false => Err(invalid("PhoneNumber Reason: input incorrectly formatted")),
    }
}

impl Sns {
    pub(in crate::sns) async fn check_if_phone_number_is_opted_out(
        &self,
        _: &ServiceContext,
        input: types::CheckIfPhoneNumberIsOptedOutInput,
    ) -> Handled<types::CheckIfPhoneNumberIsOptedOutResponse> {
        checked(input.phone_number)?;
        Ok(types::CheckIfPhoneNumberIsOptedOutResponse { is_opted_out: Some(false) })
    }

    pub(in crate::sns) async fn list_phone_numbers_opted_out(
        &self,
        _: &ServiceContext,
        _: types::ListPhoneNumbersOptedOutInput,
    ) -> Handled<types::ListPhoneNumbersOptedOutResponse> {
        Ok(types::ListPhoneNumbersOptedOutResponse { phone_numbers: Some(Vec::new()), next_token: None })
    }

    pub(in crate::sns) async fn opt_in_phone_number(
        &self,
        _: &ServiceContext,
        input: types::OptInPhoneNumberInput,
    ) -> Handled<types::OptInPhoneNumberResponse> {
        checked(input.phone_number)?;
        Ok(types::OptInPhoneNumberResponse {})
    }

    /// This server has no number of its own.
    pub(in crate::sns) async fn list_origination_numbers(
        &self,
        _: &ServiceContext,
        _: types::ListOriginationNumbersRequest,
    ) -> Handled<types::ListOriginationNumbersResult> {
        Ok(types::ListOriginationNumbersResult { phone_numbers: Some(Vec::new()), next_token: None })
    }
}

#[cfg(test)]
mod tests {
    use super::is_phone_number;

    #[test]
    fn numbers_are_those_of_e164() {
        for right in ["+14155550100", "4915112345678", "+15/55-123.4567"] {
            assert!(is_phone_number(right), "{right}");
        }
        for wrong in
            ["", "+", "+0123", "+1--415555", "+1-", "-14155", "+1234567890123456", "++1234", "１２３４"]
        {
            assert!(!is_phone_number(wrong), "{wrong}");
        }
    }
}
