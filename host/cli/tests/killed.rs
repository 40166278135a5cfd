//! A program that is killed while it writes leaves the old file, or the new one, and no half of either.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod support;

use std::fs;
use std::process::Stdio;
use std::time::Duration;
use support::place::Place;

/// Kills the command after each of these times, from before it began to write until after it was done.
fn killed(place: &Place, arguments: &[&str], out: &str, old: &[u8], new: &[u8]) {
    let (mut kept, mut replaced) = (0, 0);
    for millis in [0, 5, 10, 20, 40, 60, 80, 120, 160, 240, 400, 800, 4000] {
        fs::write(place.path(out), old).unwrap();
        let mut child = place.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..millis {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // It may be at its end already.
        let _ = child.kill();
        child.wait().unwrap();
        let now = fs::read(place.path(out)).unwrap();
        if now == old {
            kept += 1;
        } else {
            assert!(
                now == new,
                "after {millis} ms the file has {} bytes and is neither the old nor the new",
                now.len()
            );
            replaced += 1;
        }
    }
    assert!(kept > 0 && replaced > 0, "kept {kept} times, replaced {replaced} times");
    // Linux has files without a name, of which nothing is left; elsewhere it is one that says what it is.
    let others = fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let others: Vec<String> = others.filter(|name| name.starts_with('.')).collect();
    assert!(others.iter().all(|name| name.starts_with(".weighbridge-") && name.ends_with(".part")), "{others:?}");
    #[cfg(target_os = "linux")]
    if place.has_unnamed_files() {
        assert!(others.is_empty(), "{others:?}");
    }
}

#[test]
fn while_it_converts() {
    let place = Place::new();
    place.run("weighbridge sample model.safetensors --safetensors --size 48MiB");
    let written = place.run("weighbridge convert model.safetensors new.safetensors");
    assert!(!written.contains('!'), "{written}");
    let new = fs::read(place.path("new.safetensors")).unwrap();
    let arguments = ["convert", "model.safetensors", "out.safetensors", "--force"];
    killed(&place, &arguments, "out.safetensors", b"old", &new);
}

#[test]
fn while_it_sets_metadata() {
    let place = Place::new();
    place.run("weighbridge sample model.gguf --size 48MiB");
    let old = fs::read(place.path("model.gguf")).unwrap();
    let written = place.run("weighbridge set-metadata model.gguf general.name=new --output new.gguf");
    assert!(!written.contains('!'), "{written}");
    let new = fs::read(place.path("new.gguf")).unwrap();
    let arguments = ["set-metadata", "model.gguf", "general.name=new", "--in-place"];
    killed(&place, &arguments, "model.gguf", &old, &new);
}
