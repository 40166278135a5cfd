//! Answers of the host, each a choice. A run is replayed with other choices until all have been made.
use weighbridge_loader::storage::StorageError;
use weighbridge_loader::types::AdviceEffect;

/// What the host was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `map-range`.
    Map,
    /// `unmap`.
    Unmap,
    /// `advise`.
    Advise,
    /// `allocate`.
    Allocate,
    /// `allocate`, of a host whose quota is used up.
    AllocateTooMuch,
    /// `free`.
    Free,
    /// `registered`, for so many tensors.
    Registered(u8),
    /// `read-into`, of so many spans.
    ReadInto(u8),
}

/// What it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As asked.
    Ok,
    /// What became of an advice.
    Effect(AdviceEffect),
    /// One of [`ERRORS`].
    Fails(u8),
    /// One of [`ERRORS`], about this span of the batch.
    FailsAt(u8, u8),
    /// A target of fewer bytes than asked.
    Short,
    /// No target for this tensor.
    Missing(u8),
    /// Too small a target for this tensor.
    Small(u8),
    /// Fewer targets than tensors.
    TooFew,
    /// More targets than tensors.
    TooMany,
}

/// Every error that a host can answer.
pub const ERRORS: u8 = 11;
const BUSY: u8 = 3;
const EXHAUSTED: u8 = 4;
const CANCELLED: u8 = 7;
const IO: u8 = 9;

/// The error of this number.
#[must_use]
pub fn error(number: u8) -> StorageError {
    match number {
        0 => StorageError::Unsupported,
        1 => StorageError::AccessDenied,
        2 => StorageError::OutOfBounds,
        BUSY => StorageError::Busy,
        EXHAUSTED => StorageError::Exhausted,
        5 => StorageError::Changed,
        6 => StorageError::EndOfSource,
        CANCELLED => StorageError::Cancelled,
        8 => StorageError::Deadline,
        IO => StorageError::Io(5),
        _ => StorageError::Other("out of order".into()),
    }
}

/// Which answers are tried.
///
/// The machines tell answers apart only by success, and errors only by whether another strategy may help; `io/loader`
/// alone looks (its own check dispatches every cause). So where two answers of one request fail, or where this is off, one
/// error of each kind stands for the others: `exhausted` or `io` for those after which another strategy is tried,
/// `cancelled` for those after which none is, and `busy` for any failure to unmap or free, which nobody tells apart.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Every error of every call of every request that otherwise goes well.
    pub every_error: bool,
    /// Most calls of one request that fail.
    pub failures: u8,
}

/// Chooses.
#[derive(Clone, Debug)]
pub struct Oracle {
    rules: Rules,
    prefix: Vec<u8>,
    /// The choices made, and of how many.
    taken: Vec<(u8, u8)>,
    failures: u8,
    /// A failure was chosen that stands for itself: all else goes well.
    single: bool,
    /// Something more could have failed, but for the rules.
    pub cut: bool,
}

impl Oracle {
    /// One that makes these choices first, then always the first.
    #[must_use]
    pub const fn new(rules: Rules, prefix: Vec<u8>) -> Self {
        Self { rules, prefix, taken: Vec::new(), failures: 0, single: false, cut: false }
    }

    /// The choices made.
    #[must_use]
    pub fn choices(&self) -> Vec<u8> {
        self.taken.iter().map(|(choice, _)| *choice).collect()
    }

    /// How many calls failed.
    #[must_use]
    pub const fn failures(&self) -> u8 {
        self.failures
    }

    /// The choices of the next run, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<Vec<u8>> {
        let last = self.taken.iter().rposition(|(choice, of)| choice + 1 < *of)?;
        let mut prefix: Vec<u8> = self.taken.iter().take(last + 1).map(|(choice, _)| *choice).collect();
        prefix[last] += 1;
        Some(prefix)
    }

    /// Chooses an answer.
    pub fn choose(&mut self, call: Call) -> Answer {
        let mut options = well(call);
        let good = options.len();
        let mut representatives = good;
        if self.single {
        } else if self.failures >= self.rules.failures {
            self.cut = true;
        } else {
            options.extend(badly(call));
            representatives = options.len();
            if self.failures == 0 && self.rules.every_error {
                options.extend(every(call).into_iter().filter(|answer| !badly(call).contains(answer)));
            }
        }
        if options.is_empty() {
            // Whatever the rules say, a quota that is used up is used up.
            options.push(Answer::Fails(EXHAUSTED));
            representatives = 1;
        }
        let at = self.taken.len();
        let choice = self.prefix.get(at).copied().unwrap_or(0);
        self.taken.push((choice, u8::try_from(options.len()).unwrap()));
        let choice = usize::from(choice);
        if choice >= good {
            self.failures += 1;
            self.single |= choice >= representatives;
        }
        options[choice]
    }
}

fn well(call: Call) -> Vec<Answer> {
    match call {
        Call::Advise => vec![
            Answer::Effect(AdviceEffect::Applied),
            Answer::Effect(AdviceEffect::Ignored),
            Answer::Effect(AdviceEffect::Unsupported),
        ],
        Call::AllocateTooMuch => Vec::new(),
        _ => vec![Answer::Ok],
    }
}

fn badly(call: Call) -> Vec<Answer> {
    match call {
        Call::Map | Call::Allocate | Call::AllocateTooMuch => {
            vec![Answer::Fails(EXHAUSTED), Answer::Fails(CANCELLED)]
        }
        Call::Unmap | Call::Free | Call::Advise => vec![Answer::Fails(BUSY)],
        Call::Registered(_) => vec![Answer::Missing(0), Answer::Fails(CANCELLED)],
        Call::ReadInto(_) => vec![Answer::FailsAt(0, IO), Answer::FailsAt(0, CANCELLED)],
    }
}

fn every(call: Call) -> Vec<Answer> {
    let fails = (0..ERRORS).map(Answer::Fails);
    match call {
        Call::Map | Call::Unmap | Call::Advise | Call::Free | Call::AllocateTooMuch => fails.collect(),
        Call::Allocate => fails.chain([Answer::Short]).collect(),
        Call::Registered(tensors) => {
            let each = (0..tensors).flat_map(|tensor| [Answer::Missing(tensor), Answer::Small(tensor)]);
            fails.chain(each).chain([Answer::TooFew, Answer::TooMany]).collect()
        }
        // The first, the last, and one that the batch does not have: whom an error is about, nobody takes on trust.
        Call::ReadInto(spans) => [0, spans - 1, spans]
            .into_iter()
            .flat_map(|span| (0..ERRORS).map(move |error| Answer::FailsAt(span, error)))
            .collect(),
    }
}
