//! The panels by name: what is said of each, apart from how it is shown.
use crate::info::{Info, ctrl};
use egui::Key;

/// A panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "each has its label and tooltip in `info`")]
pub enum Panel {
    Start,
    Actors,
    Timeline,
    Tensors,
    FileMap,
    Slots,
    Timings,
    Sandbox,
    Why,
    Findings,
    Control,
    Compare,
    Diff,
    Metadata,
}

impl Panel {
    /// Every panel.
    pub const ALL: &[Self] = &[
        Self::Actors,
        Self::Timeline,
        Self::Tensors,
        Self::FileMap,
        Self::Slots,
        Self::Timings,
        Self::Sandbox,
        Self::Why,
        Self::Findings,
        Self::Control,
        Self::Compare,
        Self::Diff,
        Self::Metadata,
        Self::Start,
    ];

    /// What is said of showing it.
    #[must_use]
    #[rustfmt::skip]
    pub const fn info(self) -> Info {
        let (name, label, tip, keys) = match self {
            Self::Actors => ("panel actors", "Actors", "State diagram of each machine", ctrl(Key::Num1)),
            Self::Timeline => ("panel timeline", "Timeline", "What happened, when", ctrl(Key::Num2)),
            Self::Tensors => ("panel tensors", "Tensors", "Every tensor with its state", ctrl(Key::Num3)),
            Self::FileMap => ("panel file-map", "File map", "What lies where in the file", ctrl(Key::Num4)),
            Self::Slots => ("panel slots", "Slots", "The pool of mappings", ctrl(Key::Num5)),
            Self::Timings => ("panel timings", "Timings", "Where the time went", ctrl(Key::Num6)),
            Self::Sandbox => ("panel sandbox", "Sandbox", "What the component may do, and what it used", ctrl(Key::Num7)),
            Self::Why => ("panel why", "Why", "Why it failed, by which route", ctrl(Key::Num8)),
            Self::Findings => ("panel findings", "Findings", "What is wrong, what others may refuse, what is good to know", ctrl(Key::Num9)),
            Self::Control => ("panel control", "Step and faults", "Breakpoints and fault switches", None),
            Self::Compare => ("panel compare", "Compare", "Two loads side by side, and the race", None),
            Self::Diff => ("panel diff", "Diff", "Another model beside this one: what differs", None),
            Self::Metadata => ("panel metadata", "Metadata", "What the headers say, and what they add up to", None),
            Self::Start => ("panel start", "Start", "How to begin, and what is where", None),
        };
        Info { name, label, tip, keys }
    }

    /// By the word that scripts use.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.info().name.strip_prefix("panel ") == Some(name))
    }
}
