//! `*` for any characters, `?` for one.

/// Whether `text` is of the pattern. Linear in time but for backtracking to the last `*`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || literal(wanted) == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, at)) = last_star else { return false };
                last_star = Some((star, at + 1));
                (p, t) = (star + 1, at + 1);
            }
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

/// Characters that stand for themselves where a wildcard would be meant: `${*}` and `${?}` become these.
pub(super) const LITERAL_STAR: char = '\u{f0001}';
pub(super) const LITERAL_QUESTION: char = '\u{f0002}';

fn literal(wanted: char) -> char {
    match wanted {
        LITERAL_STAR => '*',
        LITERAL_QUESTION => '?',
        other => other,
    }
}

/// Whether an ARN is of the pattern: each of its six parts by itself, so that `*` does not reach beyond a colon, but for the last.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if patterns.len() != 6 || parts.len() != 6 {
        return pattern == "*" || matches(pattern, arn) && patterns.len() == parts.len();
    }
    patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
}
