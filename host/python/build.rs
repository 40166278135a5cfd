//! An extension module finds Python's functions in the process that loads it; on macOS the linker has to be told.
fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
