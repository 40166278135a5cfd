//! The command line, as it is seen: every file in `tests/cases/cli` is a transcript of commands and what they print. A
//! transcript that changed is written anew with `BLESS=1 cargo test -p weighbridge-cli --test cli`; read the difference.
//!
//! In a transcript, `$ ` begins a command, `! ` a line of stderr, `? ` the exit status where it is not 0; the rest is stdout.
//! A command is `weighbridge …` with `| head N`, `| grep TEXT` or `| lines` (only how many) after it, or one of the verbs of
//! `Place::verb`. What no two runs have alike is masked: times, hashes of the component, sizes of its memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use support::place::Place;

#[test]
fn transcripts_are_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/cli");
    let only = std::env::var("CASE").unwrap_or_default();
    let bless = std::env::var_os("BLESS").is_some();
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "txt") && file.to_string_lossy().contains(&only));
    files.sort();
    assert!(!files.is_empty(), "there is no transcript with {only:?} in its name");
    let mut failed = Vec::new();
    for file in files {
        let expected = fs::read_to_string(&file).unwrap();
        let found = transcript(&expected);
        if found == expected {
            continue;
        }
        if bless {
            fs::write(&file, &found).unwrap();
            continue;
        }
        println!("{}", file.file_name().unwrap().to_string_lossy());
        difference(&expected, &found);
        failed.push(file);
    }
    assert!(failed.is_empty(), "{} transcripts differ; BLESS=1 writes them anew", failed.len());
}

/// Runs the commands of a transcript and writes what they print now.
fn transcript(text: &str) -> String {
    let place = Place::new();
    let mut found = String::new();
    for line in text.lines() {
        let Some(command) = line.strip_prefix("$ ") else {
            // Remarks and the empty lines around them stay.
            if line.starts_with('#') {
                if !found.is_empty() && !found.ends_with("\n\n") && !found.lines().last().unwrap_or("").starts_with('#')
                {
                    found.push('\n');
                }
                found.push_str(line);
                found.push('\n');
            }
            continue;
        };
        if !found.is_empty() && !found.lines().last().unwrap_or("").starts_with('#') {
            found.push('\n');
        }
        found.push_str(&format!("$ {command}\n"));
        found.push_str(&place.run(command));
    }
    found
}

fn difference(expected: &str, found: &str) {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let same = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let end = expected[same..].iter().rev().zip(found[same..].iter().rev()).take_while(|(a, b)| a == b).count();
    println!("  line {}", same + 1);
    expected[same..expected.len() - end].iter().for_each(|line| println!("  - {line}"));
    found[same..found.len() - end].iter().for_each(|line| println!("  + {line}"));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let place = Place::new();
    place.run("weighbridge sample model.gguf --tensors 723");
    let mut child =
        place.command(&["inspect", "model.gguf"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_closed_pipe_hides_no_difference() {
    let place = Place::new();
    place.run("weighbridge sample model.gguf");
    place.run("weighbridge record model.gguf --out a.wbrec");
    place.run("weighbridge record model.gguf --strategy read-copy --out b.wbrec");
    let arguments = ["compare", "a.wbrec", "b.wbrec", "--fail-over", "0%"];
    let code = place.command(&arguments).output().unwrap().status.code();
    assert_eq!(code, Some(1));
    let mut child = place.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), code);
}

#[test]
fn a_full_disk_is_a_failure() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: this system has no /dev/full");
        return;
    }
    let place = Place::new();
    place.run("weighbridge sample model.gguf");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = place.command(&["inspect", "model.gguf"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout could not be written"), "{output:?}");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = place.command(&["load", "none.gguf", "--json"]).stderr(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "a stderr that is full changes nothing");
    assert!(String::from_utf8_lossy(&output.stdout).contains("weighbridge.error/1"), "{output:?}");
    let written = place.run("weighbridge sample /dev/full");
    assert!(written.contains("could not be written") && written.contains("? 1"), "{written}");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_said_so() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let place = Place::new();
    place.run("weighbridge sample model.gguf");
    let model = place.path("model.gguf");
    fs::set_permissions(&model, fs::Permissions::from_mode(0o0)).unwrap();
    let mut command = place.command(&["load", "model.gguf", "--json"]);
    if fs::File::open(&model).is_ok() {
        // Nothing is closed to root, so the tool runs as nobody.
        fs::set_permissions(place.path("."), fs::Permissions::from_mode(0o755)).unwrap();
        command.uid(65534).gid(65534);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: the tool cannot be run as nobody here: {error}");
            return;
        }
    };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["error"]["cause"], "access-denied", "{report}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("model.gguf"));
}

#[test]
fn no_colour_where_there_is_no_terminal() {
    let place = Place::new();
    place.run("weighbridge sample model.gguf");
    for command in ["inspect model.gguf", "load model.gguf", "load nothing.gguf", "machines", "--help"] {
        let words: Vec<_> = command.split(' ').collect();
        let output = place.command(&words).env_remove("NO_COLOR").output().unwrap();
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{command}");
    }
}

/// What was kept would be believed the next time, whoever wrote it.
#[test]
fn nothing_is_kept_between_runs() {
    let place = Place::new();
    place.run("weighbridge sample model.gguf");
    let home = tempfile::tempdir().unwrap();
    let mut load = place.command(&["load", "model.gguf"]);
    for variable in ["HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TMPDIR"] {
        load.env(variable, home.path());
    }
    assert!(load.output().unwrap().status.success());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}
