//! The inspector in a web page. The page's JavaScript owns the worker, files and dialogs; it hands in a [`Bridge`].
mod backend;
mod bridge;
mod handle;
mod shell;

pub use backend::WebBackend;
pub use bridge::Bridge;
pub use handle::{Handle, start};
pub use shell::WebShell;
