//! Pickles as their bytes: each opcode alone, out of place and as it should be.
use super::super::Limits;
use super::super::pickle::build::PickleBuilder;
use super::super::pickle::{Argument, OPCODES, Pickle, PickleReader, Value};
use super::super::turn::Turn;
use super::super::window::{Buffer, Window};
use super::{WINDOWS, slice};
use crate::types::{Cause, Error};

fn drive(file: &[u8], max_read: u32, stream: bool, limits: Limits) -> Result<Pickle, Error> {
    let size = file.len() as u64;
    let new = if stream { PickleReader::stream } else { PickleReader::within };
    let (mut reader, mut buffer) = (new("p", 0, size, limits), Buffer::new(size, max_read));
    loop {
        match reader.advance(&mut buffer)? {
            Turn::Done(pickle) => return Ok(pickle),
            Turn::Read { offset, len } => {
                assert!(len > 0 && len <= max_read && offset + u64::from(len) <= size, "{len} bytes from {offset}");
                buffer.accept(Some(Window { offset, bytes: slice(file, offset, len) })).unwrap();
            }
        }
    }
}

/// The verdict on a pickle, the same for all windows and for both ways of reading one.
fn read(file: &[u8]) -> Result<Pickle, Error> {
    let last = drive(file, 1 << 20, false, Limits::default());
    for (max_read, stream) in WINDOWS.iter().flat_map(|max| [(*max, false), (*max, true)]) {
        match (drive(file, max_read, stream, Limits::default()), &last) {
            (Ok(one), Ok(two)) => {
                assert_eq!((&one.globals, &one.opcodes, one.end), (&two.globals, &two.opcodes, two.end));
                assert_eq!((one.values.len(), one.protocol), (two.values.len(), two.protocol));
            }
            (Err(one), Err(two)) => assert_eq!(&one, two),
            (one, two) => panic!("{:?}, else {:?}", one.err(), two.as_ref().err()),
        }
    }
    if let Err(error) = &last {
        assert!(
            error.offset.is_some() && error.field.as_deref().is_some_and(|field| field.starts_with("p.")),
            "{error:?}"
        );
        assert!(error.message.chars().all(|c| !c.is_control()), "{error:?}");
    }
    last
}

#[track_caller]
fn refused(file: &[u8], field: &str) -> Error {
    let error = read(file).unwrap_err();
    assert_eq!(error.field.as_deref(), Some(field), "{error:?}");
    error
}

/// The value of a pickle of these opcodes, in the way of Python's `repr`.
fn shown(opcodes: &[u8]) -> String {
    let pickle = read(&[opcodes, b"."].concat()).unwrap();
    show(&pickle, pickle.values.get(pickle.root))
}

fn show(pickle: &Pickle, value: Value) -> String {
    let values = &pickle.values;
    let list = |chain| values.chain(chain).map(|value| show(pickle, values.get(value))).collect::<Vec<_>>().join(",");
    match value {
        Value::Null => "None".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Wide(span) => format!("{:x?}", values.bytes(span)),
        Value::Huge => "huge".into(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(span) => format!("'{}'", str::from_utf8(values.bytes(span)).unwrap()),
        Value::Bytes(span) => format!("b'{}'", values.bytes(span).escape_ascii()),
        Value::Unread => "...".into(),
        Value::Tuple(chain) => format!("({})", list(chain)),
        Value::List(chain) => format!("[{}]", list(chain)),
        Value::Dict(chain) => format!("{{{}}}", list(chain)),
        Value::Set(chain) => format!("set({})", list(chain)),
        Value::Global(number) => pickle.globals[number as usize].path(),
        Value::Persistent(id) => format!("id({})", show(pickle, values.get(id))),
        Value::Object(number) => {
            let object = values.object(number).unwrap();
            let [callee, arguments] = [object.callee, object.arguments].map(|part| show(pickle, values.get(part)));
            format!("{callee}{arguments}[{}]{{{}}}<{}>", list(object.items), list(object.pairs), list(object.states))
        }
    }
}

#[test]
fn every_opcode_does_what_python_does() {
    for (opcodes, value) in [
        (&b"N"[..], "None"),
        (b"\x88", "true"),
        (b"I00\n", "false"),
        (b"I01\n", "true"),
        (b"I-5\n", "-5"),
        (b"L99999999999999999999L\n", "huge"),
        (b"J\xff\xff\xff\xff", "-1"),
        (b"K\xff", "255"),
        (b"M\x01\x02", "513"),
        (b"\x8a\x00", "0"),
        (b"\x8a\x01\xff", "-1"),
        (b"\x8a\x02\xff\x00", "255"),
        (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01", "[0, 0, 0, 0, 0, 0, 0, 0, 1]"),
        (b"\x8b\x02\0\0\0\x00\x80", "-32768"),
        (b"F1.5\n", "1.5"),
        (b"G\x3f\xf8\0\0\0\0\0\0", "1.5"),
        (b"S'o\\x73'\n", "'os'"),
        (b"T\x02\0\0\0os", "'os'"),
        (b"U\x02\xff\xfe", "b'\\xff\\xfe'"),
        (b"V\\u006fs\n", "'os'"),
        (b"\x8c\x02os", "'os'"),
        (b"X\x02\0\0\0os", "'os'"),
        (b"\x8d\x02\0\0\0\0\0\0\0os", "'os'"),
        (b"C\x01x", "b'x'"),
        (b"B\x01\0\0\0x", "b'x'"),
        (b"\x8e\x01\0\0\0\0\0\0\0x", "b'x'"),
        (b"\x96\x01\0\0\0\0\0\0\0x", "b'x'"),
        (b"](K\x01K\x02eK\x03a", "[1,2,3]"),
        (b"(K\x01l", "[1]"),
        (b"}(K\x01K\x02uK\x03K\x04s", "{1,2,3,4}"),
        (b"(K\x01K\x02d", "{1,2}"),
        (b")", "()"),
        (b"(K\x01t", "(1)"),
        (b"K\x01K\x02K\x03\x87", "(1,2,3)"),
        (b"K\x01K\x02\x86\x85", "((1,2))"),
        (b"\x8f(K\x01\x90", "set(1)"),
        (b"(K\x01\x91", "set(1)"),
        (b"K\x01K\x020", "1"),
        (b"K\x01(0", "1"),
        (b"K\x01(K\x02K\x031", "1"),
        (b"K\x012\x86", "(1,1)"),
        (b"K\x01p9\n0g9\n", "1"),
        (b"K\x01q\x000h\x00", "1"),
        (b"K\x01r\xff\xff\xff\xff0j\xff\xff\xff\xff", "1"),
        (b"K\x01\x94K\x02\x9400h\x01", "2"),
        (b"ca\nb\n", "a.b"),
        (b"\x8c\x01a\x8c\x03b.c\x93", "a.b.c"),
        (b"\x82\x07", "extension 7"),
        (b"\x83\x07\x01", "extension 263"),
        (b"\x84\x07\0\0\0", "extension 7"),
        (b"ca\nb\nK\x01\x85R", "a.b(1)[]{}<>"),
        (b"ca\nb\n)\x81}b", "a.b()[]{}<{}>"),
        (b"ca\nb\n)}\x92", "a.b()[]{}<>"),
        (b"ca\nb\n)}(K\x01K\x02u\x92", "a.b()[]{}<{1,2}>"),
        (b"(ca\nb\nK\x01o", "a.b(1)[]{}<>"),
        (b"(K\x01ia\nb\n", "a.b(1)[]{}<>"),
        (b"ca\nb\n)R)RK\x01aK\x02K\x03s", "a.b()[]{}<>()[1]{2,3}<>"),
        (b"Pkey\n", "id('key')"),
        (b"K\x01Q", "id(1)"),
        (b"\x80\x05\x95\x02\0\0\0\0\0\0\0N", "None"),
    ] {
        assert_eq!(shown(opcodes), value, "{}", opcodes.escape_ascii());
    }
}

#[test]
fn each_opcode_alone_and_out_of_place() {
    let fill = [0x01, 0, 0, 0, 0, 0, 0, 0, b'\n', b'\n', b'.'];
    for opcode in OPCODES {
        // Alone; with nothing on the stack; with a mark and nothing above it; with numbers where others are wanted.
        assert!(read(&[opcode.code]).is_err(), "{}", opcode.name);
        for before in [&b""[..], b"(", b"K\x01K\x01K\x01", b"K\x01(K\x01", b"(K\x01", b"ca\nb\n(", b"]]]", b"))"] {
            let file = [before, &[opcode.code], &fill].concat();
            match read(&file) {
                Ok(pickle) => assert!(pickle.end <= file.len() as u64),
                Err(error) => assert!(error.offset.is_some_and(|at| at <= file.len() as u64), "{error:?}"),
            }
        }
        if opcode.takes > 0 || opcode.to_mark {
            let error = refused(&[&[opcode.code][..], &fill].concat(), &format!("p.{}", opcode.name));
            assert_eq!((error.cause, error.offset), (Cause::Malformed, Some(0)), "{}", opcode.name);
        }
    }
    let unknown: Vec<u8> = (0..=255).filter(|code| OPCODES.iter().all(|row| row.code != *code)).collect();
    assert_eq!(unknown.len(), 256 - 68);
    unknown.into_iter().for_each(|code| _ = refused(&[code], "p.opcode"));
}

#[test]
fn lengths_that_are_lies() {
    for (file, field) in [
        (&b"X\xff\xff\xff\xffos."[..], "p.BINUNICODE"),
        (b"T\xff\xff\xff\xffos.", "p.BINSTRING"),
        (b"\x8b\xff\xff\xff\xff.", "p.LONG4"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffos.", "p.BINUNICODE8"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fos.", "p.BINBYTES8"),
        (b"\x96\0\0\0\0\0\0\0\x80.", "p.BYTEARRAY8"),
        (b"\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", "p.FRAME"),
        (b"\x95\x03\0\0\0\0\0\0\0N.", "p.FRAME"),
        (b"U\x09os.", "p.SHORT_BINSTRING"),
        (b"\x80\x06.", "p.PROTO"),
        (b"I1.5\n.", "p.INT"),
        (b"L\n.", "p.LONG"),
        (b"Fx\n.", "p.FLOAT"),
        (b"Sos\n.", "p.STRING"),
        (b"V\\ud800\n.", "p.UNICODE"),
        (b"X\x01\0\0\0\xff.", "p.BINUNICODE"),
        (b"Np-1\n.", "p.PUT"),
        (b"Np4294967296\n.", "p.PUT"),
        (b"h\x07.", "p.BINGET"),
        (b"g7\n.", "p.GET"),
        (b"NN", "p.opcode"),
        (b"Vos", "p.UNICODE"),
        (b"cos\nsystem", "p.GLOBAL"),
        (b"N", "p.opcode"),
        (b"", "p.opcode"),
    ] {
        refused(file, field);
    }
    let long = [b"V", vec![b'x'; 70_000].as_slice(), b"\n."].concat();
    assert_eq!(refused(&long, "p.UNICODE").cause, Cause::LimitExceeded);
}

#[test]
fn what_is_long_is_passed_over_unread() {
    let long = [&b"B"[..], &1_000_000u32.to_le_bytes(), &[1; 1_000_000], b"."].concat();
    assert_eq!(shown(&long[..long.len() - 1]), "...");
    let tight = Limits { header_bytes: 100, ..Limits::default() };
    assert!(drive(&long, 1 << 20, false, tight).is_ok());
    let many = [b"N0".repeat(100).as_slice(), b"N."].concat();
    assert_eq!(drive(&many, 1 << 20, false, tight).unwrap_err().cause, Cause::LimitExceeded);
}

#[test]
fn values_of_the_wrong_kind() {
    for (file, field) in [
        (&b"K\x01K\x02a."[..], "p.APPEND"),
        (b"}K\x02a.", "p.APPEND"),
        (b"]K\x01K\x02s.", "p.SETITEM"),
        (b"ca\nb\nK\x01K\x02s.", "p.SETITEM"),
        (b"}(K\x01u.", "p.SETITEMS"),
        (b"(K\x01d.", "p.DICT"),
        (b"](K\x01\x90.", "p.ADDITEMS"),
        (b"\x8fK\x01a.", "p.APPEND"),
        (b"K\x01)R.", "p.REDUCE"),
        (b"ca\nb\nK\x01R.", "p.REDUCE"),
        (b"ca\nb\n]R.", "p.REDUCE"),
        (b"K\x01)\x81.", "p.NEWOBJ"),
        (b"ca\nb\n)K\x01\x92.", "p.NEWOBJ_EX"),
        (b"(o.", "p.OBJ"),
        (b"(K\x01o.", "p.OBJ"),
        (b"K\x01K\x02\x93.", "p.STACK_GLOBAL"),
        (b"\x8c\x01aC\x01b\x93.", "p.STACK_GLOBAL"),
        (b"\x8c\x01aca\nb\n)R\x93.", "p.STACK_GLOBAL"),
        (b"\x8c\x03a\nb\x8c\x01c\x93.", "p.STACK_GLOBAL"),
        (b"c\n\n.", "p.GLOBAL"),
        (b"c\xff\nx\n.", "p.GLOBAL"),
        (b"(i\nx\n.", "p.INST"),
        (b"\x82\0.", "p.EXT1"),
        (b"\x84\xff\xff\xff\xff.", "p.EXT4"),
        (b"]}b.", "p.BUILD"),
        (b"ca\nb\n}b.", "p.BUILD"),
        (b"\x97.", "p.NEXT_BUFFER"),
        (b"N(.", "p.STOP"),
    ] {
        refused(file, field);
    }
    assert!(refused(b"cos\nsystem\n}b.", "p.BUILD").message.contains("os.system"));
}

/// How published attacks hide a name or a call from whoever looks for it, as data. Here each is a global with its byte, or
/// an error.
#[test]
fn published_bypasses_of_scanners_are_seen() {
    let system = |pickle: &[u8]| {
        let pickle = read(pickle).unwrap();
        let names: Vec<String> = pickle.globals.iter().map(|global| global.path()).collect();
        (names, pickle.opcodes.iter().map(|used| (used.opcode, used.count)).collect::<Vec<_>>())
    };
    let cases: &[(&str, &[u8], &[&str])] = &[
        ("GLOBAL", b"cos\nsystem\n(S'id'\ntR.", &["os.system"]),
        ("INST", b"(S'id'\nios\nsystem\n.", &["os.system"]),
        ("OBJ", b"(cos\nsystem\nS'id'\no.", &["os.system"]),
        ("STACK_GLOBAL of escaped text", b"V\\u006fs\nVsyst\\u0065m\n\x93.", &["os.system"]),
        ("STACK_GLOBAL of old text", b"U\x02osS'\\x73ystem'\n\x93.", &["os.system"]),
        ("STACK_GLOBAL through the memo", b"\x8c\x06systemq\x010\x8c\x02osh\x01\x93.", &["os.system"]),
        ("STACK_GLOBAL of doubled and dropped values", b"\x8c\x02os2\x8c\x06systemN0\x93.", &["os.system"]),
        ("STACK_GLOBAL with a mark between", b"\x8c\x02os(\x8c\x01x1\x8c\x06system\x93.", &["os.system"]),
        ("MEMOIZE counts PUTs", b"\x8c\x02osq\x05\x94\x8c\x06system\x94h\x01h\x02\x93.", &["os.system"]),
        ("a dotted name", b"\x80\x04\x8c\x08builtins\x8c\x0deval.__call__\x93.", &["builtins.eval.__call__"]),
        ("a module that scanners have not on their list", b"cpip\nmain\n(]tR.", &["pip.main"]),
        (
            "a submodule",
            b"casyncio.unix_events\n_UnixSubprocessTransport._start\n(tR.",
            &["asyncio.unix_events._UnixSubprocessTransport._start"],
        ),
        (
            "a call of what a call made",
            b"coperator\nattrgetter\n(S'system'\ntR(cos\nopen\ntR.",
            &["operator.attrgetter", "os.open"],
        ),
        (
            "BUILD of a made object",
            b"ctypes\nSimpleNamespace\n)\x81}(S'__setstate__'\ncos\nsystem\nub.",
            &["types.SimpleNamespace", "os.system"],
        ),
        ("a name that Python 2 had", b"c__builtin__\neval\n(S'1'\ntR.", &["__builtin__.eval"]),
        ("a call whose result is dropped", b"cos\nsystem\n(S'id'\ntR0}.", &["os.system"]),
        ("a call under the value", b"cos\nsystem\n(S'id'\ntR}.", &["os.system"]),
        ("the registry of extensions", b"\x82\x01)R.", &["extension 1"]),
    ];
    for (what, pickle, names) in cases {
        assert_eq!(system(pickle).0, *names, "{what}");
    }
    assert_eq!(system(b"cos\nsystem\n(S'id'\ntR0}.").1, [("REDUCE", 1), ("GLOBAL", 1)]);
    // What runs before the pickle breaks off has run: scanners that give up at an error have seen nothing.
    let broken = refused(b"cos\nsystem\n(S'id'\ntRX\xff\xff\xff\xff", "p.BINUNICODE");
    assert_eq!(broken.offset, Some(20));
    // A second pickle behind the first is read by nobody.
    assert_eq!(read(b"N.cos\nsystem\n)R.").unwrap().end, 2);
}

#[test]
fn names_are_listed_once_with_their_first_byte() {
    let pickle =
        read(&PickleBuilder::new(2).global("os", "system").raw(b")R0").global("os", "system").raw(b")R").stop())
            .unwrap();
    assert_eq!(pickle.globals.len(), 1);
    assert_eq!((pickle.globals[0].at, pickle.globals[0].calls), (2, 2));
    assert_eq!((pickle.protocol, pickle.unknown_to_weights_only), (2, Some((15, "POP"))));
}

#[test]
fn every_prefix_and_every_flipped_bit() {
    let whole = [
        &b"\x80\x04\x95\x30\0\0\0\0\0\0\0"[..],
        b"ca\nb\n)\x81}(\x8c\x01k\x94](K\x01M\x02\x03eVx\n\x8a\x01\xfeud\x85}Qq\x010h\x01",
        b".",
    ]
    .concat();
    let whole = [whole.as_slice(), &[b' '; 40]].concat();
    for len in 0..whole.len() {
        _ = drive(&whole[..len], 1 << 20, false, Limits::default());
    }
    let mut file = whole.clone();
    for bit in 0..whole.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        for max in [3, 1 << 20] {
            if let Err(error) = drive(&file, max, true, Limits::default()) {
                assert!(error.offset.is_some_and(|at| at <= whole.len() as u64), "{error:?}");
            }
        }
        file[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Programs of random opcodes with operands that fit, from a seed that is in every failure: no panic, one verdict.
#[test]
fn random_programs() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let values: [&[u8]; 12] =
        [b"N", b"K\x01", b"]", b"}", b")", b"(", b"\x8f", b"ca\nb\n", b"\x8c\x02os", b"ca\nb\n)R", b"h\x00", b"q\x00"];
    let mut whole = 0;
    for round in 0..4_000 {
        let mut program = b"Nq\x00".to_vec();
        for _ in 0..random(40) {
            if random(3) > 0 {
                program.extend(values[random(values.len())]);
                continue;
            }
            let opcode = &OPCODES[random(OPCODES.len())];
            program.push(opcode.code);
            match opcode.argument {
                Argument::Nothing => {}
                Argument::Unsigned(width) | Argument::Counted(width) => {
                    program.push(random(3) as u8);
                    program.extend(vec![0; usize::from(width) - 1]);
                }
                Argument::Signed | Argument::CountedSigned => program.extend([1, 0, 0, 0]),
                Argument::Double => program.extend([0; 8]),
                Argument::Line => program.extend(b"'1'\n"),
                Argument::Lines => program.extend(b"m\nn\n"),
            }
        }
        program.push(b'.');
        let one = drive(&program, 1 << 20, false, Limits::default());
        let two = drive(&program, 5, true, Limits::default());
        assert_eq!(one.as_ref().err(), two.as_ref().err(), "round {round}: {}", program.escape_ascii());
        whole += usize::from(one.is_ok());
    }
    assert!(whole > 100, "{whole} programs ended");
}
