//! The opcodes, as CPython's `pickletools` has them (3.14): what each reads from the file, what it takes from the stack and
//! what it does. All that the machine knows of an opcode is its row.

/// What follows an opcode in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    Nothing,
    /// An unsigned number of so many bytes.
    Unsigned(u8),
    /// A signed number of four bytes.
    Signed,
    /// An IEEE double, the high byte first.
    Double,
    /// A count of so many bytes, and as many bytes.
    Counted(u8),
    /// The same with a count that is signed, of four bytes.
    CountedSigned,
    /// Text up to a newline.
    Line,
    /// Two of those.
    Lines,
}

/// What an opcode does with what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says which protocol follows.
    Proto,
    /// Says how long the next part is.
    Frame,
    /// Ends the pickle: what is on top is its value.
    Stop,
    /// Marks the stack.
    Mark,
    /// Drops the top, a mark too.
    Pop,
    /// Drops everything down to the mark.
    PopMark,
    /// Doubles the top.
    Dup,
    /// Remembers the top under a number.
    Put,
    /// Remembers the top under the next number.
    Memoize,
    /// Pushes what was remembered.
    Get,
    /// Pushes None.
    Null,
    /// Pushes a truth value.
    Truth(bool),
    /// Pushes an integer.
    Int,
    /// Pushes an integer given as decimal digits.
    Decimal,
    /// Pushes an integer given as little-endian bytes.
    Long,
    /// Pushes a number with a point.
    Float,
    /// Pushes a text in UTF-8.
    Text,
    /// Pushes a text with `\u` escapes.
    Escaped,
    /// Pushes a text of Python 2.
    OldText,
    /// Pushes a text of Python 2 in quotes.
    Quoted,
    /// Pushes bytes.
    Bytes,
    /// Pushes a buffer that lies outside of the file.
    Buffer,
    /// Pushes a new list.
    EmptyList,
    /// Pushes a new tuple.
    EmptyTuple,
    /// Pushes a new dictionary.
    EmptyDict,
    /// Pushes a new set.
    EmptySet,
    /// Puts what is above the mark into a tuple.
    Tuple,
    /// Puts so many values into a tuple.
    TupleOf(u8),
    /// Puts what is above the mark into a list.
    List,
    /// Puts what is above the mark into a dictionary.
    Dict,
    /// Puts what is above the mark into a set.
    FrozenSet,
    /// Adds the top to the list below.
    Append,
    /// Adds what is above the mark to the list below.
    Appends,
    /// Adds a key and a value to the dictionary below.
    SetItem,
    /// Adds what is above the mark to the dictionary below.
    SetItems,
    /// Adds what is above the mark to the set below.
    AddItems,
    /// Pushes what Python would import.
    Global,
    /// The same by two texts on the stack.
    StackGlobal,
    /// The same by a number of a registry that only the running program has.
    Extension,
    /// Calls what is below with the arguments on top.
    Reduce,
    /// Makes an object of a class.
    NewObj,
    /// Makes an object of a class, with named arguments.
    NewObjEx,
    /// Makes an object of the class above the mark.
    Obj,
    /// Makes an object of a class that is named here.
    Inst,
    /// Gives the object below its state.
    Build,
    /// Pushes what the program keeps under an id.
    PersId,
    /// The same with the id on the stack.
    BinPersId,
}

/// One opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opcode {
    /// Its byte.
    pub code: u8,
    /// Its name in `pickletools`.
    pub name: &'static str,
    /// What follows it.
    pub argument: Argument,
    /// Values that it takes, or looks at, from above the last mark; of one that takes all of those, from below the mark.
    pub takes: u8,
    /// Whether there must be a mark down to which it takes everything.
    pub to_mark: bool,
    /// What it does.
    pub act: Act,
    /// Whether the unpickler of `torch.load(weights_only=True)` knows it (PyTorch 2.9).
    pub weights_only: bool,
}

impl Opcode {
    /// Whether it names something that Python would import, has it called, or changes what came of it.
    #[must_use]
    pub const fn matters(&self) -> bool {
        use Act::{Build, Extension, Global, Inst, NewObj, NewObjEx, Obj, Reduce, StackGlobal};
        matches!(self.act, Global | StackGlobal | Extension | Reduce | NewObj | NewObjEx | Obj | Inst | Build)
    }
}

const fn op(code: u8, name: &'static str, argument: Argument, takes: u8, act: Act) -> Opcode {
    Opcode { code, name, argument, takes, to_mark: false, act, weights_only: false }
}

const fn marked(code: u8, name: &'static str, argument: Argument, takes: u8, act: Act) -> Opcode {
    Opcode { to_mark: true, ..op(code, name, argument, takes, act) }
}

/// One that `weights_only` knows too.
const fn known(opcode: Opcode) -> Opcode {
    Opcode { weights_only: true, ..opcode }
}

use Argument::{Counted, CountedSigned, Double, Line, Lines, Nothing, Signed, Unsigned};

/// Every opcode.
pub static OPCODES: &[Opcode] = &[
    // the stream
    known(op(0x80, "PROTO", Unsigned(1), 0, Act::Proto)),
    op(0x95, "FRAME", Unsigned(8), 0, Act::Frame),
    known(op(b'.', "STOP", Nothing, 1, Act::Stop)),
    // the stack
    known(op(b'(', "MARK", Nothing, 0, Act::Mark)),
    op(b'0', "POP", Nothing, 0, Act::Pop),
    marked(b'1', "POP_MARK", Nothing, 0, Act::PopMark),
    op(b'2', "DUP", Nothing, 1, Act::Dup),
    // the memo
    op(b'p', "PUT", Line, 1, Act::Put),
    known(op(b'q', "BINPUT", Unsigned(1), 1, Act::Put)),
    known(op(b'r', "LONG_BINPUT", Unsigned(4), 1, Act::Put)),
    op(0x94, "MEMOIZE", Nothing, 1, Act::Memoize),
    op(b'g', "GET", Line, 0, Act::Get),
    known(op(b'h', "BINGET", Unsigned(1), 0, Act::Get)),
    known(op(b'j', "LONG_BINGET", Unsigned(4), 0, Act::Get)),
    // numbers and the like
    known(op(b'N', "NONE", Nothing, 0, Act::Null)),
    known(op(0x88, "NEWTRUE", Nothing, 0, Act::Truth(true))),
    known(op(0x89, "NEWFALSE", Nothing, 0, Act::Truth(false))),
    op(b'I', "INT", Line, 0, Act::Decimal),
    known(op(b'J', "BININT", Signed, 0, Act::Int)),
    known(op(b'K', "BININT1", Unsigned(1), 0, Act::Int)),
    known(op(b'M', "BININT2", Unsigned(2), 0, Act::Int)),
    op(b'L', "LONG", Line, 0, Act::Decimal),
    known(op(0x8a, "LONG1", Counted(1), 0, Act::Long)),
    op(0x8b, "LONG4", CountedSigned, 0, Act::Long),
    op(b'F', "FLOAT", Line, 0, Act::Float),
    known(op(b'G', "BINFLOAT", Double, 0, Act::Float)),
    // texts and bytes
    op(b'S', "STRING", Line, 0, Act::Quoted),
    op(b'T', "BINSTRING", CountedSigned, 0, Act::OldText),
    known(op(b'U', "SHORT_BINSTRING", Counted(1), 0, Act::OldText)),
    op(b'V', "UNICODE", Line, 0, Act::Escaped),
    op(0x8c, "SHORT_BINUNICODE", Counted(1), 0, Act::Text),
    known(op(b'X', "BINUNICODE", Counted(4), 0, Act::Text)),
    op(0x8d, "BINUNICODE8", Counted(8), 0, Act::Text),
    op(b'C', "SHORT_BINBYTES", Counted(1), 0, Act::Bytes),
    op(b'B', "BINBYTES", Counted(4), 0, Act::Bytes),
    op(0x8e, "BINBYTES8", Counted(8), 0, Act::Bytes),
    op(0x96, "BYTEARRAY8", Counted(8), 0, Act::Bytes),
    op(0x97, "NEXT_BUFFER", Nothing, 0, Act::Buffer),
    op(0x98, "READONLY_BUFFER", Nothing, 1, Act::Buffer),
    // containers
    known(op(b']', "EMPTY_LIST", Nothing, 0, Act::EmptyList)),
    known(op(b'a', "APPEND", Nothing, 2, Act::Append)),
    known(marked(b'e', "APPENDS", Nothing, 1, Act::Appends)),
    marked(b'l', "LIST", Nothing, 0, Act::List),
    known(op(b')', "EMPTY_TUPLE", Nothing, 0, Act::EmptyTuple)),
    known(marked(b't', "TUPLE", Nothing, 0, Act::Tuple)),
    known(op(0x85, "TUPLE1", Nothing, 1, Act::TupleOf(1))),
    known(op(0x86, "TUPLE2", Nothing, 2, Act::TupleOf(2))),
    known(op(0x87, "TUPLE3", Nothing, 3, Act::TupleOf(3))),
    known(op(b'}', "EMPTY_DICT", Nothing, 0, Act::EmptyDict)),
    marked(b'd', "DICT", Nothing, 0, Act::Dict),
    known(op(b's', "SETITEM", Nothing, 3, Act::SetItem)),
    known(marked(b'u', "SETITEMS", Nothing, 1, Act::SetItems)),
    known(op(0x8f, "EMPTY_SET", Nothing, 0, Act::EmptySet)),
    marked(0x90, "ADDITEMS", Nothing, 1, Act::AddItems),
    marked(0x91, "FROZENSET", Nothing, 0, Act::FrozenSet),
    // what Python would import, call and change
    known(op(b'c', "GLOBAL", Lines, 0, Act::Global)),
    op(0x93, "STACK_GLOBAL", Nothing, 2, Act::StackGlobal),
    op(0x82, "EXT1", Unsigned(1), 0, Act::Extension),
    op(0x83, "EXT2", Unsigned(2), 0, Act::Extension),
    op(0x84, "EXT4", Signed, 0, Act::Extension),
    known(op(b'R', "REDUCE", Nothing, 2, Act::Reduce)),
    known(op(0x81, "NEWOBJ", Nothing, 2, Act::NewObj)),
    op(0x92, "NEWOBJ_EX", Nothing, 3, Act::NewObjEx),
    marked(b'o', "OBJ", Nothing, 0, Act::Obj),
    marked(b'i', "INST", Lines, 0, Act::Inst),
    known(op(b'b', "BUILD", Nothing, 2, Act::Build)),
    // what the program keeps
    op(b'P', "PERSID", Line, 0, Act::PersId),
    known(op(b'Q', "BINPERSID", Nothing, 1, Act::BinPersId)),
];

const NONE: u8 = u8::MAX;

/// The row of each byte.
static ROWS: [u8; 256] = {
    let mut rows = [NONE; 256];
    let mut at = 0;
    while at < OPCODES.len() {
        rows[OPCODES[at].code as usize] = at as u8;
        at += 1;
    }
    rows
};

/// The opcode of this byte.
pub(super) fn opcode(code: u8) -> Option<&'static Opcode> {
    let row = ROWS.get(usize::from(code)).copied().filter(|row| *row != NONE)?;
    OPCODES.get(usize::from(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opcode_is_there_once() {
        assert_eq!(OPCODES.len(), 68);
        assert!(OPCODES.iter().all(|row| opcode(row.code) == Some(row)));
        assert_eq!((0..=255).filter(|code| opcode(*code).is_some()).count(), 68);
        assert_eq!(OPCODES.iter().filter(|row| row.matters()).count(), 11);
        // What `_weights_only_unpickler.py` imports from `pickle`.
        let known = "APPEND APPENDS BINFLOAT BINGET BININT BININT1 BININT2 BINPERSID BINPUT BINUNICODE BUILD EMPTY_DICT \
                     EMPTY_LIST EMPTY_SET EMPTY_TUPLE GLOBAL LONG1 LONG_BINGET LONG_BINPUT MARK NEWFALSE NEWOBJ NEWTRUE NONE \
                     PROTO REDUCE SETITEM SETITEMS SHORT_BINSTRING STOP TUPLE TUPLE1 TUPLE2 TUPLE3";
        let mut names: Vec<_> = OPCODES.iter().filter(|row| row.weights_only).map(|row| row.name).collect();
        names.sort_unstable();
        assert!(known.split_whitespace().eq(names));
    }
}
