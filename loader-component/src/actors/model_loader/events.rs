//! What model/loader is asked and what it answers. Requests bring what was found of them;
//! the rows say what of it is refused, and in which order.
use crate::actors::{Fault, Finding, Ticket};

/// Read the headers of the sources and bind their tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Open {
    /// Its files.
    pub files: Files,
}

/// Take further sources of the same model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Provide {
    /// Its files.
    pub files: Files,
}

/// What was found of the files of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Files {
    /// There are none.
    pub none: Option<Finding>,
    /// One was given twice.
    pub repeated: Option<Finding>,
}

/// What was found of a selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selected {
    /// Its pattern cannot be read.
    pub malformed: Option<Finding>,
    /// It names a tensor that is not there.
    pub unknown: Option<Finding>,
    /// Its pattern fits no tensor.
    pub unmatched: Option<Finding>,
}

/// The driver read a window and the parser took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parsed {
    /// The command's own.
    pub ticket: Ticket,
    /// What the parser, or the host, refused.
    pub fault: Option<Fault>,
    /// A header is not at its end, or there is another source.
    pub more: bool,
    /// Files of the model are not there yet.
    pub missing: bool,
}

/// Make tensors resident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Load {
    /// Its selection.
    pub selected: Selected,
    /// The elements of a tensor that it names do not lie one after the other.
    pub strided: Option<Finding>,
    /// No strategy is named.
    pub no_strategy: Option<Finding>,
    /// A strategy is named twice.
    pub strategy_repeated: Option<Finding>,
    /// Extents would have no bytes.
    pub extent_empty: Option<Finding>,
    /// Check the structure afterwards.
    pub structure: bool,
    /// Check the architecture afterwards.
    pub architecture: bool,
}

/// End mapped residency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Release {
    /// Its selection.
    pub selected: Selected,
    /// A tensor that it names is not mapped.
    pub not_mapped: Option<Finding>,
}

/// End copied residency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Evict {
    /// Its selection.
    pub selected: Selected,
    /// The first tensor that it names and that is no copy is mapped.
    pub mapped: Option<Finding>,
    /// The first tensor that it names and that is no copy is not resident.
    pub not_resident: Option<Finding>,
}

/// Advise a range of a mapped tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Advise {
    /// There is no such tensor.
    pub unknown: Option<Finding>,
    /// The tensor is not mapped.
    pub not_mapped: Option<Finding>,
}

/// Give everything back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Close;

/// What the driver has to do. The answer is an [`crate::actors::Answered`], but for [`Command::ReadHeader`], which is
/// answered with [`Parsed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Read the next window of a header and hand it to the parser.
    ReadHeader(Ticket),
    /// Put the catalogue together and bind every tensor.
    Bind(Ticket),
    /// model/tensor: plan the selected tensors that are not resident, and cut extents.
    Plan(Ticket),
    /// io/loader: bring the planned extents in.
    Transfer(Ticket),
    /// model/tensor: the planned tensors are resident.
    Apply(Ticket),
    /// model/tensor: the plan failed.
    FailPlan(Ticket),
    /// Find the layers.
    MapLayers(Ticket),
    /// Check that every layer is whole.
    CheckStructure(Ticket),
    /// Check what the architecture requires.
    CheckArchitecture(Ticket),
    /// Take back what this load made resident.
    Undo(Ticket),
    /// model/tensor and io/mmap: end mapped residency.
    Release(Ticket),
    /// model/tensor and io/buffer: end copied residency.
    Evict(Ticket),
    /// io/mmap: advise.
    Advise(Ticket),
    /// End all residency, and retry what was busy.
    Close(Ticket),
}

impl Command {
    /// The name that the observer is told.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReadHeader(_) => "read-header",
            Self::Bind(_) => "bind",
            Self::Plan(_) => "plan",
            Self::Transfer(_) => "transfer",
            Self::Apply(_) => "apply",
            Self::FailPlan(_) => "fail-plan",
            Self::MapLayers(_) => "map-layers",
            Self::CheckStructure(_) => "check-structure",
            Self::CheckArchitecture(_) => "check-architecture",
            Self::Undo(_) => "undo",
            Self::Release(_) => "release",
            Self::Evict(_) => "evict",
            Self::Advise(_) => "advise",
            Self::Close(_) => "close",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// As asked.
    Done,
    /// Opened, but files are missing.
    Incomplete,
    /// Refused before any work, or failed and undone.
    Refused(Fault),
}

/// What one dispatch left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Output {
    /// How the request ended, if it did.
    pub outcome: Option<Outcome>,
    /// What to do next, if anything.
    pub command: Option<Command>,
    /// An answer that nobody had asked for was put aside.
    pub stray: bool,
}
