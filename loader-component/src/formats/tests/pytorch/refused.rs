//! What is refused of a checkpoint, and how.
use super::super::super::Limits;
use super::super::super::pickle::build::{PickleBuilder, archive, stream};
use super::super::super::pytorch::{Checkpoint, Tensor};
use super::super::super::zip::build::ZipBuilder;
use super::{TWELVE, dict, drive, names, read, refused, streamed, unreadable, zipped};
use crate::types::{Cause, Error};

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
    refused(&stream(&pickle, &[("0", 12, &TWELVE[..40])]), Cause::EndOfSource, "storage[\"0\"].length");
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
    assert!(
        unreadable(&with(&view), "tensor", Cause::UnsupportedFormat)
            .why
            .starts_with("cannot be read: The storage is a view")
    );
    let quantized = PickleBuilder::new(0).storage("QInt8Storage", "0", 12).bytes();
    assert!(unreadable(&with(&quantized), "tensor", Cause::UnsupportedDtype).why.contains("QInt8Storage"));
}

#[test]
fn tensors_of_other_kinds_are_refused_by_name() {
    for name in
        ["_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_wrapper_subclass", "_rebuild_meta_tensor_no_storage"]
    {
        let pickle = PickleBuilder::new(2).raw(b"}(").text("w").global("torch._utils", name).raw(b")Ru").stop();
        let why = unreadable(&zipped(&pickle), "w", Cause::UnsupportedFormat);
        assert!(why.why.contains(name), "{why:?}");
    }
    let conjugate =
        PickleBuilder::new(2).global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage("FloatStorage", "0", 12);
    let conjugate =
        conjugate.int(0).ints(&[1]).ints(&[1]).raw(b"\x89").ordered().raw(b"}(").text("conj").raw(b"\x88utR").stop();
    let why = unreadable(&zipped(&conjugate), "tensor", Cause::UnsupportedFormat);
    assert!(why.why.starts_with("is kept as a conjugate"), "{why:?}");
}

#[test]
fn a_tensor_that_depends_on_a_global_is_listed_with_its_byte() {
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
        let name = if number == 0 { "w" } else { "0" };
        let why = unreadable(&file, name, Cause::UnsupportedFormat);
        let at = file.windows(5).position(|window| window == b"cevil").unwrap() as u64;
        assert_eq!(why.offset, at, "{number}: {why:?}");
        assert!(why.why.starts_with("depends on evil."), "{why:?}");
        // What it is a view of is told all the same.
        let checkpoint = read(&file).unwrap();
        assert_eq!((checkpoint.tensors[0].shape.as_slice(), checkpoint.tensors[0].dtype()), (&[12][..], "F32"));
    }
    // In an object of a class that is kept with its source.
    let class =
        PickleBuilder::new(2).raw(b"(").text("module").global("evil", "Model").text("m.py").text("pass").raw(b"tQ");
    let kept = tensor(class.raw(b")\x81}(").text("w")).raw(b"ub").stop();
    assert!(unreadable(&streamed(&kept), "w", Cause::UnsupportedFormat).why.contains("evil.Model"));
    // In the hooks of a tensor.
    let hooks =
        PickleBuilder::new(2).global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage("FloatStorage", "0", 12);
    let hooks =
        hooks.int(0).ints(&[1]).ints(&[1]).raw(b"\x89").global("os", "system").text("id").raw(b"\x85RtR").stop();
    for file in [zipped(&hooks), streamed(&hooks)] {
        assert!(unreadable(&file, "tensor", Cause::UnsupportedFormat).why.contains("os.system"));
    }
}

/// However many there are, a reason is kept once, and the others load.
#[test]
fn tensors_that_cannot_be_read_stand_beside_those_that_can() {
    let begun = dict(&[("good", 0, &[3, 4], &[4, 1])]).raw(b"(").text("model").global("evil", "Model").raw(b")\x81}(");
    let all = (0..100).fold(begun, |pickle, number| {
        pickle.text(&format!("w{number}")).tensor("FloatStorage", "0", 12, number % 12, &[1], &[1])
    });
    for file in [zipped(&all.clone().raw(b"ubu").stop()), streamed(&all.clone().raw(b"ubu").stop())] {
        let checkpoint = read(&file).unwrap();
        assert_eq!(checkpoint.tensors.len(), 101);
        assert_eq!((names(&checkpoint)[0], checkpoint.tensors[0].unreadable.is_none()), ("good", true));
        let reasons: Vec<_> = checkpoint.tensors.iter().filter_map(|tensor| tensor.unreadable.as_ref()).collect();
        assert!(reasons.len() == 100 && reasons.iter().all(|why| std::sync::Arc::ptr_eq(why, reasons[0])));
    }
}

#[test]
fn a_pickle_that_is_no_checkpoint_names_what_it_would_import() {
    let error = refused(
        &PickleBuilder::new(2).global("os", "system").text("id").raw(b"\x85R").stop(),
        Cause::NotAModel,
        "magic_number",
    );
    assert!(error.message.contains("os.system (named at byte 2)"), "{error:?}");
    assert!(read(b"not a checkpoint").is_err() && read(b"").is_err() && read(b"PK\x03\x04").is_err());
    let mut tar = vec![0; 512];
    tar[148..156].copy_from_slice(b"000400\0 ");
    refused(&tar, Cause::UnsupportedFormat, "magic");
}

#[test]
fn a_pickle_that_breaks_off_says_what_it_would_have_imported() {
    let broken = PickleBuilder::new(2).global("os", "system").text("id").raw(b"\x85RX\xff\xff\xff\xff").bytes();
    for file in [zipped(&broken), streamed(&broken), broken] {
        let at = file.windows(4).position(|window| window == b"cos\n").unwrap();
        let error = read(&file).unwrap_err();
        assert!(error.message.ends_with(&format!("PyTorch would import os.system (named at byte {at}).")), "{error:?}");
    }
}

#[test]
fn archives_that_are_no_checkpoints() {
    let pickle = dict(&[("w", 0, &[12], &[1])]).stop();
    refused(&ZipBuilder::new().entry("a/x", b"").build(), Cause::NotAModel, "zip.directory");
    refused(&ZipBuilder::new().entry("data.pkl", &pickle).build(), Cause::UnsupportedFormat, "zip.directory[0].name");
    let packed = ZipBuilder::new().packed(b"a/data.pkl", 8, Some(900), &pickle).entry("a/data/0", &TWELVE).build();
    refused(&packed, Cause::UnsupportedFormat, "zip.entry[\"a/data.pkl\"].method");
    let packed = ZipBuilder::new().entry("a/data.pkl", &pickle).packed(b"a/data/0", 8, Some(48), &TWELVE[..9]).build();
    refused(&packed, Cause::UnsupportedFormat, "zip.entry[\"a/data/0\"].method");
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
                let inside = |t: &Tensor| t.offset + t.bytes <= whole.len() as u64;
                assert!(checkpoint.tensors.iter().all(inside), "bit {bit}");
            }
            file[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// What costs much in one place and is in many: time is bounded by what is read.
#[test]
fn shared_giants_are_cheap() {
    let began = std::time::Instant::now();
    // One tuple of many values, the arguments of many dictionaries.
    let tuple = PickleBuilder::new(2).raw(b"(").raw(&b"N".repeat(100_000)).raw(b"tq\x000](");
    let many = tuple.global("collections", "OrderedDict").raw(b"q\x01h\x00R").raw(&b"h\x01h\x00R".repeat(50_000));
    assert!(once(&archive(&many.raw(b"e").stop(), &[]).build()).unwrap().tensors.is_empty());
    // One long key before many lists.
    let key = PickleBuilder::new(2)
        .raw(b"}(")
        .text(&"k".repeat(60_000))
        .raw(b"q\x00]")
        .raw(&b"h\x00]".repeat(100_000))
        .raw(b"u");
    assert_eq!(once(&zipped(&key.stop())).unwrap_err().cause, Cause::LimitExceeded);
    // One shape of too many dimensions.
    let shape = vec![1; 100_000];
    refused(&zipped(&dict(&[("w", 0, &shape, &shape)]).stop()), Cause::Malformed, "tensor[\"w\"].shape");
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

fn once(file: &[u8]) -> Result<Checkpoint, Error> {
    drive(file, 1 << 20, Limits::default()).0
}
