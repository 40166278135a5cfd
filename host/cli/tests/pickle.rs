//! A checkpoint that runs a command in PyTorch runs none here, whatever is asked of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod support;

use std::fs;
use std::path::Path;
use support::place::Place;

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A call of `posix.system`, which is what `os.system` is on the systems that have it: the `REDUCE` that pickle itself writes for an
/// object whose `__reduce__` says so.
fn call(command: &str) -> Vec<u8> {
    [b"cposix\nsystem\n".as_slice(), &text(command), b"\x85R"].concat()
}

/// A tensor of two floats in storage `0`.
fn tensor() -> Vec<u8> {
    let storage = [b"(".as_slice(), &text("storage"), b"ctorch\nFloatStorage\n", &text("0"), &text("cpu"), b"K\x02NtQ"];
    [b"ctorch._utils\n_rebuild_tensor_v2\n(".as_slice(), &storage.concat(), b"K\x00K\x02\x85K\x01\x85\x89}tR"].concat()
}

/// A checkpoint in the form of before PyTorch 1.6, of a dictionary with these entries.
fn checkpoint(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.".to_vec();
    file.extend([b"\x80\x02}(".as_slice(), &text("little_endian"), b"\x88u."].concat());
    file.extend(b"\x80\x02}(");
    for (key, value) in entries {
        file.extend(text(key));
        file.extend(value);
    }
    file.extend(b"u.");
    file.extend([b"\x80\x02](".as_slice(), &text("0"), b"e."].concat());
    file.extend(2u64.to_le_bytes());
    file.extend([1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()));
    file
}

/// What people do with a model.
const COMMANDS: [&[&str]; 12] = [
    &["inspect", "model.pt"],
    &["inspect", "model.pt", "--json"],
    &["load", "model.pt"],
    &["load", "model.pt", "--strategy", "read-copy"],
    &["load", "model.pt", "--strategy", "staged-read"],
    &["load", "model.pt", "--strategy", "external-buffer"],
    &["load", "model.pt", "--validate", "structure"],
    &["verify", "model.pt"],
    &["record", "model.pt", "--out", "model.wbrec", "--force"],
    &["diff", "model.pt", "model.pt"],
    &["convert", "model.pt", "model.safetensors", "--force"],
    &["set-metadata", "model.pt", "format=pt", "--in-place"],
];

#[test]
fn a_command_in_a_checkpoint_is_never_run() {
    let place = Place::new();
    let marker = place.path("run");
    let command = format!("echo run > '{}'", marker.display());
    let nested = [b"}(".as_slice(), &text("deep"), &call(&command), b"u"].concat();
    let beside = checkpoint(&[("w", tensor()), ("evil", call(&command))]);
    let files: [(&str, Vec<u8>, bool); 5] = [
        ("beside the tensors", beside.clone(), true),
        ("before them", checkpoint(&[("evil", call(&command)), ("w", tensor())]), true),
        ("in a container of the checkpoint", checkpoint(&[("w", tensor()), ("more", nested)]), true),
        ("instead of a tensor", checkpoint(&[("evil", [call(&command), b"0".to_vec(), tensor()].concat())]), true),
        // A pickle alone is what `pickle.load` and `torch.load` would run first of all.
        ("alone", [b"\x80\x02".as_slice(), &call(&command), b"."].concat(), false),
    ];
    for (where_, file, opens) in files {
        fs::write(place.path("model.pt"), &file).unwrap();
        for arguments in COMMANDS {
            let output = place.command(arguments).output().unwrap();
            assert!(!marker.exists(), "{where_}: {arguments:?} ran the command");
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            let done = opens && arguments[0] != "set-metadata";
            assert_eq!(
                code,
                Some(if done {
                    0
                } else if arguments[0] == "diff" {
                    2
                } else {
                    1
                }),
                "{where_}: {said}"
            );
            if arguments[0] == "inspect" || !opens {
                assert!(said.contains("posix.system"), "{where_}: {arguments:?} does not name it: {said}");
            }
        }
    }
    fs::write(place.path("model.pt"), &beside).unwrap();
    let inspected = place.run("weighbridge inspect model.pt");
    assert!(inspected.contains("could run code"), "{inspected}");
    assert_is_command_free(&place.path("model.safetensors"));
}

/// The conversion has the tensor and nothing of the pickle.
fn assert_is_command_free(path: &Path) {
    let bytes = fs::read(path).unwrap();
    assert!(bytes.starts_with(&[64, 0, 0, 0, 0, 0, 0, 0, b'{']), "{:?}", String::from_utf8_lossy(&bytes));
    assert!(!bytes.windows(6).any(|part| part == b"system"));
    assert!(bytes.ends_with(&[1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat()));
}
