//! What each architecture needs: names of ggml's `llama-arch.cpp` and of its converters.

/// One of these sets has to be there, whole.
pub(super) type Choice = &'static [&'static [&'static str]];

/// What a model of an architecture has at least.
pub(super) struct Needs {
    /// `general.architecture`.
    pub(super) names: &'static [&'static str],
    /// Metadata keys, after the architecture's name.
    pub(super) keys: &'static [&'static str],
    /// Tensors outside of blocks.
    pub(super) tensors: &'static [&'static str],
    /// Tensors of each block, after `blk.N.`.
    pub(super) block: &'static [Choice],
}

/// The llama family: most say RMS, Orion says layer norm, so neither is asked for.
const PLAIN: &[&str] =
    &["block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"];
const RMS: &[&str] = &[
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "attention.head_count",
    "attention.layer_norm_rms_epsilon",
];
/// As `RMS`; mixtures give the width of their experts instead of one feed-forward length.
const RMS_MIXTURE: &[&str] = &[
    "block_count",
    "context_length",
    "embedding_length",
    "attention.head_count",
    "attention.layer_norm_rms_epsilon",
    "expert_count",
    "expert_used_count",
];
const NORM: &[&str] = &[
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "attention.head_count",
    "attention.layer_norm_epsilon",
];

const EMBEDDED: &[&str] = &["token_embd.weight", "output_norm.weight"];

const QKV: Choice = &[&["attn_q.weight", "attn_k.weight", "attn_v.weight"], &["attn_qkv.weight"]];
const FUSED_QKV: Choice = &[&["attn_qkv.weight"], &["attn_q.weight", "attn_k.weight", "attn_v.weight"]];
const QKV_BIAS: Choice = &[&["attn_q.bias", "attn_k.bias", "attn_v.bias"], &["attn_qkv.bias"]];
const QK_NORM: Choice = &[&["attn_q_norm.weight", "attn_k_norm.weight"]];
const ATTN_OUT: Choice = &[&["attn_output.weight"]];
const ATTN_NORM: Choice = &[&["attn_norm.weight"]];
const FFN_NORM: Choice = &[&["ffn_norm.weight"]];
const POST_NORMS: Choice = &[&["post_attention_norm.weight", "post_ffw_norm.weight"]];
const EXPERTS: &[&str] = &["ffn_gate_inp.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight"];
const GATED: Choice = &[&["ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"]];
/// llama.cpp's `llama` is Mixtral's name too, whose experts were single tensors in its first files.
const GATED_OR_EXPERTS: Choice = &[
    &["ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"],
    EXPERTS,
    &["ffn_gate_inp.weight", "ffn_gate.0.weight", "ffn_up.0.weight", "ffn_down.0.weight"],
];
const UP_DOWN: Choice = &[&["ffn_up.weight", "ffn_down.weight"]];

/// Every architecture that is known.
pub(super) static REGISTRY: &[Needs] = &[
    Needs {
        names: &[
            "llama",
            "mistral",
            "mistral3",
            "granite",
            "internlm2",
            "smollm3",
            "minicpm",
            "orion",
            "xverse",
            "exaone",
        ],
        keys: PLAIN,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, ATTN_OUT, FFN_NORM, GATED_OR_EXPERTS],
    },
    Needs {
        names: &["qwen2", "qwen2vl"],
        keys: RMS,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, QKV_BIAS, ATTN_OUT, FFN_NORM, GATED],
    },
    Needs {
        names: &["qwen2moe", "granitemoe", "olmoe"],
        keys: RMS_MIXTURE,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, ATTN_OUT, FFN_NORM, &[EXPERTS]],
    },
    Needs {
        names: &["qwen3", "qwen3vl"],
        keys: RMS,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, QK_NORM, ATTN_OUT, FFN_NORM, GATED],
    },
    Needs {
        names: &["qwen3moe", "qwen3vlmoe"],
        keys: RMS_MIXTURE,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, QK_NORM, ATTN_OUT, FFN_NORM, &[EXPERTS]],
    },
    Needs { names: &["gemma"], keys: RMS, tensors: EMBEDDED, block: &[ATTN_NORM, QKV, ATTN_OUT, FFN_NORM, GATED] },
    Needs {
        names: &["gemma2"],
        keys: RMS,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, ATTN_OUT, POST_NORMS, FFN_NORM, GATED],
    },
    Needs {
        names: &["gemma3", "gemma-embedding"],
        keys: RMS,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, QK_NORM, ATTN_OUT, POST_NORMS, FFN_NORM, GATED],
    },
    Needs { names: &["olmo2"], keys: RMS, tensors: EMBEDDED, block: &[QKV, QK_NORM, ATTN_OUT, POST_NORMS, GATED] },
    // Its gate and up projections are one tensor.
    Needs {
        names: &["phi3"],
        keys: RMS,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, FUSED_QKV, ATTN_OUT, FFN_NORM, UP_DOWN],
    },
    Needs { names: &["phi2"], keys: NORM, tensors: EMBEDDED, block: &[ATTN_NORM, FUSED_QKV, ATTN_OUT, UP_DOWN] },
    Needs {
        names: &["gpt2"],
        keys: NORM,
        tensors: &["token_embd.weight", "position_embd.weight", "output_norm.weight"],
        block: &[ATTN_NORM, FUSED_QKV, ATTN_OUT, FFN_NORM, UP_DOWN],
    },
    Needs {
        names: &["starcoder2"],
        keys: NORM,
        tensors: EMBEDDED,
        block: &[ATTN_NORM, QKV, ATTN_OUT, FFN_NORM, UP_DOWN],
    },
    Needs { names: &["stablelm"], keys: NORM, tensors: EMBEDDED, block: &[ATTN_NORM, QKV, ATTN_OUT, GATED] },
    Needs { names: &["command-r"], keys: NORM, tensors: EMBEDDED, block: &[ATTN_NORM, QKV, ATTN_OUT, GATED] },
    Needs {
        names: &["bert"],
        keys: NORM,
        tensors: &["token_embd.weight", "token_embd_norm.weight", "position_embd.weight"],
        block: &[QKV, ATTN_OUT, &[&["attn_output_norm.weight"]], UP_DOWN, &[&["layer_output_norm.weight"]]],
    },
    Needs {
        names: &["nomic-bert"],
        keys: NORM,
        tensors: &["token_embd.weight", "token_embd_norm.weight"],
        block: &[FUSED_QKV, ATTN_OUT, &[&["attn_output_norm.weight"]], GATED, &[&["layer_output_norm.weight"]]],
    },
];
