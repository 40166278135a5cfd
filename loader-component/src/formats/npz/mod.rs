//! NPZ: a ZIP archive of NPY arrays, as `numpy.savez` writes it. An array's name is its entry's without `.npy`.
mod handler;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use handler::{CONTENTS, HANDLER};
