//! Checkpoints as files of a format among others: what tells them, their header, their metadata.
use super::super::super::build::SafetensorsBuilder;
use super::super::super::metadata::Budget;
use super::super::super::pickle::build::{PickleBuilder, archive, stream};
use super::super::super::{Catalogue, Header, Limits};
use super::super::{parse, parse_as};
use super::{TWELVE, beside, dict, streamed, zipped};
use crate::api::MetadataValue;
use crate::types::Cause;

/// Two matrices of one storage, the second of which has the middle of the first.
fn tied() -> Vec<u8> {
    dict(&[("one", 0, &[3, 4], &[4, 1]), ("two", 4, &[4], &[1]), ("again", 0, &[3, 4], &[4, 1])]).stop()
}

fn text(header: &Header, key: &str) -> String {
    let index = header.metadata.find(key).unwrap_or_else(|| panic!("no {key}"));
    let mut none = |_: u64, _: u32| -> Result<Vec<u8>, _> { panic!("values of checkpoints are kept") };
    match header.metadata.decode(index, 0, &mut Budget::default(), &mut none).unwrap() {
        MetadataValue::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_forms_are_told_by_their_bytes() {
    for (file, form) in [(zipped(&tied()), "archive"), (streamed(&tied()), "stream")] {
        for name in ["model", "x.pth", "pytorch_model.bin", "x.gguf"] {
            let header = parse_as(name, &file, Limits::default()).unwrap();
            assert_eq!((header.format.name, header.alignment), ("pytorch", 1));
            assert_eq!(text(&header, "pytorch.form"), form);
            assert_eq!(text(&header, "pytorch.verdict"), "Could run code in PyTorch: no");
            assert_eq!(text(&header, "pytorch.weights_only"), "loads it");
            assert_eq!(header.metadata.get_u64("pytorch.storages"), Some(1));
        }
    }
}

#[test]
fn tensors_share_the_bytes_of_a_storage() {
    for file in [zipped(&tied()), streamed(&tied())] {
        let header = parse(&file).unwrap();
        let told: Vec<_> = header.tensors.iter().map(|t| (t.name, t.offset - header.data_offset, t.bytes)).collect();
        assert_eq!(told, [("one", 0, 48), ("two", 16, 16), ("again", 0, 48)]);
        let catalogue = Catalogue::build(vec![("x".into(), header)], 9).unwrap();
        assert_eq!((catalogue.summary().tensor_bytes, catalogue.find("again")), (112, Some(2)));
    }
}

#[test]
fn what_a_file_would_have_imported_is_metadata() {
    let system = PickleBuilder::default().global("os", "system").text("id").raw(b"\x85R");
    let header = parse(&zipped(&beside(system))).unwrap();
    assert!(
        text(&header, "pytorch.verdict").starts_with("Could run code in PyTorch: yes, by os.system (data.pkl, byte ")
    );
    assert!(text(&header, "pytorch.weights_only").starts_with("refuses it: os.system at byte "));
    let count = header.metadata.get_u64("pytorch.globals").unwrap();
    let all: Vec<String> = (0..count).map(|at| text(&header, &format!("pytorch.globals[{at}]"))).collect();
    let system = all.iter().find(|one| one.starts_with("os.system: ")).unwrap();
    assert!(
        system.starts_with("os.system: blocked by weights_only, could run code, called once (data.pkl, byte "),
        "{system}"
    );
    assert!(
        all.iter().any(|one| one.starts_with("torch._utils._rebuild_tensor_v2: allowed by weights_only, called once"))
    );
}

#[test]
fn what_is_listed_is_bounded() {
    let long = "n".repeat(60_000);
    let many = (0..400).fold(PickleBuilder::default().raw(b"("), |pickle, at| {
        pickle.global("m", &if at == 0 { long.clone() } else { format!("f{at}") })
    });
    let header = parse(&zipped(&beside(many.raw(b"t")))).unwrap();
    assert!(header.metadata.get_u64("pytorch.globals").unwrap() > 400);
    assert!(
        header.metadata.find("pytorch.globals[255]").is_some()
            && header.metadata.find("pytorch.globals[256]").is_none()
    );
    for index in 0..header.metadata.len() {
        let (key, kind) = header.metadata.get(index).unwrap();
        assert!(kind != "string" || text(&header, key).len() < 700, "{key}");
    }
}

#[test]
fn strides_are_kept_where_they_are_needed() {
    let file = zipped(&dict(&[("plain", 0, &[3, 4], &[4, 1]), ("turned", 0, &[4, 3], &[1, 4])]).stop());
    let header = parse(&file).unwrap();
    assert_eq!((header.tensors.strides(0), header.tensors.strides(1)), (None, Some(&[1, 4][..])));
    assert_eq!(text(&header, "pytorch.strided[0]"), "turned");
    let catalogue = Catalogue::build(vec![("x".into(), header)], 9).unwrap();
    assert_eq!(catalogue.first_strided(&[0]), None);
    assert_eq!(catalogue.first_strided(&[0, 1]), Some((1, &[1, 4][..])));
}

#[test]
fn an_index_is_of_the_format_of_its_shards() {
    let shard = parse(&zipped(&dict(&[("w", 0, &[3, 4], &[4, 1])]).stop())).unwrap();
    let map = br#"{"metadata":{"total_size":48},"weight_map":{"w":"pytorch_model-00001-of-00001.bin"}}"#;
    for name in ["pytorch_model.bin.index.json", "file-0.index.json", "model"] {
        let index = parse_as(name, map, Limits::default()).unwrap();
        assert_eq!(index.format.name, "pytorch");
        let files = vec![(name.to_owned(), index), ("pytorch_model-00001-of-00001.bin".to_owned(), shard.clone())];
        assert_eq!(Catalogue::build(files, 9).unwrap().summary().format, "pytorch");
    }
    let other = parse(&SafetensorsBuilder::new().tensor("w", "U8", &[1], &[1]).build()).unwrap();
    let index = parse_as("x.index.json", map, Limits::default()).unwrap();
    let files = vec![("x".to_owned(), index), ("pytorch_model-00001-of-00001.bin".to_owned(), other)];
    assert_eq!(Catalogue::build(files, 9).unwrap_err().cause, Cause::InvalidRequest);
}

#[test]
fn other_pickles_say_what_they_would_import() {
    for protocol in [2u8, 4] {
        let file = PickleBuilder::new(protocol).global("builtins", "eval").text("1").raw(b"\x85R").stop();
        let error = parse(&file).unwrap_err();
        assert_eq!(error.cause, Cause::NotAModel);
        assert!(error.message.contains("builtins.eval"), "{error:?}");
    }
}

#[test]
fn prefixes_and_flipped_bits() {
    for file in [zipped(&tied()), stream(&tied(), &[("0", 12, &TWELVE)])] {
        for len in 0..file.len() {
            parse(&file[..len]).unwrap_err();
        }
        for bit in 0..file.len() * 8 {
            let mut bytes = file.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _either = parse(&bytes);
        }
    }
    // A byte behind the last storage belongs to nothing, which is a fact and no error.
    let mut longer = streamed(&tied());
    longer.push(0);
    assert_eq!(parse(&longer).unwrap().metadata.get_u64("pytorch.bytes_outside"), Some(1));
    let behind = archive(&tied(), &[("0", &TWELVE)]).comment(b"a comment").build();
    assert_eq!(parse(&behind).unwrap().tensors.len(), 3);
}
