//! Models of several files.
use super::super::Catalogue;
use super::super::build::{GgufBuilder, SafetensorsBuilder, Value};
use super::super::pickle::build::{PickleBuilder, archive};
use super::super::safetensors::dtype;
use super::super::table::TensorTable;
use super::*;

fn part(no: u16, count: u16, total: i32, tensors: &[&str]) -> Header {
    let mut file = GgufBuilder::new()
        .kv("general.architecture", Value::text("llama"))
        .kv("split.no", Value::U16(no))
        .kv("split.count", Value::U16(count))
        .kv("split.tensors.count", Value::I32(total));
    for name in tensors {
        file = file.tensor(name, 24, &[4], &[0; 4]);
    }
    loads(&file)
}

/// Where the value of `split.no` of such a part begins.
const SPLIT_NO: u64 = 24 + (8 + 20 + 4 + 8 + 5) + (8 + 8 + 4);

fn shard(tensors: &[&str]) -> Header {
    let mut file = SafetensorsBuilder::new();
    for name in tensors {
        file = file.tensor(name, "U8", &[4], &[0; 4]);
    }
    parse(&file.build()).unwrap()
}

fn index(map: &[(&str, &str)]) -> Header {
    let map: Vec<String> = map.iter().map(|(tensor, file)| format!("\"{tensor}\":\"{file}\"")).collect();
    parse(format!("{{\"weight_map\":{{{}}}}}", map.join(",")).as_bytes()).unwrap()
}

fn missing(files: &[(&str, &Header)]) -> Result<Vec<String>, Error> {
    Catalogue::missing(&files.iter().map(|(name, header)| ((*name).to_owned(), *header)).collect::<Vec<_>>())
}

fn build(files: &[(&str, &Header)]) -> Result<Catalogue, Error> {
    Catalogue::build(files.iter().map(|(name, header)| ((*name).to_owned(), (*header).clone())).collect(), u32::MAX)
}

#[track_caller]
fn bad(files: &[(&str, &Header)], cause: Cause, field: &str) -> Error {
    let error = build(files).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    error
}

#[test]
fn one_file() {
    let model = build(&[("m.gguf", &loads(&valid()))]).unwrap();
    assert_eq!((model.len(), model.metadata_len()), (3, 16));
    assert_eq!(model.find("blk.0.attn_q.weight"), Some(1));
    assert_eq!((model.find("nothing"), model.tensor(3)), (None, None));
    assert_eq!(model.tensor(2).unwrap().tensor.name, "output_norm.weight");
    let summary = model.summary();
    assert_eq!((summary.format.as_str(), summary.version, summary.architecture.as_deref()), ("gguf", 3, Some("llama")));
    assert_eq!((summary.tensors, summary.tensor_bytes, summary.alignment), (3, 64 + 18 + 32, 32));
    assert_eq!(build(&[]).unwrap_err().cause, Cause::InvalidRequest);
}

#[test]
fn gguf_parts() {
    let (one, two, three) = (part(0, 3, 4, &["a", "b"]), part(1, 3, 4, &[]), part(2, 3, 4, &["c", "d"]));
    let names = ["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"];
    assert_eq!(missing(&[(names[1], &two)]).unwrap(), [names[0], names[2]]);
    assert_eq!(build(&[(names[1], &two)]).unwrap().len(), 0);
    let all = [(names[0], &one), (names[1], &two), (names[2], &three)];
    assert!(missing(&all).unwrap().is_empty());
    let whole = build(&all).unwrap();
    assert_eq!(
        (whole.find("c"), whole.tensor(2).unwrap().source, whole.tensor(2).unwrap().tensor.name),
        (Some(2), 2, "c")
    );
    assert_eq!((whole.metadata_len(), whole.metadata(5)), (12, Some((1, 1))));
    assert_eq!(whole.iter().map(|t| t.source).collect::<Vec<_>>(), [0, 0, 2, 2]);
    bad(&[(names[0], &one), ("n-00002-of-00003.gguf", &two)], Cause::Malformed, "kv[\"split.no\"]");
    let twice = bad(&[(names[0], &one), ("x.gguf", &one)], Cause::Malformed, "kv[\"split.no\"]");
    assert_eq!((twice.source, twice.offset), (Some(1), Some(SPLIT_NO)));
    bad(&[(names[0], &two)], Cause::Malformed, "kv[\"split.no\"]");
    bad(&[(names[0], &one), ("x.gguf", &part(1, 4, 4, &[]))], Cause::Malformed, "kv[\"split.count\"]");
    bad(&[(names[0], &one), ("x.gguf", &loads(&valid()))], Cause::Malformed, "kv[\"split.count\"]");
    let duplicate = bad(&[(names[0], &one), (names[1], &part(1, 3, 4, &["b"]))], Cause::Malformed, "tensor[\"b\"]");
    assert_eq!((duplicate.source, duplicate.tensor, duplicate.offset), (Some(1), Some(2), None));
    let few = part(1, 2, 4, &["c"]);
    let half = part(0, 2, 4, &["a", "b"]);
    bad(
        &[("m-00001-of-00002.gguf", &half), ("m-00002-of-00002.gguf", &few)],
        Cause::Malformed,
        "kv[\"split.tensors.count\"]",
    );
    assert_eq!(build(&[("unnamed.gguf", &one)]).unwrap_err().cause, Cause::InvalidRequest);
    assert_eq!(build(&[("../m-00001-of-00003.gguf", &one)]).unwrap_err().cause, Cause::InvalidRequest);
}

#[test]
fn safetensors_shards() {
    let map = index(&[("a", "m-1.safetensors"), ("b", "m-2.safetensors"), ("c", "m-2.safetensors")]);
    let (one, two) = (shard(&["a"]), shard(&["b", "c"]));
    assert_eq!(missing(&[("m.index.json", &map)]).unwrap(), ["m-1.safetensors", "m-2.safetensors"]);
    let whole = build(&[("m.index.json", &map), ("m-2.safetensors", &two), ("m-1.safetensors", &one)]).unwrap();
    assert_eq!((whole.len(), whole.find("a"), whole.tensor(2).unwrap().source), (3, Some(2), 2));
    assert_eq!(whole.summary().format, "safetensors");
    bad(&[("i", &map), ("m-3.safetensors", &one)], Cause::Malformed, "weight_map");
    bad(&[("i", &map), ("j", &map)], Cause::InvalidRequest, "sources");
    bad(&[("x.safetensors", &one), ("m.gguf", &loads(&valid()))], Cause::InvalidRequest, "sources");
    bad(&[("x.safetensors", &one), ("y.safetensors", &one)], Cause::Malformed, "tensor[\"a\"]");
    bad(&[("x.safetensors", &one), ("x.safetensors", &two)], Cause::InvalidRequest, "sources");
}

/// A hundred bytes that say they are one of billions of files.
#[test]
fn split_counts_are_bounded() {
    let claim = |count: u32| GgufBuilder::new().kv("split.no", Value::U16(0)).kv("split.count", Value::U32(count));
    let at = 24 + (8 + 8 + 4 + 2) + (8 + 11 + 4);
    for count in [65_536, u32::MAX] {
        let error = refused(&claim(count), Cause::LimitExceeded, "kv[\"split.count\"]");
        assert_eq!(error.offset, Some(at), "{error:?}");
        assert!(error.message.contains(&count.to_string()) && error.message.contains("fetch it again"), "{error:?}");
    }
    let wide = GgufBuilder::new().kv("split.no", Value::U16(0)).kv("split.count", Value::U64(u64::MAX));
    assert_eq!(refused(&wide, Cause::LimitExceeded, "kv[\"split.count\"]").offset, Some(at));
    let most = loads(&claim(65_535));
    let absent = missing(&[("m-00001-of-65535.gguf", &most)]).unwrap();
    assert_eq!(absent.len(), 4_096);
    assert_eq!((absent[0].as_str(), absent[4_095].as_str()), ("m-00002-of-65535.gguf", "m-04097-of-65535.gguf"));
    let misplaced = GgufBuilder::new().kv("split.no", Value::U16(3)).kv("split.count", Value::U16(3));
    assert_eq!(refused(&misplaced, Cause::Malformed, "kv[\"split.no\"]").offset, Some(24 + 8 + 8 + 4));
    let nowhere = GgufBuilder::new().kv("split.count", Value::U16(3));
    assert_eq!(refused(&nowhere, Cause::Malformed, "kv[\"split.no\"]").offset, Some(24 + 8 + 11 + 4));
}

/// The index is the list: what shards have beside it is left out, and what they lack is told.
#[test]
fn an_index_that_disagrees_with_its_shards() {
    let map = index(&[("a", "m-1.safetensors"), ("b", "m-2.safetensors"), ("c", "m-2.safetensors")]);
    let (one, two) = (shard(&["a"]), shard(&["b", "c"]));
    let rules = |model: &Catalogue| -> Vec<(String, Option<u32>)> {
        model.findings().iter().map(|finding| (finding.rule.clone(), finding.source)).collect()
    };
    let more = shard(&["a", "z", "c"]);
    let model = build(&[("m-1.safetensors", &more), ("i", &map), ("m-2.safetensors", &two)]).unwrap();
    assert_eq!((model.len(), model.find("z"), model.find("c")), (3, None, Some(2)));
    assert_eq!(model.tensor(1).unwrap().tensor.name, "b");
    assert_eq!(rules(&model), [("unindexed-tensors".to_owned(), Some(0))]);
    assert!(model.findings()[0].message.contains("\"z\", \"c\"") && model.absent().is_empty());
    let fewer = shard(&["b"]);
    let model = build(&[("i", &map), ("m-1.safetensors", &one), ("m-2.safetensors", &fewer)]).unwrap();
    assert_eq!((model.len(), model.absent()), (2, &["c".to_owned()][..]));
    assert_eq!(rules(&model), [("absent-tensors".to_owned(), Some(0))]);
    let exchanged = build(&[("i", &map), ("m-1.safetensors", &two), ("m-2.safetensors", &one)]).unwrap();
    assert_eq!((exchanged.len(), exchanged.absent().len()), (0, 3));
}

#[test]
fn a_shard_that_is_given_alone() {
    let one = shard(&["a"]);
    let told = |name: &str| build(&[(name, &one)]).unwrap().findings().first().map(|finding| finding.message.clone());
    assert!(told("model-00001-of-00002.safetensors").unwrap().contains("\"model.safetensors.index.json\""));
    let checkpoint = PickleBuilder::new(2).raw(b"}").stop();
    let checkpoint = parse(&archive(&checkpoint, &[]).build()).unwrap();
    let model = build(&[("pytorch_model-00001-of-00002.bin", &checkpoint)]).unwrap();
    assert!(model.findings()[0].message.contains("\"pytorch_model.bin.index.json\""), "{:?}", model.findings());
    assert!(build(&[("model-00001-of-00002.gguf", &loads(&valid()))]).unwrap().findings().is_empty());
    for whole in ["model.safetensors", "model-00001-of-00001.safetensors", "a-of-b.safetensors"] {
        assert_eq!(told(whole), None, "{whole}");
    }
}

/// What a tensor is stays with it where others are left out.
#[test]
fn tensors_that_stay_keep_their_strides_and_types() {
    let mut table = TensorTable::default();
    table.push_unknown("a", "F8_NEW".into(), &[1], 0, 1).unwrap();
    table.push("b", dtype("F32").unwrap(), &[2, 2], 8, 16).unwrap();
    table.note_strides(&[1, 2]);
    table.push("c", dtype("F32").unwrap(), &[1], 24, 4).unwrap();
    table.push_unknown("d", "F8_NEW".into(), &[1], 28, 1).unwrap();
    assert_eq!(table.retain(|name| name != "a"), ["a"]);
    assert_eq!(table.iter().map(|tensor| tensor.name).collect::<Vec<_>>(), ["b", "c", "d"]);
    assert_eq!([0, 1, 2].map(|index| table.strides(index)), [Some(&[1, 2][..]), None, None]);
    assert_eq!([0, 1, 2].map(|index| table.unknown(index)), [None, None, Some("F8_NEW")]);
}

#[test]
fn an_unknown_type_is_a_finding() {
    let known = part(0, 2, 2, &["a"]);
    let file = GgufBuilder::new()
        .kv("split.no", Value::U16(1))
        .kv("split.count", Value::U16(2))
        .kv("split.tensors.count", Value::I32(2));
    let unknown = loads(&file.tensor("q", 140, &[256], &[0; 64]));
    let model = build(&[("m-00001-of-00002.gguf", &known), ("m-00002-of-00002.gguf", &unknown)]).unwrap();
    let [finding] = model.findings() else { panic!("{:?}", model.findings()) };
    assert_eq!((finding.rule.as_str(), finding.source, finding.tensor), ("unknown-dtype", Some(1), Some(1)));
    assert!(finding.message.contains("IQ5_K of ik_llama.cpp") && finding.message.contains("\"q\""), "{finding:?}");
}
