//! Words and values, from Python and to it.
use crate::error::Failure;
use pyo3::{
    BoundObject,
    prelude::*,
    types::{PyList, PyString},
};
use serde::Serialize;
use weighbridge::{
    Cause, ExtentPolicy, LoadOptions, MetadataEntry, MetadataValue, Selection, Strategy, StrategyPolicy, Validation,
};

/// A record of the library as JSON, which Python makes its own objects of.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::request(Cause::Internal, format!("an answer could not be passed on: {error}")))
}

/// Which tensors: all, a pattern, or indices.
#[derive(FromPyObject)]
pub(crate) enum Which {
    Matching(String),
    Tensors(Vec<u32>),
}

pub(crate) fn selection(which: Option<Which>) -> Selection {
    match which {
        None => Selection::All,
        Some(Which::Matching(pattern)) => Selection::Matching(pattern),
        Some(Which::Tensors(indices)) => Selection::Tensors(indices),
    }
}

/// How residency is cut, in words or as the bytes of a window.
#[derive(FromPyObject)]
pub(crate) enum Extent {
    Window(u64),
    Named(String),
}

/// A word of a closed list.
pub(crate) fn word<T: std::str::FromStr>(word: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    word.parse().map_err(|error: T::Err| Failure::request(Cause::InvalidRequest, error.to_string()))
}

/// No strategy is `auto`, one is that one, several are tried in their order.
pub(crate) fn load_options(
    policy: &[String],
    extent: &Extent,
    staging_bytes: u64,
    (structure, architecture): (bool, bool),
) -> Result<LoadOptions, Failure> {
    let strategies = policy.iter().map(|name| word(name)).collect::<Result<Vec<Strategy>, _>>()?;
    let policy = match (strategies.first().copied(), strategies.len()) {
        (None, _) => StrategyPolicy::Auto,
        (Some(only), 1) => StrategyPolicy::Only(only),
        _ => StrategyPolicy::FirstAvailable(strategies),
    };
    let extent = match extent {
        Extent::Window(bytes) => ExtentPolicy::Window(*bytes),
        Extent::Named(name) if name == "whole-file" => ExtentPolicy::WholeFile,
        Extent::Named(name) if name == "per-tensor" => ExtentPolicy::PerTensor,
        Extent::Named(name) => {
            let message = format!(
                "\"{}\" is no extent; it is \"whole-file\", \"per-tensor\" or the bytes of a window",
                weighbridge::escape(name)
            );
            return Err(Failure::request(Cause::InvalidRequest, message));
        }
    };
    let validate = Validation::new().structure(structure).architecture(architecture);
    Ok(LoadOptions::new().policy(policy).extent(extent).staging_bytes(staging_bytes).validate(validate))
}

/// The value of a metadata entry; of an array none, but the type of its elements and their number.
pub(crate) fn value<'py>(py: Python<'py>, entry: &MetadataEntry) -> PyResult<Bound<'py, PyAny>> {
    Ok(match &entry.value {
        MetadataValue::Boolean(value) => value.into_pyobject(py)?.into_bound().into_any(),
        MetadataValue::Unsigned(value) => value.into_pyobject(py)?.into_any(),
        MetadataValue::Signed(value) => value.into_pyobject(py)?.into_any(),
        MetadataValue::Floating(value) => value.into_pyobject(py)?.into_any(),
        MetadataValue::Text(value) => value.into_pyobject(py)?.into_any(),
        MetadataValue::Sequence(sequence) => (&sequence.element, sequence.count).into_pyobject(py)?.into_any(),
    })
}

/// The elements of an array, each of the type that the file gives it. They come as text; numbers of 32 bits are read as such,
/// so that they are the file's own.
pub(crate) fn elements<'py>(py: Python<'py>, element: &str, texts: &[String]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for text in texts {
        let made = match element {
            "bool" => {
                text.parse().ok().map(|value: bool| value.into_pyobject(py).map(|value| value.into_bound().into_any()))
            }
            "f32" => text.parse().ok().map(|value: f32| f64::from(value).into_pyobject(py).map(Bound::into_any)),
            "f64" => text.parse().ok().map(|value: f64| value.into_pyobject(py).map(Bound::into_any)),
            "u8" | "u16" | "u32" | "u64" => {
                text.parse().ok().map(|value: u64| value.into_pyobject(py).map(Bound::into_any))
            }
            "i8" | "i16" | "i32" | "i64" => {
                text.parse().ok().map(|value: i64| value.into_pyobject(py).map(Bound::into_any))
            }
            _ => None,
        };
        match made {
            Some(value) => list.append(value?)?,
            None => list.append(PyString::new(py, text))?,
        }
    }
    Ok(list)
}
