//! What every host of a Weighbridge loader component is made of, whatever runs the component and wherever its bytes are.
//!
//! A host is this core between two traits: an [`Engine`] calls the exports of a component, and [`Media`] do what a system
//! does (read, map, allocate). Between them stand the parts that must be the same everywhere: the [`Table`] of files,
//! mappings and buffers with its checks and quotas, the [`Host`] that the component's imports go to, the [`Session`] of one
//! model, and the [`recording`] that can be [`replay`]ed. **Media never see a span that the core has not checked.**
//!
//! Nothing here opens a file, starts a thread or reads a clock, and nothing knows an engine: this crate also runs in a web
//! page. Programs that load models use the crate `weighbridge`, which is this core over wasmtime and the operating system.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod desk;
pub mod model;
pub mod recording;
pub mod trace;
pub use weighbridge_wit as types;

mod engine;
mod guest;
mod host;
mod log;
mod media;
mod names;
mod observer;
mod options;
mod quota;
mod replay;
mod session;
mod stats;
mod table;
mod work;

pub use engine::{Called, Engine, Grant, SourceOf};
pub use host::{Host, limit};
pub use log::Log;
pub use media::{Clock, Fill, Media, Piece, Span};
pub use names::Names;
pub use observer::{Interpose, Observer};
pub use options::{CancelToken, Control, HostCapabilities, HostLimits, SessionOptions, nanos};
pub use quota::{Quota, QuotaLimits, Taken};
pub use replay::{Last, ReplayError, ReplayReport, replay};
pub use session::{Bare, FileInfo, Granted, Held, NewPart, Session, View};
pub use stats::{Stats, Timings, Usage};
pub use table::{Buffer, Consumer, Mapping, Sink, Table};
pub use types::*;
