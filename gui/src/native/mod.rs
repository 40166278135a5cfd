//! The native program: the host on a worker thread, dialogs, a window or none.
mod backend;
mod current;
mod faults;
mod gate;
mod headless;
mod link;
mod open;
mod page_cache;
mod race;
mod rebuild;
mod records;
mod requests;
mod shell;
mod window;
mod worker;

pub use backend::NativeBackend;
pub use headless::run as run_headless;
pub use shell::NativeShell;
pub use window::{Picture, run as run_window};
