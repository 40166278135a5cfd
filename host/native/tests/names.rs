//! Whatever the system allows in the name of a file works in a split, in a shard and in an error.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]
mod common;

use common::loader;
use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
};
use weighbridge::{Cause, LoadOptions, Selection};

/// What stands before the number of a part.
fn stems() -> Vec<OsString> {
    let ending = "-00001-of-00002.safetensors";
    let text = [
        "model",
        "model:q4",
        "it's \"quoted\"",
        "two\nlines\ttabs",
        "می\u{200c}خواهم",
        "👩\u{200d}🔬",
        "\u{202e}fugg",
        "\u{1b}[31mred",
        "-rf *",
        " ",
        "größe 模型 مدل",
        &"n".repeat(255 - ending.len()),
        &"ß".repeat((255 - ending.len()) / 2),
    ];
    let bytes: [&[u8]; 3] = [b"caf\xe9", b"\xff\xfe", b"a\x80\x80b\xc3"];
    let bytes = bytes.map(|bytes| OsStr::from_bytes(bytes).to_owned());
    text.map(OsString::from).into_iter().chain(bytes).collect()
}

fn part(stem: &OsStr, number: u32, ending: &str) -> OsString {
    OsString::from_vec([stem.as_bytes(), format!("-{number:05}-of-00002.{ending}").as_bytes()].concat())
}

/// A part of a split with one tensor of 32 floats.
fn gguf(number: u16) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let entry = |key: &str, kind: u32, value: &[u8]| [text(key), kind.to_le_bytes().to_vec(), value.to_vec()].concat();
    let mut file = [b"GGUF".as_slice(), &3u32.to_le_bytes(), &1u64.to_le_bytes(), &3u64.to_le_bytes()].concat();
    file.extend(entry("split.no", 2, &number.to_le_bytes()));
    file.extend(entry("split.count", 2, &2u16.to_le_bytes()));
    file.extend(entry("split.tensors.count", 5, &2i32.to_le_bytes()));
    file.extend(text(&format!("t{number}")));
    file.extend([&1u32.to_le_bytes()[..], &32u64.to_le_bytes(), &0u32.to_le_bytes(), &0u64.to_le_bytes()].concat());
    file.resize(file.len().next_multiple_of(32) + 128, 7);
    file
}

fn loaded(path: &Path) -> u32 {
    let mut model = loader().open(path).unwrap_or_else(|error| panic!("{path:?}: {error:?}"));
    model.load(&Selection::All, &LoadOptions::new()).unwrap().tensors
}

/// The error names the file that is missing, and nothing in it acts on a terminal.
fn refused(path: &Path, missing: &OsStr) {
    let error = loader().open(path).err().unwrap_or_else(|| panic!("{path:?}"));
    assert_eq!(error.cause, Cause::NotFound, "{error:?}");
    assert_eq!(error.file().and_then(Path::file_name).map(OsStr::to_string_lossy), Some(missing.to_string_lossy()));
    let shown = error.to_string();
    let hidden = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
    assert!(!shown.chars().any(hidden), "{shown:?}");
    assert!(shown.contains("00002-of-00002"), "{shown:?}");
}

#[test]
fn a_split_of_any_name_is_one_model() {
    for stem in stems() {
        let folder = tempfile::tempdir().unwrap();
        let at = |number: u16| folder.path().join(part(&stem, u32::from(number) + 1, "gguf"));
        (0..2).for_each(|number| fs::write(at(number), gguf(number)).unwrap());
        assert_eq!(loaded(&at(0)), 2, "{stem:?}");
        fs::remove_file(at(1)).unwrap();
        refused(&at(0), &part(&stem, 2, "gguf"));
    }
}

/// Names in an index are text; the index itself may be called anything.
#[test]
fn shards_of_any_name_are_one_model() {
    for stem in stems() {
        let folder = tempfile::tempdir().unwrap();
        let index = OsString::from_vec([stem.as_bytes(), b".safetensors.index.json"].concat());
        let Some(stem) = stem.to_str() else {
            let names = ["one.safetensors", "two.safetensors"].map(OsStr::new);
            write(folder.path(), &index, names);
            assert_eq!(loaded(&folder.path().join(index)), 2);
            continue;
        };
        let names = [1, 2].map(|number| part(OsStr::new(stem), number, "safetensors"));
        write(folder.path(), &index, [&names[0], &names[1]]);
        let index = folder.path().join(index);
        assert_eq!(loaded(&index), 2, "{stem:?}");
        fs::remove_file(folder.path().join(&names[1])).unwrap();
        refused(&index, &names[1]);
    }
}

fn write(folder: &Path, index: &OsStr, names: [&OsStr; 2]) {
    let mut map = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        fs::write(folder.join(name), common::safetensors(&[(&format!("t{number}"), 8)])).unwrap();
        let name = name.to_str().unwrap().chars().flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)).chars().collect(),
            c => vec![c],
        });
        map.push(format!("\"t{number}\":\"{}\"", name.collect::<String>()));
    }
    fs::write(folder.join(index), format!("{{\"weight_map\":{{{}}}}}", map.join(","))).unwrap();
}

/// Two names that look the same as text are two files, of which nobody knows which is meant.
#[test]
fn parts_that_are_shown_alike_are_not_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (OsStr::from_bytes(b"x\xe9"), OsStr::from_bytes(b"x\xe8"));
    fs::write(folder.path().join(part(one, 1, "gguf")), gguf(0)).unwrap();
    fs::write(folder.path().join(part(one, 2, "gguf")), gguf(1)).unwrap();
    fs::write(folder.path().join(part(other, 2, "gguf")), gguf(1)).unwrap();
    refused(&folder.path().join(part(one, 1, "gguf")), &part(one, 2, "gguf"));
}
