//! Compiled code between runs of a program: compiling takes some 0.1 s, loading what was compiled some 0.1 ms.
//!
//! What is in the cache is run as machine code, so it is taken only from a folder of this user that nobody else can write
//! to, under a key of the component's hash and wasmtime's compatibility hash, and only with its sum intact. Anything else is
//! as if it were not there; nothing that goes wrong here is an error.
use crate::platform::{self, unsafe_ops};
use serde::Serialize;
use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use wasmtime::{Engine, component::Component};

/// How the cache took part in a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheUse {
    /// The compiled component was there.
    Hit,
    /// It was not there or not usable; it was compiled and, where the folder can be written to, is there from now on.
    Miss,
    /// There is no cache: not wanted, no folder for it, or one that others can write to.
    Off,
}

/// The user's own cache folder for this program.
pub(crate) fn default_dir() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| {
        let home = absolute("HOME")?;
        Some(if cfg!(target_os = "macos") { home.join("Library/Caches") } else { home.join(".cache") })
    })?;
    Some(base.join("weighbridge"))
}

/// Compiled components that are kept.
const KEPT: usize = 8;

/// One place in the cache.
pub(crate) struct Cache {
    folder: PathBuf,
    file: PathBuf,
}

impl Cache {
    /// The place of one component's code, if the folder is there or can be made, and is safe.
    pub(crate) fn open(folder: &Path, engine: &Engine, component: &str) -> Option<Self> {
        if !platform::CAN_BE_PRIVATE {
            return None;
        }
        if !folder.exists() {
            platform::create_private_folder(folder).ok()?;
        }
        // Not a link to elsewhere, ours, and closed to others.
        let stat = fs::symlink_metadata(folder).ok()?;
        if !stat.is_dir() || !platform::is_private(&stat) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let file = folder.join(format!("{}-{:016x}.cwasm", component.get(..32)?, hasher.finish()));
        Some(Self { folder: folder.to_owned(), file })
    }

    /// The compiled component, if it is there and whole.
    pub(crate) fn load(&self, engine: &Engine) -> Option<Component> {
        let file = platform::open_cached(&self.file).ok()?;
        let stat = file.metadata().ok()?;
        if !stat.is_file() || stat.len() < 8 || !platform::is_private(&stat) {
            return None;
        }
        // Mapped, here and by wasmtime: its pages are in memory once, and only those that run are ever touched again.
        let bytes = unsafe_ops::map(&file, 0, usize::try_from(stat.len()).ok()?).ok()?;
        let (code, stored) = bytes.split_last_chunk::<8>()?;
        if u64::from_le_bytes(*stored) != sum(code) {
            return None;
        }
        // By its descriptor where that can be done: whoever can rename the folder in between gets nothing run.
        unsafe_ops::load_compiled(engine, &platform::path_of_open(&file, &self.file)).ok()
    }

    /// Keeps a compiled component. Written aside and renamed, so that nobody finds half a file.
    pub(crate) fn store(&self, component: &Component) {
        let _ = self.try_store(component);
    }

    fn try_store(&self, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(|error| io::Error::other(error.to_string()))?;
        let aside = self.folder.join(format!(".{}-{}.tmp", std::process::id(), sum(&code)));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&aside).and_then(|mut file| {
            file.write_all(&code)?;
            file.write_all(&sum(&code).to_le_bytes())
        });
        let kept = written.and_then(|()| fs::rename(&aside, &self.file));
        if kept.is_err() {
            let _ = fs::remove_file(&aside);
        }
        self.forget_old();
        kept
    }

    /// Keeps the newest few: each version of a component or of wasmtime leaves its own.
    fn forget_old(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut codes: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let path = entry.path();
                is_ours(path.file_name()?.to_str()?).then_some((entry.metadata().ok()?.modified().ok()?, path))
            })
            .collect();
        codes.sort_unstable();
        let old = codes.len().saturating_sub(KEPT);
        for (_, path) in &codes[..old] {
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether a file has a name as [`Cache::open`] gives them: a folder may have other people's compiled code in it.
fn is_ours(name: &str) -> bool {
    let hex = |text: &str, len: usize| text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = name.strip_suffix(".cwasm").and_then(|stem| stem.split_once('-'));
    parts.is_some_and(|(component, engine)| hex(component, 32) && hex(engine, 16))
}

/// Against decay, not against malice: whoever can write here can do so with the right sum. Four lanes, since a start waits
/// for it.
fn sum(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let (fours, last) = words.as_chunks::<4>();
    let mut lanes = [bytes.len() as u64, 1, 2, 3];
    for four in fours {
        for (lane, word) in lanes.iter_mut().zip(four) {
            *lane = mix(*lane, u64::from_le_bytes(*word));
        }
    }
    let last = last.iter().map(|word| u64::from_le_bytes(*word)).chain(rest.iter().map(|byte| u64::from(*byte)));
    lanes.into_iter().chain(last).fold(0, mix)
}
