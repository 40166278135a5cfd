//! Manifests: hashes that were written down, as JSON with every tensor, or as the lines of `sha256sum`.
use super::hash::{Hashed, Pass};
use crate::failure::{Failure, Result};
use crate::session::Opened;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use weighbridge::escape;
use weighbridge::model::row_major;

const SCHEMA: &str = "weighbridge.manifest/1";
/// The largest manifest that is read: a million tensors have less.
const LARGEST: u64 = 1 << 30;

/// `weighbridge.manifest/1`
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Manifest<'a> {
    schema: Cow<'a, str>,
    format: Cow<'a, str>,
    files: Vec<FileEntry<'a>>,
    tensors: Vec<TensorEntry<'a>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct FileEntry<'a> {
    name: Cow<'a, str>,
    bytes: u64,
    sha256: Cow<'a, str>,
}

#[derive(Debug, Deserialize, Serialize)]
struct TensorEntry<'a> {
    name: Cow<'a, str>,
    dtype: Cow<'a, str>,
    shape: Cow<'a, [u64]>,
    bytes: u64,
    sha256: Cow<'a, str>,
}

/// What a manifest or another model says otherwise.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// `file` or `tensor`.
    pub(super) of: &'static str,
    pub(super) name: String,
    /// `missing`, `unexpected`, `dtype`, `shape`, `bytes` or `sha256`.
    pub(super) what: &'static str,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

impl Difference {
    pub(super) fn new(of: &'static str, name: &str, what: &'static str, expected: String, found: String) -> Self {
        Self { of, name: name.to_owned(), what, expected: Some(expected), found: Some(found) }
    }

    pub(super) fn alone(of: &'static str, name: &str, what: &'static str) -> Self {
        Self { of, name: name.to_owned(), what, expected: None, found: None }
    }

    /// A line for a person.
    pub(super) fn sentence(&self) -> String {
        let name = escape(&self.name);
        match (self.what, &self.expected, &self.found) {
            ("missing", ..) => format!("{} {name} is missing", self.of),
            ("unexpected", ..) => format!("{} {name} is not expected", self.of),
            (what, Some(expected), Some(found)) => {
                format!("{} {name}: {what} is {}, expected {}", self.of, escape(found), escape(expected))
            }
            (what, ..) => format!("{} {name}: {what} differs", self.of),
        }
    }
}

/// Whether a manifest of this name is one of `sha256sum`.
pub(super) fn is_sums(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    name.ends_with(".sha256") || name.ends_with(".sha256sum") || name.starts_with("sha256sums")
}

/// Writes JSON.
pub(super) fn write_json(opened: &Opened, pass: &Pass, out: &mut impl Write) -> io::Result<()> {
    let files = opened.session.files().iter().zip(&pass.files);
    let manifest = Manifest {
        schema: SCHEMA.into(),
        format: opened.session.summary().format.as_str().into(),
        files: files
            .map(|(file, sha256)| FileEntry {
                name: file.name.as_str().into(),
                bytes: file.size,
                sha256: sha256.as_str().into(),
            })
            .collect(),
        tensors: pass.tensors.iter().map(TensorEntry::new).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &manifest)?;
    out.write_all(b"\n")
}

/// Writes what `sha256sum` would print of the files.
pub(super) fn write_sums(opened: &Opened, pass: &Pass, out: &mut impl Write) -> io::Result<()> {
    for (file, sha256) in opened.session.files().iter().zip(&pass.files) {
        let path = file.shown().to_string_lossy();
        // coreutils: a name with such characters is escaped, and its line begins with a backslash.
        let escaped = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == path { "" } else { "\\" };
        writeln!(out, "{mark}{sha256}  {escaped}")?;
    }
    Ok(())
}

impl<'a> TensorEntry<'a> {
    fn new(hashed: &'a Hashed) -> Self {
        Self {
            name: hashed.info.name.as_str().into(),
            dtype: hashed.info.dtype.as_str().into(),
            shape: hashed.info.shape.as_slice().into(),
            bytes: hashed.info.bytes,
            sha256: hashed.sha256.as_str().into(),
        }
    }
}

/// A manifest that was read.
pub(super) enum Written {
    Json(Manifest<'static>),
    Sums(Vec<(String, String)>),
}

/// Reads a manifest; what it is shows in its first character.
pub(super) fn read(path: &Path) -> Result<Written> {
    let failed = |error: io::Error| Failure::file("read", path, &error);
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    let shown = weighbridge::escape_path(path);
    let bad = |why: String| Failure::new("request", "malformed", format!("{shown} is no manifest: {why}"));
    if text.trim_start().starts_with('{') {
        let manifest: Manifest<'static> = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if manifest.schema != SCHEMA {
            return Err(bad(format!("its schema is {}, not {SCHEMA}", escape(&manifest.schema))));
        }
        return Ok(Written::Json(manifest));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let sums: Result<Vec<_>> = lines
        .map(|(at, line)| sum(line).ok_or_else(|| bad(format!("line {} is no line of sha256sum", at + 1))))
        .collect();
    let sums = sums?;
    if sums.is_empty() { Err(bad("it has no hashes".to_owned())) } else { Ok(Written::Sums(sums)) }
}

/// A line of `sha256sum`: `HASH  NAME`, `HASH *NAME`, or with `--tag` `SHA256 (NAME) = HASH`. Answers name and hash.
fn sum(line: &str) -> Option<(String, String)> {
    let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |line| (true, line));
    let (name, hash) = match line.strip_prefix("SHA256 (") {
        Some(tagged) => tagged.rsplit_once(") = ")?,
        None => {
            let (hash, name) = line.split_once(' ')?;
            (name.strip_prefix([' ', '*'])?, hash)
        }
    };
    let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = if escaped { unescaped(name) } else { name.to_owned() };
    (whole && !name.is_empty()).then(|| (name, hash.to_ascii_lowercase()))
}

fn unescaped(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        plain.push(match c {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    plain
}

impl Written {
    /// What is not as the manifest says. `part` is set where only some tensors were loaded.
    pub(super) fn check(&self, opened: &Opened, pass: &Pass, part: bool) -> Result<Vec<Difference>> {
        let files = opened.session.files().iter().zip(&pass.files);
        match self {
            Self::Json(manifest) => {
                let mut expected: HashMap<&str, &FileEntry> =
                    manifest.files.iter().map(|file| (&*file.name, file)).collect();
                let mut found = Vec::new();
                for (file, sha256) in files {
                    match expected.remove(file.name.as_str()) {
                        None => found.push(Difference::alone("file", &file.name, "unexpected")),
                        Some(entry) => {
                            let bytes = (entry.bytes.to_string(), file.size.to_string());
                            compare("file", &file.name, "bytes", bytes, &mut found);
                            let hashes = (entry.sha256.to_ascii_lowercase(), sha256.clone());
                            compare("file", &file.name, "sha256", hashes, &mut found);
                        }
                    }
                }
                let missing = manifest.files.iter().filter(|file| expected.contains_key(&*file.name));
                found.extend(missing.map(|file| Difference::alone("file", &file.name, "missing")));
                found.extend(manifest.check_tensors(pass, part));
                Ok(found)
            }
            Self::Sums(sums) => {
                let mut found = Vec::new();
                for (file, sha256) in files {
                    let base = |name: &str| Path::new(name).file_name().is_some_and(|name| name == &*file.name);
                    let exact = sums.iter().find(|(name, _)| Path::new(name) == file.shown());
                    match exact.or_else(|| sums.iter().find(|(name, _)| base(name))) {
                        // A list may have other files, too, but each of the model has to be in it.
                        None => found.push(Difference::alone("file", &file.name, "unexpected")),
                        Some((_, hash)) => {
                            compare("file", &file.name, "sha256", (hash.clone(), sha256.clone()), &mut found);
                        }
                    }
                }
                Ok(found)
            }
        }
    }
}

impl Manifest<'_> {
    fn check_tensors(&self, pass: &Pass, part: bool) -> Vec<Difference> {
        let mut expected: HashMap<&str, &TensorEntry> =
            self.tensors.iter().map(|tensor| (&*tensor.name, tensor)).collect();
        let mut found = Vec::new();
        for tensor in &pass.tensors {
            let name = tensor.info.name.as_str();
            match expected.remove(name) {
                None => found.push(Difference::alone("tensor", name, "unexpected")),
                Some(entry) => {
                    let dtypes = (entry.dtype.clone().into_owned(), tensor.info.dtype.clone());
                    compare("tensor", name, "dtype", dtypes, &mut found);
                    let shapes = (format!("{:?}", entry.shape), format!("{:?}", tensor.info.shape));
                    compare("tensor", name, "shape", shapes, &mut found);
                    let hashes = (entry.sha256.to_ascii_lowercase(), tensor.sha256.clone());
                    compare("tensor", name, "sha256", hashes, &mut found);
                }
            }
        }
        if !part {
            let missing = self.tensors.iter().filter(|tensor| expected.contains_key(&*tensor.name));
            found.extend(missing.map(|tensor| Difference::alone("tensor", &tensor.name, "missing")));
        }
        found
    }
}

/// Tensor by tensor, across formats: names, types, shapes as rows and columns, and bytes.
pub(super) fn against(one: (&Opened, &Pass), other: (&Opened, &Pass)) -> Vec<Difference> {
    // As rows and columns, since GGUF has its dimensions the other way round.
    let shape = |opened: &Opened, shape: &[u64]| row_major(&opened.session.summary().format, shape);
    let mut expected: HashMap<&str, &Hashed> =
        other.1.tensors.iter().map(|tensor| (tensor.info.name.as_str(), tensor)).collect();
    let mut found = Vec::new();
    for tensor in &one.1.tensors {
        let name = tensor.info.name.as_str();
        match expected.remove(name) {
            None => found.push(Difference::alone("tensor", name, "unexpected")),
            Some(entry) => {
                let dtypes = (entry.info.dtype.clone(), tensor.info.dtype.clone());
                compare("tensor", name, "dtype", dtypes, &mut found);
                let (wanted, here) = (shape(other.0, &entry.info.shape), shape(one.0, &tensor.info.shape));
                compare("tensor", name, "shape", (format!("{wanted:?}"), format!("{here:?}")), &mut found);
                compare("tensor", name, "sha256", (entry.sha256.clone(), tensor.sha256.clone()), &mut found);
            }
        }
    }
    let missing = other.1.tensors.iter().filter(|tensor| expected.contains_key(tensor.info.name.as_str()));
    found.extend(missing.map(|tensor| Difference::alone("tensor", &tensor.info.name, "missing")));
    found
}

fn compare(
    of: &'static str,
    name: &str,
    what: &'static str,
    (expected, found): (String, String),
    differences: &mut Vec<Difference>,
) {
    if expected != found {
        differences.push(Difference::new(of, name, what, expected, found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_sha256sum() {
        let hash = "0123456789abcdef".repeat(4);
        let read = |line: &str| sum(&line.replace('#', &hash)).map(|(name, _)| name);
        assert_eq!(read("#  a b.gguf").as_deref(), Some("a b.gguf"));
        assert_eq!(read("# *model.gguf").as_deref(), Some("model.gguf"));
        assert_eq!(read("\\#  a\\nb\\\\c").as_deref(), Some("a\nb\\c"));
        assert_eq!(read("SHA256 (a (1).gguf) = #").as_deref(), Some("a (1).gguf"));
        for bad in ["", "#", "# a", "#  ", "0123  a", "#x  a", "SHA256 (a) #"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_name_says_the_format() {
        for name in ["a/model.sha256", "SHA256SUMS", "SHA256SUMS.txt", "x.SHA256SUM"] {
            assert!(is_sums(Path::new(name)), "{name}");
        }
        assert!(!is_sums(Path::new("manifest.json")) && !is_sums(Path::new("sha256/manifest")));
    }
}
