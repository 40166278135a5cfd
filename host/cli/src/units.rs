//! Numbers as people write and read them.
use std::time::Duration;

/// Bytes in the largest unit that leaves at least 1: `512 B`, `25.9 MiB`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024 belongs to the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { 1 };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {}", UNITS[unit])
}

/// Bytes with their unit, and exactly: `25.9 MiB (27,158,016 bytes)`.
pub(crate) fn bytes_exact(count: u64) -> String {
    if count < 1024 { bytes(count) } else { format!("{} ({} bytes)", bytes(count), grouped(count)) }
}

/// A count with separators: `27,158,016`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in the largest unit that leaves at least 1: `22.7 M`, `7.24 B`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn many(count: u64) -> String {
    let (mut value, mut unit) = (count as f64, "");
    for next in ["K", "M", "B", "T"] {
        // What would be rounded to 1000 belongs to the next unit.
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    if unit.is_empty() {
        return count.to_string();
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// `1 tensor`, `2 tensors`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Nanoseconds with three digits: `812 ns`, `1.23 ms`, `45.6 s`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn time(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {unit}")
}

/// Elements per dimension: `[384, 1536]`.
pub(crate) fn shape(dimensions: &[u64]) -> String {
    let texts: Vec<_> = dimensions.iter().map(u64::to_string).collect();
    format!("[{}]", texts.join(", "))
}

/// Reads a size: `4096`, `64KiB`, `4M`, `1.5GiB`. Units of one letter are powers of 1024, as are those with an `i`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(format!("{unit:?} is no unit of size; use B, KiB, MiB, GiB or TiB")),
    };
    let bytes = scaled(number, factor).ok_or_else(|| format!("{text:?} is no size; write 4096, 64KiB or 1.5GiB"))?;
    if bytes == 0 { Err("a size of 0 bytes holds nothing".to_owned()) } else { Ok(bytes) }
}

/// Reads a duration: `500ms`, `5s`, `1.5m`. A number alone is seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "" | "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(format!("{unit:?} is no unit of time; use ms, s, m or h")),
    };
    let ns = scaled(number, factor).ok_or_else(|| format!("{text:?} is no duration; write 500ms, 5s or 1.5m"))?;
    Ok(Duration::from_nanos(ns))
}

/// Reads a percentage, `10%`, as a fraction.
pub(crate) fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').ok_or_else(|| format!("{text:?} has no %; write 10%"))?;
    match number.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value / 100.0),
        _ => Err(format!("{text:?} is no percentage; write 10%")),
    }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..at], text[at..].trim_start())
}

/// A decimal number times a factor, exactly where it has no point.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn scaled(number: &str, factor: u64) -> Option<u64> {
    if !number.contains('.') {
        return number.parse::<u64>().ok()?.checked_mul(factor);
    }
    let value = number.parse::<f64>().ok()? * factor as f64;
    (value < u64::MAX as f64).then_some(value.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_fits() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (27_158_016, "25.9 MiB"),
            ((1 << 20) - 1, "1 MiB"),
            (100 << 20, "100 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(bytes_exact(27_158_016), "25.9 MiB (27,158,016 bytes)");
    }

    #[test]
    fn times_have_three_digits() {
        for (ns, text) in
            [(0, "0 ns"), (999, "999 ns"), (1_234, "1.23 µs"), (45_600_000, "45.6 ms"), (61_000_000_000, "61.0 s")]
        {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("1", 1),
            ("64KiB", 64 << 10),
            ("4 MiB", 4 << 20),
            ("1.5GiB", 3 << 29),
            ("2M", 2 << 20),
            ("1MB", 1_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "-1", "1 X", "0", "16777216TiB", "1.2.3", "99999999999999999999"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_and_percentages_are_read() {
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("0ms"), Ok(Duration::ZERO));
        assert!(parse_duration("5 fortnights").is_err());
        assert_eq!(parse_percent("10%"), Ok(0.1));
        assert!(parse_percent("10").is_err() && parse_percent("-1%").is_err());
    }

    #[test]
    fn many_have_the_unit_that_fits() {
        let texts = [0, 999, 1000, 22_713_216, 999_600, 7_241_732_096, 123_456_789].map(many);
        assert_eq!(texts, ["0", "999", "1.00 K", "22.7 M", "1.00 M", "7.24 B", "123 M"]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
