//! NPY, versions 1 to 3: one array, as `numpy.save` writes it. The format: NEP 1 and `numpy/lib/format.py`.
pub(super) mod build;
mod dict;
mod dtypes;
mod format;
mod handler;
/// Also for formats whose files have arrays inside.
pub(super) mod reader;
#[cfg(test)]
mod tests;

pub(super) use handler::HANDLER;
