//! Numbers of DynamoDB: decimals of up to 38 digits, from 1E-130 to 9.99…E+125 in either sign ("Supported data types and naming rules").

use std::{cmp::Ordering, fmt};

/// Digits at most.
const DIGITS_MAX: u32 = 38;
/// The smallest exponent of the first digit.
const MAGNITUDE_MIN: i32 = -130;
/// The largest exponent of the first digit.
const MAGNITUDE_MAX: i32 = 125;

/// Zero, or `digits` times ten to the power of `exponent`, whose last digit is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Number {
    is_negative: bool,
    digits: u128,
    exponent: i32,
}

/// Why a text or a sum is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberError {
    /// It is none.
    Invalid,
    /// More than 38 digits.
    TooPrecise,
    /// Farther from zero than the largest.
    Overflow,
    /// Nearer to zero than the smallest.
    Underflow,
}

impl Number {
    /// Zero.
    pub(super) const ZERO: Self = Self { is_negative: false, digits: 0, exponent: 0 };

    /// Reads `-12.50E+3`.
    ///
    /// # Errors
    /// For what is none, or outside of what is kept.
    pub(super) fn parse(text: &str) -> Result<Self, NumberError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (text, 0),
        };
        let (is_negative, mantissa) = sign_of(mantissa);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || whole.len() + fraction.len() == 0 {
            return Err(NumberError::Invalid);
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Self::ZERO);
        }
        if significant.len() > DIGITS_MAX as usize {
            return Err(NumberError::TooPrecise);
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        let behind_point = i32::try_from(fraction.len()).map_err(|_| NumberError::Invalid)?;
        let zeros = i32::try_from(zeros).map_err(|_| NumberError::Invalid)?;
        let digits = significant.parse().map_err(|_| NumberError::Invalid)?;
        Self { is_negative, digits, exponent: exponent - behind_point + zeros }.in_range()
    }

    fn in_range(self) -> Result<Self, NumberError> {
        match self.magnitude() {
            _ if self.digits == 0 => Ok(Self::ZERO),
            ..MAGNITUDE_MIN => Err(NumberError::Underflow),
            MAGNITUDE_MIN..=MAGNITUDE_MAX => Ok(self),
            _ => Err(NumberError::Overflow),
        }
    }

    fn count(self) -> i32 {
        self.digits.checked_ilog10().map_or(1, |log| i32::try_from(log).unwrap_or(0) + 1)
    }

    /// The exponent of the first digit.
    fn magnitude(self) -> i32 {
        self.exponent + self.count() - 1
    }

    /// The sum.
    ///
    /// # Errors
    /// When it has too many digits or is too large.
    pub(super) fn plus(self, other: Self) -> Result<Self, NumberError> {
        if self.digits == 0 || other.digits == 0 {
            return Ok(if self.digits == 0 { other } else { self });
        }
        let exponent = self.exponent.min(other.exponent);
        let aligned = |number: Self| -> Result<i128, NumberError> {
            let power = u32::try_from(number.exponent - exponent).unwrap_or(u32::MAX);
            let scaled = 10_u128.checked_pow(power).and_then(|power| number.digits.checked_mul(power));
            let scaled =
                scaled.and_then(|digits| i128::try_from(digits).ok()).ok_or(NumberError::TooPrecise)?;
            Ok(if number.is_negative { -scaled } else { scaled })
        };
        let sum = aligned(self)?.checked_add(aligned(other)?).ok_or(NumberError::TooPrecise)?;
        Self { is_negative: sum < 0, digits: sum.unsigned_abs(), exponent }.normal()
    }

    /// The difference.
    ///
    /// # Errors
    /// As for the sum.
    pub(super) fn minus(self, other: Self) -> Result<Self, NumberError> {
        self.plus(Self { is_negative: !other.is_negative, ..other })
    }

    fn normal(mut self) -> Result<Self, NumberError> {
        while self.digits != 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.exponent += 1;
        }
        if self.count() > i32::try_from(DIGITS_MAX).unwrap_or(0) {
            return Err(NumberError::TooPrecise);
        }
        self.in_range()
    }

    /// Bytes whose order is that of the numbers.
    pub(super) fn sort_key(self) -> Vec<u8> {
        if self.digits == 0 {
            return vec![1];
        }
        let magnitude = u16::try_from(self.magnitude() - MAGNITUDE_MIN).unwrap_or(0).to_be_bytes();
        let digits = self.digits.to_string().into_bytes();
        let body = magnitude.into_iter().chain(digits).chain([0]);
        match self.is_negative {
            false => std::iter::once(2).chain(body).collect(),
            true => std::iter::once(0).chain(body.map(|byte| !byte)).collect(),
        }
    }

    /// What it counts for the size of an item, bytes: two digits each, and one.
    pub(super) fn size(self) -> usize {
        let digits = usize::try_from(self.count()).unwrap_or(0);
        digits.div_ceil(2) + 1 + usize::from(self.is_negative)
    }
}

fn sign_of(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn exponent_of(text: &str) -> Result<i32, NumberError> {
    let (is_negative, digits) = sign_of(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::Invalid);
    }
    // Beyond all that is kept, whatever the digits are.
    let exponent: i32 = digits.parse().map_or(1_000_000, |exponent: i32| exponent.min(1_000_000));
    Ok(if is_negative { -exponent } else { exponent })
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sort_key().cmp(&other.sort_key())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Without an exponent.
impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.to_string();
        let sign = if self.is_negative { "-" } else { "" };
        if self.exponent >= 0 {
            let zeros = usize::try_from(self.exponent).unwrap_or(0);
            return write!(formatter, "{sign}{digits}{}", "0".repeat(zeros));
        }
        let behind_point = usize::try_from(-self.exponent).unwrap_or(0);
        match digits.len().checked_sub(behind_point) {
            Some(before) if before > 0 => {
                let (whole, fraction) = digits.split_at(before);
                write!(formatter, "{sign}{whole}.{fraction}")
            }
            _ => write!(formatter, "{sign}0.{digits:0>behind_point$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_shown_without_exponent_and_without_needless_zeros() {
        for (text, shown) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            ("-12.5e1", "-125"),
            ("+1E3", "1000"),
            ("1e-3", "0.001"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0.0012300", "0.00123"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            ("0e999999999999", "0"),
        ] {
            assert_eq!(number(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_none_or_too_much_is_refused() {
        for text in [
            "", "-", ".", "e5", "1e", "1e+", "1x", "١", "0x10", "NaN", "Infinity", " 1", "1 ", "--1", "1.2.3",
        ] {
            assert_eq!(Number::parse(text), Err(NumberError::Invalid), "{text}");
        }
        assert_eq!(Number::parse(&"9".repeat(39)), Err(NumberError::TooPrecise));
        assert_eq!(number(&format!("{}0", "9".repeat(38))).to_string().len(), 39);
        for (text, error) in [
            ("1e126", NumberError::Overflow),
            ("1e-131", NumberError::Underflow),
            ("1e99999999999", NumberError::Overflow),
            ("-1e126", NumberError::Overflow),
        ] {
            assert_eq!(Number::parse(text), Err(error), "{text}");
        }
        assert!(
            Number::parse("9.9999999999999999999999999999999999999e125").is_ok()
                && Number::parse("1e-130").is_ok()
        );
    }

    #[test]
    fn sums_are_exact_or_refused() {
        for (one, other, sum, difference) in [
            ("1", "2", "3", "-1"),
            ("0.1", "0.2", "0.3", "-0.1"),
            ("-5", "5", "0", "-10"),
            ("1e20", "1e-10", "100000000000000000000.0000000001", "99999999999999999999.9999999999"),
            ("0", "7", "7", "-7"),
        ] {
            assert_eq!(number(one).plus(number(other)).unwrap().to_string(), sum);
            assert_eq!(number(one).minus(number(other)).unwrap().to_string(), difference);
        }
        assert_eq!(number("1e38").plus(number("1")), Err(NumberError::TooPrecise));
        assert_eq!(number("1e100").plus(number("1")), Err(NumberError::TooPrecise));
        assert_eq!(number("9e125").plus(number("9e125")), Err(NumberError::Overflow));
        assert_eq!(
            number("99999999999999999999999999999999999999").plus(number("1")).unwrap(),
            number("1e38")
        );
    }

    proptest! {
        #[test]
        fn keys_sort_as_numbers_do(one in -1_000_000_i64..1_000_000, other in -1_000_000_i64..1_000_000, powers in (-9_i32..9, -9_i32..9)) {
            let value = |digits: i64, power: i32| digits as f64 * 10_f64.powi(power);
            let number = |digits: i64, power: i32| number(&format!("{digits}e{power}"));
            let expected = value(one, powers.0).partial_cmp(&value(other, powers.1)).unwrap();
            let is_close = (value(one, powers.0) - value(other, powers.1)).abs() < 1e-9 * value(one, powers.0).abs();
            prop_assert!(is_close || number(one, powers.0).cmp(&number(other, powers.1)) == expected);
        }

        #[test]
        fn what_is_shown_is_the_same_number(digits in 0_u128..10_u128.pow(37), power in -120_i32..80) {
            let read = number(&format!("{digits}e{power}"));
            prop_assert_eq!(number(&read.to_string()), read);
        }
    }
}
