//! The table of io/loader.
#![expect(clippy::derived_hash_with_manual_eq, reason = "sml compares states by variant, as the derive would")]
use super::context::Context;
use super::events::{Load, Output};
use crate::actors::{Answered, actor, machine};

machine! {
    "io/loader", pooled: false, owns: None;
    IoLoader[states_attr: #[derive(Clone, Copy, Debug, Eq, Hash)], events_attr: #[derive(Clone, Copy, Debug)]] {
        "request": {
            *"ready"_s + event<Load> [nothing_to_load] / complete_empty,
            "ready"_s + event<Load> [policy_empty] / refuse_policy,
            "mapping"_s <= "ready"_s + event<Load> [mapped_is_first] / map_first,
            "registering"_s <= "ready"_s + event<Load> [external_is_first] / ask_first,
            "allocating"_s <= "ready"_s + event<Load> / allocate_first,
        }
        "mapped-file": {
            "mapping"_s + event<Answered> [stray] / put_aside,
            "falling_back"_s <= "mapping"_s + event<Answered> [failed] / refuse_strategy,
            "mapping"_s + event<Answered> [more_to_map] / map_next,
            "falling_back"_s <= "mapping"_s + event<Answered> [some_set_aside] / map_no_more,
            "ready"_s <= "mapping"_s + event<Answered> / complete,
        }
        "other extents": {
            "dividing"_s <= "falling_back"_s + completion<Answered> [divisible] / divide,
            "setting_aside"_s <= "falling_back"_s + completion<Answered> [left_to_next] / set_aside,
            "dividing"_s + event<Answered> [stray] / put_aside,
            "falling_back"_s <= "dividing"_s + event<Answered> [failed] / leave_whole,
            "mapping"_s <= "dividing"_s + event<Answered> / map_half,
            "setting_aside"_s + event<Answered> [stray] / put_aside,
            "mapping"_s <= "setting_aside"_s + event<Answered> [others_to_map] / map_other,
            "falling_back"_s <= "setting_aside"_s + event<Answered> / keep_mapped,
        }
        "read-copy and staged-read": {
            "allocating"_s + event<Answered> [stray] / put_aside,
            "falling_back"_s <= "allocating"_s + event<Answered> [failed] / refuse_strategy,
            "allocating"_s + event<Answered> [more_extents] / allocate_next,
            "reading"_s <= "allocating"_s + event<Answered> [read_at_once] / read,
            "staging"_s <= "allocating"_s + event<Answered> / stage_buffers,
            "reading"_s + event<Answered> [stray] / put_aside,
            "falling_back"_s <= "reading"_s + event<Answered> [failed] / refuse_strategy,
            "ready"_s <= "reading"_s + event<Answered> / complete,
            "staging"_s + event<Answered> [stray] / put_aside,
            "falling_back"_s <= "staging"_s + event<Answered> [failed] / refuse_strategy,
            "ready"_s <= "staging"_s + event<Answered> / complete,
        }
        "external-buffer": {
            "registering"_s + event<Answered> [stray] / put_aside,
            "falling_back"_s <= "registering"_s + event<Answered> [failed] / refuse_strategy,
            "staging"_s <= "registering"_s + event<Answered> / stage,
        }
        "fall back": {
            "unwinding"_s <= "falling_back"_s + completion<Answered> [extents_held] / give_back,
            "unwinding"_s <= "falling_back"_s + completion<Answered> [mapped_in_vain] / give_back_mapped,
            "ready"_s <= "falling_back"_s + completion<Answered> [failure_final] / fail_load,
            "ready"_s <= "falling_back"_s + completion<Answered> [policy_used_up] / fail_load,
            "mapping"_s <= "falling_back"_s + completion<Answered> [mapped_is_next] / map_instead,
            "registering"_s <= "falling_back"_s + completion<Answered> [external_is_next] / ask_instead,
            "allocating"_s <= "falling_back"_s + completion<Answered> / allocate_instead,
            "unwinding"_s + event<Answered> [stray] / put_aside,
            "falling_back"_s <= "unwinding"_s + event<Answered> / given_back,
        }
        "unexpected": {
            "ready"_s + event<Answered> / put_aside,
            "mapping"_s + unexpected_event<_> / refuse_busy,
            "allocating"_s + unexpected_event<_> / refuse_busy,
            "reading"_s + unexpected_event<_> / refuse_busy,
            "staging"_s + unexpected_event<_> / refuse_busy,
            "registering"_s + unexpected_event<_> / refuse_busy,
            "unwinding"_s + unexpected_event<_> / refuse_busy,
            "dividing"_s + unexpected_event<_> / refuse_busy,
            "setting_aside"_s + unexpected_event<_> / refuse_busy,
        }
    }
}

actor! {
    /// The actor: where its machine stands, and the load under way, or the last.
    IoLoader: IoLoaderStateMachine, IoLoaderStates::Ready, IoLoaderEvents
}
