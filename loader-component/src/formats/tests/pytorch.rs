//! Checkpoints as their bytes: what is in them, and what is refused and how, whatever the windows.
use super::super::pickle::build::{PickleBuilder, archive, stream};
use super::super::pytorch::{Checkpoint, CheckpointReader, Form, WeightsOnly};
use super::super::zip::build::ZipBuilder;
use super::super::{Limits, Turn, Window};
use super::{WINDOWS, slice};
use crate::types::{Cause, Error};

/// Drives a reader over a file, and answers how many bytes it read too.
fn drive(file: &[u8], max_read: u32, limits: Limits) -> (Result<Checkpoint, Error>, u64) {
    let size = file.len() as u64;
    let mut reader = CheckpointReader::new(size, max_read, limits);
    let (mut window, mut read) = (None, 0);
    loop {
        match reader.step(window.take()) {
            Err(error) => return (Err(error), read),
            Ok(Turn::Done(checkpoint)) => return (Ok(checkpoint), read),
            Ok(Turn::Read { offset, len }) => {
                assert!(len > 0 && len <= max_read, "a read of {len} bytes");
                assert!(offset + u64::from(len) <= size, "a read beyond the end");
                read += u64::from(len);
                window = Some(Window { offset, bytes: slice(file, offset, len) });
            }
        }
    }
}

/// The verdict on a file, the same for all windows.
pub(super) fn read(file: &[u8]) -> Result<Checkpoint, Error> {
    let mut verdicts: Vec<_> = WINDOWS.iter().map(|max| drive(file, *max, Limits::default()).0).collect();
    let last = verdicts.pop().unwrap();
    for other in verdicts {
        match (&other, &last) {
            (Ok(one), Ok(two)) => {
                assert_eq!((&one.tensors, &one.storages, &one.pickles), (&two.tensors, &two.storages, &two.pickles));
            }
            (Err(one), Err(two)) => assert_eq!(one, two),
            (one, two) => panic!("{:?}, else {:?}", one.as_ref().err(), two.as_ref().err()),
        }
    }
    if let Err(error) = &last {
        assert!(error.offset.is_some() && error.field.is_some() && !error.message.is_empty(), "{error:?}");
        assert!(error.message.chars().all(|c| !c.is_control()), "{error:?}");
    }
    last
}

#[track_caller]
fn refused(file: &[u8], cause: Cause, field: &str) -> Error {
    let error = read(file).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    error
}

/// A pickle of a dictionary with these tensors of one storage of twelve floats.
fn dict(tensors: &[(&str, i64, &[i64], &[i64])]) -> PickleBuilder {
    let begun = PickleBuilder::new(2).raw(b"}(");
    let all = tensors.iter().fold(begun, |pickle, (name, offset, shape, strides)| {
        pickle.text(name).tensor("FloatStorage", "0", 12, *offset, shape, strides)
    });
    all.raw(b"u")
}

const TWELVE: [u8; 48] = [7; 48];

fn zipped(pickle: &[u8]) -> Vec<u8> {
    archive(pickle, &[("0", &TWELVE)]).build()
}

fn streamed(pickle: &[u8]) -> Vec<u8> {
    stream(pickle, &[("0", 12, &TWELVE)])
}

fn names(checkpoint: &Checkpoint) -> Vec<&str> {
    checkpoint.tensors.iter().map(|tensor| tensor.name.as_str()).collect()
}

/// A good pickle in which this value is tied to a key beside a tensor.
fn beside(value: PickleBuilder) -> Vec<u8> {
    dict(&[("w", 0, &[3, 4], &[4, 1])]).raw(b"(").text("beside").raw(&value.bytes()).raw(b"u").stop()
}

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
        assert!(checkpoint.require_contiguous().is_ok());
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
    let error = checkpoint.require_contiguous().unwrap_err();
    assert_eq!((error.tensor, error.field.as_deref()), (Some(2), Some("tensor[\"t\"].strides")));
}

#[test]
fn views_that_leave_their_storage() {
    for (offset, shape, strides, part) in [
        (1, &[12][..], &[1][..], ".strides"),
        (0, &[2], &[12], ".strides"),
        (12, &[1], &[1], ".strides"),
        (0, &[i64::MAX, i64::MAX], &[1, 1], ".shape"),
        (0, &[2, 2], &[i64::MAX, i64::MAX], ".strides"),
        (-1, &[1], &[1], ".storage_offset"),
        (0, &[-1], &[1], ".shape"),
        (0, &[2], &[-1], ".strides"),
        (0, &[2, 2], &[1], ".strides"),
    ] {
        let pickle = dict(&[("w", offset, shape, strides)]).stop();
        refused(&zipped(&pickle), Cause::Malformed, &format!("tensor[\"w\"]{part}"));
    }
    assert!(read(&zipped(&dict(&[("w", 12, &[0, 9], &[9, 1])]).stop())).is_ok());
}

#[test]
fn storages_that_are_not_what_is_said() {
    let pickle = dict(&[("w", 0, &[12], &[1])]).stop();
    refused(&archive(&pickle, &[("0", &TWELVE[..47])]).build(), Cause::Malformed, "storage[\"0\"]");
    refused(&archive(&pickle, &[("1", &TWELVE)]).build(), Cause::Malformed, "storage[\"0\"]");
    refused(&stream(&pickle, &[("0", 11, &TWELVE)]), Cause::Malformed, "storage[\"0\"].length");
    refused(&stream(&pickle, &[("0", 12, &TWELVE[..40])]), Cause::Malformed, "storage[\"0\"].length");
    refused(&stream(&pickle, &[("1", 12, &TWELVE)]), Cause::Malformed, "storage_keys");
    refused(&stream(&pickle, &[("0", 12, &TWELVE), ("0", 12, &TWELVE)]), Cause::Malformed, "storage_keys");
    refused(&stream(&pickle, &[]), Cause::Malformed, "storage_keys");
    let mut longer = streamed(&pickle);
    longer.extend(b"#!/bin/sh");
    assert_eq!(read(&longer).unwrap().outside_bytes, 9);
    // One key, two lengths.
    let two =
        dict(&[("w", 0, &[12], &[1])]).raw(b"(").text("v").tensor("HalfStorage", "0", 12, 0, &[1], &[1]).raw(b"u");
    refused(&zipped(&two.stop()), Cause::Malformed, "tensor[\"v\"].storage");
}

#[test]
fn persistent_ids_of_other_shapes() {
    let with = |id: &[u8]| {
        let pickle = PickleBuilder::new(2).global("torch._utils", "_rebuild_tensor_v2").raw(b"(").raw(id);
        zipped(&pickle.int(0).ints(&[1]).ints(&[1]).raw(b"\x89").ordered().raw(b"tR").stop())
    };
    let storage =
        |kind: &str| PickleBuilder::new(0).raw(b"(").text(kind).global("torch", "FloatStorage").text("0").text("cpu");
    let ids = [
        PickleBuilder::new(0).raw(b"K\x01Q").bytes(),
        PickleBuilder::new(0).raw(b")Q").bytes(),
        b"Pstorage\n".to_vec(),
        storage("module").int(12).raw(b"tQ").bytes(),
        storage("storage").raw(b"NtQ").bytes(),
        storage("storage").int(-1).raw(b"tQ").bytes(),
        storage("storage").int(i64::MAX).raw(b"tQ").bytes(),
        storage("storage").int(12).raw(b"NNtQ").bytes(),
        PickleBuilder::new(0).raw(b"(").text("storage").text("x").text("0").text("cpu").int(12).raw(b"tQ").bytes(),
        b"N".to_vec(),
    ];
    for id in ids {
        refused(&with(&id), Cause::Malformed, "tensor[\"tensor\"].storage");
    }
    let view = storage("storage").int(12).raw(b"(").text("v").int(0).int(1).raw(b"ttQ").bytes();
    refused(&with(&view), Cause::UnsupportedFormat, "tensor[\"tensor\"].storage");
    let quantized = PickleBuilder::new(0).storage("QInt8Storage", "0", 12).bytes();
    refused(&with(&quantized), Cause::UnsupportedDtype, "tensor[\"tensor\"].storage");
}

#[test]
fn tensors_of_other_kinds_are_refused_by_name() {
    for name in
        ["_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_wrapper_subclass", "_rebuild_meta_tensor_no_storage"]
    {
        let pickle = PickleBuilder::new(2).raw(b"}(").text("w").global("torch._utils", name).raw(b")Ru").stop();
        let error = refused(&zipped(&pickle), Cause::UnsupportedFormat, "tensor[\"w\"]");
        assert!(error.message.contains(name), "{error:?}");
    }
    let conjugate =
        PickleBuilder::new(2).global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage("FloatStorage", "0", 12);
    let conjugate =
        conjugate.int(0).ints(&[1]).ints(&[1]).raw(b"\x89").ordered().raw(b"}(").text("conj").raw(b"\x88utR").stop();
    refused(&zipped(&conjugate), Cause::UnsupportedFormat, "tensor[\"tensor\"].metadata");
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
    refused(&third(begun, 0, "bits16"), Cause::UnsupportedDtype, "tensor[\"tensor\"].dtype");
}

#[test]
fn a_tensor_that_depends_on_a_global_is_refused_with_its_byte() {
    let tensor = |pickle: PickleBuilder| pickle.tensor("FloatStorage", "0", 12, 0, &[12], &[1]);
    let cases = [
        // in an object of it
        tensor(PickleBuilder::new(2).global("evil", "Model").raw(b")\x81}(").text("w")).raw(b"ub"),
        // in its arguments
        tensor(PickleBuilder::new(2).global("evil", "wrap").raw(b"(")).raw(b"tR"),
        // in what it is called for
        tensor(PickleBuilder::new(2).global("evil", "wrap").raw(b")R(")).raw(b"tR"),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let pickle = case.stop();
        let file = zipped(&pickle);
        let error = read(&file).unwrap_err();
        let at = file.windows(5).position(|window| window == b"cevil").unwrap() as u64;
        assert_eq!((&error.cause, error.offset), (&Cause::UnsupportedFormat, Some(at)), "{number}: {error:?}");
        assert!(error.message.contains("evil."), "{error:?}");
    }
    // In the hooks of a tensor.
    let hooks =
        PickleBuilder::new(2).global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage("FloatStorage", "0", 12);
    let hooks =
        hooks.int(0).ints(&[1]).ints(&[1]).raw(b"\x89").global("os", "system").text("id").raw(b"\x85RtR").stop();
    let error = read(&zipped(&hooks)).unwrap_err();
    assert!(error.message.contains("os.system"), "{error:?}");
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
fn a_pickle_that_is_no_checkpoint_names_what_it_would_import() {
    let error = refused(
        &PickleBuilder::new(2).global("os", "system").text("id").raw(b"\x85R").stop(),
        Cause::UnsupportedFormat,
        "magic_number",
    );
    assert!(error.message.contains("os.system (named at byte 2)"), "{error:?}");
    assert!(read(b"not a checkpoint").is_err() && read(b"").is_err() && read(b"PK\x03\x04").is_err());
    let mut tar = vec![0; 512];
    tar[148..156].copy_from_slice(b"000400\0 ");
    refused(&tar, Cause::UnsupportedFormat, "magic");
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
fn archives_that_are_no_checkpoints() {
    let pickle = dict(&[("w", 0, &[12], &[1])]).stop();
    refused(&ZipBuilder::new().entry("a/x", b"").build(), Cause::UnsupportedFormat, "zip.directory");
    refused(&ZipBuilder::new().entry("data.pkl", &pickle).build(), Cause::UnsupportedFormat, "zip.directory[0].name");
    let packed = ZipBuilder::new().packed(b"a/data.pkl", 8, Some(900), &pickle).entry("a/data/0", &TWELVE).build();
    refused(&packed, Cause::UnsupportedFormat, "zip.entry[\"a/data.pkl\"].method");
    let packed = ZipBuilder::new().entry("a/data.pkl", &pickle).packed(b"a/data/0", 8, Some(48), &TWELVE[..9]).build();
    refused(&packed, Cause::UnsupportedFormat, "zip.entry[\"a/data/0\"].method");
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
    assert!(read(&zip.build()).unwrap_err().message.contains("__torch__.net.Net"));
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
fn names_that_no_tensor_may_have() {
    let one = |key: PickleBuilder| {
        let pickle = PickleBuilder::new(2).raw(b"}(").raw(&key.bytes()).tensor("FloatStorage", "0", 12, 0, &[12], &[1]);
        read(&zipped(&pickle.raw(b"u").stop())).unwrap_err().cause
    };
    for name in ["", "a\u{1b}[2J", "../x"] {
        // The empty name is that of a tensor that is alone.
        if !name.is_empty() {
            assert_eq!(one(PickleBuilder::new(0).text(name)), Cause::Malformed, "{name:?}");
        }
    }
    assert_eq!(one(PickleBuilder::new(0).raw(b")")), Cause::Malformed);
    assert_eq!(one(PickleBuilder::new(0).text(&"n".repeat(5_000))), Cause::LimitExceeded);
    refused(&zipped(&dict(&[("a", 0, &[1], &[1]), ("a", 1, &[1], &[1])]).stop()), Cause::Malformed, "tensor[\"a\"]");
}

#[test]
fn every_prefix_and_every_flipped_bit_give_one_verdict() {
    let pickle = dict(&[("a", 0, &[3, 4], &[4, 1]), ("b", 0, &[4, 3], &[1, 4])]).stop();
    for whole in [zipped(&pickle), streamed(&pickle)] {
        assert!(read(&whole).is_ok());
        for len in 0..whole.len() {
            assert!(drive(&whole[..len], 1 << 20, Limits::default()).0.is_err(), "a prefix of {len} bytes");
        }
        let mut file = whole.clone();
        for bit in 0..whole.len() * 8 {
            file[bit / 8] ^= 1 << (bit % 8);
            let (verdict, read) = drive(&file, 1 << 20, Limits::default());
            assert!(read <= 4 * whole.len() as u64);
            if let Ok(checkpoint) = verdict {
                let inside = |t: &super::super::pytorch::Tensor| t.offset + t.bytes <= whole.len() as u64;
                assert!(checkpoint.tensors.iter().all(inside), "bit {bit}");
            }
            file[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
#[ignore = "reads a checkpoint that somebody has, by PYTORCH_FILES"]
fn files_from_elsewhere() {
    for path in std::env::var("PYTORCH_FILES").unwrap().split(':') {
        let file = std::fs::read(path).unwrap();
        let checkpoint = read(&file).unwrap();
        let (_, bytes) = drive(&file, 1 << 20, Limits::default());
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
