//! Numbers as Java has them.

use super::{Value, syntax::Operator};

/// A decimal number as Java's `Double` prints: at least one digit behind the point, and an exponent for what is large or small.
pub(super) fn decimal(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        return format!("{digits}{point}E{exponent}");
    }
    let text = number.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// Two numbers put together; nothing where one is no number, or it is divided by zero.
pub(super) fn calculate(operator: Operator, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => whole(operator, *left, *right),
        _ => match (left.number(), right.number()) {
            (Some(left), Some(right)) => fraction(operator, left, right),
            _ => Value::Null,
        },
    }
}

fn whole(operator: Operator, left: i128, right: i128) -> Value {
    let result = match operator {
        Operator::Plus => left.checked_add(right),
        Operator::Minus => left.checked_sub(right),
        Operator::Times => left.checked_mul(right),
        // As Java does, towards zero.
        Operator::Divided => left.checked_div(right),
        Operator::Remainder => left.checked_rem(right),
        _ => None,
    };
    result.map_or(Value::Null, Value::Integer)
}

fn fraction(operator: Operator, left: f64, right: f64) -> Value {
    let is_by_zero = right == 0.0 && matches!(operator, Operator::Divided | Operator::Remainder);
    let result = match operator {
        Operator::Plus => left + right,
        Operator::Minus => left - right,
        Operator::Times => left * right,
        Operator::Divided => left / right,
        _ => left % right,
    };
    if is_by_zero { Value::Null } else { Value::Decimal(result) }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_print_as_in_java() {
        for (number, expected) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (1.234e20, "1.234E20"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(decimal(number), expected);
        }
    }
}
