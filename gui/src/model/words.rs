//! Calls, answers and exports in words.
use crate::text::{bytes, escape, plural, storage_error};
use weighbridge_core::trace::{Answer, Call, Export, Outcome};
use weighbridge_core::types::{Advice, LoadOptions, Selection, StrategyPolicy};

/// A selection.
#[must_use]
pub fn selection(s: &Selection) -> String {
    match s {
        Selection::All => "all tensors".into(),
        Selection::Tensors(list) => plural(list.len() as u64, "tensor"),
        Selection::Matching(glob) => format!("tensors {}", escape(glob)),
    }
}

/// A policy.
#[must_use]
pub fn policy(p: &StrategyPolicy) -> String {
    match p {
        StrategyPolicy::Only(s) => s.name().into(),
        StrategyPolicy::Auto => "auto".into(),
        StrategyPolicy::FirstAvailable(list) => list.iter().map(|s| s.name()).collect::<Vec<_>>().join(", then "),
    }
}

fn load(options: &LoadOptions) -> String {
    let extent = match options.extent {
        weighbridge_core::types::ExtentPolicy::Auto => "extents that fit".into(),
        weighbridge_core::types::ExtentPolicy::WholeFile => "whole file".into(),
        weighbridge_core::types::ExtentPolicy::PerTensor => "per tensor".into(),
        weighbridge_core::types::ExtentPolicy::Window(n) => format!("windows of {}", bytes(n)),
    };
    format!("{}, {extent}", policy(&options.policy))
}

fn advice(a: Advice) -> &'static str {
    a.name()
}

/// The arguments of an export.
#[must_use]
pub fn export(e: &Export) -> String {
    match e {
        Export::Open { sources, .. } | Export::Provide { sources } => {
            let first: Vec<String> = sources.iter().take(3).map(|s| escape(s)).collect();
            format!("{}{}", first.join(", "), if sources.len() > 3 { ", …" } else { "" })
        }
        Export::Missing | Export::Summary | Export::Close | Export::Observe { .. } => String::new(),
        Export::Tensors { start, count } => format!("from {start}, {count}"),
        Export::Metadata { start, count, .. } => format!("from {start}, {count}"),
        Export::Load { selection: s, options } => format!("{}: {}", selection(s), load(options)),
        Export::Release { selection: s } | Export::Evict { selection: s } => selection(s),
        Export::Advise { tensor, advice: a } => format!("tensor {tensor}: {}", advice(*a)),
    }
}

/// The answer of an export.
#[must_use]
pub fn outcome(o: &Outcome) -> String {
    match o {
        Outcome::Ok(serde_json::Value::Null) => "ok".into(),
        Outcome::Ok(value) => {
            if value.is_number() || value.is_string() {
                escape(&value.to_string())
            } else {
                "ok".into()
            }
        }
        Outcome::Failed(e) => format!("{}: {}", e.cause.name(), escape(&e.message)),
        Outcome::Trapped(why) => format!("trapped: {}", escape(why)),
    }
}

/// The arguments of a call.
#[must_use]
pub fn call(c: &Call) -> String {
    match c {
        Call::GetCapabilities => String::new(),
        Call::Stat { source } => format!("file {source}"),
        Call::Read { source, offset, len } => format!("file {source}, {} at {offset}", bytes(u64::from(*len))),
        Call::MapRange { source, offset, len } => format!("file {source}, {} at {offset}", bytes(*len)),
        Call::Advise { mapping, len, advice: a, .. } => {
            format!("mapping {mapping}, {}: {}", bytes(*len), advice(*a))
        }
        Call::Unmap { mapping } => format!("mapping {mapping}"),
        Call::Allocate { len } => bytes(*len),
        Call::Free { target } => format!("target {target}"),
        Call::Registered { tensors } => plural(tensors.len() as u64, "tensor"),
        Call::ReadInto { batch, .. } => {
            let total = batch.iter().map(|p| p.len).fold(0, u64::saturating_add);
            format!("{}, {}", plural(batch.len() as u64, "span"), bytes(total))
        }
    }
}

/// An answer.
#[must_use]
pub fn answer(a: &Answer) -> String {
    match a {
        Answer::Capabilities(c) => {
            format!("{}, reads of {}", if c.mmap { "mmap" } else { "no mmap" }, bytes(u64::from(c.max_read)))
        }
        Answer::Stat(s) => bytes(s.size),
        Answer::Bytes(b) => bytes(b.len() as u64),
        Answer::Mapping(id) => format!("mapping {id}"),
        Answer::Target { id, .. } => format!("target {id}"),
        Answer::Targets(list) => format!("{} registered", list.iter().flatten().count()),
        Answer::Effect(e) => e.name().into(),
        Answer::Done => "done".into(),
        Answer::Failed(e) => storage_error(e),
        Answer::BatchFailed(e) => format!("span {}: {}", e.span, storage_error(&e.error)),
    }
}
