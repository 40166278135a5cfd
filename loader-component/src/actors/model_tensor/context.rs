//! One tensor's data, and what its guards and actions see and do of it.
use super::events::{Apply, Bind, BindEmpty, Command, Ended, Evict, Fail, Outcome, Output, Plan, Release};
use super::machine::ModelTensorStateMachineContext;
use crate::actors::io_buffer;
use crate::actors::io_mmap::Handle;
use crate::actors::{Fault, Ticket, refusals, strays};
use crate::types::{Cause, Strategy};

/// What holds a tensor's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hold {
    /// Nothing.
    #[default]
    Nothing,
    /// Nothing is needed: the tensor has no bytes.
    NoBytes,
    /// A mapping of io/mmap.
    Mapped {
        /// Its slot and generation.
        handle: Handle,
        /// The host's name for it.
        mapping: u64,
        /// Byte offset in the mapping.
        offset: u64,
    },
    /// A buffer of io/buffer.
    Copied {
        /// Its number and generation.
        buffer: io_buffer::Handle,
        /// The host's name for it.
        target: u64,
        /// Byte offset in it.
        offset: u64,
    },
}

/// One tensor's residency. What the header says of it is in the catalogue, and no load changes that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tensor {
    /// What holds its bytes.
    pub hold: Hold,
    /// How they got there.
    pub strategy: Option<Strategy>,
    ticket: Ticket,
    was_evicted: bool,
}

/// One dispatch over one tensor.
pub(super) struct Context<'t> {
    pub(super) tensor: &'t mut Tensor,
    pub(super) output: &'t mut Output,
}

impl Context<'_> {
    fn refuse(&mut self, why: Cause) {
        self.output.outcome = Some(Outcome::Refused(Fault::new(why)));
    }

    fn done(&mut self) {
        self.output.outcome = Some(Outcome::Done);
    }

    fn end(&mut self, ticket: Ticket) {
        self.tensor.ticket = ticket;
        self.output.command = Some(Command::LetGo(self.tensor.hold));
    }

    fn plan(&mut self, ticket: Ticket, was_evicted: bool) {
        self.tensor.ticket = ticket;
        self.tensor.was_evicted = was_evicted;
        self.done();
    }
}

impl ModelTensorStateMachineContext for Context<'_> {
    fn bind(&mut self, _: &Bind) -> Result<(), ()> {
        self.done();
        Ok(())
    }

    fn bind_empty(&mut self, _: &BindEmpty) -> Result<(), ()> {
        self.tensor.hold = Hold::NoBytes;
        self.done();
        Ok(())
    }

    fn plan_fresh(&mut self, plan: &Plan) -> Result<(), ()> {
        self.plan(plan.ticket, false);
        Ok(())
    }

    fn plan_again(&mut self, plan: &Plan) -> Result<(), ()> {
        self.plan(plan.ticket, true);
        Ok(())
    }

    fn apply_stray(&self, apply: &Apply) -> Result<bool, ()> {
        Ok(apply.ticket != self.tensor.ticket)
    }

    fn hold_empty(&self, apply: &Apply) -> Result<bool, ()> {
        Ok(apply.hold == Hold::Nothing)
    }

    fn hold_mapped(&self, apply: &Apply) -> Result<bool, ()> {
        Ok(matches!(apply.hold, Hold::Mapped { .. }))
    }

    fn apply(&mut self, apply: &Apply) -> Result<(), ()> {
        self.tensor.hold = apply.hold;
        self.tensor.strategy = Some(apply.strategy);
        self.done();
        Ok(())
    }

    fn fail_stray(&self, fail: &Fail) -> Result<bool, ()> {
        Ok(fail.ticket != self.tensor.ticket)
    }

    fn was_evicted(&self, _: &Fail) -> Result<bool, ()> {
        Ok(self.tensor.was_evicted)
    }

    fn fail_load(&mut self, _: &Fail) -> Result<(), ()> {
        self.done();
        Ok(())
    }

    fn release(&mut self, release: &Release) -> Result<(), ()> {
        self.end(release.ticket);
        Ok(())
    }

    fn evict(&mut self, evict: &Evict) -> Result<(), ()> {
        self.end(evict.ticket);
        Ok(())
    }

    fn evict_again(&mut self, _: &Evict) -> Result<(), ()> {
        self.done();
        Ok(())
    }

    fn ended_stray(&self, ended: &Ended) -> Result<bool, ()> {
        Ok(ended.ticket != self.tensor.ticket)
    }

    fn still_held(&self, ended: &Ended) -> Result<bool, ()> {
        Ok(ended.fault.is_some())
    }

    fn fail_end(&mut self, ended: &Ended) -> Result<(), ()> {
        self.output.outcome = ended.fault.map(Outcome::Refused);
        Ok(())
    }

    fn let_go(&mut self, _: &Ended) -> Result<(), ()> {
        self.tensor.hold = Hold::Nothing;
        self.tensor.strategy = None;
        self.done();
        Ok(())
    }

    strays! { put_apply_aside(Apply), put_fail_aside(Fail), put_aside(Ended) }

    refusals! {
        refuse_bind_busy(Bind) => Busy,
        refuse_bind_mapped(Bind) => InvalidRequest,
        refuse_bind_resident(Bind) => AlreadyResident,
        refuse_bind_empty_busy(BindEmpty) => Busy,
        refuse_bind_empty_mapped(BindEmpty) => InvalidRequest,
        refuse_bind_empty_resident(BindEmpty) => AlreadyResident,
        refuse_plan_busy(Plan) => Busy,
        refuse_plan_resident(Plan) => AlreadyResident,
        refuse_empty_hold(Apply) => InvalidRequest,
        refuse_release_unmapped(Release) => NotMapped,
        refuse_release_busy(Release) => Busy,
        refuse_evict_absent(Evict) => NotResident,
        refuse_evict_busy(Evict) => Busy,
        refuse_evict_mapped(Evict) => InvalidRequest,
    }
}
