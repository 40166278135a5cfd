//! One model: a session that Python programs share among their threads.
use crate::{
    convert::{Extent, Which, elements, json, load_options, selection, value, word},
    error::Failure,
    memory::memory,
    runtime::OfProcess,
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyList, PyType},
};
use std::{
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
};
use weighbridge::{Advice, CancelToken, Cause, MetadataEntry, MetadataValue, Session};

/// A metadata entry: its key, its type, its file and its value.
type Entry<'py> = (String, String, u32, Bound<'py, PyAny>);

/// One model. Calls of several threads come one after another; none holds the interpreter while it waits or works.
#[pyclass(frozen, module = "weighbridge._native")]
pub(crate) struct Model {
    of: OfProcess<State>,
    cancel: CancelToken,
}

struct State {
    /// None once it is closed.
    session: Mutex<Option<Session>>,
    /// The metadata with every element of its arrays, from when the first array was asked for.
    metadata: OnceLock<Vec<MetadataEntry>>,
}

impl Model {
    pub(crate) fn new(session: Session, cancel: CancelToken) -> Self {
        Self { of: OfProcess::new(State { session: Mutex::new(Some(session)), metadata: OnceLock::new() }), cancel }
    }

    /// Works with the session, detached from the interpreter.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Session) -> Result<T, Failure> + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| {
            let state = self.of.get("model")?;
            let mut session = state.session.lock().unwrap_or_else(PoisonError::into_inner);
            let session = session.as_mut().ok_or_else(closed)?;
            work(session).map_err(|mut failure| {
                let index = failure.error.tensor.and_then(|index| usize::try_from(index).ok());
                let tensor =
                    index.and_then(|index| session.tensors().ok()?.get(index).map(|tensor| tensor.name.clone()));
                failure.tensor_name = failure.tensor_name.or(tensor);
                failure
            })
        });
        done.map_err(|failure| failure.raise(py))
    }
}

fn closed() -> Failure {
    Failure::request(
        Cause::InvalidRequest,
        "the model is closed; open it again (arrays that it already gave out stay good)",
    )
}

/// A tensor, as its header has it: name, type, shape, index of its file, byte offset, bytes.
type Info = (String, String, Vec<u64>, u32, u64, u64);

#[pymethods]
impl Model {
    fn summary(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |session| json(session.summary()))
    }

    /// Path, name and bytes of each file.
    fn files(&self, py: Python<'_>) -> PyResult<Vec<(Option<PathBuf>, String, u64)>> {
        self.with(py, |session| {
            Ok(session.files().iter().map(|file| (file.path.clone(), file.name.clone(), file.size)).collect())
        })
    }

    fn tensors(&self, py: Python<'_>) -> PyResult<Vec<Info>> {
        self.with(py, |session| {
            let info = |tensor: &weighbridge::TensorInfo| {
                let tensor = tensor.clone();
                (tensor.name, tensor.dtype, tensor.shape, tensor.source, tensor.offset, tensor.bytes)
            };
            Ok(session.tensors()?.iter().map(info).collect())
        })
    }

    /// Each entry's key, type, file and value; of an array the type of its elements and their number.
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Vec<Entry<'py>>> {
        let entries = self.with(py, |session| Ok(session.metadata(0)?))?;
        let entry = |entry: &MetadataEntry| {
            Ok::<_, PyErr>((entry.key.clone(), entry.kind.clone(), entry.source, value(py, entry)?))
        };
        entries.iter().map(entry).collect()
    }

    /// The elements of the array that is the entry with this index.
    fn elements<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyList>> {
        // Once they are here, no lock is needed, and no session.
        let state = self.of.get("model").map_err(|failure| failure.raise(py))?;
        if state.metadata.get().is_none() {
            let all = self.with(py, |session| Ok(session.metadata(u32::MAX)?))?;
            let _ = state.metadata.set(all);
        }
        let entry = state.metadata.get().and_then(|entries| entries.get(index));
        let Some((entry, MetadataValue::Sequence(sequence))) = entry.map(|entry| (entry, &entry.value)) else {
            let message = format!("the metadata entry with the index {index} is no array");
            return Err(Failure::request(Cause::NotFound, message).raise(py));
        };
        if u64::try_from(sequence.head.len()) != Ok(sequence.count) {
            let message = format!(
                "the array {} has {} elements, of which an answer of the sandbox holds {}; read it with another tool if you trust the file",
                weighbridge::escape(&entry.key),
                sequence.count,
                sequence.head.len()
            );
            return Err(Failure::request(Cause::LimitExceeded, message).raise(py));
        }
        elements(py, &sequence.element, &sequence.head)
    }

    fn findings(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |session| json(&session.findings()?))
    }

    /// Makes tensors resident and answers the report.
    fn load(
        &self,
        py: Python<'_>,
        which: Option<Which>,
        policy: Vec<String>,
        extent: Extent,
        staging_bytes: u64,
        validate: (bool, bool),
    ) -> PyResult<String> {
        self.with(py, |session| {
            let options = load_options(&policy, &extent, staging_bytes, validate)?;
            json(&session.load(&selection(which), &options)?)
        })
    }

    fn release(&self, py: Python<'_>, which: Option<Which>) -> PyResult<u32> {
        self.with(py, |session| Ok(session.release(&selection(which))?))
    }

    fn evict(&self, py: Python<'_>, which: Option<Which>) -> PyResult<u32> {
        self.with(py, |session| Ok(session.evict(&selection(which))?))
    }

    fn advise(&self, py: Python<'_>, tensor: u32, advice: String) -> PyResult<&'static str> {
        self.with(py, |session| Ok(session.advise(tensor, word::<Advice>(&advice)?)?.name()))
    }

    /// Views of resident tensors, as objects of `class`.
    fn views<'py>(&self, class: &Bound<'py, PyType>, indices: Vec<u32>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let views = self.with(class.py(), |session| {
            Ok(indices.into_iter().map(|index| session.tensor_at(index)).collect::<Result<Vec<_>, _>>()?)
        })?;
        views.into_iter().map(|tensor| memory(class, tensor)).collect()
    }

    fn states(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |session| json(&session.states()?))
    }

    fn stats(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |session| json(&(session.stats(), session.timings())))
    }

    /// The recording of the session so far, as the file that it is.
    fn recording<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.with(py, |session| {
            let mut bytes = Vec::new();
            session.recording().write(&mut bytes).map_err(|error| Failure::request(Cause::Io, error.to_string()))?;
            Ok(bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Ends the load that runs, if one does, and every later one.
    fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Gives back everything that no view uses. A second time it does nothing.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            if let Ok(state) = self.of.get("model") {
                let session = state.session.lock().unwrap_or_else(PoisonError::into_inner).take();
                drop(session);
            }
        });
    }
}
