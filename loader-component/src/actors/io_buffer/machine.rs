//! The table of io/buffer.
#![expect(clippy::derived_hash_with_manual_eq, reason = "sml compares states by variant, as the derive would")]
use super::context::Context;
use super::events::{Abandon, Adopt, Allocate, Allocated, Freed, Output, Release, Retain};
use crate::actors::{Ticket, dispatch, machine, snake};
use crate::api::Pool;
use crate::observe::Watch;

machine! {
    "io/buffer", pooled: false, owns: Some(Pool::Buffers);
    IoBuffer[states_attr: #[derive(Clone, Copy, Debug, Eq, Hash)], events_attr: #[derive(Clone, Copy, Debug)]] {
        "adopt": {
            *"ready"_s + event<Adopt> [nothing_registered] / refuse_missing,
            "ready"_s + event<Adopt> [too_small] / refuse_small,
            "ready"_s + event<Adopt> / adopt,
        }
        "allocate": {
            "allocating"_s <= "ready"_s + event<Allocate> / reserve,
            "allocating"_s + event<Allocated> [allocation_stray] / put_allocation_aside,
            "ready"_s <= "allocating"_s + event<Allocated> [allocation_failed] / fail_allocation,
            "ready"_s <= "allocating"_s + event<Allocated> / commit,
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
            "freeing"_s <= "ready"_s + event<Release> [release_external] / forget,
            "freeing"_s <= "ready"_s + event<Release> / free,
            "ready"_s + event<Abandon> [abandon_stale] / refuse_stale_abandon,
            "ready"_s + event<Abandon> [not_leased] / refuse_abandon,
            "ready"_s + event<Abandon> [has_tensors] / end_lease,
            "freeing"_s <= "ready"_s + event<Abandon> [abandon_external] / end_lease_and_forget,
            "freeing"_s <= "ready"_s + event<Abandon> / end_lease_and_free,
            "freeing"_s + event<Freed> [free_stray] / put_aside,
            "ready"_s <= "freeing"_s + event<Freed> [free_failed] / fail_free,
            "ready"_s <= "freeing"_s + event<Freed> [generations_used_up] / retire,
            "ready"_s <= "freeing"_s + event<Freed> / vacate,
        }
        "unexpected": {
            "ready"_s + event<Allocated> / put_allocation_aside,
            "ready"_s + event<Freed> / put_aside,
            "allocating"_s + event<Freed> / put_aside,
            "allocating"_s + unexpected_event<_> / refuse_busy,
            "freeing"_s + event<Allocated> / put_allocation_aside,
            "freeing"_s + unexpected_event<_> / refuse_busy,
        }
    }
}

/// The actor: where its machine stands, and its buffers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IoBuffer {
    state: IoBufferStates,
    context: Context,
}

impl Default for IoBuffer {
    fn default() -> Self {
        Self::new(Context::default())
    }
}

impl IoBuffer {
    /// The name that the observer and the diagrams use.
    pub const NAME: &'static str = TABLE.machine;

    /// An actor over these buffers.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { state: IoBufferStates::Ready, context }
    }

    /// The same with its commands counted from another number. Answers are only ever compared with the number of the
    /// command that is out, so a checker that renumbers misses nothing, and comes to an end.
    #[must_use]
    pub fn counting_from(mut self, ticket: Ticket) -> Self {
        self.context.ticket = ticket;
        self
    }

    /// Makes room for so many buffers more, so that no dispatch has to allocate for them.
    pub fn make_room(&mut self, buffers: u32) {
        self.context.make_room(buffers);
    }

    /// Runs one event to completion.
    pub fn dispatch(&mut self, event: impl Into<IoBufferEvents>, watch: &Watch) -> Output {
        let event = event.into();
        let instance = self.context.begin(&event);
        let trace = watch.of(Self::NAME, instance);
        dispatch!(IoBufferStateMachine, self.state, &mut self.context, event, trace);
        self.context.end()
    }

    /// The buffers.
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
