//! The table of io/mmap.
#![expect(clippy::derived_hash_with_manual_eq, reason = "sml compares states by variant, as the derive would")]
use super::context::Context;
use super::events::{Abandon, Advise, Advised, Map, Mapped, Output, Release, Retain, Unmapped};
use crate::actors::{Ticket, dispatch, machine, snake};
use crate::api::Pool;
use crate::observe::Watch;

machine! {
    "io/mmap", pooled: false, owns: Some(Pool::Slots);
    IoMmap[states_attr: #[derive(Clone, Copy, Debug, Eq, Hash)], events_attr: #[derive(Clone, Copy, Debug)]] {
        "map": {
            *"ready"_s + event<Map> [extent_empty] / refuse_empty,
            "ready"_s + event<Map> [source_unknown] / refuse_source,
            "ready"_s + event<Map> [extent_too_long] / refuse_length,
            "ready"_s + event<Map> [extent_wraps] / refuse_wrap,
            "ready"_s + event<Map> [mapping_unsupported] / refuse_platform,
            "ready"_s + event<Map> [extent_live] / share,
            "ready"_s + event<Map> [pool_empty] / refuse_pool,
            "ready"_s + event<Map> [extent_past_end] / refuse_end,
            "mapping"_s <= "ready"_s + event<Map> / reserve,
            "mapping"_s + event<Mapped> [map_stray] / put_map_aside,
            "ready"_s <= "mapping"_s + event<Mapped> [map_succeeded] / commit,
            "ready"_s <= "mapping"_s + event<Mapped> / fail_map,
        }
        "retain": {
            "ready"_s + event<Retain> [retain_stale] / refuse_stale_retain,
            "ready"_s + event<Retain> [retain_overflows] / refuse_retain,
            "ready"_s + event<Retain> / retain,
        }
        "release": {
            "ready"_s + event<Release> [release_stale] / refuse_stale_release,
            "ready"_s + event<Release> [release_too_many] / refuse_release,
            "ready"_s + event<Release> [still_used] / let_go,
            "unmapping"_s <= "ready"_s + event<Release> / unmap,
            "ready"_s + event<Abandon> [abandon_stale] / refuse_stale_abandon,
            "ready"_s + event<Abandon> [not_leased] / refuse_abandon,
            "ready"_s + event<Abandon> [has_tensors] / end_lease,
            "unmapping"_s <= "ready"_s + event<Abandon> / end_lease_and_unmap,
            "unmapping"_s + event<Unmapped> [unmap_stray] / put_aside,
            "ready"_s <= "unmapping"_s + event<Unmapped> [unmap_failed] / fail_unmap,
            "ready"_s <= "unmapping"_s + event<Unmapped> [generations_used_up] / retire,
            "ready"_s <= "unmapping"_s + event<Unmapped> / free,
        }
        "advise": {
            "ready"_s + event<Advise> [advise_stale] / refuse_stale_advice,
            "ready"_s + event<Advise> [range_outside] / refuse_range,
            "ready"_s + event<Advise> [advice_unsupported] / answer_unsupported,
            "advising"_s <= "ready"_s + event<Advise> / advise,
            "advising"_s + event<Advised> [advice_stray] / put_advice_aside,
            "ready"_s <= "advising"_s + event<Advised> / answer_advice,
        }
        "unexpected": {
            "ready"_s + event<Mapped> / put_map_aside,
            "ready"_s + event<Unmapped> / put_aside,
            "ready"_s + event<Advised> / put_advice_aside,
            "mapping"_s + event<Unmapped> / put_aside,
            "mapping"_s + event<Advised> / put_advice_aside,
            "mapping"_s + unexpected_event<_> / refuse_busy,
            "unmapping"_s + event<Mapped> / put_map_aside,
            "unmapping"_s + event<Advised> / put_advice_aside,
            "unmapping"_s + unexpected_event<_> / refuse_busy,
            "advising"_s + event<Mapped> / put_map_aside,
            "advising"_s + event<Unmapped> / put_aside,
            "advising"_s + unexpected_event<_> / refuse_busy,
        }
    }
}

/// The actor: where its machine stands, and its slots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IoMmap {
    state: IoMmapStates,
    context: Context,
}

impl IoMmap {
    /// The name that the observer and the diagrams use.
    pub const NAME: &'static str = TABLE.machine;

    /// An actor over a pool of slots.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { state: IoMmapStates::Ready, context }
    }

    /// The same with its commands counted from another number. Answers are only ever compared with the number of the
    /// command that is out, so a checker that renumbers misses nothing, and comes to an end.
    #[must_use]
    pub fn counting_from(mut self, ticket: Ticket) -> Self {
        self.context.ticket = ticket;
        self
    }

    /// Runs one event to completion.
    pub fn dispatch(&mut self, event: impl Into<IoMmapEvents>, watch: &Watch) -> Output {
        let event = event.into();
        let instance = self.context.begin(&event);
        let trace = watch.of(Self::NAME, instance);
        dispatch!(IoMmapStateMachine, self.state, &mut self.context, event, trace);
        self.context.end()
    }

    /// The slots and their free stack.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Where the machine stands.
    #[must_use]
    pub fn state(&self) -> String {
        snake(sml::StateName::name(&self.state))
    }
}
