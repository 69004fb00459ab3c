//! JSON Web Tokens, as HTTP APIs take them (API Gateway guide, "Control access to HTTP APIs with JWT authorizers"). Whose keys sign is
//! somebody else's business.
//!
//! ```text
//! token ──three parts, RS256 to RS512, a key id──► signature (not here) ──► issuer, audience, times ──► scopes
//! ```

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// A token whose signature is still to be checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// `RS256`, `RS384` or `RS512`.
    pub algorithm: String,
    /// Names the key that signed.
    pub key_id: String,
    /// What is signed.
    pub signed: String,
    /// The signature.
    pub signature: Vec<u8>,
    /// What is said of the caller.
    pub claims: Map<String, Value>,
}

/// What an authorizer asks of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// One of these is `aud`, or `client_id` where there is no `aud`; `None` for whoever it is meant for.
    pub audience: Option<&'a [String]>,
    /// One of these is among the token's, if there are any.
    pub scopes: &'a [String],
    /// Unix time, seconds.
    pub now: i64,
}

/// Why a token does not let its bearer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is none, or of somebody else, or no longer good.
    Unauthorized,
    /// It is good, and has none of the scopes.
    Forbidden,
}

impl Token {
    /// Reads a token, behind `Bearer` or not.
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text.get(..7) {
            Some(word) if word.eq_ignore_ascii_case("bearer ") => &text[7..],
            _ => text,
        };
        let (signed, signature) = text.trim().rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let (header, claims) = (object(header)?, object(claims)?);
        let member = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            algorithm: member("alg").filter(|name| matches!(name.as_str(), "RS256" | "RS384" | "RS512"))?,
            key_id: member("kid")?,
            signed: signed.to_owned(),
            signature: BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?,
            claims,
        })
    }

    /// Whether the bearer may come in, the signature being good: the scopes of the token.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn check(&self, expected: &Expected<'_>) -> Result<Vec<String>, Refused> {
        let is_issuer = self.claims.get("iss").and_then(Value::as_str) == Some(expected.issuer);
        let audience = match self.claims.get("aud") {
            Some(named) => texts(named),
            None => self.claims.get("client_id").map(texts).unwrap_or_default(),
        };
        let is_meant =
            expected.audience.is_none_or(|known| audience.iter().any(|named| known.contains(named)));
        if !is_issuer || !is_meant || !self.is_of_now(expected.now) {
            return Err(Refused::Unauthorized);
        }
        let scopes = self.scopes();
        let has_scope =
            expected.scopes.is_empty() || scopes.iter().any(|scope| expected.scopes.contains(scope));
        if has_scope { Ok(scopes) } else { Err(Refused::Forbidden) }
    }

    /// Claims as events have them: every value a text.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Array(values) => {
                let parts: Vec<_> = values
                    .iter()
                    .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
                    .collect();
                format!("[{}]", parts.join(" "))
            }
            other => other.to_string(),
        };
        self.claims.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    fn is_of_now(&self, now: i64) -> bool {
        let time =
            |name: &str| self.claims.get(name).map(|value| value.as_f64().map_or(i64::MIN, |it| it as i64));
        let has_begun = |name: &str| time(name).is_none_or(|from| from != i64::MIN && from <= now);
        time("exp").is_some_and(|until| until > now) && has_begun("nbf") && has_begun("iat")
    }

    fn scopes(&self) -> Vec<String> {
        let claim = self.claims.get("scope").or_else(|| self.claims.get("scp"));
        match claim {
            Some(Value::String(all)) => all.split_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(_)) => claim.map(texts).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// A text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    fn check(claims: &Value, scopes: &[&str]) -> Result<Vec<String>, Refused> {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let audience = ["app".to_owned()];
        let parsed = Token::parse(&token(&json!({"alg": "RS256", "kid": "1"}), claims)).unwrap();
        parsed.check(&Expected {
            issuer: "https://issuer",
            audience: Some(&audience),
            scopes: &scopes,
            now: 1_000,
        })
    }

    #[test]
    fn tokens_are_read_with_and_without_their_word() {
        let text = token(&json!({"alg": "RS512", "kid": "k"}), &json!({"sub": "me"}));
        let read = Token::parse(&format!("Bearer {text}")).unwrap();
        assert_eq!((read.algorithm.as_str(), read.key_id.as_str()), ("RS512", "k"));
        assert_eq!((read.signature.as_slice(), &read.claims["sub"]), (&b"sig"[..], &json!("me")));
        assert_eq!(Token::parse(&text), Some(read));
        let wrong = [
            json!({"alg": "none", "kid": "k"}),
            json!({"alg": "HS256", "kid": "k"}),
            json!({"alg": "RS256"}),
        ];
        for header in wrong {
            assert_eq!(Token::parse(&token(&header, &json!({}))), None, "{header}");
        }
        for wrong in ["", "Bearer", "a.b", "a.b.c", "e30.e30.!"] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_is_of_its_issuer_for_its_audience_and_of_now() {
        let good = json!({"iss": "https://issuer", "aud": "app", "exp": 1_001, "nbf": 1_000, "iat": 999});
        assert_eq!(check(&good, &[]), Ok(Vec::new()));
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        for right in [with("aud", json!(["other", "app"])), with("exp", json!(1_000.5e3))] {
            assert!(check(&right, &[]).is_ok(), "{right}");
        }
        let client = json!({"iss": "https://issuer", "client_id": "app", "exp": 1_001});
        assert!(check(&client, &[]).is_ok());
        for wrong in [
            with("iss", json!("https://other")),
            with("aud", json!("other")),
            with("aud", json!([])),
            with("exp", json!(1_000)),
            with("exp", json!("soon")),
            with("nbf", json!(1_001)),
            with("nbf", json!("later")),
            with("iat", json!(1_001)),
            json!({"iss": "https://issuer", "aud": "app"}),
        ] {
            assert_eq!(check(&wrong, &[]), Err(Refused::Unauthorized), "{wrong}");
        }
    }

    #[test]
    fn one_of_the_routes_scopes_is_enough() {
        let claims =
            |scope: Value| json!({"iss": "https://issuer", "aud": "app", "exp": 1_001, "scope": scope});
        assert_eq!(check(&claims(json!("a b")), &["b", "c"]).unwrap(), ["a", "b"]);
        assert_eq!(check(&claims(json!("a")), &["b"]), Err(Refused::Forbidden));
        let scp = json!({"iss": "https://issuer", "aud": "app", "exp": 1_001, "scp": ["a", "b"]});
        assert!(check(&scp, &["b"]).is_ok());
    }

    #[test]
    fn claims_are_texts_in_events() {
        let parsed = Token::parse(&token(
            &json!({"alg": "RS256", "kid": "1"}),
            &json!({"sub": "me", "exp": 5, "groups": ["a", "b"], "admin": true}),
        ));
        let shown = parsed.unwrap().shown();
        let expected = [("admin", "true"), ("exp", "5"), ("groups", "[a b]"), ("sub", "me")];
        assert_eq!(shown, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
