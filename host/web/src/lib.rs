//! The host in a web page and in Node: `weighbridge-core` behind wasm-bindgen. The package `weighbridge` (`host/web`) is this
//! crate with the JavaScript that only JavaScript can do: files, readers in workers, pieces of memory, and the glue of the
//! component.
//!
//! The guest and this crate are two instances that call each other: an export of the guest runs below a method of
//! [`Session`], and its imports come back through [`Imports`]. So the core's `Host` is in a cell that is
//! not borrowed while an export runs. Values of the package's users cross as JSON text, those of the guest as the objects
//! of the component's glue, tensor bytes not at all.
#![deny(missing_docs)]

mod answers;
mod desk;
mod functions;
mod further;
mod guest;
mod media;
mod options;
mod recording;
mod session;
mod view;

pub use desk::Desk;
pub use guest::{Imports, formats, tables};
pub use recording::Recording;
pub use session::Session;
pub use view::View;
