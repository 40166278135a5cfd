//! Which file of a folder is the model: of a model's own folder, of a snapshot in a hub's cache, of the cache's folder of a model.
use crate::error::Error;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use weighbridge_core::{Cause, FormatInfo, MultiFile, Phase, escape, escape_path};

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 65_536;
/// Names that an error lists.
const LISTED: usize = 10;
/// What a training run keeps beside a model, by the beginnings of the names.
const OF_TRAINING: [&str; 5] = ["optimizer", "scheduler", "training_args", "rng_state", "scaler"];
/// The files that `transformers` takes for one model, the first that is there.
const SAME_MODEL: [&str; 4] =
    ["model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin"];

/// The files of the one model in a folder; of a model whose files name one another, the first.
pub(crate) fn model_in(folder: &Path, formats: &[FormatInfo]) -> Result<Vec<PathBuf>, Error> {
    let models = models_in(folder, formats)?;
    if let [only] = models.as_slice() {
        return Ok(only.clone());
    }
    let names: Vec<String> =
        models.iter().filter_map(|files| Some(files.first()?.file_name()?.to_string_lossy().into())).collect();
    let names = listed(names.iter().map(String::as_str), names.len());
    let message = format!("has {} models; give one of them: {names}", models.len());
    Err(refused(folder, Cause::InvalidRequest, &message))
}

/// The files of each model in a folder, which has at least one.
pub(crate) fn models_in(folder: &Path, formats: &[FormatInfo]) -> Result<Vec<Vec<PathBuf>>, Error> {
    let folder = snapshot(folder)?;
    let listing = Listing::of(&folder)?;
    let models = listing.models(formats);
    if models.is_empty() {
        return Err(none(&folder, &listing, formats));
    }
    Ok(models.into_iter().map(|files| files.into_iter().map(|name| folder.join(name)).collect()).collect())
}

/// The snapshot of a cache's folder of a model, or of its `blobs`; any other folder itself.
fn snapshot(folder: &Path) -> Result<PathBuf, Error> {
    let whole = folder.canonicalize().unwrap_or_default();
    let cache = match (whole.ends_with("blobs"), folder.file_name(), folder.parent(), whole.parent()) {
        (true, Some(_), Some(cache), _) if !cache.as_os_str().is_empty() => cache.to_owned(),
        (true, _, _, Some(cache)) => cache.to_owned(),
        _ => folder.to_owned(),
    };
    let snapshots = cache.join("snapshots");
    if !snapshots.is_dir() {
        return Ok(folder.to_owned());
    }
    // What `main` is, by its hash; a plain name, or it would lead anywhere.
    let main = fs::read_to_string(cache.join("refs").join("main")).unwrap_or_default();
    let main = main.trim();
    if !main.is_empty() && main.bytes().all(|byte| byte.is_ascii_alphanumeric()) && snapshots.join(main).is_dir() {
        return Ok(snapshots.join(main));
    }
    let found = Listing::of(&snapshots)?.folders;
    match found.as_slice() {
        [only] => Ok(snapshots.join(only)),
        [] => Err(refused(&cache, Cause::NotFound, "is a cache without a snapshot: fetch the model again")),
        several => {
            let names = several.iter().map(String::as_str);
            let message =
                format!("has {} snapshots; give one of them: {}", several.len(), listed(names, several.len()));
            Err(refused(&snapshots, Cause::InvalidRequest, &message))
        }
    }
}

/// The names in a folder. One that is not UTF-8 is no name of a model's file here; it can be given by itself.
#[derive(Default)]
struct Listing {
    files: Vec<String>,
    folders: Vec<String>,
}

impl Listing {
    fn of(folder: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| {
            let message = format!("the folder {} cannot be read: {error}", escape_path(folder));
            Error::new(Phase::Request, Cause::Io, message).caused_by(error).of_file(folder)
        };
        let mut listing = Self::default();
        for entry in fs::read_dir(folder).map_err(failed)?.take(MOST_ENTRIES) {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // A link counts as what it leads to; one that leads nowhere is a file that is missing.
            let is_folder = entry.path().is_dir();
            let names = if is_folder { &mut listing.folders } else { &mut listing.files };
            names.push(name);
        }
        listing.files.sort_unstable();
        listing.folders.sort_unstable();
        Ok(listing)
    }

    /// The models among the files, each as the files that it is opened with.
    fn models(&self, formats: &[FormatInfo]) -> Vec<Vec<String>> {
        let mut models: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let of_training = |name: &str| OF_TRAINING.iter().any(|of| name.starts_with(of));
        for name in self.files.iter().filter(|name| !of_training(name)) {
            if let Some(key) = self.model_of(name, formats) {
                models.entry(key).or_default().push(name.clone());
            }
        }
        let mut same = SAME_MODEL.iter().filter(|name| models.contains_key(**name));
        if same.next().is_some() {
            let others: Vec<&str> = same.copied().collect();
            models.retain(|name, _| !others.contains(&name.as_str()));
        }
        models.into_values().collect()
    }

    /// What the model that a file belongs to goes by, if the file's name is that of a model; nothing where another file of it
    /// is enough.
    fn model_of(&self, name: &str, formats: &[FormatInfo]) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        let index = |format: &FormatInfo| match &format.multi_file {
            MultiFile::Index(ending) => lower.ends_with(&format!(".{ending}")),
            _ => false,
        };
        if formats.iter().any(index) {
            return Some(name.to_owned());
        }
        let ending = lower.rsplit_once('.')?.1.to_owned();
        let format = formats.iter().find(|format| format.extensions.contains(&ending))?;
        let Some((prefix, count)) = part(name) else { return Some(name.to_owned()) };
        match &format.multi_file {
            // The first part finds the others.
            MultiFile::Numbered => {
                let key = format!("{prefix}-of-{count}.{ending}");
                let is_first = self.files.iter().find(|other| part(other) == Some((prefix, count)))? == name;
                is_first.then_some(key)
            }
            MultiFile::Index(index) => {
                let of_index = format!(".{index}");
                let is_index = |other: &String| {
                    let rest = other.strip_prefix(prefix).filter(|rest| rest.starts_with('.'));
                    rest.is_some_and(|rest| rest.to_ascii_lowercase().ends_with(&of_index))
                };
                let listed = self.files.iter().any(is_index);
                // Without an index its shards are given together.
                (!listed).then(|| format!("{prefix}-of-{count}.{ending}"))
            }
            MultiFile::None => Some(name.to_owned()),
        }
    }
}

/// `name-00001-of-00003.gguf`: the prefix and how many there are.
fn part(name: &str) -> Option<(&str, &str)> {
    let (rest, count) = name.rsplit_once('.')?.0.rsplit_once("-of-")?;
    let (prefix, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(number) && digits(count)).then_some((prefix, count))
}

/// Why there is no model in a folder: what there is instead.
fn none(folder: &Path, listing: &Listing, formats: &[FormatInfo]) -> Error {
    let inside = |name: &&String| {
        let path = folder.join(name);
        name.starts_with("models--") || Listing::of(&path).is_ok_and(|listing| !listing.models(formats).is_empty())
    };
    let below: Vec<&str> = listing.folders.iter().take(MOST_ENTRIES / 256).filter(inside).map(String::as_str).collect();
    let unfinished =
        |name: &&String| [".part", ".incomplete", ".aria2", ".crdownload"].iter().any(|end| name.ends_with(end));
    let unfinished: Vec<&str> = listing.files.iter().filter(unfinished).map(String::as_str).collect();
    let message = if !below.is_empty() {
        format!("has no model itself; its folders do: give one of {}", listed(below.iter().copied(), below.len()))
    } else if !unfinished.is_empty() {
        let names = listed(unfinished.iter().copied(), unfinished.len());
        format!(
            "has no model, only downloads that have not ended: {names}; let them end, or give one of them to `inspect`"
        )
    } else if listing.files.is_empty() {
        "has no file; give the folder of a model".to_owned()
    } else {
        let names = listed(listing.files.iter().map(String::as_str), listing.files.len());
        format!("has no file whose name is that of a model ({names}); give the file itself")
    };
    refused(folder, Cause::NotFound, &message)
}

/// The first names, and how many more there are.
fn listed<'n>(names: impl Iterator<Item = &'n str>, count: usize) -> String {
    let names: Vec<String> = names.take(LISTED).map(escape).collect();
    let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

fn refused(folder: &Path, cause: Cause, message: &str) -> Error {
    let message = format!("the folder {} {message}", escape_path(folder));
    Error::new(Phase::Request, cause, message).of_file(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn formats() -> Vec<FormatInfo> {
        let format = |name: &str, extensions: &[&str], multi_file| FormatInfo {
            name: name.to_owned(),
            title: name.to_owned(),
            versions: String::new(),
            extensions: extensions.iter().map(|&text| text.to_owned()).collect(),
            multi_file,
        };
        vec![
            format("gguf", &["gguf"], MultiFile::Numbered),
            format("safetensors", &["safetensors"], MultiFile::Index("index.json".to_owned())),
            format("npy", &["npy"], MultiFile::None),
            format("pytorch", &["pt", "pth", "bin"], MultiFile::Index("bin.index.json".to_owned())),
        ]
    }

    /// The paths of the model in a folder of these files, without the folder's own.
    fn found(files: &[&str]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let root = folder.path().canonicalize().unwrap();
        let relative =
            |path: PathBuf| path.canonicalize().unwrap().strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let found = model_in(folder.path(), &formats()).map(|paths| paths.into_iter().map(relative).collect());
        found.map_err(|error| error.message.clone())
    }

    #[test]
    fn the_one_model_of_a_folder() {
        let one = |files: &[&str]| found(files).map(|paths| paths.join(" "));
        for (files, expected) in [
            (&["README.md", "config.json", "model.safetensors"][..], "model.safetensors"),
            (&["M.GGUF"], "M.GGUF"),
            (&["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"], "m-00001-of-00002.gguf"),
            (&["m-00002-of-00002.gguf"], "m-00002-of-00002.gguf"),
            (
                &[
                    "model-00001-of-00002.safetensors",
                    "model-00002-of-00002.safetensors",
                    "model.safetensors.index.json",
                ],
                "model.safetensors.index.json",
            ),
            (&["m-1-of-2.safetensors", "m-2-of-2.safetensors"], "m-1-of-2.safetensors m-2-of-2.safetensors"),
            (&["model.safetensors", "pytorch_model.bin", "optimizer.pt", "training_args.bin"], "model.safetensors"),
            (&["pytorch_model.bin", "pytorch_model.bin.index.json"], "pytorch_model.bin.index.json"),
            (&["m.gguf", "m.gguf.aria2"], "m.gguf"),
            (&["blobs/ab", "refs/x", "snapshots/12/model.safetensors"], "snapshots/12/model.safetensors"),
        ] {
            assert_eq!(one(files).as_deref(), Ok(expected), "{files:?}");
        }
    }

    #[test]
    fn several_and_none_are_named() {
        for (files, expected) in [
            (&["a.gguf", "b.gguf"][..], "has 2 models; give one of them: a.gguf, b.gguf"),
            (&["unet/x.safetensors", "vae/y.safetensors", "docs/z.txt"], "give one of unet, vae"),
            (&["models--a--b/refs/main", "version.txt"], "give one of models--a--b"),
            (&["m.gguf.part"], "downloads that have not ended: m.gguf.part"),
            (&["notes.txt"], "(notes.txt); give the file itself"),
            (&["snapshots/1/a.gguf", "snapshots/2/a.gguf"], "has 2 snapshots; give one of them: 1, 2"),
        ] {
            let error = found(files).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let many: Vec<String> = (0..12).map(|n| format!("{n:02}.npy")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(found(&many).unwrap_err().ends_with("09.npy and 2 more"));
        assert!(found(&[]).unwrap_err().contains("has no file"));
    }

    #[test]
    fn main_is_taken_of_several_snapshots() {
        let folder = tempfile::tempdir().unwrap();
        for snapshot in ["aa", "bb"] {
            fs::create_dir_all(folder.path().join("snapshots").join(snapshot)).unwrap();
            fs::write(folder.path().join("snapshots").join(snapshot).join("m.gguf"), "").unwrap();
        }
        fs::create_dir_all(folder.path().join("refs")).unwrap();
        fs::create_dir_all(folder.path().join("blobs")).unwrap();
        fs::write(folder.path().join("refs/main"), "bb").unwrap();
        for given in [folder.path().to_owned(), folder.path().join("blobs")] {
            let found = model_in(&given, &formats()).unwrap();
            assert!(found[0].ends_with("snapshots/bb/m.gguf"), "{found:?}");
        }
        fs::write(folder.path().join("refs/main"), "../../x").unwrap();
        assert!(model_in(folder.path(), &formats()).is_err());
    }
}
