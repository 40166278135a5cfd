//! The table of model/loader.
#![expect(clippy::derived_hash_with_manual_eq, reason = "sml compares states by variant, as the derive would")]
use super::context::Context;
use super::events::{Advise, Close, Evict, Load, Open, Output, Parsed, Provide, Release};
use crate::actors::{Answered, Ticket, dispatch, machine, snake};
use crate::observe::Watch;

machine! { "model/loader":
    ModelLoader[states_attr: #[derive(Clone, Copy, Debug, Eq, Hash)], events_attr: #[derive(Clone, Copy, Debug)]] {
        // open
        *"idle"_s + event<Open> [open_bad] / refuse_open,
        "parsing"_s <= "idle"_s + event<Open> / read_first_header,
        "parsing"_s + event<Parsed> [parse_stray] / put_parsed_aside,
        "idle"_s <= "parsing"_s + event<Parsed> [parse_failed] / fail_parse,
        "parsing"_s + event<Parsed> [more_to_parse] / read_header,
        "incomplete"_s <= "parsing"_s + event<Parsed> [files_missing] / ask_for_files,
        "binding"_s <= "parsing"_s + event<Parsed> / bind,
        "incomplete"_s + event<Provide> [provide_bad] / refuse_provide,
        "parsing_more"_s <= "incomplete"_s + event<Provide> / read_further_header,
        "parsing_more"_s + event<Parsed> [parse_stray] / put_parsed_aside,
        "incomplete"_s <= "parsing_more"_s + event<Parsed> [parse_failed] / fail_parse,
        "parsing_more"_s + event<Parsed> [more_to_parse] / read_header,
        "incomplete"_s <= "parsing_more"_s + event<Parsed> [files_missing] / ask_for_files,
        "binding_more"_s <= "parsing_more"_s + event<Parsed> / bind,
        "binding"_s + event<Answered> [stray] / put_aside,
        "idle"_s <= "binding"_s + event<Answered> [failed] / fail,
        "bound"_s <= "binding"_s + event<Answered> / complete,
        "binding_more"_s + event<Answered> [stray] / put_aside,
        "incomplete"_s <= "binding_more"_s + event<Answered> [failed] / fail,
        "bound"_s <= "binding_more"_s + event<Answered> / complete,
        // load
        "bound"_s + event<Load> [load_bad] / refuse_load,
        "planning"_s <= "bound"_s + event<Load> / plan,
        "planning"_s + event<Answered> [stray] / put_aside,
        "bound"_s <= "planning"_s + event<Answered> [failed] / fail,
        "transferring"_s <= "planning"_s + event<Answered> / transfer,
        "transferring"_s + event<Answered> [stray] / put_aside,
        "failing_plan"_s <= "transferring"_s + event<Answered> [failed] / fail_plan,
        "applying"_s <= "transferring"_s + event<Answered> / apply,
        "failing_plan"_s + event<Answered> [stray] / put_aside,
        "bound"_s <= "failing_plan"_s + event<Answered> / answer_failure,
        "applying"_s + event<Answered> [stray] / put_aside,
        "undoing"_s <= "applying"_s + event<Answered> [failed] / undo,
        "mapping_layers"_s <= "applying"_s + event<Answered> [checks_wanted] / map_layers,
        "bound"_s <= "applying"_s + event<Answered> / complete,
        "mapping_layers"_s + event<Answered> [stray] / put_aside,
        "undoing"_s <= "mapping_layers"_s + event<Answered> [failed] / undo,
        "checking_structure"_s <= "mapping_layers"_s + event<Answered> [structure_wanted] / check_structure,
        "checking_architecture"_s <= "mapping_layers"_s + event<Answered> / check_architecture,
        "checking_structure"_s + event<Answered> [stray] / put_aside,
        "undoing"_s <= "checking_structure"_s + event<Answered> [failed] / undo,
        "checking_architecture"_s <= "checking_structure"_s + event<Answered> [architecture_wanted] / check_architecture,
        "bound"_s <= "checking_structure"_s + event<Answered> / complete,
        "checking_architecture"_s + event<Answered> [stray] / put_aside,
        "undoing"_s <= "checking_architecture"_s + event<Answered> [failed] / undo,
        "bound"_s <= "checking_architecture"_s + event<Answered> / complete,
        "undoing"_s + event<Answered> [stray] / put_aside,
        "bound"_s <= "undoing"_s + event<Answered> / answer_failure,
        // release, evict, advise
        "bound"_s + event<Release> [release_bad] / refuse_release,
        "releasing"_s <= "bound"_s + event<Release> / release,
        "releasing"_s + event<Answered> [stray] / put_aside,
        "bound"_s <= "releasing"_s + event<Answered> [failed] / fail,
        "bound"_s <= "releasing"_s + event<Answered> / complete,
        "bound"_s + event<Evict> [evict_bad] / refuse_evict,
        "evicting"_s <= "bound"_s + event<Evict> / evict,
        "evicting"_s + event<Answered> [stray] / put_aside,
        "bound"_s <= "evicting"_s + event<Answered> [failed] / fail,
        "bound"_s <= "evicting"_s + event<Answered> / complete,
        "bound"_s + event<Advise> [advise_bad] / refuse_advise,
        "advising"_s <= "bound"_s + event<Advise> / advise,
        "advising"_s + event<Answered> [stray] / put_aside,
        "bound"_s <= "advising"_s + event<Answered> [failed] / fail,
        "bound"_s <= "advising"_s + event<Answered> / complete,
        // close
        "closing"_s <= "idle"_s + event<Close> / close,
        "closing"_s <= "incomplete"_s + event<Close> / close,
        "closing"_s <= "bound"_s + event<Close> / close,
        "closing"_s + event<Answered> [stray] / put_aside,
        "bound"_s <= "closing"_s + event<Answered> [failed] / fail,
        "closed"_s <= "closing"_s + event<Answered> / complete,
        "closed"_s + event<Close> / close_again,
        // unexpected
        "idle"_s + event<Parsed> / put_parsed_aside,
        "idle"_s + event<Answered> / put_aside,
        "idle"_s + unexpected_event<_> / refuse_state,
        "incomplete"_s + event<Parsed> / put_parsed_aside,
        "incomplete"_s + event<Answered> / put_aside,
        "incomplete"_s + unexpected_event<_> / refuse_incomplete,
        "bound"_s + event<Parsed> / put_parsed_aside,
        "bound"_s + event<Answered> / put_aside,
        "bound"_s + unexpected_event<_> / refuse_state,
        "closed"_s + event<Parsed> / put_parsed_aside,
        "closed"_s + event<Answered> / put_aside,
        "closed"_s + unexpected_event<_> / refuse_state,
        "parsing"_s + unexpected_event<_> / refuse_busy,
        "parsing_more"_s + unexpected_event<_> / refuse_busy,
        "binding"_s + unexpected_event<_> / refuse_busy,
        "binding_more"_s + unexpected_event<_> / refuse_busy,
        "planning"_s + unexpected_event<_> / refuse_busy,
        "transferring"_s + unexpected_event<_> / refuse_busy,
        "failing_plan"_s + unexpected_event<_> / refuse_busy,
        "applying"_s + unexpected_event<_> / refuse_busy,
        "mapping_layers"_s + unexpected_event<_> / refuse_busy,
        "checking_structure"_s + unexpected_event<_> / refuse_busy,
        "checking_architecture"_s + unexpected_event<_> / refuse_busy,
        "undoing"_s + unexpected_event<_> / refuse_busy,
        "releasing"_s + unexpected_event<_> / refuse_busy,
        "evicting"_s + unexpected_event<_> / refuse_busy,
        "advising"_s + unexpected_event<_> / refuse_busy,
        "closing"_s + unexpected_event<_> / refuse_busy,
    }
}

/// The actor: where its machine stands, and the request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelLoader {
    state: ModelLoaderStates,
    context: Context,
}

impl Default for ModelLoader {
    fn default() -> Self {
        Self { state: ModelLoaderStates::Idle, context: Context::default() }
    }
}

impl ModelLoader {
    /// The name that the observer and the diagrams use.
    pub const NAME: &'static str = SOURCE.0;

    /// The same with its commands counted from another number. Answers are only ever compared with the number of the
    /// command that is out, so a checker that renumbers misses nothing, and comes to an end.
    #[must_use]
    pub fn counting_from(mut self, ticket: Ticket) -> Self {
        self.context.ticket = ticket;
        self
    }

    /// Runs one event to completion.
    pub fn dispatch(&mut self, event: impl Into<ModelLoaderEvents>, watch: &Watch) -> Output {
        self.context.begin();
        let trace = watch.of(Self::NAME, None);
        dispatch!(ModelLoaderStateMachine, self.state, &mut self.context, event.into(), trace);
        self.context.end()
    }

    /// Where the machine stands.
    #[must_use]
    pub fn state(&self) -> String {
        snake(sml::StateName::name(&self.state))
    }
}
