//! Texts and numbers as the protocols before 2 write them.
use std::borrow::Cow;

/// What stands in quotes, its escapes resolved; none where it is no such text. It is how a name can be spelled so that
/// whoever looks for its letters in the file does not find it.
pub(super) fn quoted(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    let line = line.trim_ascii();
    let (first, rest) = line.split_first()?;
    let (last, body) = rest.split_last()?;
    if first != last || !matches!(first, b'\'' | b'"') {
        return None;
    }
    if !body.contains(&b'\\') {
        return Some(Cow::Borrowed(body));
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        match escape {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => out.push(*escape),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b't' => out.push(b'\t'),
            b'n' => out.push(b'\n'),
            b'v' => out.push(11),
            b'f' => out.push(12),
            b'r' => out.push(b'\r'),
            b'x' => {
                out.push(u8::try_from(hex(rest.get(..2)?)?).ok()?);
                rest = rest.get(2..)?;
            }
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
                let digits = rest.get(..more)?.iter();
                let code = digits.fold(u32::from(escape - b'0'), |code, digit| code << 3 | u32::from(digit - b'0'));
                out.push((code & 0xff) as u8);
                rest = rest.get(more..)?;
            }
            other => out.extend([b'\\', *other]),
        }
    }
    Some(Cow::Owned(out))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// Text in Python's "raw-unicode-escape": Latin-1, and `\u` with four or `\U` with eight digits, before which there is an
/// odd number of backslashes. None where an escape is no character.
pub(super) fn escaped(line: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'\\' {
            out.push(char::from(*byte));
            rest = after;
            continue;
        }
        let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
        let after = rest.get(slashes..)?;
        let digits = match after.first() {
            Some(b'u') if slashes % 2 == 1 => 4,
            Some(b'U') if slashes % 2 == 1 => 8,
            _ => {
                out.extend(std::iter::repeat_n('\\', slashes));
                rest = after;
                continue;
            }
        };
        out.extend(std::iter::repeat_n('\\', slashes.saturating_sub(1)));
        out.push(char::from_u32(hex(after.get(1..)?.get(..digits)?)?)?);
        rest = after.get(digits.saturating_add(1)..)?;
    }
    Some(out)
}

/// A decimal number, an `L` behind it or not; none where it is none.
pub(super) fn decimal(line: &[u8]) -> Option<Decimal> {
    let line = line.trim_ascii();
    let digits = line.strip_suffix(b"L").unwrap_or(line);
    let (negative, bare) = match digits.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, digits),
    };
    if bare.is_empty() || !bare.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = bare.iter().try_fold(0i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let tens = number.checked_mul(10)?;
        if negative { tens.checked_sub(digit) } else { tens.checked_add(digit) }
    });
    Some(number.map_or(Decimal::Huge, Decimal::Number))
}

/// A decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decimal {
    Number(i64),
    /// More than 63 bits.
    Huge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(quoted(b"'os'").as_deref(), Some(&b"os"[..]));
        assert_eq!(quoted(br#""\x6f\163\n""#).as_deref(), Some(&b"os\n"[..]));
        assert_eq!(quoted(br"'\q'").as_deref(), Some(&br"\q"[..]));
        for bad in [&b"os"[..], b"'os", b"'", b"", b"'\\x4'", b"'a\""] {
            assert_eq!(quoted(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn raw_unicode_escapes() {
        assert_eq!(escaped(br"\u006f\U00000073").as_deref(), Some("os"));
        assert_eq!(escaped(br"\\u006f").as_deref(), Some(r"\\u006f"));
        assert_eq!(escaped(br"\\\u006f").as_deref(), Some(r"\\o"));
        assert_eq!(escaped(b"\xe4").as_deref(), Some("ä"));
        for bad in [&br"\u12"[..], br"\ud800", br"\U00110000", br"\uxxxx"] {
            assert_eq!(escaped(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(b"-9223372036854775808"), Some(Decimal::Number(i64::MIN)));
        assert_eq!(decimal(b"9223372036854775808L"), Some(Decimal::Huge));
        assert_eq!(decimal(b"+7"), Some(Decimal::Number(7)));
        for bad in [&b""[..], b"-", b"1_0", b"0x1", b"1.5", b"L"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
