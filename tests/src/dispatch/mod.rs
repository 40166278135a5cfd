//! Events straight into the actors: what the driver never does, and what a host might answer.
pub mod io_buffer;
pub mod io_loader;
pub mod io_mmap;
pub mod io_read;
pub mod io_staged_read;
pub mod model_loader;
pub mod model_tensor;
pub mod spans;

/// Cases by name.
pub type Cases = &'static [(&'static str, fn())];

/// Lists the cases of a module.
macro_rules! cases {
    ($($name:ident)*) => {
        /// Every case of this module.
        pub const ALL: super::Cases = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use cases;

/// Every module with its cases.
pub const MODULES: &[(&str, Cases)] = &[
    ("io_buffer", io_buffer::ALL),
    ("io_loader", io_loader::ALL),
    ("io_mmap", io_mmap::ALL),
    ("io_read", io_read::ALL),
    ("io_staged_read", io_staged_read::ALL),
    ("model_loader", model_loader::ALL),
    ("model_tensor", model_tensor::ALL),
    ("spans", spans::ALL),
];

/// Runs every case of a module, and fails with all that failed.
pub fn run_all(module: &str) {
    let (_, cases) = MODULES.iter().find(|(name, _)| *name == module).expect("a module");
    let failed: Vec<&str> =
        cases.iter().filter(|(_, case)| std::panic::catch_unwind(*case).is_err()).map(|(name, _)| *name).collect();
    assert!(failed.is_empty(), "{module}: {failed:?}");
}
