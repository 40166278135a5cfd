//! The header's text: a Python dict of three keys. This reads that and nothing else of Python: no value is inside another
//! but the numbers of the shape, so there is nothing to recurse into.
use super::super::escape::{escape, escape_bytes};
use super::super::fault::fault;
use crate::types::{Cause, Error};

/// Most dimensions of an array, as in numpy.
const MOST_DIMENSIONS: usize = 64;

/// A value, and where in the file it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<T> {
    pub(super) at: u64,
    pub(super) value: T,
}

/// What the dict says.
#[derive(Debug)]
pub(super) struct Description<'h> {
    /// `descr`: the type string.
    pub(super) descr: Placed<&'h str>,
    /// `fortran_order`.
    pub(super) fortran_order: Placed<bool>,
    /// `shape`: the dimensions, each with its place, and where they begin.
    pub(super) shape: Placed<Vec<Placed<u64>>>,
}

/// Reads a dict that begins at `base` of the file and is followed by blanks alone.
pub(super) fn read(header: &[u8], base: u64) -> Result<Description<'_>, Error> {
    let mut text = Text { bytes: header, used: 0, base };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    text.expect(b'{', "header")?;
    while !text.next_is(b'}') {
        let key_at = text.at();
        let key = text.string("header")?;
        text.expect(b':', "header")?;
        text.blanks();
        let twice = match key {
            "descr" => descr.replace(text.descr()?).is_some(),
            "fortran_order" => fortran_order.replace(text.boolean()?).is_some(),
            "shape" => shape.replace(text.shape()?).is_some(),
            other => {
                let message = format!("\"{}\" is no key of an NPY header.", escape(other));
                return Err(fault(Cause::Malformed, key_at, "header", message));
            }
        };
        if twice {
            let message = format!("\"{key}\" is given twice.");
            return Err(fault(Cause::Malformed, key_at, format!("header.{key}"), message));
        }
        if !text.next_is(b',') {
            if text.next_is(b'}') {
                break;
            }
            return Err(text.unexpected("header", "a comma or }"));
        }
    }
    text.blanks();
    if text.used < header.len() {
        return Err(text.unexpected("header", "blanks alone"));
    }
    let missing =
        |key: &str| fault(Cause::Malformed, base, format!("header.{key}"), format!("The header has no \"{key}\"."));
    Ok(Description {
        descr: descr.ok_or_else(|| missing("descr"))?,
        fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
        shape: shape.ok_or_else(|| missing("shape"))?,
    })
}

/// The text, as far as it has been read.
struct Text<'h> {
    bytes: &'h [u8],
    used: usize,
    base: u64,
}

impl<'h> Text<'h> {
    fn at(&self) -> u64 {
        self.base.saturating_add(self.used as u64)
    }

    fn rest(&self) -> &'h [u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    fn go(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes).min(self.bytes.len());
    }

    fn blanks(&mut self) {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.go(self.rest().iter().take_while(blank).count());
    }

    /// Passes over blanks and this byte, where it comes next.
    fn next_is(&mut self, byte: u8) -> bool {
        self.blanks();
        let next = self.rest().first() == Some(&byte);
        self.go(usize::from(next));
        next
    }

    fn expect(&mut self, byte: u8, field: &str) -> Result<(), Error> {
        if self.next_is(byte) { Ok(()) } else { Err(self.unexpected(field, &char::from(byte).to_string())) }
    }

    fn unexpected(&self, field: &str, wanted: &str) -> Error {
        let message = match self.rest() {
            [] => format!("The header ends where {wanted} must be."),
            rest => {
                let found = escape_bytes(rest.get(..8).unwrap_or(rest));
                format!("The header has \"{found}\" where {wanted} must be.")
            }
        };
        fault(Cause::Malformed, self.at(), field, message)
    }

    /// A string of printable ASCII without escapes, in either kind of quotes.
    fn string(&mut self, field: &str) -> Result<&'h str, Error> {
        self.blanks();
        let inside = self.rest().split_first().filter(|(quote, _)| matches!(quote, b'\'' | b'"'));
        let text = inside.and_then(|(quote, rest)| {
            let plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
            let end = rest.iter().position(|byte| byte == quote || !plain(byte))?;
            str::from_utf8(rest.get(..end).filter(|_| rest.get(end) == Some(quote))?).ok()
        });
        let text = text.ok_or_else(|| self.unexpected(field, "a string of ASCII without escapes"))?;
        self.go(text.len().saturating_add(2));
        Ok(text)
    }

    fn descr(&mut self) -> Result<Placed<&'h str>, Error> {
        let (at, field) = (self.at(), "header.descr");
        if matches!(self.rest().first(), Some(b'[' | b'(')) {
            let message = "The array is of a structured dtype, whose elements are records of several fields; only plain numbers \
                           are read. Save each field as an array of its own.";
            return Err(fault(Cause::UnsupportedDtype, at, field, message).at_tensor(0));
        }
        Ok(Placed { at, value: self.string(field)? })
    }

    fn boolean(&mut self) -> Result<Placed<bool>, Error> {
        let at = self.at();
        for (word, value) in [(&b"False"[..], false), (b"True", true)] {
            if self.rest().starts_with(word) {
                self.go(word.len());
                return Ok(Placed { at, value });
            }
        }
        Err(self.unexpected("header.fortran_order", "True or False"))
    }

    fn shape(&mut self) -> Result<Placed<Vec<Placed<u64>>>, Error> {
        let (at, mut dimensions, mut comma) = (self.at(), Vec::new(), false);
        self.expect(b'(', "header.shape")?;
        while !self.next_is(b')') {
            let number = dimensions.len();
            if number >= MOST_DIMENSIONS {
                let message = format!("The array has more than {MOST_DIMENSIONS} dimensions.");
                return Err(fault(Cause::Malformed, self.at(), "header.shape", message).at_tensor(0));
            }
            let dimension = Placed { at: self.at(), value: self.dimension(number)? };
            dimensions.push(dimension);
            comma = self.next_is(b',');
            if !comma {
                self.expect(b')', "header.shape")?;
                break;
            }
        }
        if let ([only], false) = (&dimensions[..], comma) {
            let message = format!("The shape is ({0}), a number; one dimension is written ({0},).", only.value);
            return Err(fault(Cause::Malformed, at, "header.shape", message).at_tensor(0));
        }
        Ok(Placed { at, value: dimensions })
    }

    /// A number as Python writes it; Python 2 could put an L behind it.
    fn dimension(&mut self, number: usize) -> Result<u64, Error> {
        let field = format!("header.shape[{number}]");
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = rest.get(..digits).and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default();
        let value = text.parse().ok().filter(|_| text == "0" || !text.starts_with('0'));
        let value =
            value.ok_or_else(|| self.unexpected(&field, "a number from 0 to 18446744073709551615").at_tensor(0))?;
        self.go(digits.saturating_add(usize::from(rest.get(digits) == Some(&b'L'))));
        Ok(value)
    }
}
