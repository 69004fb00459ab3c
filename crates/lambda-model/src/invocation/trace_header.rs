//! `X-Amzn-Trace-Id` (Z-01): `Root=1-8hex-24hex;Parent=16hex;Sampled=0|1`, and whatever else a caller put there.
//!
//! PassThrough: the caller decides, and what it sent goes on unchanged; what it did not decide is not sampled. Active: what the
//! caller did not decide is sampled, always (X-Ray's own rule, one request a second and five per cent of the others, is there to
//! save money).
//!
//! `Lineage=8hex:n|8hex:n` counts how often a chain of events has come back to each function, from zero: SDKs inside a
//! function send it along with whatever they ask of a service.

use std::fmt::Write;

/// Longest header that is believed, bytes (API model).
const BYTES_MAX: usize = 8_192;

/// Of a header with one function in its lineage.
const USUAL_BYTES: usize = 100;

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
    /// How often each function was passed, by its name in the header, in the order of the first passages.
    lineage: Vec<(String, u32)>,
    /// Other members in their order.
    others: Vec<String>,
}

/// The header that an invocation gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// As a header.
    pub header: String,
    /// How often the chain of events has come back to the function.
    pub hops: u32,
}

impl TraceHeader {
    /// Reads a header; `None` when it names no trace.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let mut header = Self {
            root: String::new(),
            parent: None,
            sampled: None,
            lineage: Vec::new(),
            others: Vec::new(),
        };
        for member in text.split(';').map(str::trim).filter(|member| !member.is_empty()) {
            match member.split_once('=') {
                Some(("Root", root)) if is_root(root) => root.clone_into(&mut header.root),
                Some(("Parent", parent)) if is_hex(parent, 16) => header.parent = Some(parent.to_owned()),
                Some(("Sampled", "1")) => header.sampled = Some(true),
                Some(("Sampled", "0")) => header.sampled = Some(false),
                Some(("Root" | "Parent" | "Sampled" | "Self", _)) => {}
                Some(("Lineage" | "lineage", lineage)) => header.lineage = read_lineage(lineage),
                _ => header.others.push(member.to_owned()),
            }
        }
        (!header.root.is_empty()).then_some(header)
    }

    fn text(&self) -> String {
        // In one piece: every invocation has one.
        let mut text = String::with_capacity(USUAL_BYTES);
        text.extend(["Root=", &self.root]);
        if let Some(parent) = &self.parent {
            text.extend([";Parent=", parent]);
        }
        if let Some(sampled) = self.sampled {
            text.push_str(if sampled { ";Sampled=1" } else { ";Sampled=0" });
        }
        for (number, (name, count)) in self.lineage.iter().enumerate() {
            let before = if number == 0 { ";Lineage=" } else { "|" };
            // A string takes what is written to it.
            let _ = write!(text, "{before}{name}:{count}");
        }
        self.others.iter().for_each(|other| text.extend([";", other]));
        text
    }

    /// Counts a passage through the function; how often it was passed before.
    fn pass(&mut self, function_arn: &str) -> u32 {
        let name = format!("{:08x}", fnv1a(function_arn.as_bytes()));
        if let Some((_, count)) = self.lineage.iter_mut().find(|(known, _)| *known == name) {
            *count = count.saturating_add(1);
            return *count;
        }
        if self.lineage.len() < FUNCTIONS_PASSED_MAX {
            self.lineage.push((name, 0));
        }
        0
    }
}

/// Functions that a lineage names: a chain of more than these that never comes back is no loop.
const FUNCTIONS_PASSED_MAX: usize = 64;

fn read_lineage(text: &str) -> Vec<(String, u32)> {
    let passages = text.split('|').take(FUNCTIONS_PASSED_MAX).filter_map(|passage| {
        let (name, count) = passage.rsplit_once(':')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    passages.collect()
}

/// FNV-1a: a name of a function that is the same on every server and in every release.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// The header of an invocation of a function whose caller sent `given`; `function_arn` is not qualified.
pub fn of_invocation(given: Option<&str>, function_arn: &str, is_active: bool, new: NewIds) -> Traced {
    let known = given.and_then(TraceHeader::parse);
    let is_new = known.is_none();
    let mut header = known.unwrap_or_else(|| new_trace(new));
    let is_sampled = *header.sampled.get_or_insert(is_active);
    if is_new || header.parent.is_none() || (is_active && is_sampled) {
        header.parent = Some(format!("{:016x}", new.segment));
    }
    let hops = header.pass(function_arn);
    Traced { header: header.text(), hops }
}

fn new_trace(new: NewIds) -> TraceHeader {
    let root = format!("1-{:08x}-{:024x}", new.now_seconds, new.root >> 32);
    TraceHeader { root, parent: None, sampled: None, lineage: Vec::new(), others: Vec::new() }
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
    const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
    /// The name of [`ARN`] in a lineage.
    const NAME: &str = "e7b3a0ee";

    fn header(given: Option<&str>, is_active: bool) -> String {
        of_invocation(given, ARN, is_active, NEW).header
    }

    #[test]
    fn z_01_a_caller_decides_what_it_decided() {
        let lineage = format!("Lineage=a87bd80c:1|{NAME}:");
        let sampled = format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=1");
        assert_eq!(
            header(Some(&format!("{sampled};{lineage}2;x=y")), false),
            format!("{sampled};{lineage}3;x=y")
        );
        let not = format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=0");
        assert_eq!(header(Some(&not), true), format!("{not};Lineage={NAME}:0"));
        // The function's segment is the parent of what the function does.
        let active = format!("{ROOT};Parent=0000000000000007;Sampled=1;Lineage={NAME}:0");
        assert_eq!(header(Some(&sampled), true), active);
    }

    #[test]
    fn z_01_the_function_decides_what_nobody_did() {
        let begin = format!("{ROOT};Parent=0000000000000007;Sampled=");
        assert_eq!(header(Some(ROOT), false), format!("{begin}0;Lineage={NAME}:0"));
        assert_eq!(header(Some(ROOT), true), format!("{begin}1;Lineage={NAME}:0"));
        let new = "Root=1-5e34a614-0000000000000000000000ab;Parent=0000000000000007;Sampled=";
        for given in [None, Some(""), Some("Root=x"), Some("Parent=53995c3f42cd8ad8")] {
            assert_eq!(header(given, false), format!("{new}0;Lineage={NAME}:0"));
            assert_eq!(header(given, true), format!("{new}1;Lineage={NAME}:0"));
        }
    }

    #[test]
    fn a_13_passages_are_counted_function_by_function() {
        let mut traced = of_invocation(None, ARN, false, NEW);
        for hops in 1..=20 {
            let other = of_invocation(Some(&traced.header), "arn:other", false, NEW);
            assert_eq!(other.hops, hops - 1);
            traced = of_invocation(Some(&other.header), ARN, false, NEW);
            assert_eq!(traced.hops, hops);
        }
        let most = of_invocation(Some(&format!("{ROOT};Lineage={NAME}:{}", u32::MAX)), ARN, false, NEW);
        assert_eq!(most.hops, u32::MAX);
        let many: Vec<_> = (0..100).map(|number| format!("{number:08x}:1")).collect();
        let long = of_invocation(Some(&format!("{ROOT};Lineage={}", many.join("|"))), ARN, false, NEW);
        assert_eq!((long.hops, long.header.matches('|').count()), (0, FUNCTIONS_PASSED_MAX - 1));
        let odd = of_invocation(Some(&format!("{ROOT};Lineage=x|:|a:b|{NAME}:-1")), ARN, false, NEW);
        assert_eq!(odd.hops, 0);
    }

    #[test]
    fn what_cannot_be_is_not_believed() {
        let long = format!("{ROOT};x={}", "a".repeat(BYTES_MAX));
        assert_eq!(TraceHeader::parse(&long), None);
        let header = TraceHeader::parse(&format!("{ROOT};Parent=short;Sampled=?")).unwrap();
        assert_eq!((header.parent, header.sampled), (None, None));
    }
}
