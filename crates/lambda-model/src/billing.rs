//! What an invocation is billed for (B-01).

/// Billed duration, milliseconds: Init and Duration together, rounded up to 1 ms.
///
/// Checked against AWS's own figures: Init 1,293.83 ms and Duration 1,049.63 ms are billed 2,344 ms.
pub fn billed_duration_ms(init_us: Option<u64>, duration_us: u64) -> u64 {
    (init_us.unwrap_or(0) + duration_us).div_ceil(1_000)
}

#[cfg(test)]
mod tests {
    use super::billed_duration_ms;

    #[test]
    fn init_and_duration_are_billed_together_rounded_up() {
        assert_eq!(billed_duration_ms(Some(1_293_830), 1_049_630), 2_344);
        assert_eq!(billed_duration_ms(None, 1), 1);
        assert_eq!(billed_duration_ms(None, 2_000), 2);
    }
}
