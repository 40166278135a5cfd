//! The policy file.
use crate::failure::{Failure, Result};
use std::io::Read as _;
use std::path::Path;
use weighbridge::model::Policy;
use weighbridge::{FormatInfo, escape, escape_path};

/// Bytes of a policy that are read.
const MOST: u64 = 1 << 20;

/// Reads one: TOML, or JSON where the name says so.
pub(super) fn read(path: &Path) -> Result<Policy> {
    let failed = |error| Failure::file("read", path, &error).trouble();
    let mut text = String::new();
    std::fs::File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text)).map_err(failed)?;
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let policy: std::result::Result<Policy, String> = match is_json {
        true => serde_json::from_str(&text).map_err(|error| error.to_string()),
        false => toml::from_str(&text).map_err(|error| error.to_string()),
    };
    let policy = policy.and_then(|policy| policy.mistake().map_or(Ok(policy), Err));
    policy.map_err(|why| {
        // A parser's report has lines, with a picture of the place.
        let why = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        Failure::usage(format!("{} is no policy: {}", escape_path(path), escape(&why)))
            .hint("docs/check.md has its keys")
    })
}

/// Whether the formats that it allows are formats.
pub(super) fn fits(policy: &Policy, known: &[FormatInfo]) -> Result<()> {
    let Some(unknown) = policy.formats.iter().find(|name| known.iter().all(|format| format.name != **name)) else {
        return Ok(());
    };
    let names: Vec<&str> = known.iter().map(|format| format.name.as_str()).collect();
    let message =
        format!("the policy allows the format {}, which is none; there are {}", escape(unknown), names.join(", "));
    Err(Failure::usage(message))
}
