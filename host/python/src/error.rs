//! Errors, as the exceptions that Python programs catch.
use pyo3::{prelude::*, types::PyDict};
use weighbridge::{Cause, Error, Phase};

/// What goes wrong in a call: an error of the library, with the name of the tensor that it is about.
pub(crate) struct Failure {
    pub(crate) error: Box<Error>,
    pub(crate) tensor_name: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), tensor_name: None }
    }
}

impl Failure {
    /// The caller asked for what cannot be.
    pub(crate) fn request(cause: Cause, message: impl Into<String>) -> Self {
        Error::new(Phase::Request, cause, message).into()
    }

    /// The exception: an instance of `weighbridge.Error`, or of the one of its classes that fits its cause.
    pub(crate) fn raise(&self, py: Python<'_>) -> PyErr {
        self.exception(py).unwrap_or_else(|error| error)
    }

    fn exception(&self, py: Python<'_>) -> PyResult<PyErr> {
        let record = self.error.record();
        let fields = PyDict::new(py);
        fields.set_item("phase", record.phase.name())?;
        fields.set_item("cause", record.cause.name())?;
        fields.set_item("strategy", record.strategy.map(|strategy| strategy.name()))?;
        fields.set_item("tensor", &self.tensor_name)?;
        fields.set_item("tensor_index", record.tensor)?;
        fields.set_item("source", record.source)?;
        fields.set_item("file", self.error.file().map(|file| file.to_string_lossy()))?;
        fields.set_item("offset", record.offset)?;
        fields.set_item("field", &record.field)?;
        fields.set_item("os_code", record.os_code)?;
        fields.set_item("shown", self.error.to_string())?;
        let make = py.import("weighbridge._errors")?.getattr("make")?;
        Ok(PyErr::from_value(make.call((&record.message,), Some(&fields))?))
    }
}
