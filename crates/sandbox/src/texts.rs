//! Arguments and variables in messages: strings, as nearly all are, or else bytes.
//!
//! serde's own form of an [`OsString`] is a number for each byte, and somebody waits while a program is read.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

struct Text<'a>(&'a OsStr);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => to.serialize_str(text),
            None => to.collect_seq(self.0.as_bytes()),
        }
    }
}

struct Read(OsString);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a string or bytes")
    }

    fn visit_str<E>(self, text: &str) -> Result<Read, E> {
        Ok(Read(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Read, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            all.push(byte);
        }
        Ok(Read(OsString::from_vec(all)))
    }
}

/// Of a `Vec<OsString>`.
pub(crate) mod list {
    use super::{Deserialize as _, Deserializer, OsString, Read, Serializer, Text};

    pub(crate) fn serialize<S: Serializer>(texts: &[OsString], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(texts.iter().map(|text| Text(text)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<OsString>, D::Error> {
        Ok(Vec::<Read>::deserialize(from)?.into_iter().map(|read| read.0).collect())
    }
}

/// Of a `Vec<(OsString, OsString)>`.
pub(crate) mod pairs {
    use super::{Deserialize as _, Deserializer, OsString, Read, Serializer, Text};

    pub(crate) fn serialize<S: Serializer>(pairs: &[(OsString, OsString)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(pairs.iter().map(|(name, value)| (Text(name), Text(value))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(OsString, OsString)>, D::Error> {
        let pairs = Vec::<(Read, Read)>::deserialize(from)?;
        Ok(pairs.into_iter().map(|(name, value)| (name.0, value.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Program;

    #[test]
    fn texts_come_back_whatever_is_in_them() {
        let strange = OsString::from_vec(vec![b'a', 0xff, b'"', b'\n']);
        let program = Program {
            argv: vec!["/pro gram".into(), strange.clone()],
            env: vec![("ÄÖ".into(), "\"x\"".into()), ("B".into(), strange)],
        };
        let text = serde_json::to_string(&program).unwrap();
        assert!(text.contains("[\"/pro gram\",[97,255,34,10]]"), "{text}");
        let read: Program = serde_json::from_str(&text).unwrap();
        assert_eq!((read.argv, read.env), (program.argv, program.env));
    }
}
