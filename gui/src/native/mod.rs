//! The native program: the host on a worker thread, dialogs, a window or none.
mod backend;
mod desktop;
mod folder;
mod headless;
mod link;
mod page_cache;
mod rebuild;
mod shell;
mod system;
mod window;
mod worker;

pub use backend::NativeBackend;
pub use desktop::install as install_desktop;
pub use headless::run as run_headless;
pub use shell::NativeShell;
pub use window::{Picture, run as run_window};
