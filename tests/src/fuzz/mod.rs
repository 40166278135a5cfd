//! What the fuzz targets run (`fuzz/`), and what the suite runs over their corpora and over mutations of valid files: any
//! bytes, any requests. A target takes the fuzzer's bytes and panics where something does not hold.
//!
//! Nothing here needs wasmtime. A target that does is a module of its own behind the feature `component`.
mod catalogue;
mod checkpoint;
mod generate;
mod glob;
mod header;
mod recording;
mod session;

pub use catalogue::catalogue;
pub use checkpoint::{pickle, pytorch, zip};
pub use glob::glob;
pub use header::{generated, gguf, header, index, parse_both_ways, safetensors};
pub use recording::{recording, recording_use};
pub use session::{requests, session};

/// A target: a function of the fuzzer's bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its program and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("catalogue", catalogue),
    ("generated", generated),
    ("gguf", gguf),
    ("glob", glob),
    ("header", header),
    ("index", index),
    ("pickle", pickle),
    ("pytorch", pytorch),
    ("recording", recording),
    ("recording_use", recording_use),
    ("safetensors", safetensors),
    ("session", session),
    ("zip", zip),
];
