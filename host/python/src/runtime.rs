//! The engine with the compiled component, of one process.
use crate::{
    convert::{json, word},
    error::Failure,
    model::Model,
};
use pyo3::{prelude::*, pybacked::PyBackedBytes};
use std::{path::PathBuf, time::Duration};
use weighbridge::{Cause, HostCapabilities, ModelFiles, Part, SessionOptions};

/// Something of one process: a child by fork has a copy that it may not use.
pub(crate) struct OfProcess<T> {
    /// There until it is dropped.
    inner: Option<T>,
    process: u32,
}

impl<T> OfProcess<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner: Some(inner), process: std::process::id() }
    }

    /// It, in the process that made it.
    pub(crate) fn get(&self, what: &str) -> Result<&T, Failure> {
        if let Some(inner) = self.inner.as_ref().filter(|_| std::process::id() == self.process) {
            return Ok(inner);
        }
        let message = format!(
            "this {what} was opened in process {}, of which this one is a fork; open the model again in this process (arrays that it already gave out stay good)",
            self.process
        );
        Err(Failure::request(Cause::InvalidRequest, message))
    }
}

impl<T> Drop for OfProcess<T> {
    /// A child leaves its copy alone: a lock in it may have been taken by a thread that the child does not have.
    fn drop(&mut self) {
        if std::process::id() != self.process {
            std::mem::forget(self.inner.take());
        }
    }
}

/// The engine with the compiled component; one for a process.
#[pyclass(frozen, module = "weighbridge._native")]
pub(crate) struct Runtime(OfProcess<weighbridge::Runtime>);

/// A file: a path, or bytes under a name.
#[derive(FromPyObject)]
enum File {
    Bytes((String, PyBackedBytes)),
    Path(PathBuf),
}

/// What bounds a session, and what it may do.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options {
    deadline: Option<f64>,
    follow_links: bool,
    mmap: bool,
    observe: String,
    names_in_trace: bool,
}

impl Options {
    fn session(&self) -> Result<SessionOptions, Failure> {
        let deadline = match self.deadline.map(Duration::try_from_secs_f64) {
            None => None,
            Some(Ok(deadline)) => Some(deadline),
            Some(Err(_)) => {
                let message = "a deadline is a number of seconds, 0 or more";
                return Err(Failure::request(Cause::InvalidRequest, message));
            }
        };
        Ok(SessionOptions::new()
            .deadline(deadline)
            .follow_links(self.follow_links)
            .names_in_trace(self.names_in_trace)
            .host(HostCapabilities::new().mmap(self.mmap))
            .observe(word(&self.observe)?))
    }
}

#[pymethods]
impl Runtime {
    #[new]
    #[pyo3(signature = (component = None))]
    fn new(py: Python<'_>, component: Option<PyBackedBytes>) -> PyResult<Self> {
        let made = py.detach(|| {
            let builder = weighbridge::Runtime::builder();
            match component {
                Some(bytes) => builder.component(bytes.to_vec()).build(),
                None => builder.build(),
            }
        });
        made.map(|runtime| Self(OfProcess::new(runtime))).map_err(|error| Failure::from(error).raise(py))
    }

    /// Opens a model.
    fn open(&self, py: Python<'_>, files: Vec<File>, options: Options) -> PyResult<Model> {
        let opened = py.detach(|| {
            let files = files.into_iter().fold(ModelFiles::new(), |all, file| match file {
                File::Path(path) => all.path(path),
                File::Bytes((name, bytes)) => all.part(name, Part::bytes(bytes)),
            });
            let options = options.session()?;
            let cancel = options.cancel.clone();
            let session = self.0.get("engine")?.open_with(files, options)?;
            Ok::<_, Failure>(Model::new(session, cancel))
        });
        opened.map_err(|failure| failure.raise(py))
    }

    /// SHA-256 of the component.
    fn component_id(&self, py: Python<'_>) -> PyResult<String> {
        self.0.get("engine").map(|runtime| runtime.component_id().to_owned()).map_err(|failure| failure.raise(py))
    }

    /// The formats that the component reads, as JSON.
    fn formats(&self, py: Python<'_>) -> PyResult<String> {
        let formats = py.detach(|| json(&self.0.get("engine")?.formats()?));
        formats.map_err(|failure| failure.raise(py))
    }
}
