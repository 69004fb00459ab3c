//! Keys derived from secrets, one per day, Region and service; derived ones are remembered.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Derived keys that are remembered; when there are more, all are forgotten.
const REMEMBERED_MAX: usize = 1_000;

type Key = [u8; 32];
/// Access key id, date, Region, service.
type Scope = (String, String, String, String);

/// Derives keys.
#[derive(Default)]
pub struct SigningKeys {
    /// With the secret that each was derived from: an access key may get another.
    remembered: Mutex<HashMap<Scope, (String, Key)>>,
}

impl SigningKeys {
    pub(super) fn derive(
        &self,
        access_key_id: &str,
        secret: &str,
        (date, region, service): (&str, &str, &str),
    ) -> Key {
        let scope = (access_key_id.to_owned(), date.to_owned(), region.to_owned(), service.to_owned());
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of_secret, key)) = remembered.get(&scope)
            && of_secret == secret
        {
            return *key;
        }
        let key = derive(secret, date, region, service);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(scope, (secret.to_owned(), key));
        key
    }
}

fn derive(secret: &str, date: &str, region: &str, service: &str) -> Key {
    let of_day = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
    let of_region = hmac(&of_day, region.as_bytes());
    let of_service = hmac(&of_region, service.as_bytes());
    hmac(&of_service, b"aws4_request")
}

pub(super) fn hmac(key: &[u8], text: &[u8]) -> Key {
    // A key of any length is taken; the error of the type cannot come.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}
