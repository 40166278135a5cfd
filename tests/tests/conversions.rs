//! Models of every format as safetensors, and other metadata before the same data.
#![cfg(feature = "component")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use std::fs;
use std::path::{Path, PathBuf};
use weighbridge::{
    Cause, ConvertOptions, LoadOptions, MetadataEdit, MetadataValue, NewValue, Runtime, Selection, Session, Strategy,
};
use weighbridge_tests::files::{self, Model};

/// Writes the files of a model, and answers the one that it is opened by.
fn written(folder: &Path, model: &Model) -> PathBuf {
    for file in &model.files {
        fs::write(folder.join(&file.name), &file.bytes).unwrap();
    }
    folder.join(&model.files[0].name)
}

/// Every tensor of a file by name.
fn all(runtime: &Runtime, path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut session = runtime.open(path).unwrap();
    session.load(&Selection::All, &LoadOptions::new()).unwrap();
    let mut all: Vec<_> =
        session.resident().unwrap().iter().map(|view| (view.name().to_owned(), view.to_vec())).collect();
    all.sort();
    all
}

fn sorted(mut tensors: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    tensors.sort();
    tensors
}

#[test]
fn every_format_becomes_the_same_tensors() {
    let runtime = Runtime::new().unwrap();
    for name in [
        "gguf",
        "safetensors",
        "npy",
        "npz",
        "pytorch",
        "pytorch-stream",
        "pytorch-sharded",
        "split",
        "sharded",
        "gapped",
        "no-bytes",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let model = files::named(name).unwrap();
        let from = written(folder.path(), &model);
        let to = folder.path().join("converted.safetensors");
        let mut session = runtime.open(&from).unwrap();
        let converted = session.convert(&to, &ConvertOptions::new()).unwrap();
        assert_eq!((converted.shared, converted.gathered, converted.files.len()), (0, 0, 1), "{name}");
        assert_eq!(converted.tensors as usize, model.tensors.len(), "{name}");
        assert!(all(&runtime, &to) == sorted(model.tensors.clone()), "{name} differs");

        // As several files, of what is mapped already; that stays so.
        session.load(&Selection::All, &LoadOptions::new().policy(Strategy::MappedFile)).unwrap();
        let options = ConvertOptions::new().shard_bytes(20_000);
        let cut = session.convert(folder.path().join("cut.safetensors"), &options).unwrap();
        let first = &cut.files.last().unwrap().path;
        assert!(all(&runtime, first) == sorted(model.tensors.clone()), "{name} differs in {} files", cut.files.len());
        assert_eq!(session.resident().unwrap().len(), model.tensors.len(), "{name}");
    }
}

#[test]
fn tied_tensors_get_bytes_of_their_own() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let model = files::pytorch_tied();
    let from = written(folder.path(), &model);
    let to = folder.path().join("converted.safetensors");
    let converted = runtime.open(&from).unwrap().convert(&to, &ConvertOptions::new()).unwrap();
    assert_eq!((converted.tensors, converted.shared), (3, 2));
    assert!(all(&runtime, &to) == sorted(model.tensors));
}

#[test]
fn tensors_with_strides_become_contiguous() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let model = files::pytorch_strided();
    let from = written(folder.path(), &model);
    let to = folder.path().join("converted.safetensors");
    let mut session = runtime.open(&from).unwrap();
    let refused = session.load(&Selection::All, &LoadOptions::new()).unwrap_err();
    assert!(refused.message.contains("Convert the model"), "{refused}");
    let converted = session.convert(&to, &ConvertOptions::new()).unwrap();
    assert_eq!((converted.gathered, converted.shared), (1, 1));
    let plain = &model.tensors[0].1;
    let turned = (0..4).flat_map(|row| (0..3).map(move |column| plain[column * 4 + row])).collect();
    assert_eq!(all(&runtime, &to), [("plain".to_owned(), plain.clone()), ("turned".to_owned(), turned)]);
}

fn set(key: &str, value: &str) -> MetadataEdit {
    let value = NewValue { kind: None, sequence: false, elements: vec![value.to_owned()] };
    MetadataEdit { key: key.to_owned(), value: Some(value) }
}

fn text(session: &mut Session, key: &str) -> Option<MetadataValue> {
    session.metadata(0).unwrap().into_iter().find(|entry| entry.key == key).map(|entry| entry.value)
}

#[test]
fn a_part_of_a_model_gets_other_metadata_in_its_place() {
    let runtime = Runtime::new().unwrap();
    for (name, key) in
        [("split", "general.name"), ("gguf", "general.name"), ("safetensors", "format"), ("gapped", "format")]
    {
        let folder = tempfile::tempdir().unwrap();
        let model = files::named(name).unwrap();
        let path = written(folder.path(), &model);
        let mut session = runtime.open(&path).unwrap();
        session.load(&Selection::All, &LoadOptions::new().policy(Strategy::MappedFile)).unwrap();
        let size = session.rewrite(0, &[set(key, "new")], &path, true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), size);
        // Whoever has mapped the old file has it still.
        let views = session.resident().unwrap();
        assert!(views.iter().zip(&model.tensors).all(|(view, (_, data))| view.bytes() == data), "{name}");
        assert!(all(&runtime, &path) == sorted(model.tensors.clone()), "{name} differs");
        let mut new = runtime.open(&path).unwrap();
        assert_eq!(text(&mut new, key), Some(MetadataValue::Text("new".to_owned())), "{name}");
        let error = new.rewrite(0, &[set(key, "newer")], &path, false).unwrap_err();
        assert_eq!(error.cause, Cause::InvalidRequest, "{error}");
        assert_eq!(fs::metadata(&path).unwrap().len(), size, "what is refused leaves the file");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &files::named("pytorch").unwrap());
    let error = runtime.open(&path).unwrap().rewrite(0, &[set("a", "b")], &path, true).unwrap_err();
    assert_eq!(error.cause, Cause::UnsupportedFormat, "{error}");
}

#[test]
fn a_file_that_changed_meanwhile_is_not_written() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let path = written(folder.path(), &files::named("gguf").unwrap());
    let mut session = runtime.open(&path).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, bytes).unwrap();
    let to = folder.path().join("new");
    let error = session.rewrite(0, &[set("a", "b")], &to, true).unwrap_err();
    assert_eq!(error.cause, Cause::SourceChanged, "{error}");
    let error = session.convert(folder.path().join("new.safetensors"), &ConvertOptions::new()).unwrap_err();
    assert_eq!(error.cause, Cause::SourceChanged, "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of what was begun");
}
