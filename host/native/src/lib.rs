//! Loads untrusted model files (GGUF, safetensors, NPY, PyTorch, NPZ) through a sandboxed WebAssembly component, at mmap speed.
//!
//! The file is parsed, checked and planned by a component that can name no path and reads nothing but header bytes; this
//! library maps or reads the tensors, checks every span that the component asks for, and hands out views. Tensor bytes
//! never enter this component, which asks for no byte that is not certain to be header; of another one, `HostLimits` bounds
//! what it reads.
//!
//! ```
//! use weighbridge::{LoadOptions, Runtime, Selection};
//! # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("tiny.safetensors");
//! # std::fs::write(&path, tiny())?;
//!
//! let runtime = Runtime::new()?;
//! let mut model = runtime.open(&path)?;
//! assert_eq!(model.summary().tensors, 1);
//!
//! model.load(&Selection::All, &LoadOptions::new())?;
//! let scale = model.tensor("scale")?;
//! assert_eq!((scale.dtype(), scale.shape()), ("F32", &[2][..]));
//! assert_eq!(scale.bytes()[..4], 0.5f32.to_le_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Runtime`]: the engine with the compiled component; one for a program.
//! - [`ModelFiles`]: what a model is opened from: paths, open files, bytes in memory, or any [`Source`].
//! - [`Session`]: one model. [`SessionOptions`] bound what it may use and say who watches.
//! - [`Tensor`]: the bytes of one tensor, where they lie. [`Tensor::bytes`] says what a view of a mapped file can't protect
//!   from, [`Tensor::copy_to`] is the way around it.
//! - [`Error`]: the one error: where, why, about which file, tensor and field, and a sentence for a person.
//! - [`add_to_linker`], [`WeighbridgeCtx`] and [`Loader`]: for programs that have an engine of their own.
//!
//! Everything that is the same on every host (limits, checks, sessions, recordings, replay) is the crate `weighbridge-core`,
//! whose public items are also here.
#![deny(missing_docs)]

/// The examples of the package's README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod clock;
#[cfg(feature = "compile")]
mod compile;
mod config;
mod convert;
mod error;
mod external;
mod files;
mod folder;
mod guest;
#[cfg(feature = "jail")]
mod jail;
mod media;
mod output;
mod permanence;
mod platform;
mod rewrite;
mod runtime;
mod session;
mod size;
mod source;
mod tensor;

#[cfg(feature = "compile")]
pub use compile::CompileLimits;
pub use convert::{ConvertOptions, Converted, ConvertedFile};
pub use error::Error;
pub use files::{ModelFiles, Part};
pub use guest::{Instance, Loader, NamedSource, WeighbridgeCtx, add_to_linker};
#[cfg(feature = "jail")]
pub use jail::Jail;
pub use permanence::{Permanence, Unchanging};
pub use runtime::{Runtime, RuntimeBuilder, Startup, component_bytes};
pub use session::{FileInfo, PageMap, Session};
pub use source::{Mapped, Source};
pub use tensor::Tensor;
pub use weighbridge_core::{
    Called, CancelToken, Engine, Grant, HostCapabilities, HostLimits, Interpose, Last, Observer, Quota, QuotaLimits,
    ReplayError, ReplayReport, SessionOptions, Stats, Timings, Usage, escape, escape_path, model, recording, trace,
    types::{self, *},
};
