//! What a session is asked in the check.
use super::host::Host;
use std::fmt;
use weighbridge_loader::api::{LoadOptions, LoadReport, Selection, Validation};
use weighbridge_loader::driver::Session;
use weighbridge_loader::types::{Advice, AdviceEffect, Error, ExtentPolicy, Strategy, StrategyPolicy};

/// Tensors of the model.
pub const TENSORS: u32 = 3;
/// Bytes of each tensor that has any.
pub const BYTES: u64 = 24;

/// A set of tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(pub u8);

impl Set {
    /// Every tensor.
    pub const ALL: Self = Self((1 << TENSORS) - 1);

    /// The tensors that are so.
    pub fn of(so: impl Fn(u32) -> bool) -> Self {
        Self((0..TENSORS).filter(|tensor| so(*tensor)).fold(0, |set, tensor| set | 1 << tensor))
    }

    /// Whether the tensor is one of them.
    #[must_use]
    pub const fn has(self, tensor: u32) -> bool {
        self.0 >> tensor & 1 == 1
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Every set of some of them but the empty one.
    pub fn subsets(self) -> impl Iterator<Item = Self> {
        (1..=self.0).map(Self).filter(move |set| set.0 & !self.0 == 0)
    }

    fn indices(self) -> Vec<u32> {
        (0..TENSORS).filter(|tensor| self.has(*tensor)).collect()
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.indices().iter().map(|tensor| format!("t{tensor}")).collect();
        f.write_str(&names.join(" "))
    }
}

/// Strategies in the order in which they may be used.
pub type Policy = &'static [Strategy];
/// The default policy of `auto`.
pub const AUTO: Policy = &[Strategy::MappedFile, Strategy::StagedRead, Strategy::ReadCopy];
/// The embedder's own memory first.
pub const OWN_FIRST: Policy = &[Strategy::ExternalBuffer, Strategy::ReadCopy, Strategy::MappedFile];
/// A single strategy.
pub const MAPPED: Policy = &[Strategy::MappedFile];
/// See `MAPPED`.
pub const READ: Policy = &[Strategy::ReadCopy];
/// See `MAPPED`.
pub const STAGED: Policy = &[Strategy::StagedRead];
/// See `MAPPED`.
pub const EXTERNAL: Policy = &[Strategy::ExternalBuffer];

/// Two neighbours fit into this extent.
const WINDOW: ExtentPolicy = ExtentPolicy::Window(2 * BYTES);
/// Bytes between two points of progress: less than a tensor, and no part of one.
const CHUNK: u64 = 20;

/// A request.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// Load these.
    Load {
        /// Which.
        set: Set,
        /// How.
        policy: Policy,
        /// Cut how.
        extent: ExtentPolicy,
        /// With a check of the architecture afterwards, which fails, so that all is undone.
        undone: bool,
    },
    /// Release these.
    Release(Set),
    /// Evict these.
    Evict(Set),
    /// Advise this one.
    Advise(u32),
    /// Close.
    Close,
    /// One that is refused before any work.
    Bad(Bad),
}

/// How a request is wrong.
#[derive(Clone, Copy, Debug)]
pub enum Bad {
    /// A load by no strategy.
    NoStrategy,
    /// A load by a strategy twice.
    Twice,
    /// Extents of no bytes.
    NoExtent,
    /// A tensor that is not there.
    Unknown,
    /// A release of a tensor that is not mapped.
    Release(u32),
    /// An eviction of a tensor that is no copy.
    Evict(u32),
    /// Advice for a tensor that is not mapped.
    Advise(u32),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { set, policy, extent, undone } => {
                let names: Vec<&str> = policy.iter().map(|strategy| name(*strategy)).collect();
                let extent = match extent {
                    ExtentPolicy::Auto => "extents that fit".to_owned(),
                    ExtentPolicy::WholeFile => "whole-file".to_owned(),
                    ExtentPolicy::PerTensor => "per-tensor".to_owned(),
                    ExtentPolicy::Window(bytes) => format!("window of {bytes}"),
                };
                write!(f, "load {set} by {}, {extent}", names.join(" or "))?;
                f.write_str(if *undone { ", then a check that fails" } else { "" })
            }
            Self::Release(set) => write!(f, "release {set}"),
            Self::Evict(set) => write!(f, "evict {set}"),
            Self::Advise(tensor) => write!(f, "advise t{tensor}"),
            Self::Close => f.write_str("close"),
            Self::Bad(bad) => write!(f, "a wrong request: {bad:?}"),
        }
    }
}

const fn name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::MappedFile => "mapped-file",
        Strategy::ReadCopy => "read-copy",
        Strategy::StagedRead => "staged-read",
        Strategy::ExternalBuffer => "external-buffer",
    }
}

/// A variant's name without that of its type.
pub(super) fn word(variant: &impl fmt::Debug) -> String {
    let text = format!("{variant:?}");
    text.split_once("::").map_or(text.clone(), |(_, word)| word.to_owned())
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A load.
    Loaded(LoadReport),
    /// So many tensors ended.
    Ended(u32),
    /// What became of an advice.
    Advised(AdviceEffect),
    /// Closed.
    Closed,
    /// Refused or failed.
    Failed(Error),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(report) => {
                write!(f, "ok, {} tensors by {}", report.tensors, report.used.map_or("none", name))
            }
            Self::Ended(tensors) => write!(f, "ok, {tensors} tensors"),
            Self::Advised(effect) => f.write_str(&word(effect)),
            Self::Closed => f.write_str("ok"),
            Self::Failed(error) => write!(f, "{} in phase {}", word(&error.cause), word(&error.phase)),
        }
    }
}

/// A load by these strategies.
#[must_use]
pub fn options(policy: &[Strategy], extent: ExtentPolicy, undone: bool) -> LoadOptions {
    let policy = match policy {
        [only] => StrategyPolicy::Only(*only),
        several => StrategyPolicy::FirstAvailable(several.to_vec()),
    };
    let validate = Validation { structure: undone, architecture: undone };
    LoadOptions { policy, extent, staging_bytes: CHUNK, validate }
}

impl Request {
    /// Asks.
    pub fn perform(&self, session: &mut Session<Host>) -> Outcome {
        fn or_failed<T>(result: Result<T, Error>, ok: impl Fn(T) -> Outcome) -> Outcome {
            result.map_or_else(Outcome::Failed, ok)
        }
        // Every other way to say `all` meets the same code.
        let these = |set: Set| if set == Set::ALL { Selection::All } else { Selection::Tensors(set.indices()) };
        let one = |tensor: u32| Selection::Tensors(vec![tensor]);
        let whole = ExtentPolicy::WholeFile;
        match *self {
            Self::Load { set, policy, extent, undone } => {
                or_failed(session.load(&these(set), &options(policy, extent, undone)), Outcome::Loaded)
            }
            Self::Release(set) => or_failed(session.release(&these(set)), Outcome::Ended),
            Self::Evict(set) => or_failed(session.evict(&these(set)), Outcome::Ended),
            Self::Advise(tensor) => or_failed(session.advise(tensor, Advice::DontNeed), Outcome::Advised),
            Self::Close => or_failed(session.close(), |()| Outcome::Closed),
            Self::Bad(bad) => match bad {
                Bad::NoStrategy => {
                    or_failed(session.load(&Selection::All, &options(&[], whole, false)), Outcome::Loaded)
                }
                Bad::Twice => {
                    let twice = [Strategy::ReadCopy, Strategy::ReadCopy];
                    or_failed(session.load(&Selection::All, &options(&twice, whole, false)), Outcome::Loaded)
                }
                Bad::NoExtent => {
                    let options = options(READ, ExtentPolicy::Window(0), false);
                    or_failed(session.load(&Selection::All, &options), Outcome::Loaded)
                }
                Bad::Unknown => or_failed(session.load(&one(TENSORS), &options(READ, whole, false)), Outcome::Loaded),
                Bad::Release(tensor) => or_failed(session.release(&one(tensor)), Outcome::Ended),
                Bad::Evict(tensor) => or_failed(session.evict(&one(tensor)), Outcome::Ended),
                Bad::Advise(tensor) => or_failed(session.advise(tensor, Advice::WillNeed), Outcome::Advised),
            },
        }
    }
}

/// Which requests are made in a state, of all that there are.
///
/// A load leaves resident tensors as they are, so only sets of tensors that are not are asked for, with one set of all.
/// What one extent policy cuts as another does is asked once, and what io/read and io/staged_read leave behind is the same.
#[must_use]
pub fn requests(waiting: Set, mapped: Set, copied: Set) -> Vec<Request> {
    const CUTS: &[ExtentPolicy] = &[ExtentPolicy::WholeFile, ExtentPolicy::PerTensor, WINDOW];
    let mut all = Vec::new();
    let mut load = |set: Set, policy: Policy, extents: &[ExtentPolicy], undone: &[bool]| {
        for &extent in extents {
            for &undone in undone {
                all.push(Request::Load { set, policy, extent, undone });
            }
        }
    };
    for set in waiting.subsets() {
        let one = set.len() == 1;
        let cuts = |several: usize, of_one: usize| &CUTS[..if one { of_one } else { several }];
        load(set, MAPPED, cuts(3, 2), &[false, true]);
        load(set, READ, cuts(3, 1), &[false, true]);
        load(set, STAGED, cuts(2, 1), &[false]);
        load(set, EXTERNAL, cuts(1, 1), &[false, true]);
        if set == waiting {
            load(set, AUTO, cuts(2, 1), &[false]);
            load(set, OWN_FIRST, cuts(2, 1), &[false]);
            load(set, AUTO, &[ExtentPolicy::Auto], &[false, true]);
            load(set, MAPPED, &[ExtentPolicy::Auto], &[false]);
        }
    }
    load(Set::ALL, READ, &CUTS[1..2], &[false]);
    all.extend(mapped.subsets().map(Request::Release));
    all.extend(copied.subsets().map(Request::Evict));
    for tensor in 0..TENSORS {
        let wrong = |is: bool, bad: fn(u32) -> Bad| (!is).then(|| Request::Bad(bad(tensor)));
        if mapped.has(tensor) {
            all.push(Request::Advise(tensor));
        }
        all.extend(wrong(mapped.has(tensor), Bad::Release));
        all.extend(wrong(mapped.has(tensor), Bad::Advise));
        all.extend(wrong(copied.has(tensor), Bad::Evict));
    }
    all.extend([Bad::NoStrategy, Bad::Twice, Bad::NoExtent, Bad::Unknown].map(Request::Bad));
    all.push(Request::Close);
    all
}
