//! What goes wrong, as a sentence for a person and as an object for a program.
use super::output::{Output, colour_on};
use serde::Serialize;
use std::io::{self, Write as _};
use std::process::ExitCode;
use weighbridge::{Cause, Error, escape};

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a command ends without having done what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    error: Box<ErrorObject>,
    /// Nobody reads stdout any more, which is no failure.
    broken_pipe: bool,
}

/// The `error` of `weighbridge.error/1`.
#[derive(Debug, Default, Serialize)]
struct ErrorObject {
    phase: String,
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensor: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_code: Option<i32>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    error: &'a ErrorObject,
}

impl Failure {
    /// The command line asks for what cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, ..Self::new("request", "invalid-request", message) }
    }

    /// Anything that is not an [`Error`] of a session.
    pub(crate) fn new(phase: &str, cause: &str, message: impl Into<String>) -> Self {
        let error = ErrorObject {
            phase: phase.to_owned(),
            cause: cause.to_owned(),
            message: message.into(),
            ..ErrorObject::default()
        };
        Self { code: 1, error: Box::new(error), broken_pipe: false }
    }

    /// A file that the tool itself reads or writes.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::NotFound => "not-found",
            io::ErrorKind::PermissionDenied => "access-denied",
            _ => "io",
        };
        // The code has a place of its own.
        let text = error.to_string();
        let text = text.split(" (os error ").next().unwrap_or_default();
        let mut failure = Self::new("request", cause, format!("{} could not be {doing}: {text}", path.display()));
        failure.error.os_code = error.raw_os_error();
        failure
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }

    /// Of a command that, as diff(1), says with 1 that it found something: trouble is 2.
    pub(crate) fn trouble(mut self) -> Self {
        self.code = 2;
        self
    }

    /// Says it, and answers the exit code.
    pub(crate) fn show(&self, output: &mut Output) -> ExitCode {
        if self.broken_pipe {
            return ExitCode::SUCCESS;
        }
        // What was printed before the failure comes before it.
        let _ = output.flush();
        let colour = colour_on(&io::stderr());
        let (red, dim, plain) = if colour { ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let place = self.place();
        let place = if place.is_empty() { place } else { format!(" {dim}[{}]{plain}", escape(&place)) };
        // Where stderr is closed or full, the exit code says it.
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "{red}error:{plain} {}{place}", self.sentence());
        if let Some(hint) = &self.error.hint {
            let _ = writeln!(stderr, "{dim}hint:{plain} {}", escape(hint));
        }
        if output.is_json() {
            self.show_json(output);
        }
        ExitCode::from(self.code)
    }

    /// Says it on stderr, in one line and one of what to do, for a command that goes on.
    pub(crate) fn tell(&self) {
        let colour = colour_on(&io::stderr());
        let (red, dim, plain) = if colour { ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        // Where stderr is closed or full, the exit code says it.
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "{red}error:{plain} {}", self.sentence());
        if let Some(hint) = &self.error.hint {
            let _ = writeln!(stderr, "{dim}hint:{plain} {}", escape(hint));
        }
    }

    /// What went wrong, with the file.
    pub(crate) fn sentence(&self) -> String {
        let error = &self.error;
        // Some sentences begin with the file themselves.
        let unnamed = |file: &&String| !error.message.contains(&escape(file));
        let file = error.file.as_ref().filter(unnamed).map_or_else(String::new, |file| format!("{}: ", escape(file)));
        format!("{file}{}", escape(&error.message))
    }

    /// The object on stdout.
    pub(crate) fn show_json(&self, output: &mut Output) {
        // Where stdout is closed, stderr has said it.
        let _ = output.json(&Report { schema: "weighbridge.error/1", error: &self.error });
        let _ = output.flush();
    }

    /// `field tensor_count, offset 8, tensor 3, strategy mapped-file, os error 12`
    fn place(&self) -> String {
        let error = &self.error;
        let parts = [
            error.field.as_ref().map(|field| format!("field {field}")),
            error.offset.map(|offset| format!("offset {offset}")),
            error.tensor.map(|tensor| format!("tensor {tensor}")),
            error.strategy.map(|strategy| format!("strategy {strategy}")),
            error.os_code.map(|code| format!("os error {code}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = hint(&error);
        let file = error.file().map(|file| file.to_string_lossy().into_owned());
        let error = error.into_record();
        let object = ErrorObject {
            phase: error.phase.name().to_owned(),
            cause: error.cause.name().to_owned(),
            strategy: error.strategy.map(weighbridge::Strategy::name),
            tensor: error.tensor,
            source: error.source,
            file,
            offset: error.offset,
            field: error.field,
            os_code: error.os_code,
            message: error.message,
            hint: hint.map(str::to_owned),
        };
        Self { code: 1, error: Box::new(object), broken_pipe: false }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::new("request", "io", format!("stdout could not be written: {error}")) }
    }
}

/// What the person at this command line can do, where the message cannot know.
fn hint(error: &Error) -> Option<&'static str> {
    match error.cause {
        Cause::Deadline => Some("raise --deadline, or leave it out"),
        Cause::NotFound if error.field.as_deref() == Some("select") => {
            Some("`weighbridge inspect FILE` lists the names; `*` matches any text")
        }
        Cause::SourceChanged => Some("something writes to the file; load it again when that has ended"),
        Cause::Internal => Some("this is a bug: please report it with what `weighbridge record` writes"),
        _ => None,
    }
}
