//! Identifiers and secrets, from the kernel's random numbers.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The alphabet of AWS's identifiers (RFC 4648 base 32).
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Where the account is in the first 48 bits of an access key id: AWS's own keys tell their account in the same way.
const ACCOUNT_SHIFT: u32 = 7;
/// Forty bits.
const ACCOUNT_MASK: u64 = 0xff_ffff_ffff;

/// Sixteen random bytes, all but six bits of which are.
fn bytes() -> [u8; 16] {
    Uuid::new_v4().into_bytes()
}

/// A unique id such as `AROA` and 17 further characters.
pub(crate) fn unique_id(prefix: &str) -> String {
    let (a, b) = (bytes(), bytes());
    prefix.chars().chain(a.iter().chain(&b).take(17).map(|byte| letter(*byte))).collect()
}

/// An access key id of an account, such as `AKIA` and 16 further characters, which tell the account.
pub(crate) fn access_key_id(prefix: &str, account_id: &str) -> String {
    let random = bytes();
    let account = account_id.parse::<u64>().unwrap_or_default() & ACCOUNT_MASK;
    let head = 1 << 47 | account << ACCOUNT_SHIFT | u64::from(random[15] & 0x7f);
    let tail = u64::from_be_bytes([0, 0, 0, 0, random[0], random[1], random[2], random[3]]);
    let all = u128::from(head) << 32 | u128::from(tail);
    let letters = (0..16).rev().map(|position| letter((all >> (position * 5)) as u8));
    prefix.chars().chain(letters).collect()
}

/// The account that an access key id tells; `None` for what is no access key id.
pub(crate) fn account_of(access_key_id: &str) -> Option<String> {
    let letters = access_key_id.get(4..20).filter(|_| access_key_id.len() == 20)?;
    let mut all: u128 = 0;
    for letter in letters.bytes() {
        let value = BASE32.iter().position(|known| *known == letter)?;
        all = all << 5 | value as u128;
    }
    let account = (all >> 32) as u64 >> ACCOUNT_SHIFT & ACCOUNT_MASK;
    Some(format!("{account:012}")).filter(|account| account.len() == 12)
}

/// An id that follows from what it names: always the same for the same text.
pub(crate) fn derived_id(prefix: &str, text: &str) -> String {
    let digest = Sha256::digest(text);
    prefix.chars().chain(digest.iter().take(17).map(|byte| letter(*byte))).collect()
}

/// The id of a user's certificate: 32 characters.
pub(crate) fn certificate_id() -> String {
    let (a, b) = (bytes(), bytes());
    a.iter().chain(&b).map(|byte| letter(*byte)).collect()
}

/// A secret access key: 40 characters.
pub(crate) fn secret_access_key() -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let (a, b) = (bytes(), bytes());
    BASE64_STANDARD.encode([&a[..], &b[..14]].concat())
}

/// A key for signatures of our own: 32 bytes.
pub(crate) fn signing_key() -> Vec<u8> {
    [bytes(), bytes()].concat()
}

/// Letters of both cases and digits.
pub(crate) fn letters_and_digits(length: usize) -> String {
    let all: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    (0..length).map(|_| all[below(all.len())]).collect()
}

/// A number below a bound, each as likely as the others; 0 for the bound 0.
pub(crate) fn below(bound: usize) -> usize {
    let bound = bound as u64;
    let even = u64::MAX - u64::MAX.checked_rem(bound).unwrap_or_default();
    loop {
        // The bits of a UUID that are not random are in its middle.
        let random = bytes();
        let high = u32::from_be_bytes([random[0], random[1], random[2], random[3]]);
        let low = u32::from_be_bytes([random[12], random[13], random[14], random[15]]);
        let number = u64::from(high) << 32 | u64::from(low);
        if number < even {
            return usize::try_from(number.checked_rem(bound).unwrap_or_default()).unwrap_or_default();
        }
    }
}

fn letter(byte: u8) -> char {
    char::from(BASE32[usize::from(byte & 31)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_id_tells_its_account() {
        for account in ["000000000000", "123456789012", "999999999999"] {
            let id = access_key_id("AKIA", account);
            assert_eq!((id.len(), account_of(&id).as_deref()), (20, Some(account)), "{id}");
        }
        for text in ["", "AKIA", "AKIAIOSFODNN7EXAMPL1", "akiaiosfodnn7example"] {
            assert_eq!(account_of(text), None, "{text}");
        }
    }

    #[test]
    fn ids_and_secrets_have_aws_lengths() {
        assert_eq!(unique_id("AROA").len(), 21);
        assert_eq!(secret_access_key().len(), 40);
        assert_ne!(secret_access_key(), secret_access_key());
    }
}
