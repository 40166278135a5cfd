//! How scanners of pickles were passed, as data: names that are not on their lists, and archives that hide what is in them.
//! picklescan: CVE-2025-1716, 1889, 1944, 1945, 46417, 10155, 10156, 10157 and the advisories of 2025; fickling: CVE-2026-22608
//! and those before it; `weights_only`: CVE-2025-32434.
use super::super::super::pytorch::WeightsOnly;
use super::*;
use crate::formats::zip::build::ZipBuilder;

/// What was called past a scanner: each is in the standard library or in a package that comes with PyTorch.
const NAMES: [(&str, &str); 48] = [
    ("pip", "main"),
    ("pip._internal.cli.main", "main"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    ("ssl", "get_server_certificate"),
    ("pydoc", "locate"),
    ("pydoc", "pipepager"),
    ("ctypes", "CDLL"),
    ("ctypes.util", "find_library"),
    ("cProfile", "runctx"),
    ("profile", "Profile.run"),
    ("runpy", "run_path"),
    ("timeit", "timeit"),
    ("idlelib.pyshell", "ModifiedInterpreter.runcommand"),
    ("idlelib.run", "Executive.runcode"),
    ("torch.utils.bottleneck.__main__", "run_cprofile"),
    ("torch.utils.collect_env", "run"),
    ("torch.utils.data.datapipes.utils.decoder", "basichandlers"),
    ("torch._dynamo.guards", "GuardBuilder.get"),
    ("torch.jit.unsupported_tensor_ops", "execWrapper"),
    ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression"),
    ("torch._inductor.codecache", "compile_file"),
    ("torch.serialization", "load"),
    ("numpy.testing._private.utils", "runstring"),
    ("numpy.f2py.crackfortran", "getlincoef"),
    ("numpy", "load"),
    ("lib2to3.pgen2.grammar", "Grammar.loads"),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label"),
    ("code", "InteractiveInterpreter.runcode"),
    ("bdb", "Bdb.run"),
    ("trace", "Trace.runctx"),
    ("doctest", "debug_script"),
    ("distutils.file_util", "write_file"),
    ("_io", "FileIO"),
    ("builtins", "__import__"),
    ("builtins", "getattr"),
    ("importlib", "import_module"),
    ("operator", "methodcaller"),
    ("functools", "partial"),
    ("marshal", "loads"),
    ("types", "FunctionType"),
    ("imaplib", "IMAP4_stream"),
    ("uuid", "_get_command_stdout"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("ensurepip", "_run_pip"),
    ("site", "execsitecustomize"),
    ("webbrowser", "open"),
    ("unittest.mock", "_importer"),
    ("collections", "OrderedDict.__init__.__globals__"),
];

#[test]
fn every_name_is_a_finding_beside_the_tensors_and_refused_among_them() {
    for (module, name) in NAMES {
        let path = format!("{module}.{name}");
        // Long names are cut off where they are shown.
        let begun: String = path.chars().take(48).collect();
        let file = zipped(&beside(PickleBuilder::new(0).global(module, name).text("x").raw(b"\x85R")));
        let checkpoint = read(&file).unwrap();
        let (label, finding) = checkpoint.runs().unwrap();
        assert_eq!((label, finding.global.path(), finding.global.calls), ("data.pkl", path.clone(), 1));
        assert!(finding.could_run_code && finding.weights_only != WeightsOnly::Allowed, "{path}");
        assert!(checkpoint.verdict().contains(&format!("yes, by {begun}")), "{}", checkpoint.verdict());
        let made = PickleBuilder::new(2).global(module, name).raw(b"(");
        let pickle = made.tensor("FloatStorage", "0", 12, 0, &[12], &[1]).raw(b"tR").stop();
        for file in [zipped(&pickle), streamed(&pickle)] {
            let checkpoint = read(&file).unwrap();
            let why = checkpoint.tensors[0].unreadable.as_ref().unwrap();
            assert!(why.cause == Cause::UnsupportedFormat && why.why.contains(&begun), "{path}: {why:?}");
        }
    }
}

fn good() -> Vec<u8> {
    dict(&[("w", 0, &[12], &[1])]).stop()
}

fn evil() -> Vec<u8> {
    PickleBuilder::new(2).global("os", "system").text("id").raw(b"\x85R").stop()
}

#[test]
fn a_pickle_under_another_name_is_read_by_nobody_and_said() {
    for name in ["archive/config.p", "archive/data.pkl.bak", "archive/.data/serialization_id"] {
        let file = archive(&good(), &[("0", &TWELVE)]).entry(name, &evil()).build();
        let checkpoint = read(&file).unwrap();
        assert!(checkpoint.runs().is_none(), "{name}: PyTorch does not read it either");
        assert!(checkpoint.unread.iter().any(|unread| name.ends_with(unread)), "{name}: {:?}", checkpoint.unread);
    }
}

#[test]
fn archives_in_archives_are_bytes() {
    let inner = zipped(&evil());
    // As a storage: what is in it is in no directory that counts.
    let floats = i64::try_from(inner.len().div_ceil(4)).unwrap();
    let mut padded = vec![0; floats as usize * 4 - inner.len()];
    padded.extend(&inner);
    let pickle = PickleBuilder::new(2).raw(b"}(").text("w").tensor("FloatStorage", "0", floats, 0, &[floats], &[1]);
    let file = archive(&pickle.raw(b"u").stop(), &[("0", &padded)]).build();
    let checkpoint = read(&file).unwrap();
    assert_eq!((names(&checkpoint), checkpoint.runs().is_none()), (vec!["w"], true));
    // In the place of the whole checkpoint: nobody unpacks it.
    refused(&ZipBuilder::new().entry("archive/model.pt", &inner).build(), Cause::NotAModel, "zip.directory");
    // Behind a good one: readers begin at the end, where the bad one's directory is, and so does this.
    let both = [zipped(&good()), inner].concat();
    assert!(read(&both).is_err());
}

#[test]
fn what_says_that_it_is_locked_is_refused() {
    let file = ZipBuilder::new().entry("archive/data.pkl", &good()).flags(1).entry("archive/data/0", &TWELVE).build();
    let error = read(&file).unwrap_err();
    assert!(error.field.as_deref().is_some_and(|field| field.starts_with("zip.")), "{error:?}");
}

#[test]
fn a_bomb_costs_what_it_has_in_bytes() {
    let begun = archive(&good(), &[("0", &TWELVE)]);
    let file = (0..200)
        .fold(begun, |zip, number| {
            let name = format!("archive/code/{number}.py");
            zip.packed(name.as_bytes(), 8, Some(u32::MAX - 1), b"x")
        })
        .build();
    let (checkpoint, read) = drive(&file, 1 << 20, Limits::default());
    assert_eq!(names(&checkpoint.unwrap()), ["w"]);
    assert!(read <= 4 * file.len() as u64, "{read} bytes of {} were read", file.len());
}
