//! From a fault to the one typed error: the words, and what to do.
use super::Session;
use crate::actors::{Fault, Why};
use crate::formats::{MOST_NAMED, escape};
use crate::storage::{Storage, StorageError};
use crate::types::{Cause, Error, Phase, Strategy};

/// The kind of a cause.
pub(super) fn why(cause: &Cause) -> Why {
    match cause {
        Cause::InvalidRequest => Why::InvalidRequest,
        Cause::NotFound => Why::NotFound,
        Cause::Busy => Why::Busy,
        Cause::Malformed | Cause::UnsupportedFormat | Cause::UnsupportedDtype => Why::Malformed,
        Cause::UnsupportedStrategy => Why::UnsupportedStrategy,
        Cause::StrategyUnavailable => Why::StrategyUnavailable,
        Cause::LimitExceeded => Why::LimitExceeded,
        Cause::SlotsExhausted => Why::SlotsExhausted,
        Cause::StaleHandle => Why::StaleHandle,
        Cause::AlreadyResident => Why::AlreadyResident,
        Cause::NotResident => Why::NotResident,
        Cause::NotMapped => Why::NotMapped,
        Cause::OutOfBounds => Why::OutOfBounds,
        Cause::AccessDenied => Why::AccessDenied,
        Cause::SourceChanged => Why::SourceChanged,
        Cause::EndOfSource => Why::EndOfSource,
        Cause::OutOfMemory => Why::OutOfMemory,
        Cause::Cancelled => Why::Cancelled,
        Cause::Deadline => Why::Deadline,
        Cause::Io => Why::Io,
        Cause::Internal => Why::Internal,
        Cause::Other(_) => Why::Other,
    }
}

/// The host's own words, where it has any.
pub(super) fn host_error(phase: Phase, error: &StorageError) -> Error {
    let fault = Fault::from(error);
    let mut made = sentence(phase, None, fault);
    if let StorageError::Other(text) = error {
        let text: String = text.chars().take(300).collect();
        made.cause = Cause::Other(text.clone());
        made.message = format!("The host refused: {text}");
    }
    made
}

/// What is known from the fault alone.
pub(super) fn sentence(phase: Phase, strategy: Option<Strategy>, fault: Fault) -> Error {
    let message = match (fault.why, phase) {
        (Why::Busy, Phase::Release | Phase::Evict | Phase::Close) => {
            "A view of these bytes is still in use. Drop the view and ask again; nothing was lost."
        }
        (Why::Busy, Phase::Transfer) => {
            "A view of the memory that the tensor is to go to is still in use. Drop the view and load again."
        }
        (Why::Busy, _) => "The session is in the middle of another request. Ask again when it is over.",
        (Why::InvalidRequest, Phase::Evict) => "The tensor is mapped, not copied. Release it instead.",
        (Why::InvalidRequest, _) => "The request cannot be carried out in this state.",
        (Why::NotFound, _) => "What was asked for is not there.",
        (Why::Malformed, _) => "The file breaks the rules of its format.",
        (Why::UnsupportedStrategy, _) => "The strategy cannot do what was asked.",
        (Why::StrategyUnavailable, _) if strategy == Some(Strategy::ExternalBuffer) => {
            "No buffer was registered for a tensor. Register one for each selected tensor, or choose another strategy."
        }
        (Why::StrategyUnavailable, _) if strategy == Some(Strategy::MappedFile) => {
            "This host cannot map files. Choose read-copy or staged-read, or auto."
        }
        (Why::StrategyUnavailable, _) => "This host does not offer what the strategy needs. Choose another.",
        (Why::LimitExceeded, _) => {
            "More than 2^40 bytes (1 TiB) would be mapped or moved in one piece. Cut the load with the extent per-tensor, \
             or window; a single tensor of that size cannot be loaded."
        }
        (Why::SlotsExhausted, _) => {
            "Every mapping slot is in use. Open the session with more slots, use larger extents, or release tensors."
        }
        (Why::StaleHandle, _) => "The handle is of an earlier use of its slot.",
        (Why::AlreadyResident, _) => "The tensor is resident already. Release or evict it first.",
        (Why::NotResident, _) => "The tensor is not resident, so there is nothing to evict.",
        (Why::NotMapped, _) => "The tensor is not mapped. Only mapped tensors can be released or advised.",
        (Why::OutOfBounds, Phase::Transfer) if strategy == Some(Strategy::ExternalBuffer) => {
            "The registered buffer is smaller than the tensor. Register a larger one."
        }
        (Why::OutOfBounds, _) => "A span leaves its file, its mapping or its buffer.",
        (Why::AccessDenied, _) => "The host may not read the file.",
        (Why::SourceChanged, _) => "The file changed after it was opened. Open it again when nobody writes to it.",
        (Why::EndOfSource, _) => "The file ended before the bytes did. It was truncated: fetch it again.",
        (Why::OutOfMemory, _) => {
            "The host has no memory, or no quota, for it. Select fewer tensors, or load them staged into a consumer."
        }
        (Why::Cancelled, _) => "The load was cancelled.",
        (Why::Deadline, _) => "The deadline passed before the load was done.",
        (Why::Io, _) => "The operating system failed to read or map the file.",
        (Why::Internal, _) => {
            "A machine answered what its table does not allow. This is a bug in the loader component."
        }
        (Why::Other, _) => "The host refused for a reason of its own.",
    };
    Error { strategy, tensor: fault.item, os_code: fault.os_code, ..Error::new(phase, fault.why.into(), message) }
}

impl<S: Storage> Session<S> {
    /// A fault that no error was noted for: what the machines refused by themselves.
    pub(super) fn explain(&self, phase: Phase, fault: Fault) -> Error {
        if fault.why == Why::NotFound && !self.missing.is_empty() {
            let names: Vec<String> = self.missing.iter().take(3).map(|name| escape(name)).collect();
            let more = if self.missing.len() > names.len() { ", …" } else { "" };
            let least = if self.missing.len() < MOST_NAMED { "" } else { "At least " };
            let message = format!(
                "{least}{} of the model's files are missing: {}{more}. Put them beside the first file.",
                self.missing.len(),
                names.join(", ")
            );
            return Error::new(phase, Cause::NotFound, message).at_field("sources");
        }
        if let (Why::InvalidRequest, Phase::Request, Some(message)) = (fault.why, phase, self.out_of_turn()) {
            return Error::new(phase, Cause::InvalidRequest, message);
        }
        match &self.host_words {
            Some(words) if fault.why == Why::Other => Error { tensor: fault.item, ..host_error(phase, words) },
            _ => sentence(phase, None, fault),
        }
    }

    /// What to do where model/loader stands in no state for the request, all of whose parts were checked before.
    fn out_of_turn(&self) -> Option<&'static str> {
        match self.loader.state().as_str() {
            "closed" => Some("The session is closed. Open the model again."),
            "bound" => {
                Some("The model has all of its files. Load from it, or open another model with the other files.")
            }
            _ => None,
        }
    }

    /// A fault of one strategy, about a tensor, in words.
    pub(super) fn refusal(&self, strategy: Strategy, fault: Fault) -> Error {
        let words = self.refusal_words.iter().find(|(of, _)| *of == strategy).map(|(_, words)| words);
        let mut error = match words {
            Some(words) => Error { tensor: fault.item, ..host_error(Phase::Transfer, words) }.under(strategy),
            None => sentence(Phase::Transfer, Some(strategy), fault),
        };
        if let Some(found) = fault.item.and_then(|item| self.catalogue.as_ref()?.tensor(item)) {
            error.source = Some(found.source);
            error.message = format!("{} (tensor {})", error.message, escape(found.tensor.name));
        }
        error
    }
}
