//! Machine code: that of this library's component was made when the library was built, that of another one is made in the process that
//! runs it. None comes from a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use weighbridge::Runtime;

/// What is mapped into this process to be run, and lies in a file.
#[cfg(target_os = "linux")]
fn files_of_code() -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut files: Vec<String> = maps
        .lines()
        .filter_map(|line| {
            // Address, rights, offset, device, inode, and a name that may have spaces.
            let mut words = line.splitn(6, ' ').skip(1);
            let (rights, name) = (words.next()?, words.nth(3)?.trim_start());
            (rights.contains('x') && name.starts_with('/')).then(|| name.to_owned())
        })
        .collect();
    files.sort();
    files.dedup();
    files
}

#[test]
#[cfg(target_os = "linux")]
fn no_file_of_machine_code_is_opened() {
    let before = files_of_code();
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    assert!(before.contains(&program), "{before:?}");
    assert!(!Runtime::new().unwrap().describe().unwrap().is_empty());
    let other = Runtime::builder().component(common::hostile_component()).build().unwrap();
    assert_eq!(other.describe().unwrap(), []);
    assert_eq!(files_of_code(), before);
}

#[test]
fn only_another_component_is_compiled() {
    let ours = Runtime::new().unwrap();
    assert_eq!(ours.startup().compile_ns, 0);
    assert_eq!(ours.startup().component_bytes, weighbridge::component_bytes().len());
    let other = Runtime::builder().component(common::hostile_component()).build().unwrap();
    assert!(other.startup().compile_ns > 0);
    assert_ne!(other.component_id(), ours.component_id());
}
