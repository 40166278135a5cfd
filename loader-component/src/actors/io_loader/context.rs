//! The load of io/loader, and what its guards and actions see and do of it.
use super::events::{Command, Load, Outcome, Output, Policy};
use super::machine::IoLoaderStateMachineContext;
use crate::actors::{Answered, Fault, Ticket, strays};
use crate::types::{Cause, Strategy};

/// What outlives a dispatch: the load under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    policy: Policy,
    /// Index of the strategy at work.
    at: u32,
    extents: u32,
    /// Extents mapped or allocated under this strategy.
    held: u32,
    refused: Vec<(Strategy, Fault)>,
    pub(super) ticket: Ticket,
    output: Output,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            at: 0,
            extents: 0,
            held: 0,
            refused: Vec::with_capacity(Policy::default().len()),
            ticket: Ticket::default(),
            output: Output::default(),
        }
    }
}

impl Context {
    pub(super) fn begin(&mut self) {
        self.output = Output::default();
    }

    pub(super) fn end(&mut self) -> Output {
        core::mem::take(&mut self.output)
    }

    /// The strategies that were tried and not used, with their reasons; the items are tensors of the plan.
    #[must_use]
    pub fn refused(&self) -> &[(Strategy, Fault)] {
        &self.refused
    }

    /// Extents that are mapped or allocated for this load.
    #[must_use]
    pub const fn held(&self) -> u32 {
        self.held
    }

    /// The strategy at work.
    #[must_use]
    pub fn strategy(&self) -> Option<Strategy> {
        self.nth(self.at)
    }

    fn nth(&self, at: u32) -> Option<Strategy> {
        self.policy.get(at as usize).copied().flatten()
    }

    fn start(&mut self, load: &Load) {
        self.policy = load.policy;
        self.extents = load.extents;
        self.at = 0;
        self.held = 0;
        self.refused.clear();
    }

    fn fall_back(&mut self) {
        self.at += 1;
        self.held = 0;
    }

    fn command(&mut self, command: impl FnOnce(Ticket) -> Command) {
        self.ticket = self.ticket.next();
        self.output.command = Some(command(self.ticket));
    }

    fn map(&mut self) {
        let extent = self.held;
        self.command(|ticket| Command::Map(ticket, extent));
    }

    fn allocate(&mut self) {
        let extent = self.held;
        self.command(|ticket| Command::Allocate(ticket, extent));
    }

    fn refuse(&mut self, why: Cause) {
        self.output.outcome = Some(Outcome::Refused(None, Fault::new(why)));
    }
}

/// Failures that another strategy would not mend, or must not hide.
const fn is_final(why: Cause) -> bool {
    matches!(
        why,
        Cause::Cancelled
            | Cause::Deadline
            | Cause::SourceChanged
            | Cause::EndOfSource
            | Cause::AccessDenied
            | Cause::Internal
    )
}

impl IoLoaderStateMachineContext for &mut Context {
    fn nothing_to_load(&self, load: &Load) -> Result<bool, ()> {
        Ok(load.extents == 0)
    }

    fn complete_empty(&mut self, load: &Load) -> Result<(), ()> {
        self.start(load);
        self.output.outcome = Some(Outcome::Done(None));
        Ok(())
    }

    fn policy_empty(&self, load: &Load) -> Result<bool, ()> {
        Ok(load.policy.first().copied().flatten().is_none())
    }

    fn refuse_policy(&mut self, load: &Load) -> Result<(), ()> {
        self.start(load);
        self.refuse(Cause::InvalidRequest);
        Ok(())
    }

    fn mapped_is_first(&self, load: &Load) -> Result<bool, ()> {
        Ok(load.policy.first() == Some(&Some(Strategy::MappedFile)))
    }

    fn map_first(&mut self, load: &Load) -> Result<(), ()> {
        self.start(load);
        self.map();
        Ok(())
    }

    fn external_is_first(&self, load: &Load) -> Result<bool, ()> {
        Ok(load.policy.first() == Some(&Some(Strategy::ExternalBuffer)))
    }

    fn ask_first(&mut self, load: &Load) -> Result<(), ()> {
        self.start(load);
        self.command(Command::Registered);
        Ok(())
    }

    fn allocate_first(&mut self, load: &Load) -> Result<(), ()> {
        self.start(load);
        self.allocate();
        Ok(())
    }

    fn stray(&self, answered: &Answered) -> Result<bool, ()> {
        Ok(answered.ticket != self.ticket)
    }

    fn failed(&self, answered: &Answered) -> Result<bool, ()> {
        Ok(answered.fault.is_some())
    }

    fn refuse_strategy(&mut self, answered: &Answered) -> Result<(), ()> {
        if let (Some(strategy), Some(fault)) = (self.strategy(), answered.fault) {
            self.refused.push((strategy, fault));
        }
        Ok(())
    }

    fn more_extents(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.held + 1 < self.extents)
    }

    fn map_next(&mut self, _: &Answered) -> Result<(), ()> {
        self.held += 1;
        self.map();
        Ok(())
    }

    fn allocate_next(&mut self, _: &Answered) -> Result<(), ()> {
        self.held += 1;
        self.allocate();
        Ok(())
    }

    fn read_at_once(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.strategy() == Some(Strategy::ReadCopy))
    }

    fn read(&mut self, _: &Answered) -> Result<(), ()> {
        self.held += 1;
        self.command(Command::Read);
        Ok(())
    }

    fn stage_buffers(&mut self, _: &Answered) -> Result<(), ()> {
        self.held += 1;
        self.command(Command::Stage);
        Ok(())
    }

    fn stage(&mut self, _: &Answered) -> Result<(), ()> {
        self.command(Command::Stage);
        Ok(())
    }

    fn complete(&mut self, _: &Answered) -> Result<(), ()> {
        self.held = if self.strategy() == Some(Strategy::ExternalBuffer) { 0 } else { self.extents };
        self.output.outcome = Some(Outcome::Done(self.strategy()));
        Ok(())
    }

    fn extents_held(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.held > 0)
    }

    fn give_back(&mut self, _: &Answered) -> Result<(), ()> {
        let extent = self.held.saturating_sub(1);
        self.command(|ticket| Command::GiveBack(ticket, extent));
        Ok(())
    }

    fn given_back(&mut self, _: &Answered) -> Result<(), ()> {
        // Whether or not the host could end it just now: what is left belongs to its own pool, which asks again.
        self.held = self.held.saturating_sub(1);
        Ok(())
    }

    fn failure_final(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.refused.last().is_none_or(|(_, fault)| is_final(fault.cause)))
    }

    fn policy_used_up(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.nth(self.at + 1).is_none())
    }

    fn fail_load(&mut self, _: &Answered) -> Result<(), ()> {
        let last = self.refused.pop();
        let fault = last.map_or(Fault::new(Cause::Internal), |(_, fault)| fault);
        self.output.outcome = Some(Outcome::Refused(last.map(|(strategy, _)| strategy), fault));
        Ok(())
    }

    fn mapped_is_next(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.nth(self.at + 1) == Some(Strategy::MappedFile))
    }

    fn map_instead(&mut self, _: &Answered) -> Result<(), ()> {
        self.fall_back();
        self.map();
        Ok(())
    }

    fn external_is_next(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.nth(self.at + 1) == Some(Strategy::ExternalBuffer))
    }

    fn ask_instead(&mut self, _: &Answered) -> Result<(), ()> {
        self.fall_back();
        self.command(Command::Registered);
        Ok(())
    }

    fn allocate_instead(&mut self, _: &Answered) -> Result<(), ()> {
        self.fall_back();
        self.allocate();
        Ok(())
    }

    strays! { put_aside(Answered) }

    fn refuse_busy(&mut self) -> Result<(), ()> {
        self.refuse(Cause::Busy);
        Ok(())
    }
}
