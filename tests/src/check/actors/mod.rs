//! Each actor alone, under a neighbourhood that may send any event at any time: requests that come while another is under
//! way, answers that come twice, late, or that nobody asked for, handles of earlier uses, and every cause of failure.
//!
//! An actor's number for the command that is out is compared with an answer's and otherwise only counted up, so that after
//! each event it is counted anew ([`NOW`]): that is exact, and makes the states finite. A late answer carries [`LATE`], one
//! that was never asked for [`NEVER`].
pub mod io_buffer;
pub mod io_loader;
pub mod io_mmap;
pub mod io_read;
pub mod io_staged_read;
pub mod model_loader;
pub mod model_tensor;
pub mod rows;

use super::search::{self, Visit};
use rows::Rows;
use std::fmt::Debug;
use std::hash::Hash;
use weighbridge_loader::actors::{Fault, Ticket};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

/// Says what is wrong unless it is so.
macro_rules! must {
    ($so:expr, $($what:tt)+) => {
        if !$so {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use must;

/// The number of the command that is out, or was the last.
pub const NOW: Ticket = Ticket(1);
/// The number of a command before it.
pub const LATE: Ticket = Ticket(0);
/// A number that was never given.
pub const NEVER: Ticket = Ticket(7);
/// Numbers that answers carry.
pub const TICKETS: [Ticket; 3] = [NOW, LATE, NEVER];

/// Every cause.
pub const CAUSES: [Cause; 25] = [
    Cause::InvalidRequest,
    Cause::NotFound,
    Cause::Busy,
    Cause::Malformed,
    Cause::NotAModel,
    Cause::UnsupportedFormat,
    Cause::UnsupportedDtype,
    Cause::UnsupportedStrategy,
    Cause::StrategyUnavailable,
    Cause::LimitExceeded,
    Cause::SlotsExhausted,
    Cause::StaleHandle,
    Cause::AlreadyResident,
    Cause::NotResident,
    Cause::NotMapped,
    Cause::OutOfBounds,
    Cause::AccessDenied,
    Cause::SourceChanged,
    Cause::EndOfSource,
    Cause::OutOfMemory,
    Cause::Cancelled,
    Cause::Deadline,
    Cause::Io,
    Cause::Internal,
    Cause::Other,
];

/// Every fault that an answer may carry, and none; of an answer that is put aside anyway, one of each.
pub fn faults(ticket: Ticket) -> impl Iterator<Item = Option<Fault>> {
    let causes = if ticket == NOW { &CAUSES[..] } else { &CAUSES[..1] };
    [None].into_iter().chain(causes.iter().map(|why| Some(Fault::new(*why))))
}

/// An actor, and what its neighbours keep of it.
pub trait Actor: Clone {
    /// What may be sent.
    type Event: Copy + Debug;
    /// What tells states apart.
    type Key: Hash + Eq;

    /// Its name in the tables.
    const NAME: &'static str;

    /// What tells this state apart.
    fn key(&self) -> Self::Key;
    /// Where its machine stands.
    fn stands(&self) -> String;
    /// Everything that may be sent in this state.
    fn events(&self) -> Vec<Self::Event>;
    /// Sends one event.
    ///
    /// # Errors
    /// Which rule it broke.
    fn send(&mut self, event: Self::Event, watch: &Watch) -> Result<(), String>;
}

/// The model that is searched.
pub struct Model<'r, A> {
    start: A,
    rows: &'r mut Rows,
    /// What else has to hold.
    also: fn(&A) -> Result<(), String>,
}

impl<'r, A: Actor> Model<'r, A> {
    /// A model of an actor; the rows that it takes are noted.
    pub fn new(start: A, rows: &'r mut Rows) -> Self {
        Self { start, rows, also: |_| Ok(()) }
    }

    /// The same with a further rule.
    #[must_use]
    pub fn also(mut self, also: fn(&A) -> Result<(), String>) -> Self {
        self.also = also;
        self
    }
}

impl<A: Actor> search::Model for Model<'_, A> {
    type State = A;
    type Key = A::Key;
    type Step = A::Event;

    fn start(&mut self) -> Result<A, String> {
        Ok(self.start.clone())
    }

    fn key(state: &A) -> A::Key {
        state.key()
    }

    fn steps(&mut self, from: &A, _: usize, visit: &mut Visit<'_, Self>) {
        let watch = self.rows.watch(A::NAME, &from.stands());
        for event in from.events() {
            let mut to = from.clone();
            let right = to.send(event, &watch).and_then(|()| (self.also)(&to));
            watch.flush();
            visit(event, right.map(|()| to));
        }
    }

    fn tell(&mut self, way: &[A::Event]) -> Vec<String> {
        let mut at = self.start.clone();
        let mut told = Vec::new();
        for event in way {
            let broken = at.send(*event, &Watch::new(weighbridge_loader::types::Level::Off, Box::new(())));
            told.push(
                format!("{event:?}: {} {}", at.stands(), if broken.is_err() { "(broken)" } else { "" })
                    .trim_end()
                    .to_owned(),
            );
        }
        told
    }
}
