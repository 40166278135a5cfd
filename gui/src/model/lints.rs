//! What was noticed: the component's findings, and what only the run shows.
use super::io::SpanKind;
use super::lint::Lint;
use super::pickle::Pickle;
use super::rules::rule;
use super::run::Run;
use crate::text::{bytes, escape, percent, plural, sentence};
use weighbridge_core::types::{Finding, MetadataValue, Severity, SlotStatus};

/// Notices. What matters most comes first.
#[must_use]
pub fn lints(run: &Run) -> Vec<Lint> {
    let found = run.opened.iter().flat_map(|opened| &opened.findings);
    let mut out: Vec<Lint> = found.map(finding).collect();
    pickle(run, &mut out);
    tensors(run, &mut out);
    gaps(run, &mut out);
    slots(run, &mut out);
    reads(run, &mut out);
    changed(run, &mut out);
    metadata(run, &mut out);
    out.sort_by_key(|l| std::cmp::Reverse(l.level));
    out
}

/// A finding of the component's.
fn finding(found: &Finding) -> Lint {
    let (title, advice) = rule(&escape(&found.rule));
    let text = sentence(&found.message);
    let text = if advice.is_empty() { text } else { format!("{text} {advice}") };
    let Finding { severity, tensor, source, offset, .. } = found;
    Lint { level: *severity, rule: escape(&found.rule), title, text, tensor: *tensor, file: *source, offset: *offset }
}

fn pickle(run: &Run, out: &mut Vec<Lint>) {
    let Some(pickle) = &run.pickle else { return };
    if pickle.could_run_code() {
        let text = format!("{}. {}", pickle.verdict, Pickle::HERE);
        out.push(lint(Severity::Warning, "pickle-code", "Loading it in PyTorch could run code", text, None));
    }
}

fn lint(level: Severity, rule: &str, title: impl Into<String>, text: impl Into<String>, tensor: Option<usize>) -> Lint {
    let tensor = tensor.and_then(|t| u32::try_from(t).ok());
    Lint { level, rule: rule.into(), title: title.into(), text: text.into(), tensor, file: None, offset: None }
}

fn tensors(run: &Run, out: &mut Vec<Lint>) {
    let alignment = run.opened.as_ref().map_or(1, |o| o.summary.alignment.max(1)).max(16);
    let unaligned: Vec<usize> = run
        .tensors
        .iter()
        .enumerate()
        .filter(|(_, t)| t.bytes > 0 && !t.offset.is_multiple_of(alignment))
        .map(|(i, _)| i)
        .collect();
    if let Some(&first) = unaligned.first() {
        out.push(lint(
            Severity::Note,
            "unaligned",
            format!("{} not aligned to {alignment} bytes", plural(unaligned.len() as u64, "tensor")),
            format!(
                "First: {}. Mapped views of them cannot be cast to wide elements without a copy.",
                run.names[first]
            ),
            Some(first),
        ));
    }
    let empty: Vec<usize> = run.tensors.iter().enumerate().filter(|(_, t)| t.bytes == 0).map(|(i, _)| i).collect();
    if let Some(&first) = empty.first() {
        out.push(lint(
            Severity::Note,
            "empty-tensors",
            format!("{} without bytes", plural(empty.len() as u64, "tensor")),
            format!("First: {}. They load without any transfer.", run.names[first]),
            Some(first),
        ));
    }
    let odd = run.tensors.iter().zip(&run.names).position(|(t, n)| t.name != *n);
    if let Some(first) = odd {
        out.push(lint(
            Severity::Warning,
            "hidden-characters",
            "Names with hidden characters",
            format!("First: {}. Control or direction characters are shown as escapes.", run.names[first]),
            Some(first),
        ));
    }
}

fn gaps(run: &Run, out: &mut Vec<Lint>) {
    let mut spans: Vec<(u32, u64, u64, usize)> = run
        .tensors
        .iter()
        .enumerate()
        .map(|(i, t)| (t.source, t.offset, t.offset.saturating_add(t.bytes), i))
        .collect();
    spans.sort_unstable();
    let (mut wasted, mut count, mut largest) = (0u64, 0u64, (0u64, 0usize));
    for pair in spans.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if a.0 != b.0 || b.1 <= a.2 {
            continue;
        }
        let gap = b.1 - a.2;
        // Padding to the usual alignments is no gap.
        if gap >= 4096 {
            wasted = wasted.saturating_add(gap);
            count += 1;
            if gap > largest.0 {
                largest = (gap, b.3);
            }
        }
    }
    if count > 0 {
        out.push(lint(
            Severity::Note,
            "gaps",
            format!("{} between tensors, {} in all", plural(count, "gap"), bytes(wasted)),
            format!("The largest, {}, lies before {}.", bytes(largest.0), run.names[largest.1]),
            Some(largest.1),
        ));
    }
}

fn slots(run: &Run, out: &mut Vec<Lint>) {
    let all = run.slots.len() as u64;
    let used = run.slots.iter().filter(|s| s.status != SlotStatus::Free).count() as u64;
    if all > 0 && used * 10 >= all * 9 {
        out.push(lint(
            Severity::Warning,
            "slots",
            format!("Slots nearly used up: {used} of {all}"),
            "The next map may be refused. Open with more slots, or choose a coarser extent.",
            None,
        ));
    }
    let pending = run.slots.iter().filter(|s| s.status == SlotStatus::UnmapPending).count() as u64;
    if pending > 0 {
        out.push(lint(
            Severity::Warning,
            "unmap-pending",
            format!("{} waiting to be unmapped", plural(pending, "slot")),
            "A view was in use when the slot was released. Give the view back and release again.",
            None,
        ));
    }
    let retired = run.slots.iter().filter(|s| s.status == SlotStatus::Retired).count() as u64;
    if retired > 0 {
        out.push(lint(
            Severity::Note,
            "retired-slots",
            format!("{} retired", plural(retired, "slot")),
            "Their generations are used up.",
            None,
        ));
    }
}

fn reads(run: &Run, out: &mut Vec<Lint>) {
    let reads = run.store.io.spans.iter().filter(|s| s.kind == SpanKind::Copy);
    let (mut all, mut small, mut total) = (0u64, 0u64, 0u64);
    for span in reads {
        all += 1;
        total = total.saturating_add(span.len);
        small += u64::from(span.len < 16_384);
    }
    if all >= 16 && small * 2 > all {
        out.push(lint(
            Severity::Note,
            "small-reads",
            format!("Mostly small reads: {} below 16 KiB", percent(small, all)),
            format!(
                "{} in {}. Staging sizes of a MiB or more, or mapping, need fewer calls.",
                bytes(total),
                plural(all, "span")
            ),
            None,
        ));
    }
}

fn changed(run: &Run, out: &mut Vec<Lint>) {
    if let Some((_, failure)) = &run.failure
        && failure.error.cause == weighbridge_core::types::Cause::SourceChanged
    {
        let text = "Its size or time is no longer that of the open. Close and open it again.";
        out.push(lint(Severity::Warning, "source-changed", "The file changed while it was open", text, None));
    }
}

fn metadata(run: &Run, out: &mut Vec<Lint>) {
    let mut seen = std::collections::HashSet::new();
    for entry in &run.metadata {
        if !seen.insert((entry.source, &entry.key)) {
            let key = escape(&entry.key);
            out.push(lint(
                Severity::Warning,
                "duplicate-key",
                format!("Metadata key twice: {key}"),
                "Readers differ in which of them they take.",
                None,
            ));
        }
        if let MetadataValue::Text(text) = &entry.value
            && text.len() > 65_536
        {
            let key = escape(&entry.key);
            out.push(lint(
                Severity::Note,
                "long-metadata",
                format!("Long metadata: {key}"),
                format!("{} of text.", bytes(text.len() as u64)),
                None,
            ));
        }
        if let MetadataValue::Floating(value) = entry.value
            && !value.is_finite()
        {
            let key = escape(&entry.key);
            out.push(lint(
                Severity::Warning,
                "metadata-number",
                format!("Metadata is no number: {key}"),
                format!("It reads {value}."),
                None,
            ));
        }
    }
    let Some(opened) = &run.opened else { return };
    if opened.summary.format == "gguf" && opened.summary.architecture.is_none() {
        let text = "Loaders that need general.architecture will refuse this file.";
        out.push(lint(Severity::Note, "no-architecture", "No architecture in the metadata", text, None));
    }
}
