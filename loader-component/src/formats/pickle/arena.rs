//! The values of a pickle. They name each other by number, so that what refers to itself is nothing special, and what is
//! dropped is dropped without recursion.
/// Most values of a pickle: more than any checkpoint has, in some 200 MB at most.
const MOST_VALUES: usize = 8 << 20;
/// Most places in containers.
const MOST_CELLS: usize = 16 << 20;
/// Values of a tuple that are told at once: one more than the dimensions of a tensor.
pub const MOST_OF_TUPLE: usize = 65;
const NIL: u32 = u32::MAX;

/// A value, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref(pub(super) u32);

impl Ref {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Values one after the other, to which more can be added: of a dictionary each key and then its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    first: u32,
    last: u32,
    len: u32,
}

impl Chain {
    pub(crate) const EMPTY: Self = Self { first: NIL, last: NIL, len: 0 };

    /// Values in it.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Bytes of a text in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// None.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer of more than 64 bits, as little-endian bytes.
    Wide(Span),
    /// An integer of more than 63 bits whose digits were not kept.
    Huge,
    /// A number with a point.
    Float(f64),
    /// A text, which is UTF-8.
    Text(Span),
    /// Bytes, or a text of Python 2 that is no UTF-8.
    Bytes(Span),
    /// A text or bytes that were too long to be kept.
    Unread,
    /// A tuple.
    Tuple(Chain),
    /// A list.
    List(Chain),
    /// A dictionary.
    Dict(Chain),
    /// A set.
    Set(Chain),
    /// What Python would import, by its number in [`Pickle::globals`](super::Pickle::globals).
    Global(u32),
    /// What Python would make, by its number.
    Object(u32),
    /// What the program keeps under this id.
    Persistent(Ref),
}

impl Value {
    /// What it is, for a sentence.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Wide(_) | Self::Huge => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Unread => "a very long text",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Set(_) => "a set",
            Self::Global(_) => "a global",
            Self::Object(_) => "an object",
            Self::Persistent(_) => "a persistent id",
        }
    }
}

/// What Python would make by a call, and what it would do to it afterwards. Nothing was called.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// What would be called.
    pub callee: Ref,
    /// With what: a tuple.
    pub arguments: Ref,
    /// Where in the file.
    pub at: u64,
    /// What is appended to it, or added.
    pub items: Chain,
    /// What is set in it: keys and values.
    pub pairs: Chain,
    /// The states that it is given; named arguments of a call are among them.
    pub states: Chain,
}

/// An object as it is kept: most are never added to.
#[derive(Clone, Copy, Debug)]
struct Kept {
    at: u64,
    callee: Ref,
    arguments: Ref,
    added: u32,
}

/// What was added to an object.
#[derive(Clone, Copy, Debug)]
struct Added {
    items: Chain,
    pairs: Chain,
    states: Chain,
}

impl Added {
    const NOTHING: Self = Self { items: Chain::EMPTY, pairs: Chain::EMPTY, states: Chain::EMPTY };
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    value: Ref,
    next: u32,
}

/// The values.
#[derive(Clone, Debug, Default)]
pub struct Arena {
    values: Vec<Value>,
    cells: Vec<Cell>,
    objects: Vec<Kept>,
    added: Vec<Added>,
    bytes: Vec<u8>,
}

/// There are too many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Which chain of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Items,
    Pairs,
    States,
}

impl Arena {
    /// Values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value; None for a number that was never given.
    #[must_use]
    pub fn get(&self, value: Ref) -> Value {
        self.values.get(value.0 as usize).copied().unwrap_or(Value::Null)
    }

    /// The object with this number.
    #[must_use]
    pub fn object(&self, number: u32) -> Option<Object> {
        let Kept { at, callee, arguments, added } = self.objects.get(number as usize).copied()?;
        let Added { items, pairs, states } = self.added.get(added as usize).copied().unwrap_or(Added::NOTHING);
        Some(Object { callee, arguments, at, items, pairs, states })
    }

    /// The object that this value is.
    #[must_use]
    pub fn as_object(&self, value: Ref) -> Option<Object> {
        if let Value::Object(number) = self.get(value) { self.object(number) } else { None }
    }

    /// The text that this value is.
    #[must_use]
    pub fn text(&self, value: Ref) -> Option<&str> {
        if let Value::Text(span) = self.get(value) { str::from_utf8(self.bytes(span)).ok() } else { None }
    }

    /// The bytes of a span.
    #[must_use]
    pub fn bytes(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.bytes.get(start..start.saturating_add(span.len as usize)).unwrap_or_default()
    }

    /// What is in a chain.
    pub fn chain(&self, mut chain: Chain) -> impl Iterator<Item = Ref> + '_ {
        std::iter::from_fn(move || self.pop_front(&mut chain))
    }

    /// Goes one value ahead in a chain, which is then the rest of it.
    pub fn pop_front(&self, chain: &mut Chain) -> Option<Ref> {
        let cell = self.cells.get(chain.first as usize).filter(|_| !chain.is_empty())?;
        (chain.first, chain.len) = (cell.next, chain.len.saturating_sub(1));
        Some(cell.value)
    }

    /// Places in all containers.
    #[must_use]
    pub fn places(&self) -> usize {
        self.cells.len()
    }

    /// The values of a tuple, the first [`MOST_OF_TUPLE`] of them; none where it is none. What they are for takes fewer,
    /// and one long tuple may be in many places.
    #[must_use]
    pub fn tuple(&self, value: Ref) -> Option<Vec<Ref>> {
        if let Value::Tuple(chain) = self.get(value) {
            Some(self.chain(chain).take(MOST_OF_TUPLE).collect())
        } else {
            None
        }
    }

    pub(super) fn push(&mut self, value: Value) -> Result<Ref, Full> {
        if self.values.len() >= MOST_VALUES {
            return Err(Full);
        }
        let number = u32::try_from(self.values.len()).map_err(|_| Full)?;
        self.values.push(value);
        Ok(Ref(number))
    }

    pub(super) fn push_object(&mut self, callee: Ref, arguments: Ref, at: u64) -> Result<Ref, Full> {
        let number = u32::try_from(self.objects.len()).map_err(|_| Full)?;
        let value = self.push(Value::Object(number))?;
        self.objects.push(Kept { at, callee, arguments, added: NIL });
        Ok(value)
    }

    pub(super) fn keep(&mut self, bytes: &[u8]) -> Result<Span, Full> {
        let start = u32::try_from(self.bytes.len()).map_err(|_| Full)?;
        let len = u32::try_from(bytes.len()).map_err(|_| Full)?;
        start.checked_add(len).ok_or(Full)?;
        self.bytes.extend_from_slice(bytes);
        Ok(Span { start, len })
    }

    /// A new chain of these.
    pub(super) fn link(&mut self, values: &[Ref]) -> Result<Chain, Full> {
        let mut chain = Chain::EMPTY;
        self.extend(&mut chain, values)?;
        Ok(chain)
    }

    fn extend(&mut self, chain: &mut Chain, values: &[Ref]) -> Result<(), Full> {
        if values.len() > MOST_CELLS.saturating_sub(self.cells.len()) {
            return Err(Full);
        }
        for value in values {
            let number = u32::try_from(self.cells.len()).map_err(|_| Full)?;
            self.cells.push(Cell { value: *value, next: NIL });
            match self.cells.get_mut(chain.last as usize) {
                Some(last) if !chain.is_empty() => last.next = number,
                _ => chain.first = number,
            }
            chain.last = number;
            chain.len = chain.len.saturating_add(1);
        }
        Ok(())
    }

    /// Adds values to a container; false where this value has no such part.
    pub(super) fn add(&mut self, to: Ref, part: Part, values: &[Ref]) -> Result<bool, Full> {
        if let Value::Object(number) = self.get(to) {
            return self.add_to_object(number, part, values).map(|()| true);
        }
        let mut chain = match (self.get(to), part) {
            (Value::List(chain) | Value::Set(chain), Part::Items) | (Value::Dict(chain), Part::Pairs) => chain,
            _ => return Ok(false),
        };
        self.extend(&mut chain, values)?;
        if let Some(Value::List(old) | Value::Set(old) | Value::Dict(old)) = self.values.get_mut(to.0 as usize) {
            *old = chain;
        }
        Ok(true)
    }

    fn add_to_object(&mut self, number: u32, part: Part, values: &[Ref]) -> Result<(), Full> {
        let fresh = u32::try_from(self.added.len()).map_err(|_| Full)?;
        let Some(object) = self.objects.get_mut(number as usize) else { return Ok(()) };
        if object.added == NIL {
            object.added = fresh;
            self.added.push(Added::NOTHING);
        }
        let place = object.added as usize;
        let mut added = self.added.get(place).copied().unwrap_or(Added::NOTHING);
        let chain = match part {
            Part::Items => &mut added.items,
            Part::Pairs => &mut added.pairs,
            Part::States => &mut added.states,
        };
        self.extend(chain, values)?;
        if let Some(kept) = self.added.get_mut(place) {
            *kept = added;
        }
        Ok(())
    }
}
