//! The table of io/read.
#![expect(clippy::derived_hash_with_manual_eq, reason = "sml compares states by variant, as the derive would")]
use super::context::Context;
use super::events::{Output, Read, Submit};
use crate::actors::spans::Span;
use crate::actors::{Ticket, dispatch, machine, snake};
use crate::observe::Watch;

machine! { "io/read":
    IoRead[states_attr: #[derive(Clone, Copy, Debug, Eq, Hash)], events_attr: #[derive(Clone, Copy, Debug)]] {
        // request
        *"ready"_s + event<Submit> [batch_empty] / refuse_empty,
        "ready"_s + event<Submit> [host_takes_none] / refuse_platform,
        "ready"_s + event<Submit> [span_bad] / refuse_span,
        "reading"_s <= "ready"_s + event<Submit> / send_first,
        // host reply
        "reading"_s + event<Read> [read_stray] / put_aside,
        "ready"_s <= "reading"_s + event<Read> [read_failed] / fail,
        "reading"_s + event<Read> [more_spans] / send_next,
        "ready"_s <= "reading"_s + event<Read> / complete,
        // unexpected
        "ready"_s + event<Read> / put_aside,
        "reading"_s + unexpected_event<_> / refuse_busy,
    }
}

/// The actor: where its machine stands, and its batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IoRead {
    state: State,
    context: Context,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State(IoReadStates);

impl Default for State {
    fn default() -> Self {
        Self(IoReadStates::Ready)
    }
}

impl IoRead {
    /// The name that the observer and the diagrams use.
    pub const NAME: &'static str = SOURCE.0;

    /// Puts a batch in place of the one before. Refused, and the batch kept, while one is under way.
    pub fn stage(&mut self, spans: impl IntoIterator<Item = Span>) -> bool {
        let idle = self.state.0 == IoReadStates::Ready;
        if idle {
            self.context.stage(spans);
        }
        idle
    }

    /// The same with its commands counted from another number. Answers are only ever compared with the number of the
    /// command that is out, so a checker that renumbers misses nothing, and comes to an end.
    #[must_use]
    pub fn counting_from(mut self, ticket: Ticket) -> Self {
        self.context.ticket = ticket;
        self
    }

    /// Runs one event to completion.
    pub fn dispatch(&mut self, event: impl Into<IoReadEvents>, watch: &Watch) -> Output {
        self.context.begin();
        let trace = watch.of(Self::NAME, None);
        dispatch!(IoReadStateMachine, self.state.0, &mut self.context, event.into(), trace);
        self.context.end()
    }

    /// The batch.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Where the machine stands.
    #[must_use]
    pub fn state(&self) -> String {
        snake(sml::StateName::name(&self.state.0))
    }
}
