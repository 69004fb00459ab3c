//! Names of the model as Rust names.

/// `KMSKeyArn` -> `kms_key_arn`, `CodeSha256` -> `code_sha256`, `Type` -> `r#type`.
pub(crate) fn field(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let previous = i.checked_sub(1).map(|p| chars[p]);
        let next_is_lower = chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        let starts_word =
            c.is_ascii_uppercase() && previous.is_some_and(|p| !p.is_ascii_uppercase() || next_is_lower);
        if starts_word && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    match out.as_str() {
        "type" | "enum" | "match" | "ref" | "self" | "loop" | "where" | "use" | "in" | "for" => {
            format!("r#{out}")
        }
        _ => out,
    }
}

/// A Rust string literal.
pub(crate) fn literal(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn names_read_as_a_person_would_write_them() {
        for (given, expected) in [
            ("FunctionName", "function_name"),
            ("KMSKeyArn", "kms_key_arn"),
            ("CodeSha256", "code_sha256"),
            ("S3ObjectVersion", "s3_object_version"),
            ("UUID", "uuid"),
            ("Type", "r#type"),
            ("EFSMountFailure", "efs_mount_failure"),
        ] {
            assert_eq!(field(given), expected);
        }
    }
}
