//! Queries, decoded.

/// Names and values in their order. A plus is a space, as in forms; what is not UTF-8 is replaced.
pub fn pairs(raw: &str) -> impl Iterator<Item = (String, String)> + '_ {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// A query of names and values: the other way.
pub fn encoded(pairs: &[(String, String)]) -> String {
    let part = |(name, value): &(String, String)| format!("{}={}", encode(name), encode(value));
    pairs.iter().map(part).collect::<Vec<_>>().join("&")
}

/// A part of a path, encoded again; what is between slashes stays so.
pub fn encoded_path(text: &str) -> String {
    text.split('/').map(encode).collect::<Vec<_>>().join("/")
}

fn encode(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded =
        |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encoded).collect()
}

/// A part of a path, decoded: a plus is a plus.
pub fn decoded_path(text: &str) -> String {
    decode(text, b'+')
}

fn decoded(text: &str) -> String {
    decode(text, b' ')
}

fn decode(text: &str, plus: u8) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, encoded_byte(after)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(plus),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn encoded_byte(after: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (digit(*after.first()?)?, digit(*after.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}
