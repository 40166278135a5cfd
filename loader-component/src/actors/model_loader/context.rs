//! The request of model/loader, and what its guards and actions see and do of it.
use super::events::{Advise, Close, Command, Evict, Load, Open, Outcome, Output, Parsed, Provide, Release};
use super::machine::ModelLoaderStateMachineContext;
use crate::actors::{Answered, Fault, Ticket, strays};
use crate::types::Cause;

/// What outlives a dispatch: the request under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    pub(super) ticket: Ticket,
    /// What the load is to check afterwards.
    structure: bool,
    architecture: bool,
    /// Cause the load failed, while it is undone.
    failure: Option<Fault>,
    output: Output,
}

impl Context {
    pub(super) fn begin(&mut self) {
        self.output = Output::default();
    }

    pub(super) fn end(&mut self) -> Output {
        core::mem::take(&mut self.output)
    }

    fn command(&mut self, command: impl FnOnce(Ticket) -> Command) {
        self.ticket = self.ticket.next();
        self.output.command = Some(command(self.ticket));
    }

    fn refuse(&mut self, fault: Option<Fault>) {
        self.output.outcome = Some(Outcome::Refused(fault.unwrap_or(Fault::new(Cause::Internal))));
    }

    fn back_out(&mut self, fault: Option<Fault>, command: impl FnOnce(Ticket) -> Command) {
        self.failure = fault;
        self.command(command);
    }
}

/// Guards that say whether the check of a request found something, and the actions that refuse it then.
macro_rules! checked {
    ($($guard:ident, $action:ident($event:ty);)*) => {
        $(fn $guard(&self, request: &$event) -> Result<bool, ()> {
            Ok(request.bad.is_some())
        }

        fn $action(&mut self, request: &$event) -> Result<(), ()> {
            self.refuse(request.bad);
            Ok(())
        })*
    };
}

/// Actions that leave a command.
macro_rules! commands {
    ($($action:ident($event:ty) => $command:ident,)*) => {
        $(fn $action(&mut self, _: &$event) -> Result<(), ()> {
            self.command(Command::$command);
            Ok(())
        })*
    };
}

impl ModelLoaderStateMachineContext for &mut Context {
    checked! {
        open_bad, refuse_open(Open);
        provide_bad, refuse_provide(Provide);
        load_bad, refuse_load(Load);
        release_bad, refuse_release(Release);
        evict_bad, refuse_evict(Evict);
        advise_bad, refuse_advise(Advise);
    }

    commands! {
        read_first_header(Open) => ReadHeader,
        read_further_header(Provide) => ReadHeader,
        read_header(Parsed) => ReadHeader,
        bind(Parsed) => Bind,
        transfer(Answered) => Transfer,
        apply(Answered) => Apply,
        map_layers(Answered) => MapLayers,
        check_structure(Answered) => CheckStructure,
        check_architecture(Answered) => CheckArchitecture,
        release(Release) => Release,
        evict(Evict) => Evict,
        advise(Advise) => Advise,
        close(Close) => Close,
    }

    fn parse_stray(&self, parsed: &Parsed) -> Result<bool, ()> {
        Ok(parsed.ticket != self.ticket)
    }

    fn parse_failed(&self, parsed: &Parsed) -> Result<bool, ()> {
        Ok(parsed.fault.is_some())
    }

    fn fail_parse(&mut self, parsed: &Parsed) -> Result<(), ()> {
        self.refuse(parsed.fault);
        Ok(())
    }

    fn more_to_parse(&self, parsed: &Parsed) -> Result<bool, ()> {
        Ok(parsed.more)
    }

    fn files_missing(&self, parsed: &Parsed) -> Result<bool, ()> {
        Ok(parsed.missing)
    }

    fn ask_for_files(&mut self, _: &Parsed) -> Result<(), ()> {
        self.output.outcome = Some(Outcome::Incomplete);
        Ok(())
    }

    fn stray(&self, answered: &Answered) -> Result<bool, ()> {
        Ok(answered.ticket != self.ticket)
    }

    fn failed(&self, answered: &Answered) -> Result<bool, ()> {
        Ok(answered.fault.is_some())
    }

    fn fail_request(&mut self, answered: &Answered) -> Result<(), ()> {
        self.refuse(answered.fault);
        Ok(())
    }

    fn complete(&mut self, _: &Answered) -> Result<(), ()> {
        self.output.outcome = Some(Outcome::Done);
        Ok(())
    }

    fn plan(&mut self, load: &Load) -> Result<(), ()> {
        self.structure = load.structure;
        self.architecture = load.architecture;
        self.failure = None;
        self.command(Command::Plan);
        Ok(())
    }

    fn fail_plan(&mut self, answered: &Answered) -> Result<(), ()> {
        self.back_out(answered.fault, Command::FailPlan);
        Ok(())
    }

    fn fail_check(&mut self, answered: &Answered) -> Result<(), ()> {
        self.back_out(answered.fault, Command::Undo);
        Ok(())
    }

    fn fail_load(&mut self, _: &Answered) -> Result<(), ()> {
        let failure = self.failure.take();
        self.refuse(failure);
        Ok(())
    }

    fn checks_wanted(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.structure || self.architecture)
    }

    fn structure_wanted(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.structure)
    }

    fn architecture_wanted(&self, _: &Answered) -> Result<bool, ()> {
        Ok(self.architecture)
    }

    /// Nothing is bound yet, or any more, so there is nothing to end.
    fn close_at_once(&mut self, _: &Close) -> Result<(), ()> {
        self.output.outcome = Some(Outcome::Done);
        Ok(())
    }

    strays! { put_parsed_aside(Parsed), put_aside(Answered) }

    fn refuse_state(&mut self) -> Result<(), ()> {
        self.refuse(Some(Fault::new(Cause::InvalidRequest)));
        Ok(())
    }

    fn refuse_incomplete(&mut self) -> Result<(), ()> {
        self.refuse(Some(Fault::new(Cause::NotFound)));
        Ok(())
    }

    fn refuse_busy(&mut self) -> Result<(), ()> {
        self.refuse(Some(Fault::new(Cause::Busy)));
        Ok(())
    }
}
