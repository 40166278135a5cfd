//! The table of io/read.
#![expect(clippy::derived_hash_with_manual_eq, reason = "sml compares states by variant, as the derive would")]
use super::context::Context;
use super::events::{Output, Read, Submit};
use crate::actors::spans::Span;
use crate::actors::{actor, machine};

machine! {
    "io/read", pooled: false, owns: None;
    IoRead[states_attr: #[derive(Clone, Copy, Debug, Eq, Hash)], events_attr: #[derive(Clone, Copy, Debug)]] {
        "request": {
            *"ready"_s + event<Submit> [batch_empty] / refuse_empty,
            "ready"_s + event<Submit> [host_takes_none] / refuse_platform,
            "ready"_s + event<Submit> [span_too_long] / refuse_too_long,
            "ready"_s + event<Submit> [span_past_target] / refuse_past_target,
            "ready"_s + event<Submit> [span_past_source] / refuse_past_source,
            "ready"_s + event<Submit> [span_wrong] / refuse_span,
            "reading"_s <= "ready"_s + event<Submit> / send_first,
        }
        "host reply": {
            "reading"_s + event<Read> [read_stray] / put_aside,
            "ready"_s <= "reading"_s + event<Read> [read_failed] / fail_batch,
            "reading"_s + event<Read> [more_spans] / send_next,
            "ready"_s <= "reading"_s + event<Read> / complete,
        }
        "unexpected": {
            "ready"_s + event<Read> / put_aside,
            "reading"_s + unexpected_event<_> / refuse_busy,
        }
    }
}

actor! {
    /// The actor: where its machine stands, and its batch.
    IoRead: IoReadStateMachine, IoReadStates::Ready, IoReadEvents
}

impl IoRead {
    /// Puts a batch in place of the one before. Refused, and the batch kept, while one is under way.
    pub fn stage(&mut self, spans: impl IntoIterator<Item = Span>) -> bool {
        let idle = self.state == IoReadStates::Ready;
        if idle {
            self.context.stage(spans);
        }
        idle
    }
}
