//! The model in a folder.
use std::path::{Path, PathBuf};

/// Names that a sentence lists.
const LISTED: usize = 5;

/// The file to open for the model in a folder: the index of its shards, or its only file, or the first of numbered ones;
/// the others are found from there. `extensions` are those of the formats, in their order. `Err` is a sentence.
pub(super) fn model_in(folder: &Path, extensions: &[String]) -> Result<PathBuf, String> {
    let shown = || crate::text::escape(&folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy());
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("The folder {} cannot be read: {error}", shown()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    names.sort();
    // What is longer says more: `safetensors.index.json` is of the same family as `safetensors`, and tells of all its files.
    let (indexes, plain): (Vec<_>, Vec<_>) = extensions.iter().partition(|extension| extension.contains('.'));
    for extension in indexes.into_iter().chain(plain) {
        let ending = format!(".{extension}");
        let mut found: Vec<&String> = names.iter().filter(|name| name.ends_with(&ending)).collect();
        found.retain(|name| !is_later_part(name));
        match &found[..] {
            [] => {}
            [one] => return Ok(folder.join(one)),
            [first, ..] => {
                let listed: Vec<String> = found.iter().take(LISTED).map(|name| crate::text::escape(name)).collect();
                let more = if found.len() > LISTED { " and more" } else { "" };
                return Err(format!(
                    "The folder {} has several models: {}{more}. Open one of them, such as {}",
                    shown(),
                    listed.join(", "),
                    crate::text::escape(first)
                ));
            }
        }
    }
    Err(format!("The folder {} has no file of a model: none ends in .{}", shown(), extensions.join(", .")))
}

/// Whether a name is that of a numbered part which is not the first: `model-00002-of-00003.gguf`.
fn is_later_part(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let Some((rest, count)) = stem.rsplit_once("-of-") else { return false };
    let Some((_, number)) = rest.rsplit_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(count) && digits(number) && number.parse::<u32>().is_ok_and(|number| number > 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::model_in;

    fn found(names: &[&str]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let extensions = ["gguf", "safetensors", "safetensors.index.json", "bin"].map(str::to_owned);
        model_in(folder.path(), &extensions).map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
    }

    #[test]
    fn the_file_that_leads_to_all_others_is_found() {
        assert_eq!(found(&["config.json", "model.safetensors"]).as_deref(), Ok("model.safetensors"));
        let parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        assert_eq!(found(&parts).as_deref(), Ok(parts[0]));
        let index = "model.safetensors.index.json";
        assert_eq!(found(&[parts[0], parts[1], index]).as_deref(), Ok(index));
        assert_eq!(found(&["pytorch_model.bin", "model.gguf"]).as_deref(), Ok("model.gguf"));
        assert!(found(&["a.gguf", "b.gguf"]).unwrap_err().contains("several models: a.gguf, b.gguf"));
        assert!(found(&["README.md"]).unwrap_err().contains("has no file of a model"));
    }
}
