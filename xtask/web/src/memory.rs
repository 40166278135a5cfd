//! A bound on the memory and the tables of a core module. JavaScript has no other way to say how far a guest's may grow.
use anyhow::{Context, Result, bail};

/// Pages of 64 KiB that a memory may have: 1 GiB, as in the native host.
const PAGES: u64 = 1 << 14;
/// Elements that a table may have, as in the native host.
const ELEMENTS: u64 = 65_536;
/// Sections.
const TABLES: u8 = 4;
const MEMORIES: u8 = 5;
/// Kinds of references.
const FUNCTIONS: u8 = 0x70;
const EXTERNS: u8 = 0x6f;

/// The module with every memory and table of its own bounded; a bound that is there and lower stays.
pub(crate) fn bounded(module: &[u8]) -> Result<Vec<u8>> {
    let mut out = module.get(..8).context("the core module is cut short")?.to_vec();
    let mut rest = &module[8..];
    while let Some((&id, after)) = rest.split_first() {
        let (len, after) = number(after)?;
        let len = usize::try_from(len)?;
        let (body, after) = after.split_at_checked(len).context("a section is cut short")?;
        let body = match id {
            MEMORIES => memories(body)?,
            TABLES => tables(body)?,
            _ => body.to_vec(),
        };
        out.push(id);
        write(body.len() as u64, &mut out);
        out.extend(body);
        rest = after;
    }
    Ok(out)
}

fn memories(body: &[u8]) -> Result<Vec<u8>> {
    each(body, |rest, out| limits(rest, PAGES, "memory", out))
}

fn tables(body: &[u8]) -> Result<Vec<u8>> {
    each(body, |rest, out| {
        let (&kind, rest) = rest.split_first().context("a table is cut short")?;
        if !matches!(kind, FUNCTIONS | EXTERNS) {
            bail!("the core module has a table of another kind than functions or values of its host");
        }
        out.push(kind);
        limits(rest, ELEMENTS, "table", out)
    })
}

/// Writes every item of a section; `one` writes the first of what is left, and answers the rest.
fn each<'b>(body: &'b [u8], one: impl Fn(&'b [u8], &mut Vec<u8>) -> Result<&'b [u8]>) -> Result<Vec<u8>> {
    let (count, mut rest) = number(body)?;
    let mut out = Vec::new();
    write(count, &mut out);
    for _ in 0..count {
        rest = one(rest, &mut out)?;
    }
    Ok(out)
}

/// Writes limits with a maximum of at most `most`.
fn limits<'b>(rest: &'b [u8], most: u64, what: &str, out: &mut Vec<u8>) -> Result<&'b [u8]> {
    let (flags, after) = number(rest)?;
    if flags > 1 {
        bail!("the core module has a {what} that is shared or of 64 bits");
    }
    let (min, mut after) = number(after)?;
    let mut max = most;
    if flags == 1 {
        let given;
        (given, after) = number(after)?;
        max = max.min(given);
    }
    if min > max {
        bail!("the core module begins with a larger {what} than it may have");
    }
    write(1, out);
    write(min, out);
    write(max, out);
    Ok(after)
}

/// Reads LEB128.
fn number(bytes: &[u8]) -> Result<(u64, &[u8])> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[at + 1..]));
        }
    }
    bail!("a number is cut short")
}

fn write(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &[u8] = b"\0asm\x01\0\0\0";

    fn module(sections: &[&[u8]]) -> Vec<u8> {
        [&[HEAD], sections].concat().concat()
    }

    #[test]
    fn a_memory_without_a_bound_gets_one_and_other_sections_stay() {
        let other: &[u8] = &[0, 3, 1, b'x', 9];
        assert_eq!(
            bounded(&module(&[&[5, 3, 1, 0, 17], other])).unwrap(),
            module(&[&[5, 6, 1, 1, 17, 0x80, 0x80, 0x01], other])
        );
        assert_eq!(bounded(&module(&[&[5, 4, 1, 1, 1, 2]])).unwrap(), module(&[&[5, 4, 1, 1, 1, 2]]));
        assert_eq!(bounded(&module(&[other])).unwrap(), module(&[other]));
    }

    #[test]
    fn a_table_without_a_bound_gets_one() {
        let tables: &[u8] = &[4, 8, 2, 0x70, 0, 5, 0x6f, 1, 1, 2];
        let bounds: &[u8] = &[4, 11, 2, 0x70, 1, 5, 0x80, 0x80, 0x04, 0x6f, 1, 1, 2];
        assert_eq!(bounded(&module(&[tables])).unwrap(), module(&[bounds]));
        assert!(bounded(&module(&[&[4, 4, 1, 0x69, 0, 1]])).is_err());
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(bounded(b"\0asm").is_err());
        assert!(bounded(&module(&[&[5, 9, 1]])).is_err());
        assert!(bounded(&module(&[&[5, 3, 1, 4, 1]])).is_err());
        assert!(bounded(&module(&[&[5, 0x80]])).is_err());
    }
}
