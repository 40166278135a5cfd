//! model/tensor: every event in every state of one tensor, between two neighbours that nothing may touch.
use super::{Actor, faults, must};
use weighbridge_loader::actors::io_buffer;
use weighbridge_loader::actors::io_mmap::Handle;
use weighbridge_loader::actors::model_tensor::{
    Apply, Bind, BindEmpty, Command, Ended, Evict, Fail, Hold, ModelTensor, Outcome, Output, Plan, Release,
};
use weighbridge_loader::actors::{Fault, Ticket};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::{Cause, Level, Strategy};

const MAPPED: Hold = Hold::Mapped { handle: Handle { slot: 1, generation: 2 }, mapping: 3, offset: 4 };
const COPIED: Hold = Hold::Copied { buffer: io_buffer::Handle { buffer: 1, generation: 0 }, target: 2, offset: 3 };
const OTHER: Hold = Hold::Copied { buffer: io_buffer::Handle { buffer: 4, generation: 0 }, target: 5, offset: 6 };
/// Numbers of requests: tensors are given them, and need tell only their own from others.
const TICKETS: [Ticket; 2] = [Ticket(1), Ticket(2)];

/// What may be sent.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is an event of the machine")]
pub enum Event {
    Bind,
    BindEmpty,
    Plan(Ticket),
    Apply(Ticket, Hold),
    Fail(Ticket),
    Release(Ticket),
    Evict(Ticket),
    Ended(Ticket, Option<Fault>),
}

/// Where a tensor should stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stands {
    Unbound,
    /// Since which request, and whether it was evicted before.
    Loading(Ticket, bool),
    Resident,
    Evicting(Ticket),
    Mapped,
    Releasing(Ticket),
    Evicted,
}

/// What the neighbours keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tensor {
    pool: ModelTensor,
    stands: Stands,
    hold: Hold,
}

const MIDDLE: u32 = 1;

impl Default for Tensor {
    fn default() -> Self {
        let watch = Watch::new(Level::Off, Box::new(()));
        let mut pool = ModelTensor::bound(3);
        pool.dispatch(0, BindEmpty, &watch);
        pool.dispatch(2, Plan { ticket: Ticket(1) }, &watch);
        Self { pool, stands: Stands::Unbound, hold: Hold::Nothing }
    }
}

enum Wanted {
    Done(Stands, Hold),
    LetGo(Stands),
    Refused(Cause),
    /// The bytes are still held, and why.
    Kept(Stands, Fault),
    Aside,
}

impl Tensor {
    /// The matrix of events and states, in words of its own.
    fn wanted(&self, event: Event) -> Wanted {
        use Stands::{Evicted, Evicting, Loading, Mapped, Releasing, Resident, Unbound};
        use Wanted::{Aside, Done, Kept, LetGo, Refused};
        match (event, self.stands) {
            // A mapping ends by release only; what is on its way is left alone.
            (Event::Bind | Event::BindEmpty, Mapped | Releasing(_)) => Refused(Cause::InvalidRequest),
            (Event::Bind | Event::BindEmpty, Loading(..) | Evicting(_)) => Refused(Cause::Busy),
            (Event::Bind | Event::BindEmpty, Resident) => Refused(Cause::AlreadyResident),
            (Event::Bind, Unbound | Evicted) => Done(Unbound, Hold::Nothing),
            (Event::BindEmpty, Unbound | Evicted) => Done(Resident, Hold::NoBytes),
            (Event::Plan(ticket), Unbound) => Done(Loading(ticket, false), Hold::Nothing),
            (Event::Plan(ticket), Evicted) => Done(Loading(ticket, true), Hold::Nothing),
            (Event::Plan(_), Resident | Mapped) => Refused(Cause::AlreadyResident),
            (Event::Plan(_), _) => Refused(Cause::Busy),
            (Event::Apply(ticket, hold), Loading(own, _)) if ticket == own => match hold {
                Hold::Nothing => Refused(Cause::InvalidRequest),
                Hold::Mapped { .. } => Done(Mapped, hold),
                _ => Done(Resident, hold),
            },
            (Event::Fail(ticket), Loading(own, evicted)) if ticket == own => {
                Done(if evicted { Evicted } else { Unbound }, Hold::Nothing)
            }
            (Event::Apply(..) | Event::Fail(_), _) => Aside,
            (Event::Release(ticket), Mapped) => LetGo(Releasing(ticket)),
            (Event::Release(_), Loading(..) | Releasing(_)) => Refused(Cause::Busy),
            (Event::Release(_), _) => Refused(Cause::NotMapped),
            (Event::Evict(ticket), Resident) => LetGo(Evicting(ticket)),
            (Event::Evict(_), Evicted) => Done(Evicted, Hold::Nothing),
            (Event::Evict(_), Unbound) => Refused(Cause::NotResident),
            (Event::Evict(_), Mapped | Releasing(_)) => Refused(Cause::InvalidRequest),
            (Event::Evict(_), _) => Refused(Cause::Busy),
            (Event::Ended(ticket, fault), Evicting(own) | Releasing(own)) if ticket == own => match fault {
                None => Done(Evicted, Hold::Nothing),
                Some(fault) => Kept(if self.stands == Evicting(own) { Resident } else { Mapped }, fault),
            },
            (Event::Ended(..), _) => Aside,
        }
    }

    fn dispatch(&mut self, event: Event, watch: &Watch) -> Option<Output> {
        let strategy = Strategy::ReadCopy;
        match event {
            Event::Bind => self.pool.dispatch(MIDDLE, Bind, watch),
            Event::BindEmpty => self.pool.dispatch(MIDDLE, BindEmpty, watch),
            Event::Plan(ticket) => self.pool.dispatch(MIDDLE, Plan { ticket }, watch),
            Event::Apply(ticket, hold) => self.pool.dispatch(MIDDLE, Apply { ticket, hold, strategy }, watch),
            Event::Fail(ticket) => self.pool.dispatch(MIDDLE, Fail { ticket }, watch),
            Event::Release(ticket) => self.pool.dispatch(MIDDLE, Release { ticket }, watch),
            Event::Evict(ticket) => self.pool.dispatch(MIDDLE, Evict { ticket }, watch),
            Event::Ended(ticket, fault) => self.pool.dispatch(MIDDLE, Ended { ticket, fault }, watch),
        }
    }
}

impl Actor for Tensor {
    type Event = Event;
    type Key = Self;

    const NAME: &'static str = ModelTensor::NAME;

    fn key(&self) -> Self {
        self.clone()
    }

    fn stands(&self) -> String {
        self.pool.state(MIDDLE).unwrap_or_default()
    }

    fn events(&self) -> Vec<Event> {
        let mut all = vec![Event::Bind, Event::BindEmpty];
        for hold in [Hold::Nothing, Hold::NoBytes, MAPPED, COPIED, OTHER] {
            all.extend(TICKETS.map(|ticket| Event::Apply(ticket, hold)));
        }
        for ticket in TICKETS {
            all.extend([Event::Plan(ticket), Event::Fail(ticket), Event::Release(ticket), Event::Evict(ticket)]);
            all.extend(faults(super::NOW).map(|fault| Event::Ended(ticket, fault)));
        }
        all
    }

    fn send(&mut self, event: Event, watch: &Watch) -> Result<(), String> {
        let before = self.pool.clone();
        let wanted = self.wanted(event);
        let Some(output) = self.dispatch(event, watch) else { return Err("there is no such tensor".into()) };
        let was = self.hold;
        let (outcome, stray, letting_go) = match wanted {
            Wanted::Done(stands, hold) => {
                (self.stands, self.hold) = (stands, hold);
                (Some(Outcome::Done), false, None)
            }
            Wanted::LetGo(stands) => {
                self.stands = stands;
                (None, false, Some(Command::LetGo(was)))
            }
            Wanted::Kept(stands, fault) => {
                self.stands = stands;
                (Some(Outcome::Refused(fault)), false, None)
            }
            Wanted::Refused(why) => (Some(Outcome::Refused(Fault::new(why))), false, None),
            Wanted::Aside => (None, true, None),
        };
        let right = Output { outcome, command: letting_go, stray };
        must!(output == right, "{output:?} in place of {right:?}");
        if matches!(wanted, Wanted::Refused(_) | Wanted::Aside) {
            must!(self.pool == before, "nothing was to change, and something did");
        }
        let hold = self.pool.get(MIDDLE).map(|tensor| tensor.hold);
        must!(hold == Some(self.hold), "it holds {hold:?}, not {:?}", self.hold);
        for neighbour in [0, 2] {
            let same = self.pool.get(neighbour) == before.get(neighbour)
                && self.pool.state(neighbour) == before.state(neighbour);
            must!(same, "a neighbour changed");
        }
        let stands = match self.stands {
            Stands::Unbound => "unbound",
            Stands::Loading(..) => "loading",
            Stands::Resident => "resident",
            Stands::Evicting(_) => "evicting",
            Stands::Mapped => "mmap_resident",
            Stands::Releasing(_) => "releasing",
            Stands::Evicted => "evicted",
        };
        must!(self.stands() == stands, "it stands in {}, not in {stands}", self.stands());
        Ok(())
    }
}
