//! The cache of compiled code: it saves the compiling, and nothing that is wrong with it is ever an error or run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]
mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use weighbridge::{CacheUse, Runtime};

fn start(folder: &Path) -> Runtime {
    let runtime = Runtime::builder().component(common::hostile_component()).cache_dir(Some(folder.to_owned()));
    runtime.build().unwrap()
}

fn used(folder: &Path) -> CacheUse {
    let runtime = start(folder);
    // Whatever the cache did, what came out runs.
    assert_eq!(runtime.describe().unwrap(), []);
    runtime.startup().cache
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn private() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

#[test]
fn the_second_start_compiles_nothing() {
    let base = private();
    let folder = base.path().join("a/b");
    assert_eq!(used(&folder), CacheUse::Miss);
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700, "made for this user alone");
    let files = entries(&folder);
    assert_eq!(files.len(), 1, "nothing is left over: {files:?}");
    assert_eq!(fs::metadata(&files[0]).unwrap().mode() & 0o777, 0o600);
    assert_eq!(used(&folder), CacheUse::Hit);
    assert_eq!(start(&folder).startup().compile_ns, 0);
}

#[test]
fn a_corrupt_file_is_compiled_again() {
    let base = private();
    assert_eq!(used(base.path()), CacheUse::Miss);
    let file = entries(base.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    let middle = whole.len() / 2;
    let flipped = whole.iter().enumerate().map(|(at, byte)| if at == middle { byte ^ 1 } else { *byte }).collect();
    for corrupt in [Vec::new(), vec![0; 7], vec![0; 8], vec![0; 4096], whole[..middle].to_vec(), flipped] {
        fs::write(&file, corrupt).unwrap();
        assert_eq!(used(base.path()), CacheUse::Miss);
        assert_eq!(used(base.path()), CacheUse::Hit, "and is whole again");
    }
    assert_eq!(fs::read(&file).unwrap().len(), whole.len());
}

#[test]
fn another_component_has_another_place() {
    let base = private();
    assert_eq!(used(base.path()), CacheUse::Miss);
    let mut other = common::hostile_component();
    // A custom section: the same code, another hash.
    other.extend_from_slice(&[0, 2, 1, b'x']);
    let runtime = Runtime::builder().component(other).cache_dir(Some(base.path().to_owned())).build().unwrap();
    assert_eq!(runtime.startup().cache, CacheUse::Miss);
    assert_eq!(entries(base.path()).len(), 2);
}

#[test]
fn old_code_is_forgotten() {
    let base = private();
    for at in 0..12u8 {
        let old = base.path().join(format!("{at:032x}-{at:016x}.cwasm"));
        fs::write(&old, "old").unwrap();
        let when = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(at));
        fs::File::options().write(true).open(&old).unwrap().set_modified(when).unwrap();
    }
    assert_eq!(used(base.path()), CacheUse::Miss);
    assert_eq!(entries(base.path()).len(), 8);
    assert_eq!(used(base.path()), CacheUse::Hit);
}

#[test]
fn files_of_others_are_left_alone() {
    let base = private();
    for at in 0..12u8 {
        fs::write(base.path().join(format!("{at}.cwasm")), "theirs").unwrap();
    }
    assert_eq!(used(base.path()), CacheUse::Miss);
    assert_eq!(entries(base.path()).len(), 13);
}

#[test]
fn a_folder_that_others_can_write_to_is_not_used() {
    let base = private();
    for mode in [0o770, 0o702, 0o777] {
        fs::set_permissions(base.path(), Permissions::from_mode(mode)).unwrap();
        assert_eq!(used(base.path()), CacheUse::Off, "{mode:o}");
    }
    assert_eq!(entries(base.path()), [] as [PathBuf; 0]);
    fs::set_permissions(base.path(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(used(base.path()), CacheUse::Miss);
    // Nor a file in it that others can write to, nor a link to one, nor a link to a folder.
    let file = entries(base.path()).remove(0);
    fs::set_permissions(&file, Permissions::from_mode(0o622)).unwrap();
    assert_eq!(used(base.path()), CacheUse::Miss);
    let aside = base.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &file).unwrap();
    assert_eq!(used(base.path()), CacheUse::Miss);
    let link = base.path().join("link");
    std::os::unix::fs::symlink(base.path(), &link).unwrap();
    assert_eq!(used(&link), CacheUse::Off);
}

#[test]
fn no_cache_is_no_error() {
    let base = private();
    let file = base.path().join("file");
    fs::write(&file, "x").unwrap();
    assert_eq!(used(&file), CacheUse::Off);
    assert_eq!(used(&file.join("below")), CacheUse::Off);
    assert_eq!(used(Path::new("/proc/weighbridge")), CacheUse::Off);
    let runtime = Runtime::builder().component(common::hostile_component()).cache_dir(None).build().unwrap();
    assert_eq!(runtime.startup().cache, CacheUse::Off);
}

#[test]
fn a_read_only_folder_is_no_error() {
    let base = private();
    fs::set_permissions(base.path(), Permissions::from_mode(0o500)).unwrap();
    // Root writes everywhere: then there is a file, else there is none. Neither is an error.
    assert_eq!(used(base.path()), CacheUse::Miss);
}
