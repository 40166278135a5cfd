//! Models that are whole, and models that are not.
use super::{architecture, layers, structure};
use crate::formats::build::{GgufBuilder, Value};
use crate::formats::{Catalogue, Limits, Parser, Step, Window};
use crate::types::{Cause, Phase};

const BLOCK: [&str; 9] =
    ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];

fn open(file: &GgufBuilder) -> Catalogue {
    let bytes = file.build();
    let mut parser = Parser::new("m.gguf", bytes.len() as u64, u32::MAX, Limits::default());
    let mut window = None;
    loop {
        match parser.step(window.take()).unwrap() {
            Step::Done(header) => return Catalogue::build(vec![("m.gguf".into(), header)], u32::MAX).unwrap(),
            Step::Read { offset, len } => {
                window = Some(Window { offset, bytes: bytes[offset as usize..][..len as usize].to_vec() });
            }
        }
    }
}

/// A llama of so many blocks, without the tensors named.
fn llama(blocks: u32, without: &[&str]) -> GgufBuilder {
    let mut file = GgufBuilder::new().kv("general.architecture", Value::text("llama"));
    let keys = [
        ("block_count", blocks),
        ("context_length", 8),
        ("embedding_length", 4),
        ("feed_forward_length", 4),
        ("attention.head_count", 2),
    ];
    for (key, value) in keys {
        let key = format!("llama.{key}");
        if !without.contains(&key.as_str()) {
            file = file.kv(&key, Value::U32(value));
        }
    }
    let blocks = (0..blocks).flat_map(|n| BLOCK.iter().map(move |name| format!("blk.{n}.{name}.weight")));
    for name in ["token_embd.weight".to_owned(), "output_norm.weight".into()].into_iter().chain(blocks) {
        if !without.contains(&name.as_str()) {
            file = file.tensor(&name, 0, &[4], &[0; 16]);
        }
    }
    file
}

#[test]
fn a_whole_llama() {
    let model = open(&llama(3, &[]));
    assert_eq!((layers(&model), structure(&model), architecture(&model)), (Ok(()), Ok(()), Ok(())));
}

#[test]
fn a_tensor_is_missing() {
    let model = open(&llama(3, &["blk.1.ffn_up.weight"]));
    for (error, phase, cause) in [
        (structure(&model).unwrap_err(), Phase::Structure, Cause::Malformed),
        (architecture(&model).unwrap_err(), Phase::Architecture, Cause::NotFound),
    ] {
        assert_eq!((error.phase, error.cause, error.field.as_deref()), (phase, cause, Some("blk.1.ffn_up.weight")));
    }
    let error = structure(&open(&llama(3, &[]).tensor("blk.2.extra.weight", 0, &[1], &[0; 4]))).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("blk.2.extra.weight"));
}

#[test]
fn a_block_is_missing() {
    let names: Vec<String> = BLOCK.iter().map(|name| format!("blk.1.{name}.weight")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(structure(&open(&llama(3, &names))).unwrap_err().field.as_deref(), Some("blk.1"));
    let error = structure(&open(&llama(2, &names))).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("kv[\"llama.block_count\"]"));
}

#[test]
fn mixed_blocks_may_differ() {
    let dense = |n: u32| format!("blk.{n}.ffn_up.weight");
    let mixed = llama(3, &[&dense(1), &dense(2)]).tensor("blk.1.ffn_up_exps.weight", 0, &[4], &[0; 16]).tensor(
        "blk.2.ffn_up_exps.weight",
        0,
        &[4],
        &[0; 16],
    );
    assert_eq!(structure(&open(&mixed)), Ok(()));
    let heads = llama(2, &["blk.1.attn_q.weight"]).kv("llama.attention.head_count_kv", Value::numbers(&[1, 0]));
    assert_eq!(structure(&open(&heads)), Ok(()));
}

/// A tensor that the first block keeps for all is not what another block lacks.
#[test]
fn what_is_missing_is_nothing_shared() {
    let broken = llama(3, &["blk.1.ffn_up.weight"]).tensor("blk.0.attn_rel_b.weight", 0, &[4], &[0; 16]);
    let error = structure(&open(&broken)).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("blk.1.ffn_up.weight"), "{error:?}");
    assert_eq!(structure(&open(&llama(3, &[]).tensor("blk.0.attn_rel_b.weight", 0, &[4], &[0; 16]))), Ok(()));
}

#[test]
fn architectures() {
    let error = architecture(&open(&GgufBuilder::new())).unwrap_err();
    assert_eq!((error.cause, error.field.as_deref()), (Cause::NotFound, Some("general.architecture")));
    let error =
        architecture(&open(&GgufBuilder::new().kv("general.architecture", Value::text("o\u{1b}x")))).unwrap_err();
    assert_eq!(error.cause, Cause::UnsupportedFormat);
    assert!(error.message.contains("o\\u{1b}x"));
    for missing in ["llama.embedding_length", "token_embd.weight", "output_norm.weight", "blk.0.attn_v.weight"] {
        let error = architecture(&open(&llama(1, &[missing]))).unwrap_err();
        assert_eq!((error.cause, error.field.as_deref()), (Cause::NotFound, Some(missing)));
    }
    let many = llama(1, &["llama.block_count"]).kv("llama.block_count", Value::U32(u32::MAX));
    assert_eq!(architecture(&open(&many)).unwrap_err().cause, Cause::Malformed);
    let wide = llama(1, &["token_embd.weight"]).tensor("token_embd.weight", 0, &[5], &[0; 20]);
    assert_eq!(architecture(&open(&wide)).unwrap_err().field.as_deref(), Some("token_embd.weight"));
}

#[test]
fn a_tensor_beyond_the_blocks() {
    let model = open(&llama(2, &[]).tensor("blk.2.attn_q.weight", 0, &[4], &[0; 16]));
    let error = layers(&model).unwrap_err();
    assert_eq!((error.phase, error.tensor), (Phase::MapLayers, Some(20)));
    assert_eq!(structure(&model).unwrap_err().field.as_deref(), Some("kv[\"llama.block_count\"]"));
    assert_eq!(layers(&open(&GgufBuilder::new().tensor("blk.2.attn_q.weight", 0, &[4], &[0; 16]))), Ok(()));
}
