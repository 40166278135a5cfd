//! The host library's spelling of the contract's types, to and from the component's own.
use weighbridge as host;
use weighbridge_loader::api;
use weighbridge_loader::storage::{BatchError, StorageError};
use weighbridge_loader::types;

macro_rules! same {
    ($($function:ident: $from:ty => $to:ty { $($case:ident)* })*) => {
        $(pub(crate) const fn $function(value: $from) -> $to {
            match value {
                $(<$from>::$case => <$to>::$case,)*
            }
        })*
    };
}

same! {
    strategy: host::Strategy => types::Strategy { MappedFile ReadCopy StagedRead ExternalBuffer }
    buffer_status: host::types::BufferStatus => api::BufferStatus { Free Reserved Owned FreePending Retired }
    to_strategy: types::Strategy => host::Strategy { MappedFile ReadCopy StagedRead ExternalBuffer }
    to_advice: types::Advice => host::Advice { Normal Sequential Random WillNeed DontNeed }
    effect: host::AdviceEffect => types::AdviceEffect { Applied Ignored Unsupported }
    lifecycle: host::Lifecycle => types::Lifecycle { Unbound Loading Resident MmapResident Evicted }
    status: host::SlotStatus => api::SlotStatus { Free Reserved Owned UnmapPending Retired }
    to_level: types::Level => host::Level { Off Outcomes Transitions Steps }
    cause: host::Cause => types::Cause {
        InvalidRequest NotFound Busy Malformed NotAModel UnsupportedFormat UnsupportedDtype UnsupportedStrategy StrategyUnavailable
        LimitExceeded SlotsExhausted StaleHandle AlreadyResident NotResident NotMapped OutOfBounds AccessDenied
        SourceChanged EndOfSource OutOfMemory Cancelled Deadline Io Internal Other
    }
    phase: host::Phase => types::Phase {
        Request Parse Bind Plan Transfer Apply MapLayers Structure Architecture Release Evict Advise Close
    }
}

macro_rules! storage_errors {
    ($($case:ident)*) => {
        pub(crate) fn to_storage_error(error: StorageError) -> host::StorageError {
            match error {
                $(StorageError::$case => host::StorageError::$case,)*
                StorageError::Io(code) => host::StorageError::Io(code),
                StorageError::Other(words) => host::StorageError::Other(words),
            }
        }
    };
}
storage_errors! { Unsupported AccessDenied OutOfBounds Busy Exhausted Changed EndOfSource Cancelled Deadline }

pub(crate) fn to_batch_error(error: BatchError) -> host::BatchError {
    host::BatchError { span: error.span, error: to_storage_error(error.error) }
}

pub(crate) fn error(error: impl Into<host::types::Error>) -> types::Error {
    let error = error.into();
    types::Error {
        phase: phase(error.phase),
        cause: cause(error.cause),
        strategy: error.strategy.map(strategy),
        tensor: error.tensor,
        source: error.source,
        offset: error.offset,
        field: error.field,
        os_code: error.os_code,
        message: error.message,
    }
}

pub(crate) fn to_selection(selection: &api::Selection) -> host::Selection {
    match selection {
        api::Selection::All => host::Selection::All,
        api::Selection::Tensors(tensors) => host::Selection::Tensors(tensors.clone()),
        api::Selection::Matching(pattern) => host::Selection::Matching(pattern.clone()),
    }
}

pub(crate) fn to_options(options: &api::LoadOptions) -> host::LoadOptions {
    host::LoadOptions::new()
        .policy(match &options.policy {
            types::StrategyPolicy::Only(one) => host::StrategyPolicy::Only(to_strategy(*one)),
            types::StrategyPolicy::Auto => host::StrategyPolicy::Auto,
            types::StrategyPolicy::FirstAvailable(list) => {
                host::StrategyPolicy::FirstAvailable(list.iter().copied().map(to_strategy).collect())
            }
        })
        .extent(match options.extent {
            types::ExtentPolicy::WholeFile => host::ExtentPolicy::WholeFile,
            types::ExtentPolicy::PerTensor => host::ExtentPolicy::PerTensor,
            types::ExtentPolicy::Window(bytes) => host::ExtentPolicy::Window(bytes),
            types::ExtentPolicy::Auto => host::ExtentPolicy::Auto,
        })
        .staging_bytes(options.staging_bytes)
        .validate(
            host::Validation::new().structure(options.validate.structure).architecture(options.validate.architecture),
        )
}

pub(crate) fn to_guest_options(options: &api::SessionOptions) -> host::GuestOptions {
    let limits = options.limits;
    host::GuestOptions::new()
        .slots(options.slots)
        .limits(
            host::Limits::new()
                .header_bytes(limits.header_bytes)
                .tensors(limits.tensors)
                .metadata_entries(limits.metadata_entries)
                .name_bytes(limits.name_bytes)
                .nesting(limits.nesting),
        )
        .observe(to_level(options.observe))
        .partial(options.partial)
}

pub(crate) fn report(report: host::LoadReport) -> api::LoadReport {
    let refusal =
        |refusal: host::Refusal| api::Refusal { strategy: strategy(refusal.strategy), reason: error(refusal.reason) };
    api::LoadReport {
        used: report.used.map(strategy),
        refused: report.refused.into_iter().map(refusal).collect(),
        tensors: report.tensors,
        bytes: report.bytes,
        moved: report.moved,
        mapped: report.mapped,
        extents: report.extents,
        slots_peak: report.slots_peak,
    }
}

pub(crate) fn tensor(info: &host::TensorInfo) -> api::TensorInfo {
    api::TensorInfo {
        name: info.name.clone(),
        dtype: info.dtype.clone(),
        shape: info.shape.clone(),
        source: info.source,
        offset: info.offset,
        bytes: info.bytes,
    }
}

pub(crate) fn state(state: host::TensorState) -> api::TensorState {
    let location = |location: host::Location| api::Location {
        place: match location.place {
            host::Place::Mapping(id) => api::Place::Mapping(id),
            host::Place::Target(id) => api::Place::Target(id),
        },
        offset: location.offset,
        bytes: location.bytes,
    };
    api::TensorState {
        lifecycle: lifecycle(state.lifecycle),
        strategy: state.strategy.map(strategy),
        slot: state.slot,
        location: state.location.map(location),
    }
}

pub(crate) fn slot(slot: &host::SlotState) -> api::SlotState {
    api::SlotState {
        status: status(slot.status),
        generation: slot.generation,
        source: slot.source,
        offset: slot.offset,
        bytes: slot.bytes,
        tensors: slot.tensors,
    }
}

pub(crate) fn buffer(buffer: host::types::BufferState) -> api::BufferState {
    api::BufferState {
        status: buffer_status(buffer.status),
        generation: buffer.generation,
        target: buffer.target,
        bytes: buffer.bytes,
        tensors: buffer.tensors,
        external: buffer.external,
    }
}

pub(crate) fn machine(machine: host::MachineStatus) -> api::MachineStatus {
    api::MachineStatus { machine: machine.machine, instance: machine.instance, state: machine.state }
}
