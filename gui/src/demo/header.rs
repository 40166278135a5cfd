//! What the made-up model's header says besides tensors, and what would be noticed of it.
use super::Size;
use weighbridge_core::types::{Finding, MetadataEntry, MetadataValue, SequenceHead, Severity};

/// The made-up model's metadata.
pub(super) fn metadata(size: Size) -> Vec<MetadataEntry> {
    let text = |text: &str| ("string", MetadataValue::Text(text.to_owned()));
    let number = |number| ("u32", MetadataValue::Unsigned(number));
    let tokens = ["<unk>", "<s>", "</s>", "the", "of", "and", "to", "in"].map(str::to_owned).to_vec();
    let tokens = MetadataValue::Sequence(SequenceHead { element: "string".into(), count: 32_000, head: tokens });
    let epsilon = ("f32", MetadataValue::Floating(f64::from(1e-5f32)));
    let entries = [
        ("general.architecture", text("synthetic")),
        ("general.name", text("A made-up model")),
        ("synthetic.block_count", number(u64::from(size.tensors.div_ceil(5)))),
        ("synthetic.context_length", number(4096)),
        ("synthetic.embedding_length", number(4096)),
        ("synthetic.attention.head_count", number(32)),
        ("synthetic.attention.head_count_kv", number(8)),
        ("synthetic.attention.layer_norm_rms_epsilon", epsilon),
        ("tokenizer.ggml.tokens", ("array", tokens)),
    ];
    let entry = |(key, (kind, value)): (&str, (&str, _))| MetadataEntry {
        key: key.into(),
        kind: kind.into(),
        source: 0,
        value,
    };
    entries.map(entry).to_vec()
}

/// What would be noticed of it.
pub(super) fn findings(end: u64) -> Vec<Finding> {
    let finding = |rule: &str, severity, message: &str, tensor, offset: Option<u64>| Finding {
        rule: rule.into(),
        severity,
        message: message.into(),
        source: offset.map(|_| 0),
        tensor,
        offset,
    };
    let unknown = "These tensors are of type 137, which is not known here; they are listed and cannot be loaded: \"blk.3.attn_norm.weight\".";
    let behind = "4096 bytes lie behind the last tensor: zeros.";
    vec![
        finding("unknown-dtype", Severity::Error, unknown, Some(17), None),
        finding("trailing-bytes", Severity::Warning, behind, None, Some(end)),
    ]
}
