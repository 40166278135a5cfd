//! Values for the guest, as the glue of the component takes them: records with names in camelCase, `{tag, val}` for the case
//! of a variant, a string for that of an enum, a bigint for 64 bits.
use js_sys::{Array, Object, Reflect, Uint32Array};
use wasm_bindgen::JsValue;
use weighbridge_core::{
    BatchError, Capabilities, ExtentPolicy, GuestOptions, Limits, LoadOptions, MetadataEdit, NewValue, Selection,
    SourceStat, StorageError, Strategy, StrategyPolicy, Validation,
};

fn record(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // A plain object takes every field.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

fn case(tag: &str, val: impl Into<JsValue>) -> JsValue {
    record(&[("tag", tag.into()), ("val", val.into())])
}

fn only(tag: &str) -> JsValue {
    record(&[("tag", tag.into())])
}

pub(super) fn guest_options(GuestOptions { slots, limits, observe, partial, .. }: &GuestOptions) -> JsValue {
    let Limits { header_bytes, tensors, metadata_entries, name_bytes, nesting, .. } = *limits;
    let limits = record(&[
        ("headerBytes", header_bytes.into()),
        ("tensors", tensors.into()),
        ("metadataEntries", metadata_entries.into()),
        ("nameBytes", name_bytes.into()),
        ("nesting", nesting.into()),
    ]);
    record(&[
        ("slots", (*slots).into()),
        ("limits", limits),
        ("observe", observe.name().into()),
        ("partial", (*partial).into()),
    ])
}

pub(super) fn selection(selection: &Selection) -> JsValue {
    match selection {
        Selection::All => only("all"),
        Selection::Tensors(list) => case("tensors", Uint32Array::from(list.as_slice())),
        Selection::Matching(glob) => case("matching", glob),
    }
}

pub(super) fn load_options(LoadOptions { policy, extent, staging_bytes, validate, .. }: &LoadOptions) -> JsValue {
    let Validation { structure, architecture, .. } = *validate;
    record(&[
        ("policy", strategy_policy(policy)),
        ("extent", extent_policy(*extent)),
        ("stagingBytes", (*staging_bytes).into()),
        ("validate", record(&[("structure", structure.into()), ("architecture", architecture.into())])),
    ])
}

fn strategy_policy(policy: &StrategyPolicy) -> JsValue {
    match policy {
        StrategyPolicy::Auto => only("auto"),
        StrategyPolicy::Only(strategy) => case("only", strategy.name()),
        StrategyPolicy::FirstAvailable(list) => case("first-available", names(list)),
    }
}

fn names(strategies: &[Strategy]) -> Array {
    strategies.iter().map(|strategy| JsValue::from_str(strategy.name())).collect()
}

fn extent_policy(extent: ExtentPolicy) -> JsValue {
    match extent {
        ExtentPolicy::WholeFile => only("whole-file"),
        ExtentPolicy::PerTensor => only("per-tensor"),
        ExtentPolicy::Window(bytes) => case("window", bytes),
        ExtentPolicy::Auto => only("auto"),
    }
}

pub(super) fn metadata_edits(edits: &[MetadataEdit]) -> JsValue {
    let texts = |texts: &[String]| texts.iter().map(|text| JsValue::from_str(text)).collect::<Array>();
    let value = |value: &NewValue| {
        record(&[
            ("kind", value.kind.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str)),
            ("sequence", value.sequence.into()),
            ("elements", texts(&value.elements).into()),
        ])
    };
    let edit = |edit: &MetadataEdit| {
        let value = edit.value.as_ref().map_or(JsValue::UNDEFINED, value);
        record(&[("key", edit.key.as_str().into()), ("value", value)])
    };
    edits.iter().map(edit).collect::<Array>().into()
}

pub(super) fn capabilities(offered: &Capabilities) -> JsValue {
    record(&[
        ("mmap", offered.mmap.into()),
        ("advise", offered.advise.into()),
        ("mapGranularity", offered.map_granularity.into()),
        ("maxRead", offered.max_read.into()),
        ("maxBatch", offered.max_batch.into()),
        ("auto", names(&offered.auto).into()),
    ])
}

pub(super) fn source_stat(stat: &SourceStat) -> JsValue {
    let (one, other) = stat.fingerprint;
    let fingerprint: Array = [JsValue::from(one), JsValue::from(other)].iter().collect();
    record(&[("size", stat.size.into()), ("fingerprint", fingerprint.into())])
}

pub(super) fn storage_error(error: &StorageError) -> JsValue {
    match error {
        StorageError::Unsupported => only("unsupported"),
        StorageError::AccessDenied => only("access-denied"),
        StorageError::OutOfBounds => only("out-of-bounds"),
        StorageError::Busy => only("busy"),
        StorageError::Exhausted => only("exhausted"),
        StorageError::Changed => only("changed"),
        StorageError::EndOfSource => only("end-of-source"),
        StorageError::Cancelled => only("cancelled"),
        StorageError::Deadline => only("deadline"),
        StorageError::Io(code) => case("io", *code),
        StorageError::Other(text) => case("other", text),
    }
}

pub(super) fn batch_error(BatchError { span, error }: &BatchError) -> JsValue {
    record(&[("span", (*span).into()), ("error", storage_error(error))])
}

/// A file as `js/guest.js` makes a handle of it.
pub(super) fn grant(name: &str, number: u32) -> JsValue {
    record(&[("name", name.into()), ("number", number.into())])
}

/// A `result`'s error, as the glue wants it thrown.
pub(super) fn payload(value: JsValue) -> JsValue {
    record(&[("payload", value)])
}
