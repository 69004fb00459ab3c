//! `X-Amzn-Trace-Id` (Z-01): `Root=1-8hex-24hex;Parent=16hex;Sampled=0|1`, and whatever else a caller put there.
//!
//! PassThrough: the caller decides, and what it sent goes on unchanged; what it did not decide is not sampled. Active: what the
//! caller did not decide is sampled, always (X-Ray's own rule, one request a second and five per cent of the others, is there to
//! save money).

/// Longest header that is believed, bytes (API model).
const BYTES_MAX: usize = 8_192;

/// What new headers are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewIds {
    /// Unix time, seconds.
    pub now_seconds: u32,
    /// Of a new trace.
    pub root: u128,
    /// Of the segment of this invocation.
    pub segment: u64,
}

/// A header that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceHeader {
    /// `1-8hex-24hex`.
    pub root: String,
    /// 16 hex digits.
    pub parent: Option<String>,
    /// Whether it is; `None` where that is not decided.
    pub sampled: Option<bool>,
    /// Other members, such as `Lineage=...`, in their order.
    others: Vec<String>,
}

impl TraceHeader {
    /// Reads a header; `None` when it names no trace.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let mut header = Self { root: String::new(), parent: None, sampled: None, others: Vec::new() };
        for member in text.split(';').map(str::trim).filter(|member| !member.is_empty()) {
            match member.split_once('=') {
                Some(("Root", root)) if is_root(root) => root.clone_into(&mut header.root),
                Some(("Parent", parent)) if is_hex(parent, 16) => header.parent = Some(parent.to_owned()),
                Some(("Sampled", "1")) => header.sampled = Some(true),
                Some(("Sampled", "0")) => header.sampled = Some(false),
                Some(("Root" | "Parent" | "Sampled" | "Self", _)) => {}
                _ => header.others.push(member.to_owned()),
            }
        }
        (!header.root.is_empty()).then_some(header)
    }

    fn text(&self) -> String {
        let parent = self.parent.iter().map(|parent| format!("Parent={parent}"));
        let sampled = self.sampled.iter().map(|sampled| format!("Sampled={}", u8::from(*sampled)));
        let members = std::iter::once(format!("Root={}", self.root)).chain(parent).chain(sampled);
        members.chain(self.others.iter().cloned()).collect::<Vec<_>>().join(";")
    }
}

/// The header of an invocation whose caller sent `given`.
pub fn of_invocation(given: Option<&str>, is_active: bool, new: NewIds) -> String {
    let known = given.and_then(TraceHeader::parse);
    let is_new = known.is_none();
    let mut header = known.unwrap_or_else(|| new_trace(new));
    let is_sampled = *header.sampled.get_or_insert(is_active);
    if is_new || header.parent.is_none() || (is_active && is_sampled) {
        header.parent = Some(format!("{:016x}", new.segment));
    }
    header.text()
}

fn new_trace(new: NewIds) -> TraceHeader {
    let root = format!("1-{:08x}-{:024x}", new.now_seconds, new.root >> 32);
    TraceHeader { root, parent: None, sampled: None, others: Vec::new() }
}

fn is_root(text: &str) -> bool {
    let mut parts = text.split('-');
    parts.next() == Some("1")
        && parts.next().is_some_and(|time| is_hex(time, 8))
        && parts.next().is_some_and(|id| is_hex(id, 24))
        && parts.next().is_none()
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: NewIds = NewIds { now_seconds: 0x5e34_a614, root: 0xab << 32, segment: 7 };
    const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";

    #[test]
    fn z_01_a_caller_decides_what_it_decided() {
        let sampled = format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1");
        assert_eq!(of_invocation(Some(&sampled), false, NEW), sampled);
        let not = format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=0");
        assert_eq!(of_invocation(Some(&not), true, NEW), not);
        // The function's segment is the parent of what the function does.
        let active = format!("{ROOT};Parent=0000000000000007;Sampled=1;Lineage=a:1");
        assert_eq!(of_invocation(Some(&sampled), true, NEW), active);
    }

    #[test]
    fn z_01_the_function_decides_what_nobody_did() {
        assert_eq!(
            of_invocation(Some(ROOT), false, NEW),
            format!("{ROOT};Parent=0000000000000007;Sampled=0")
        );
        assert_eq!(of_invocation(Some(ROOT), true, NEW), format!("{ROOT};Parent=0000000000000007;Sampled=1"));
        let new = "Root=1-5e34a614-0000000000000000000000ab;Parent=0000000000000007;Sampled=";
        for given in [None, Some(""), Some("Root=x"), Some("Parent=53995c3f42cd8ad8")] {
            assert_eq!(of_invocation(given, false, NEW), format!("{new}0"));
            assert_eq!(of_invocation(given, true, NEW), format!("{new}1"));
        }
    }

    #[test]
    fn what_cannot_be_is_not_believed() {
        let long = format!("{ROOT};x={}", "a".repeat(BYTES_MAX));
        assert_eq!(TraceHeader::parse(&long), None);
        let header = TraceHeader::parse(&format!("{ROOT};Parent=short;Sampled=?")).unwrap();
        assert_eq!((header.parent, header.sampled), (None, None));
    }
}
