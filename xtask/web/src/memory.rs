//! A bound on the memory of a core module. JavaScript has no other way to say how far a guest's memory may grow.
use anyhow::{Context, Result, bail};

/// Pages of 64 KiB that a memory may have: 1 GiB, as in the native host.
const PAGES: u64 = 1 << 14;
const MEMORIES: u8 = 5;

/// The module with every memory of its own bounded; a bound that is there and lower stays.
pub(crate) fn bounded(module: &[u8]) -> Result<Vec<u8>> {
    let mut out = module.get(..8).context("the core module is cut short")?.to_vec();
    let mut rest = &module[8..];
    while let Some((&id, after)) = rest.split_first() {
        let (len, after) = number(after)?;
        let len = usize::try_from(len)?;
        let (body, after) = after.split_at_checked(len).context("a section is cut short")?;
        let body = if id == MEMORIES { memories(body)? } else { body.to_vec() };
        out.push(id);
        write(body.len() as u64, &mut out);
        out.extend(body);
        rest = after;
    }
    Ok(out)
}

fn memories(body: &[u8]) -> Result<Vec<u8>> {
    let (count, mut rest) = number(body)?;
    let mut out = Vec::new();
    write(count, &mut out);
    for _ in 0..count {
        let (flags, after) = number(rest)?;
        if flags > 1 {
            bail!("the core module has a memory that is shared or of 64 bits");
        }
        let (min, mut after) = number(after)?;
        let mut max = PAGES;
        if flags == 1 {
            let given;
            (given, after) = number(after)?;
            max = max.min(given);
        }
        if min > max {
            bail!("the core module begins with more memory than it may have");
        }
        rest = after;
        write(1, &mut out);
        write(min, &mut out);
        write(max, &mut out);
    }
    Ok(out)
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
    fn what_is_no_module_is_an_error() {
        assert!(bounded(b"\0asm").is_err());
        assert!(bounded(&module(&[&[5, 9, 1]])).is_err());
        assert!(bounded(&module(&[&[5, 3, 1, 4, 1]])).is_err());
        assert!(bounded(&module(&[&[5, 0x80]])).is_err());
    }
}
