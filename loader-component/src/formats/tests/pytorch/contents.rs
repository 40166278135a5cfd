//! What is in a checkpoint.
use super::super::super::Limits;
use super::super::super::pickle::build::{PickleBuilder, archive};
use super::super::super::pytorch::{Form, WeightsOnly};
use super::super::super::zip::build::ZipBuilder;
use super::super::slice;
use super::{TWELVE, beside, dict, drive, names, read, refused, streamed, unreadable, zipped};
use crate::types::Cause;

#[test]
fn both_forms_give_names_shapes_and_places() {
    let pickle = dict(&[("a", 0, &[2, 3], &[3, 1]), ("b", 6, &[6], &[1])]).stop();
    for (file, form) in [(zipped(&pickle), Form::Archive), (streamed(&pickle), Form::Stream)] {
        let checkpoint = read(&file).unwrap();
        assert_eq!((checkpoint.form, names(&checkpoint)), (form, vec!["a", "b"]));
        let [a, b] = checkpoint.tensors.as_slice() else { panic!("two tensors") };
        assert_eq!((a.dtype(), a.shape.as_slice(), a.bytes, a.contiguous), ("F32", &[2, 3][..], 24, true));
        assert_eq!((a.storage, b.storage, b.offset - a.offset, b.bytes), (0, 0, 24, 24));
        assert_eq!(slice(&file, a.offset, 48), TWELVE);
        assert_eq!(checkpoint.storages.len(), 1);
        assert_eq!(checkpoint.verdict(), "Could run code in PyTorch: no");
        assert_eq!((checkpoint.weights_only_refusal(), checkpoint.outside_bytes), (None, 0));
        assert!(checkpoint.tensors.iter().all(|tensor| tensor.contiguous));
    }
    let aligned = read(&zipped(&pickle)).unwrap();
    assert_eq!((aligned.storages[0].offset % 64, aligned.version), (0, Some(3)));
}

#[test]
fn names_go_through_dictionaries_and_lists() {
    let w = |pickle: PickleBuilder, n: i64| pickle.tensor("FloatStorage", "0", 12, n, &[1], &[1]);
    let model = w(PickleBuilder::new(2).raw(b"}(").text("model").raw(b"}(").text("layers").raw(b"]("), 0);
    let model = w(model, 1).raw(b"e").int(5);
    let model =
        w(model, 2).raw(b"u").text("opt").raw(b"}(").text("param_groups").raw(b"]").text("state").raw(b"}(").int(0);
    let pickle = w(model.raw(b"}(").text("exp_avg"), 3).raw(b"uuuu").stop();
    let checkpoint = read(&zipped(&pickle)).unwrap();
    assert_eq!(names(&checkpoint), ["model.layers.0", "model.layers.1", "model.5", "opt.state.0.exp_avg"]);
    assert_eq!(checkpoint.tensors.iter().map(|t| t.optimizer).collect::<Vec<_>>(), [false, false, false, true]);
    let alone = PickleBuilder::new(2).tensor("FloatStorage", "0", 12, 0, &[12], &[1]).stop();
    assert_eq!(names(&read(&zipped(&alone)).unwrap()), ["tensor"]);
}

#[test]
fn ordered_dictionaries_of_both_kinds() {
    let tensor = |pickle: PickleBuilder| pickle.tensor("FloatStorage", "0", 12, 0, &[12], &[1]);
    let set =
        tensor(PickleBuilder::new(2).ordered().raw(b"(").text("a")).raw(b"u}(").text("_metadata").ordered().raw(b"ub");
    assert_eq!(names(&read(&zipped(&set.stop())).unwrap()), ["a"]);
    let pairs = PickleBuilder::new(2).global("collections", "OrderedDict").raw(b"]]").raw(b"(").text("a");
    let pairs = tensor(pairs).raw(b"ea\x85R").stop();
    assert_eq!(names(&read(&streamed(&pairs)).unwrap()), ["a"]);
}

#[test]
fn parameters_and_types_are_taken_off() {
    let begun = PickleBuilder::new(2).global("torch._tensor", "_rebuild_from_type_v2").raw(b"(");
    let begun = begun.global("torch._utils", "_rebuild_parameter").global("torch.nn.parameter", "Parameter").raw(b"(");
    let inner = begun.tensor("FloatStorage", "0", 12, 0, &[12], &[1]).raw(b"\x88").ordered().raw(b"t}tR");
    assert_eq!(names(&read(&zipped(&inner.clone().stop())).unwrap()), ["tensor"]);
    let changed = inner.raw(b"}b").stop();
    refused(&zipped(&changed), Cause::Malformed, "tensor[\"tensor\"]");
}

#[test]
fn tied_and_strided_tensors_are_views_of_one_storage() {
    let pickle = dict(&[
        ("a", 0, &[3, 4], &[4, 1]),
        ("tied", 0, &[3, 4], &[4, 1]),
        ("t", 0, &[4, 3], &[1, 4]),
        ("x", 1, &[5], &[0]),
    ]);
    let checkpoint = read(&zipped(&pickle.stop())).unwrap();
    let [a, tied, t, x] = checkpoint.tensors.as_slice() else { panic!("four tensors") };
    assert_eq!((a.storage, a.offset, a.bytes), (tied.storage, tied.offset, tied.bytes));
    assert_eq!((t.contiguous, t.strides.as_slice(), t.bytes), (false, &[1, 4][..], 48));
    assert_eq!((x.contiguous, x.bytes, x.offset), (false, 4, a.offset + 4));
}

#[test]
fn new_element_types_are_of_untyped_storages() {
    let begun =
        PickleBuilder::new(2).global("torch._utils", "_rebuild_tensor_v3").raw(b"(").storage("UntypedStorage", "0", 48);
    let third = |begun: PickleBuilder, offset, dtype| {
        let begun = begun.int(offset).ints(&[6]).ints(&[1]).raw(b"\x89").ordered();
        zipped(&begun.global("torch", dtype).raw(b"tR").stop())
    };
    let checkpoint = read(&third(begun.clone(), 18, "uint16")).unwrap();
    let tensor = &checkpoint.tensors[0];
    assert_eq!((tensor.dtype(), tensor.bytes), ("U16", 12));
    assert_eq!(tensor.offset - checkpoint.storages[0].offset, 36);
    refused(&third(begun.clone(), 19, "uint16"), Cause::Malformed, "tensor[\"tensor\"].strides");
    let why = unreadable(&third(begun, 0, "bits16"), "tensor", Cause::UnsupportedDtype);
    assert_eq!(why.why, "has an element type that is not known");
}

#[test]
fn a_global_beside_the_tensors_is_a_finding() {
    let pickle = beside(PickleBuilder::new(0).global("os", "system").text("id").raw(b"\x85R"));
    let file = zipped(&pickle);
    let checkpoint = read(&file).unwrap();
    assert_eq!(names(&checkpoint), ["w"]);
    let (label, finding) = checkpoint.runs().unwrap();
    let at = file.windows(4).position(|window| window == b"cos\n").unwrap() as u64;
    assert_eq!((label, finding.global.at, finding.global.calls), ("data.pkl", at, 1));
    assert_eq!(finding.weights_only, WeightsOnly::Blocked);
    assert_eq!(checkpoint.verdict(), format!("Could run code in PyTorch: yes, by os.system (data.pkl, byte {at})"));
    assert!(checkpoint.weights_only_refusal().unwrap().contains("os.system"));
}

#[test]
fn byte_orders_and_versions() {
    let pickle = dict(&[("w", 0, &[12], &[1])]).stop();
    let zip = |record: &str, content: &[u8]| {
        ZipBuilder::new()
            .entry("a/data.pkl", &pickle)
            .entry("a/data/0", &TWELVE)
            .entry(&format!("a/{record}"), content)
            .build()
    };
    refused(&zip("byteorder", b"big"), Cause::UnsupportedFormat, "byteorder");
    refused(&zip("byteorder", b"middle"), Cause::Malformed, "byteorder");
    refused(&zip("byteorder", &[b'l'; 65]), Cause::Malformed, "byteorder");
    refused(&zip("version", b"three"), Cause::Malformed, "version");
    assert_eq!(read(&zip("other", b"")).unwrap().unread, ["a/other"]);
    let stream = streamed(&pickle);
    let at = stream.windows(2).position(|window| window == b"\x88u").unwrap();
    let mut big = stream.clone();
    big[at] = 0x89;
    refused(&big, Cause::UnsupportedFormat, "sys_info.little_endian");
    big[at] = b'N';
    refused(&big, Cause::Malformed, "sys_info.little_endian");
}

#[test]
fn programs_of_torchscript_are_their_attributes() {
    let module =
        PickleBuilder::new(2).global("__torch__.net", "Net").raw(b")\x81}(").text("training").raw(b"\x89").text("conv");
    let module = module.global("__torch__.torch.nn", "Conv").raw(b")\x81}(").text("w").tensor(
        "FloatStorage",
        "0",
        12,
        0,
        &[12],
        &[1],
    );
    let pickle = module.raw(b"ubub").stop();
    let constants = PickleBuilder::new(2).tensor("FloatStorage", "0", 1, 0, &[1], &[1]).raw(b"\x85").stop();
    let zip = archive(&pickle, &[("0", &TWELVE)]).entry("archive/code/__torch__/net.py", b"class Net: pass");
    let script = zip.clone().entry("archive/constants/0", &[0; 4]).entry("archive/constants.pkl", &constants).build();
    let checkpoint = read(&script).unwrap();
    assert_eq!((checkpoint.form, names(&checkpoint)), (Form::TorchScript, vec!["conv.w", "constants.0"]));
    assert_eq!(checkpoint.unread, ["archive/code/__torch__/net.py"]);
    assert_eq!(checkpoint.verdict(), "Could run code in PyTorch: no");
    assert_eq!(checkpoint.tensors.iter().map(|t| t.storage).collect::<Vec<_>>(), [0, 1]);
    // Without its constants it is a plain checkpoint, whose classes Python imports.
    let why = unreadable(&zip.build(), "conv.w", Cause::UnsupportedFormat);
    assert!(why.why.contains("__torch__.net.Net"), "{why:?}");
}

#[test]
fn what_refers_to_itself_ends() {
    // A list in itself, a dictionary in itself, an object in its own state.
    for value in [&b"]q\x01h\x01a"[..], b"}q\x01(K\x01h\x01u", b"cx\ny\n)\x81q\x01h\x01b", b"cx\ny\n)Rq\x01h\x01a"] {
        assert_eq!(names(&read(&zipped(&beside(PickleBuilder::new(0).raw(value)))).unwrap()), ["w"]);
    }
    // A tensor under a name that comes again is under as many names as there are ways, but for the way round.
    let round = PickleBuilder::new(2).raw(b"}q\x01(").text("self").raw(b"h\x01").text("w").tensor(
        "FloatStorage",
        "0",
        12,
        0,
        &[12],
        &[1],
    );
    assert_eq!(names(&read(&zipped(&round.raw(b"u").stop())).unwrap()), ["w"]);
    // Lists of twice the one before: 2^60 ways, to nothing or to a tensor.
    let twice =
        |inner: PickleBuilder| (1..=60u8).fold(inner.raw(b"q\x00"), |pickle, _| pickle.raw(b"0](h\x00h\x00eq\x00"));
    let nothing = twice(PickleBuilder::new(0).raw(b"]"));
    assert_eq!(names(&read(&zipped(&beside(nothing))).unwrap()), ["w"]);
    let many = twice(PickleBuilder::new(2).tensor("FloatStorage", "0", 12, 0, &[12], &[1])).stop();
    refused(&zipped(&many), Cause::LimitExceeded, "data.pkl.names");
    let deep = (0..200).fold(PickleBuilder::new(0), |pickle, _| pickle.raw(b"]"));
    let deep = beside((0..199).fold(deep, |pickle, _| pickle.raw(b"a")));
    refused(&zipped(&deep), Cause::LimitExceeded, "data.pkl.depth");
}

#[test]
#[ignore = "reads a checkpoint that somebody has, by PYTORCH_FILES"]
fn files_from_elsewhere() {
    for path in std::env::var("PYTORCH_FILES").unwrap().split(':') {
        let file = std::fs::read(path).unwrap();
        let checkpoint = read(&file).unwrap();
        let (_, bytes) = drive(&file, 1 << 20, Limits::default());
        let header = super::super::parse(&file).unwrap();
        assert_eq!((header.format.name, header.tensors.len()), ("pytorch", checkpoint.tensors.len()));
        println!(
            "{path}: {} tensors, {} storages, {bytes} of {} bytes read, {} outside",
            checkpoint.tensors.len(),
            checkpoint.storages.len(),
            file.len(),
            checkpoint.outside_bytes
        );
        println!("  {}; weights_only: {:?}", checkpoint.verdict(), checkpoint.weights_only_refusal());
        for tensor in &checkpoint.tensors {
            println!(
                "  {} {:?} {:?} {:?} {} {}",
                tensor.name,
                tensor.dtype(),
                tensor.shape,
                tensor.strides,
                tensor.offset,
                tensor.bytes
            );
        }
    }
}

#[test]
fn many_tensors_take_linear_time() {
    let mut pickle = PickleBuilder::new(2).raw(b"}(");
    for n in 0..50_000 {
        pickle = pickle.text(&format!("model.layers.{n}.weight")).tensor("FloatStorage", "0", 12, n % 12, &[1], &[1]);
    }
    let file = zipped(&pickle.raw(b"u").stop());
    let checkpoint = drive(&file, 1 << 20, Limits::default()).0.unwrap();
    assert_eq!(checkpoint.tensors.len(), 50_000);
    let few = Limits { tensors: 49_999, ..Limits::default() };
    assert_eq!(drive(&file, 1 << 20, few).0.unwrap_err().cause, Cause::LimitExceeded);
}
