//! The inspector in the menu of a desktop that keeps to freedesktop.org: an entry that starts this very program, and its icon.
use std::path::{Path, PathBuf};
use std::{env, fs};

const ICON: &str = include_str!("../../web/icon.svg");

/// What both files are called, and the windows of the program.
const NAME: &str = "weighbridge-inspector";

/// Writes the entry and the icon for this user, and answers where they are.
///
/// # Errors
/// A sentence for the terminal: there is no such desktop, or a file cannot be written.
pub fn install() -> Result<Vec<PathBuf>, String> {
    if cfg!(any(windows, target_os = "macos")) {
        return Err("this system has no desktop entries: make a shortcut to the program instead".into());
    }
    let program =
        env::current_exe().map_err(|error| format!("the system does not say where this program is: {error}"))?;
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    install_in(&data.ok_or("neither XDG_DATA_HOME nor HOME is set to an absolute path")?, &program)
}

fn install_in(data: &Path, program: &Path) -> Result<Vec<PathBuf>, String> {
    let files = [
        (data.join("applications").join(NAME).with_extension("desktop"), entry(program)?),
        (data.join("icons/hicolor/scalable/apps").join(NAME).with_extension("svg"), ICON.to_owned()),
    ];
    for (file, text) in &files {
        let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(file, text));
        written.map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    }
    Ok(files.map(|(file, _)| file).into())
}

/// The entry, by the Desktop Entry Specification 1.5.
fn entry(program: &Path) -> Result<String, String> {
    let path = program.to_str().filter(|path| !path.contains(char::is_control));
    let path = path.ok_or_else(|| format!("a desktop entry cannot name {}: move the program", program.display()))?;
    Ok(format!(
        "[Desktop Entry]\nType=Application\nName=Weighbridge inspector\nComment=Watch a model load, state by state\n\
         Exec={} %F\nIcon={NAME}\nTerminal=false\nCategories=Development;\nStartupWMClass={NAME}\n",
        quoted(path)
    ))
}

/// A path as an argument of `Exec`: quoted, and then escaped again as every text of an entry.
fn quoted(path: &str) -> String {
    let mut text = String::from("\"");
    for c in path.chars() {
        match c {
            '"' | '`' | '$' => text.extend(["\\\\", c.encode_utf8(&mut [0; 4])]),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_entry_starts_this_program_and_has_an_icon() {
        let data = tempfile::tempdir().unwrap();
        let files = install_in(data.path(), Path::new("/opt/a b/weighbridge-inspector")).unwrap();
        let entry = fs::read_to_string(&files[0]).unwrap();
        assert!(files[0].ends_with("applications/weighbridge-inspector.desktop"));
        assert!(entry.starts_with("[Desktop Entry]\nType=Application\n"), "{entry}");
        assert!(entry.contains("\nExec=\"/opt/a b/weighbridge-inspector\" %F\n"), "{entry}");
        assert!(entry.contains("\nIcon=weighbridge-inspector\n"), "{entry}");
        assert!(files[1].ends_with("icons/hicolor/scalable/apps/weighbridge-inspector.svg"));
        assert!(fs::read_to_string(&files[1]).unwrap().starts_with("<svg"));
        // Once more is no error.
        assert_eq!(install_in(data.path(), Path::new("/usr/bin/weighbridge-inspector")).unwrap(), files);
    }

    #[test]
    fn a_path_is_one_argument_whatever_is_in_it() {
        assert_eq!(quoted("/a/100%"), "\"/a/100%%\"");
        assert_eq!(quoted("/a$b`c\"d"), "\"/a\\\\$b\\\\`c\\\\\"d\"");
        assert_eq!(quoted("/a\\b"), "\"/a\\\\\\\\b\"");
        assert!(entry(Path::new("/a\nExec=b")).unwrap_err().contains("move the program"));
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = install_in(&file, Path::new("/bin/weighbridge-inspector")).unwrap_err();
        assert!(error.contains("weighbridge-inspector.desktop cannot be written"), "{error}");
    }
}
