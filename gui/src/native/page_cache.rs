//! The system's page cache: dropping what it holds of a file, where a system has a call for that.
use std::path::PathBuf;

/// Asks the system to drop its copies of the files; it does so for clean pages that nobody maps. `Err` is a sentence.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn drop_files(files: &[PathBuf]) -> Result<(), String> {
    for path in files {
        let dropped = std::fs::File::open(path)
            .and_then(|file| Ok(rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?));
        dropped.map_err(|error| {
            let name = path.file_name().map_or_else(String::new, |n| crate::text::escape(&n.to_string_lossy()));
            format!("{name} could not be dropped from the page cache: {error}")
        })?;
    }
    Ok(())
}

/// Elsewhere no call drops a file's pages for a program without special rights.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn drop_files(_: &[PathBuf]) -> Result<(), String> {
    Err("Not supported here: this system has no call that drops a file from the page cache".into())
}

#[cfg(all(test, any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod tests {
    use super::drop_files;

    #[test]
    fn a_file_that_cannot_be_dropped_is_named() {
        let folder = std::env::temp_dir();
        let there = std::env::current_exe().map(|exe| drop_files(&[exe]));
        assert!(matches!(there, Ok(Ok(()))), "{there:?}");
        let gone = drop_files(&[folder.join("weighbridge-no-such-file.gguf")]);
        assert!(gone.as_ref().is_err_and(|why| why.starts_with("weighbridge-no-such-file.gguf could not")), "{gone:?}");
    }
}
