//! The public API of the three crates that programs use, as a committed text: what is in it and what changes is seen in a
//! review, and a release compares it with the last. `BLESS=1` writes it anew.
//!
//! It is taken from the source as rustfmt leaves it: everything that says `pub`, which the lint `unreachable_pub` makes the
//! same as what others can reach. What a macro makes is there as the macro is called.
#![allow(clippy::unwrap_used)]
use std::path::{Path, PathBuf};
use std::{env, fs};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let tests = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !tests {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !tests {
            found.push(path);
        }
    }
}

/// What encloses a line, as far as it matters.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    /// Nothing, or what shows no more than says `pub`.
    Other,
    /// An enum that is public, or the call of a macro: all of it is seen.
    All,
    /// A trait that is public: its items are seen, and not what they do by default.
    Trait,
}

/// The public lines of a file.
fn public(source: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut inside = Inside::Other;
    let mut header = None::<String>;
    let mut lines = source.lines().take_while(|line| *line != "#[cfg(test)]");
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if text.is_empty() || text.starts_with("//") {
            continue;
        }
        if indent == 0 {
            inside = match text {
                _ if text.starts_with("pub enum ") => Inside::All,
                _ if text.starts_with("pub trait ") => Inside::Trait,
                _ if text.contains("! {") && !text.starts_with("macro_rules") => Inside::All,
                _ => Inside::Other,
            };
            header = text.starts_with("impl").then(|| text.trim_end_matches(['{', ' ']).to_owned());
            if header.as_ref().is_some_and(|header| header.contains(" for ")) {
                seen.extend(header.take());
            }
        }
        let of_trait =
            inside == Inside::Trait && indent == 4 && ["fn ", "type ", "const "].iter().any(|at| text.starts_with(at));
        let attribute = indent == 0 && ["#[derive(", "#[non_exhaustive]"].iter().any(|at| text.starts_with(at));
        if !(text.starts_with("pub ") || of_trait || attribute || inside == Inside::All) {
            continue;
        }
        // The first thing of an `impl` brings its header.
        seen.extend(header.take());
        let mut whole = text.to_owned();
        // A signature goes on to where its body begins.
        let ends = |text: &str| text.ends_with(['{', ';', '}', ',']) || text.ends_with(")]");
        while (text.contains("fn ") || text.starts_with("pub use ")) && !whole.ends_with(['{', ';', '}'])
            || !ends(&whole)
        {
            let Some(more) = lines.next() else { break };
            whole = format!("{whole} {}", more.trim());
            if inside == Inside::All {
                break;
            }
        }
        let whole = if text.starts_with("pub use ") { whole } else { whole.trim_end_matches(['{', ' ']).to_owned() };
        seen.push(format!("{:indent$}{whole}", ""));
    }
    seen
}

fn api(krate: &Path) -> String {
    let mut paths = Vec::new();
    sources(&krate.join("src"), &mut paths);
    paths.sort();
    let mut text = String::new();
    for path in paths {
        let lines = public(&fs::read_to_string(&path).unwrap());
        if lines.iter().any(|line| !line.starts_with("#[") && !line.starts_with("impl")) {
            let path = path.strip_prefix(krate).unwrap().to_string_lossy().replace('\\', "/");
            text += &format!("// {path}\n{}\n\n", lines.join("\n"));
        }
    }
    text
}

#[test]
fn the_public_api_is_the_one_that_was_looked_at() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut differ = Vec::new();
    for (name, folder) in
        [("weighbridge", "host/native"), ("weighbridge-core", "host/core"), ("weighbridge-wit", "wit")]
    {
        let (now, kept) = (api(&root.join(folder)), root.join(format!("docs/api/{name}.txt")));
        if env::var_os("BLESS").is_some() {
            fs::create_dir_all(kept.parent().unwrap()).unwrap();
            fs::write(&kept, now).unwrap();
            continue;
        }
        let before = fs::read_to_string(&kept).unwrap_or_default();
        if now != before {
            let same = now.lines().zip(before.lines()).take_while(|(now, before)| now == before).count();
            let show = |text: &str| text.lines().nth(same).unwrap_or("(the end)").to_owned();
            differ.push(format!("{name}, line {}:\n  - {}\n  + {}", same + 1, show(&before), show(&now)));
        }
    }
    assert!(differ.is_empty(), "the public API changed; BLESS=1 writes it anew\n{}", differ.join("\n"));
}

#[test]
fn what_is_not_public_is_not_in_it() {
    let source = "use a;\n#[derive(Clone)]\npub struct A {\n    /// b\n    pub b: u8,\n    c: u8,\n}\n\nimpl A {\n    \
                  pub fn d(\n        e: u8,\n    ) -> u8 {\n        let pub_f = 1;\n        e\n    }\n\n    fn g() {}\n}\n\n\
                  impl Clone for A {\n    fn clone(&self) -> A {}\n}\n\npub trait H {\n    fn i(&self) -> u8 {\n        1\n    }\n}\n\n\
                  #[cfg(test)]\nmod tests {\n    pub fn j() {}\n}\n";
    let seen = [
        "#[derive(Clone)]",
        "pub struct A",
        "    pub b: u8,",
        "impl A",
        "    pub fn d( e: u8, ) -> u8",
        "impl Clone for A",
        "pub trait H",
        "    fn i(&self) -> u8",
    ];
    assert_eq!(public(source), seen);
}
