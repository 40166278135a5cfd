//! From a fault to the one typed error: the words, and what to do.
use super::Session;
use crate::actors::Fault;
use crate::formats::{MOST_NAMED, escape, listed};
use crate::storage::{Storage, StorageError};
use crate::types::{Cause, Error, Phase, Strategy};

/// The host's own words, where it has any.
pub(super) fn host_error(phase: Phase, error: &StorageError) -> Error {
    let fault = Fault::from(error);
    let mut made = sentence(phase, None, fault);
    if let StorageError::Other(text) = error {
        let text: String = text.chars().take(300).collect();
        made.message = format!("The host refused: {text}");
    }
    made
}

/// What is known from the fault alone.
pub(super) fn sentence(phase: Phase, strategy: Option<Strategy>, fault: Fault) -> Error {
    let message = match (fault.cause, phase) {
        (Cause::Busy, Phase::Release | Phase::Evict | Phase::Close) => {
            "A view of these bytes is still in use. Drop the view and ask again; nothing was lost."
        }
        (Cause::Busy, Phase::Transfer) => {
            "A view of the memory that the tensor is to go to is still in use. Drop the view and load again."
        }
        (Cause::Busy, _) => "The session is in the middle of another request. Ask again when it is over.",
        (Cause::InvalidRequest, Phase::Evict) => "The tensor is mapped, not copied. Release it instead.",
        (Cause::InvalidRequest, _) => "The request cannot be carried out in this state.",
        (Cause::NotFound, _) => "What was asked for is not there.",
        (Cause::NotAModel, _) => "The file is no model.",
        (Cause::Malformed | Cause::UnsupportedFormat | Cause::UnsupportedDtype, _) => {
            "The file breaks the rules of its format."
        }
        (Cause::UnsupportedStrategy, _) => "The strategy cannot do what was asked.",
        (Cause::StrategyUnavailable, _) if strategy == Some(Strategy::ExternalBuffer) => {
            "No buffer was registered for a tensor. Register one for each selected tensor, or choose another strategy."
        }
        (Cause::StrategyUnavailable, _) if strategy == Some(Strategy::MappedFile) => {
            "This host cannot map files. Choose read-copy or staged-read, or auto."
        }
        (Cause::StrategyUnavailable, _) => "This host does not offer what the strategy needs. Choose another.",
        (Cause::LimitExceeded, _) => {
            "More than 2^40 bytes (1 TiB) would be mapped or moved in one piece. Cut the load with the extent per-tensor, \
             or window; a single tensor of that size cannot be loaded."
        }
        (Cause::SlotsExhausted, _) => {
            "Every mapping slot is in use. Release tensors, use larger extents (whole-file needs one slot for each file), or open \
             the session with more slots; 0 stands for 256, or one for each file where that is more."
        }
        (Cause::StaleHandle, _) => "The handle is of an earlier use of its slot.",
        (Cause::AlreadyResident, _) => "The tensor is resident already. Release or evict it first.",
        (Cause::NotResident, _) => "The tensor is not resident, so there is nothing to evict.",
        (Cause::NotMapped, _) => "The tensor is not mapped. Only mapped tensors can be released or advised.",
        (Cause::OutOfBounds, Phase::Transfer) if strategy == Some(Strategy::ExternalBuffer) => {
            "The registered buffer is smaller than the tensor. Register a larger one."
        }
        (Cause::OutOfBounds, _) => "A span leaves its file, its mapping or its buffer.",
        (Cause::AccessDenied, _) => "The host may not read the file.",
        (Cause::SourceChanged, _) => "The file changed after it was opened. Open it again when nobody writes to it.",
        (Cause::EndOfSource, _) => "The file ended before the bytes did. It was truncated: fetch it again.",
        (Cause::OutOfMemory, _) => {
            "The host has no memory, or no quota, for it. Select fewer tensors, or load them staged into a consumer."
        }
        (Cause::Cancelled, _) => "The load was cancelled.",
        (Cause::Deadline, _) => "The deadline passed before the load was done.",
        (Cause::Io, _) => "The operating system failed to read or map the file.",
        (Cause::Internal, _) => {
            "A machine answered what its table does not allow. This is a bug in the loader component."
        }
        (Cause::Other, _) => "The host refused for a reason of its own.",
    };
    Error { strategy, tensor: fault.item, os_code: fault.os_code, ..Error::new(phase, fault.cause, message) }
}

impl<S: Storage> Session<S> {
    /// The error of a fault: the one that was noted for it, or the words for what the machines refused by themselves.
    pub(super) fn explain(&self, phase: Phase, fault: Fault) -> Error {
        if let Some(error) = self.noted(fault) {
            return error;
        }
        if fault.cause == Cause::NotFound && !self.missing.is_empty() {
            return self.files_missing(phase);
        }
        if let (Cause::InvalidRequest, Phase::Request, Some(message)) = (fault.cause, phase, self.out_of_turn()) {
            return Error::new(phase, Cause::InvalidRequest, message);
        }
        sentence(phase, None, fault)
    }

    /// The error about files that are missing.
    pub(super) fn files_missing(&self, phase: Phase) -> Error {
        let least = if self.missing.len() < MOST_NAMED { "" } else { "At least " };
        let message = format!(
            "{least}{} of the model's files are missing: {}. Put them beside the first file.",
            self.missing.len(),
            listed(self.missing.iter().map(String::as_str))
        );
        Error::new(phase, Cause::NotFound, message).at_field("sources")
    }

    /// The error that was noted for a fault. Which tensor it is about may have become known since.
    fn noted(&self, fault: Fault) -> Option<Error> {
        let error = self.errors.get(fault.noted?.0 as usize)?;
        Some(Error { cause: fault.cause, tensor: fault.item.or(error.tensor), ..error.clone() })
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
        let noted = self.noted(fault).map(|error| error.under(strategy));
        let mut error = noted.unwrap_or_else(|| sentence(Phase::Transfer, Some(strategy), fault));
        if let Some(found) = fault.item.and_then(|item| self.catalogue.as_ref()?.tensor(item)) {
            error.source = Some(found.source);
            error.message = format!("{} (tensor {})", error.message, escape(found.tensor.name));
        }
        error
    }
}
