//! Filters of topics (MQTT 3.1.1, 4.7): `+` is one level, `#` is what follows.

/// Whether a filter can be subscribed to.
pub(super) fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let is_level = |(place, level): (usize, &&str)| match *level {
        "#" => place + 1 == levels.len(),
        "+" => true,
        level => !level.contains(['#', '+', '\0']),
    };
    !filter.is_empty() && filter.len() <= 65_535 && levels.iter().enumerate().all(is_level)
}

/// Whether a filter has a topic.
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    // What a broker says of itself is for those who name it.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    covers(filter, topic)
}

/// Whether a filter has every topic that another has.
fn covers(filter: &str, other: &str) -> bool {
    let (mut mine, mut theirs) = (filter.split('/'), other.split('/'));
    loop {
        match (mine.next(), theirs.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(one), Some(level)) if one == level => {}
            _ => return false,
        }
    }
}

/// Filters, none of which is within another: a broker may bring a message once for each that has its topic.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Subscriptions(Vec<String>);

impl Subscriptions {
    pub(super) fn of<'a>(filters: impl Iterator<Item = &'a str>) -> Self {
        let mut kept: Vec<String> = Vec::new();
        for filter in filters {
            if kept.iter().any(|known| covers(known, filter)) {
                continue;
            }
            kept.retain(|known| !covers(filter, known));
            kept.push(filter.to_owned());
        }
        Self(kept)
    }

    pub(super) fn into_filters(self) -> Vec<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_its_topics() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("a/#", "a/b/c", true),
            ("a/#", "a", true),
            ("#", "a/b", true),
            ("#", "$SYS/load", false),
            ("$SYS/#", "$SYS/load", true),
            ("+/b", "a/b", true),
            ("+/+", "/b", true),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
        for right in ["a", "a/+/b", "#", "a/#", "/"] {
            assert!(is_filter(right), "{right}");
        }
        for wrong in ["", "a/#/b", "a+", "a/b#", "a\0"] {
            assert!(!is_filter(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_another_filter_has_is_not_subscribed_twice() {
        let of = |filters: &[&str]| Subscriptions::of(filters.iter().copied()).into_filters();
        assert_eq!(of(&["a/b", "a/b", "a/+", "a/#", "c"]), ["a/#", "c"]);
        assert_eq!(of(&["#", "a/b"]), ["#"]);
        assert_eq!(of(&["a/+", "+/b"]), ["a/+", "+/b"]);
        assert_eq!(of(&["a/+", "a/#"]), ["a/#"]);
    }
}
