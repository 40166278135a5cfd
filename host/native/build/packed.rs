//! A component in the folder `component`: its bytes, and beside them a text that says what built them. The build script reads it by
//! this file, `cargo xtask component` writes it.
use super::sources::hex;
use sha2::{Digest as _, Sha256};
use std::{
    fmt, fs,
    io::{self, Read as _},
    path::Path,
};

/// The one that is part of the package, packed.
pub(crate) const PACKED: Names = Names { bytes: "weighbridge_loader.wasm.lzma", text: "built-from.txt" };

/// The one that was built here last, of sources that the packed one is not of. It is not in git.
pub(crate) const LOCAL: Names = Names { bytes: "local.wasm.lzma", text: "local.txt" };

/// What the two files are called.
pub(crate) struct Names {
    pub(crate) bytes: &'static str,
    pub(crate) text: &'static str,
}

/// Most bytes of a component: a stream that becomes more is damaged.
const MOST: u64 = 16 << 20;

/// Most memory that unpacking may take, in KiB.
const MEMORY: u32 = 256 << 10;

/// What a component was built of and by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuiltFrom {
    /// SHA-256 of the component's bytes.
    pub(crate) component: String,
    /// The hash of `wit` and `loader-component`, see [`super::sources::hash`].
    pub(crate) sources: String,
    /// SHA-256 of `Cargo.lock`.
    pub(crate) lockfile: String,
    /// What `rustc --version` of the compiler says.
    pub(crate) compiler: String,
    /// The std it was compiled with.
    pub(crate) std: String,
}

impl BuiltFrom {
    const HEAD: &str = "# What the component beside this file was built of; `cargo xtask component` writes it.";

    fn rows(&self) -> [(&'static str, &String); 5] {
        [
            ("component", &self.component),
            ("sources", &self.sources),
            ("lockfile", &self.lockfile),
            ("compiler", &self.compiler),
            ("std", &self.std),
        ]
    }

    fn read(text: &str) -> Option<Self> {
        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .map(|value| value.trim().to_owned())
        };
        Some(Self {
            component: value("component")?,
            sources: value("sources")?,
            lockfile: value("lockfile")?,
            compiler: value("compiler")?,
            std: value("std")?,
        })
    }

    /// What the text in the folder says.
    pub(crate) fn of(folder: &Path, names: &Names) -> Result<Self, String> {
        let file = folder.join(names.text);
        let text = fs::read_to_string(&file).map_err(|error| format!("{} cannot be read ({error})", file.display()))?;
        Self::read(&text).ok_or_else(|| format!("{} has not the lines that it must have", file.display()))
    }
}

impl fmt::Display for BuiltFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", Self::HEAD)?;
        self.rows().iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

/// The component's bytes, if they are those that its text names.
pub(crate) fn unpack(folder: &Path, names: &Names) -> Result<(Vec<u8>, BuiltFrom), String> {
    let built = BuiltFrom::of(folder, names)?;
    let file = folder.join(names.bytes);
    let packed = fs::read(&file).map_err(|error| format!("{} cannot be read ({error})", file.display()))?;
    let bytes = decompressed(&packed).map_err(|error| format!("{} is damaged ({error})", file.display()))?;
    if sha256(&bytes) != built.component {
        return Err(format!("{} is not the component that {} names", file.display(), names.text));
    }
    Ok((bytes, built))
}

fn decompressed(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    lzma_rust2::LzmaReader::new_mem_limit(packed, MEMORY, None)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
