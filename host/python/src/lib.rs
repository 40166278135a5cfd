//! The native half of the Python package `weighbridge`: sessions of the crate of that name, and memory that Python may read.
//!
//! It says nothing to people and decides nothing: what Python programs see is written in Python, beside it in `python/`. Each
//! call that works runs detached from the interpreter, so that other threads go on. `unsafe` is in `memory` alone.

mod convert;
mod error;
mod memory;
mod model;
mod runtime;

use pyo3::prelude::*;

/// What `weighbridge` is made of. Not for programs: use the package.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::{
        memory::{dlpack, is_mapped, read},
        model::Model,
        runtime::Runtime,
    };
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("Memory", super::memory::class(module.py())?)
    }
}
