//! The load of io/loader, and what its guards and actions see and do of it.
use super::events::{Command, Load, Outcome, Output, Policy};
use super::machine::IoLoaderStateMachineContext;
use crate::actors::{Answered, Fault, Ticket, strays};
use crate::types::{Cause, Strategy};

/// Extents that are divided in one load at most: where nothing can be mapped, every half would be tried.
const MOST_DIVIDED: u32 = 256;

/// What outlives a dispatch: the load under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    policy: Policy,
    /// Index of the strategy at work.
    at: u32,
    extents: u32,
    /// Extents mapped or allocated; they are the first ones.
    held: u32,
    /// See [`Load::flexible`].
    flexible: bool,
    /// An extent could not be mapped, and what becomes of it is open.
    unmapped: bool,
    /// It cannot be divided.
    whole: bool,
    /// Extents that were divided.
    divided: u32,
    /// Extents that are left to the next strategy; they are the last ones.
    aside: u32,
    /// Extents that stay mapped while the next strategy brings the others in.
    kept: u32,
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
            flexible: false,
            unmapped: false,
            whole: false,
            divided: 0,
            aside: 0,
            kept: 0,
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

    /// Extents that stay mapped while another strategy brings in the others.
    #[must_use]
    pub const fn kept(&self) -> u32 {
        self.kept
    }

    fn start(&mut self, load: &Load) {
        self.policy = load.policy;
        self.extents = load.extents;
        self.flexible = load.flexible;
        (self.at, self.held, self.divided, self.aside, self.kept) = (0, 0, 0, 0, 0);
        self.refused.clear();
        self.decided();
    }

    fn fall_back(&mut self) {
        self.at += 1;
        self.held = self.kept;
        self.decided();
        if self.kept == 0 {
            self.aside = 0;
        }
    }

    /// What becomes of the extent that could not be mapped is no longer open.
    fn decided(&mut self) {
        self.unmapped = false;
        self.whole = false;
    }

    /// Extents that are to be mapped.
    fn to_map(&self) -> u32 {
        self.extents.saturating_sub(self.aside)
    }

    fn last_cause(&self) -> Cause {
        self.refused.last().map_or(Cause::Internal, |(_, fault)| fault.cause)
    }

    /// Whether the next strategy copies into memory of the host, which can hold a part of the extents.
    fn copies_next(&self) -> bool {
        matches!(self.nth(self.at + 1), Some(Strategy::ReadCopy | Strategy::StagedRead))
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
            // Of a strategy that is tried again with other extents the last fault is told.
            if self.refused.last().is_some_and(|(last, _)| *last == strategy) {
                self.refused.pop();
            }
            self.refused.push((strategy, fault));
            self.unmapped = self.flexible && strategy == Strategy::MappedFile;
        }
        Ok(())
    }

    fn more_extents(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.held + 1 < self.extents)
    }

    fn more_to_map(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.held + 1 < self.to_map())
    }

    fn some_set_aside(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.aside > 0)
    }

    fn map_no_more(&mut self, _: &Answered) -> Result<(), ()> {
        self.held += 1;
        self.kept = self.held;
        Ok(())
    }

    /// Memory, or addresses, that there are not for one piece may be there for two.
    fn divisible(&self, _: &Answered) -> Result<bool, ()> {
        let for_size = matches!(self.last_cause(), Cause::OutOfMemory | Cause::LimitExceeded);
        Ok(self.unmapped && !self.whole && for_size && self.divided < MOST_DIVIDED)
    }

    fn divide(&mut self, _: &Answered) -> Result<(), ()> {
        let extent = self.held;
        self.command(|ticket| Command::Divide(ticket, extent));
        Ok(())
    }

    fn leave_whole(&mut self, _: &Answered) -> Result<(), ()> {
        self.whole = true;
        Ok(())
    }

    fn map_half(&mut self, _: &Answered) -> Result<(), ()> {
        self.extents += 1;
        self.divided += 1;
        self.decided();
        self.map();
        Ok(())
    }

    /// One that is alone is no part: the next strategy gets it without further ado.
    fn left_to_next(&self, _: &Answered) -> Result<bool, ()> {
        let open = self.unmapped && self.extents > 1;
        Ok(open && self.copies_next() && !is_final(self.last_cause()))
    }

    fn set_aside(&mut self, _: &Answered) -> Result<(), ()> {
        self.aside += 1;
        self.decided();
        let extent = self.held;
        self.command(|ticket| Command::SetAside(ticket, extent));
        Ok(())
    }

    fn others_to_map(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.held < self.to_map())
    }

    fn map_other(&mut self, _: &Answered) -> Result<(), ()> {
        self.map();
        Ok(())
    }

    fn keep_mapped(&mut self, _: &Answered) -> Result<(), ()> {
        self.kept = self.held;
        Ok(())
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
        Ok(self.held > self.kept)
    }

    /// What is mapped is of no use without the others, which the next strategy cannot bring in.
    fn mapped_in_vain(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.kept > 0 && (is_final(self.last_cause()) || !self.copies_next()))
    }

    fn give_back_mapped(&mut self, answered: &Answered) -> Result<(), ()> {
        self.kept = 0;
        self.give_back(answered)
    }

    fn give_back(&mut self, _: &Answered) -> Result<(), ()> {
        self.decided();
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
        Ok(is_final(self.last_cause()))
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
