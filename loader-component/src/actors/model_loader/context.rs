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

/// Guards that say whether something was found of a request, and the actions that refuse it then, each with its cause.
macro_rules! findings {
    ($($guard:ident, $action:ident($event:ty) $($finding:ident).+ => $cause:ident,)*) => {
        $(fn $guard(&self, request: &$event) -> Result<bool, ()> {
            Ok(request.$($finding).+.is_some())
        }

        fn $action(&mut self, request: &$event) -> Result<(), ()> {
            self.refuse(request.$($finding).+.map(|finding| finding.fault(Cause::$cause)));
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
    findings! {
        no_file, refuse_no_file(Open) files.none => InvalidRequest,
        file_repeated, refuse_file_repeated(Open) files.repeated => InvalidRequest,
        no_further_file, refuse_no_further_file(Provide) files.none => InvalidRequest,
        further_file_repeated, refuse_further_file_repeated(Provide) files.repeated => InvalidRequest,
        load_malformed, refuse_load_malformed(Load) selected.malformed => InvalidRequest,
        load_unknown, refuse_load_unknown(Load) selected.unknown => NotFound,
        load_unmatched, refuse_load_unmatched(Load) selected.unmatched => NotFound,
        strided, refuse_strided(Load) strided => UnsupportedFormat,
        no_strategy, refuse_no_strategy(Load) no_strategy => InvalidRequest,
        strategy_repeated, refuse_strategy_repeated(Load) strategy_repeated => InvalidRequest,
        extent_empty, refuse_extent_empty(Load) extent_empty => InvalidRequest,
        release_malformed, refuse_release_malformed(Release) selected.malformed => InvalidRequest,
        release_unknown, refuse_release_unknown(Release) selected.unknown => NotFound,
        release_unmatched, refuse_release_unmatched(Release) selected.unmatched => NotFound,
        release_not_mapped, refuse_release_not_mapped(Release) not_mapped => NotMapped,
        evict_malformed, refuse_evict_malformed(Evict) selected.malformed => InvalidRequest,
        evict_unknown, refuse_evict_unknown(Evict) selected.unknown => NotFound,
        evict_unmatched, refuse_evict_unmatched(Evict) selected.unmatched => NotFound,
        evict_mapped, refuse_evict_mapped(Evict) mapped => InvalidRequest,
        evict_not_resident, refuse_evict_not_resident(Evict) not_resident => NotResident,
        advise_unknown, refuse_advise_unknown(Advise) unknown => NotFound,
        advise_not_mapped, refuse_advise_not_mapped(Advise) not_mapped => NotMapped,
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
