//! Loads untrusted model files (GGUF, safetensors, NPY) through a sandboxed WebAssembly component, at mmap speed.
//!
//! The file is parsed, checked and planned by a component that can name no path and reads nothing but header bytes; this
//! library maps or reads the tensors, checks every span that the component asks for, and hands out views. Tensor bytes
//! never enter this component, which asks for no byte that is not certain to be header; of another one, `HostLimits` bounds
//! what it reads.
//!
//! ```
//! use std::fs;
//! use weighbridge::{LoadOptions, Runtime, Selection};
//!
//! // A safetensors file with one tensor of two 32-bit floats.
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("tiny.safetensors");
//! let header = br#"{"scale":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
//! let mut file = (header.len() as u64).to_le_bytes().to_vec();
//! file.extend_from_slice(header);
//! file.extend([0.5f32, 2.0].iter().flat_map(|value| value.to_le_bytes()));
//! fs::write(&path, file)?;
//!
//! let runtime = Runtime::new()?;
//! let mut model = runtime.open(&path)?;
//! assert_eq!(model.summary().tensors, 1);
//!
//! model.load(&Selection::All, &LoadOptions::default())?;
//! let scale = model.tensor("scale")?;
//! assert_eq!((scale.dtype(), scale.shape()), ("F32", &[2][..]));
//! assert_eq!(scale.bytes()[..4], 0.5f32.to_le_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Runtime`]: the engine with the compiled component; one for a program.
//! - [`Session`]: one model. [`SessionOptions`] bound what it may use and say who watches.
//! - [`Tensor`]: the bytes of one tensor, where they lie. [`Tensor::bytes`] says what a view of a mapped file can't protect
//!   from, [`Tensor::copy_to`] is the way around it.
//! - [`Error`]: the one error: where, why, about which tensor and field, and a sentence for a person.
//!
//! Everything that is the same on every host (limits, checks, sessions, recordings, replay) is the crate `weighbridge-core`,
//! whose public items are also here.
#![deny(missing_docs)]

mod cache;
mod clock;
mod external;
mod guest;
mod media;
mod platform;
mod runtime;
mod session;
mod tensor;

pub use cache::CacheUse;
pub use guest::Instance;
pub use runtime::{Runtime, RuntimeBuilder, Startup};
pub use session::{FileInfo, PageMap, Session};
pub use tensor::Tensor;
pub use weighbridge_core::{
    CancelToken, HostCapabilities, HostLimits, Interpose, Last, Observer, ReplayError, ReplayReport, SessionOptions,
    Stats, Timings, Usage, escape, escape_path, recording, trace,
    types::{self, *},
};
