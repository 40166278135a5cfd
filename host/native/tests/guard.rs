//! Views of a file that becomes shorter.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]
use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::Command,
};
use weighbridge::{Cause, LoadOptions, Permanence, Runtime, Selection, Session, Strategy, Tensor};

const PAGES: usize = 64;
const LEN: usize = PAGES * 4096;

/// A model of one tensor, all sevens.
fn model(folder: &Path) -> std::path::PathBuf {
    let mut header = format!(r#"{{"sevens":{{"dtype":"U8","shape":[{LEN}],"data_offsets":[0,{LEN}]}}}}"#);
    while !(8 + header.len()).is_multiple_of(8) {
        header.push(' ');
    }
    let path = folder.join("sevens.safetensors");
    let len = (header.len() as u64).to_le_bytes();
    fs::write(&path, [&len[..], header.as_bytes(), &[7; LEN]].concat()).unwrap();
    path
}

fn mapped(path: &Path) -> (Session, Tensor) {
    let mut session = Runtime::new().unwrap().open(path).unwrap();
    session.load(&Selection::All, &LoadOptions::new().policy(Strategy::MappedFile)).unwrap();
    let tensor = session.tensor("sevens").unwrap();
    assert!(tensor.is_mapped());
    (session, tensor)
}

fn cut(path: &Path, len: u64) {
    File::options().write(true).open(path).unwrap().set_len(len).unwrap();
}

#[test]
fn a_view_of_a_file_that_was_cut_off_reads_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let (session, tensor) = mapped(&path);
    tensor.check().unwrap();
    assert_eq!(tensor.permanence(), Permanence::Unknown);
    cut(&path, 8 * 4096);

    let bytes = tensor.bytes();
    assert_eq!(bytes[0], 7);
    assert_eq!(
        bytes[LEN - 1],
        0,
        "the last page first: the one before it is lost too, and still a part of the file's mapping"
    );
    assert!(bytes[16 * 4096..].iter().all(|byte| *byte == 0));
    let error = tensor.check().unwrap_err();
    assert_eq!(error.cause, Cause::SourceChanged);
    assert_eq!(error.file(), Some(&*path));
    assert_eq!(session.tensor("sevens").unwrap_err().cause, Cause::SourceChanged);
    let mut copy = [0; 8];
    assert_eq!(tensor.copy_to(0, &mut copy).unwrap_err().cause, Cause::SourceChanged);
}

#[test]
fn many_threads_read_what_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let (_session, tensor) = mapped(&path);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let tensor = tensor.clone();
            scope.spawn(move || {
                for round in 0..200 {
                    let at = (thread * 37 + round * 11) % PAGES * 4096;
                    assert!(matches!(tensor.bytes()[at..][..4096].iter().max(), Some(0 | 7)));
                }
            });
        }
        cut(&path, 0);
    });
    assert_eq!(tensor.bytes()[LEN - 1], 0);
    assert_eq!(tensor.check().unwrap_err().cause, Cause::SourceChanged);
}

#[test]
fn a_guard_ends_with_its_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    for _ in 0..3 {
        let (session, tensor) = mapped(&path);
        assert_eq!(tensor.bytes()[LEN - 1], 7);
        drop((session, tensor));
    }
}

#[test]
fn a_sealed_file_is_known_to_be_so() {
    use rustix::fs::{MemfdFlags, SealFlags};
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let bytes = fs::read(model(folder.path())).unwrap();
    let sealed = rustix::fs::memfd_create("model", MemfdFlags::ALLOW_SEALING).unwrap();
    let mut sealed = File::from(sealed);
    sealed.write_all(&bytes).unwrap();
    rustix::fs::fcntl_add_seals(&sealed, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE).unwrap();

    let files = weighbridge::ModelFiles::new().part("sevens.safetensors", weighbridge::Part::file(sealed));
    let mut session = Runtime::new().unwrap().open(files).unwrap();
    session.load(&Selection::All, &LoadOptions::new()).unwrap();
    let permanence = session.tensor("sevens").unwrap().permanence();
    assert_eq!(permanence, Permanence::Sealed);
    assert!(permanence.is_held());
}

/// A SIGBUS that is not of a view of ours ends the process as it always did, and a handler of before gets it.
#[test]
fn the_signal_of_others_is_passed_on() {
    if let Ok(kind) = std::env::var("WEIGHBRIDGE_TEST_CHILD") {
        return child(&kind);
    }
    let run = |kind| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_signal_of_others_is_passed_on"]).env("WEIGHBRIDGE_TEST_CHILD", kind);
        command.output().unwrap().status
    };
    assert_eq!(run("none").signal(), Some(7), "SIGBUS");
    assert_eq!(run("handler").code(), Some(42));
}

#[allow(unsafe_code, reason = "a handler of somebody else, and a mapping that is not guarded")]
fn child(kind: &str) {
    extern "C" fn leave(_: libc::c_int) {
        // SAFETY: _exit(2) may be called in a handler.
        unsafe { libc::_exit(42) }
    }
    if kind == "handler" {
        let leave: extern "C" fn(libc::c_int) = leave;
        // SAFETY: the handler does what a handler may.
        unsafe { libc::signal(libc::SIGBUS, leave as libc::sighandler_t) };
    }
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let (_session, tensor) = mapped(&path);
    // SAFETY: what happens to this file is what is tested.
    let foreign = unsafe { memmap2::Mmap::map(&File::open(&path).unwrap()).unwrap() };
    cut(&path, 0);
    assert_eq!(tensor.bytes()[0], 0);
    println!("{}", foreign[LEN]);
}
