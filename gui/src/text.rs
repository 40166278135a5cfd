//! Numbers and names as people read them. Names from files pass through [`escape`] before they are shown.
use crate::backend::{Fault, FaultKind};
use weighbridge_core::types::StorageError;

/// Makes control characters, bidirectional overrides and other invisible characters visible as `\u{…}`; cuts at 200 characters.
#[must_use]
pub fn escape(name: &str) -> String {
    visible(name, 200)
}

/// The same of a sentence, which may be longer than a name.
#[must_use]
pub fn sentence(text: &str) -> String {
    visible(text, 2_000)
}

fn visible(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for (i, c) in text.chars().enumerate() {
        if i == most {
            out.push('…');
            break;
        }
        if shown_as_is(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

/// Printable ASCII, Latin and Greek: what the built-in fonts have and what cannot reorder a line.
fn shown_as_is(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{24f}' | '\u{391}'..='\u{3c9}' | '\u{410}'..='\u{44f}' | '…' | '–' | '—' | '←'..='↓')
}

/// A value to three digits, or to all those before the point.
fn three_digits(value: f64, unit: &str) -> String {
    if value < 10.0 {
        format!("{value:.2} {unit}")
    } else if value < 100.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// Bytes with a binary unit.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    #[allow(clippy::cast_precision_loss)]
    let mut value = n as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    three_digits(value, unit)
}

/// Nanoseconds with a unit.
#[must_use]
pub fn duration(ns: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let x = ns as f64;
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (x / 1e3, "µs"),
        1_000_000..1_000_000_000 => (x / 1e6, "ms"),
        _ => (x / 1e9, "s"),
    };
    three_digits(value, unit)
}

/// A moment: milliseconds with all the digits that tell neighbours apart.
#[must_use]
pub fn moment(ns: u64) -> String {
    format!("{}.{:04} ms", count(ns / 1_000_000), ns % 1_000_000 / 100)
}

/// A count with thin groups of three.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 tensor`, `2 tensors`.
#[must_use]
pub fn plural(n: u64, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A count of parameters, as models are called after: `22.7 M`, `8.03 B`.
#[must_use]
pub fn parameters(n: u64) -> String {
    if n < 1_000 {
        return n.to_string();
    }
    #[allow(clippy::cast_precision_loss)]
    let mut value = n as f64 / 1e3;
    let mut unit = "K";
    for next in ["M", "B", "T"] {
        if value < 1e3 {
            break;
        }
        value /= 1e3;
        unit = next;
    }
    three_digits(value, unit)
}

/// A shape: `384 × 1536`.
#[must_use]
pub fn shape(dims: &[u64]) -> String {
    if dims.is_empty() {
        return "scalar".into();
    }
    let shown: Vec<String> = dims.iter().take(8).map(u64::to_string).collect();
    let more = if dims.len() > 8 { " × …" } else { "" };
    format!("{}{more}", shown.join(" × "))
}

/// A storage error in words.
#[must_use]
pub fn storage_error(e: &StorageError) -> String {
    match e {
        StorageError::Unsupported => "unsupported".into(),
        StorageError::AccessDenied => "access denied".into(),
        StorageError::OutOfBounds => "out of bounds".into(),
        StorageError::Busy => "busy".into(),
        StorageError::Exhausted => "exhausted".into(),
        StorageError::Changed => "changed".into(),
        StorageError::EndOfSource => "end of source".into(),
        StorageError::Cancelled => "cancelled".into(),
        StorageError::Deadline => "deadline".into(),
        StorageError::Io(code) => format!("I/O error {code}"),
        StorageError::Other(text) => escape(text),
    }
}

/// A fault that is armed, in words.
#[must_use]
pub fn fault(fault: &Fault) -> String {
    match fault {
        Fault::Call { call, nth, kind: FaultKind::Fail(e) } => {
            format!("{} no. {nth} fails: {}", call.name(), storage_error(e))
        }
        Fault::Call { call, nth, kind: FaultKind::Short } => format!("{} no. {nth} is short", call.name()),
        Fault::Truncate { at } => format!("files end at byte {at}"),
    }
}

/// A part of a whole as per cent; 0 of 0 is 0.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let value = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    if value > 0.0 && value < 0.005 {
        "below 0.01 %".to_owned()
    } else if value > 0.0 && value < 1.0 {
        format!("{value:.2} %")
    } else {
        format!("{value:.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_files_cannot_reorder_or_hide_text() {
        assert_eq!(escape("blk.0"), "blk.0");
        assert_eq!(escape("a\u{202e}b\n\u{0}"), "a\\u{202e}b\\u{a}\\u{0}");
        assert_eq!(escape(&"x".repeat(300)).chars().count(), 201);
        assert_eq!(sentence(&"x\n".repeat(150)), "x\\u{a}".repeat(150));
        assert_eq!(sentence(&"x".repeat(9000)).chars().count(), 2001);
    }

    #[test]
    fn numbers_have_units() {
        assert_eq!(
            [(0, 9), (1, 90_000), (1, 200), (3, 4)].map(|(a, b)| percent(a, b)),
            ["0 %", "below 0.01 %", "0.50 %", "75 %"]
        );
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.50 KiB");
        assert_eq!(bytes(90_900_000), "86.7 MiB");
        assert_eq!([999, 22_713_216, 8_030_261_248].map(parameters), ["999", "22.7 M", "8.03 B"]);
        assert_eq!(duration(1_500), "1.50 µs");
        assert_eq!(moment(1_234_567_890), "1,234.5678 ms");
        assert_eq!(count(1_048_576), "1,048,576");
        assert_eq!(plural(1, "tensor"), "1 tensor");
        assert_eq!(shape(&[384, 1536]), "384 × 1536");
    }
}
