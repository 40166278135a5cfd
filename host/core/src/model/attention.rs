//! What a model's metadata say of its attention: GGUF's keys, and those of the `config.json` that lies beside safetensors.
use crate::{MetadataEntry, MetadataValue};
use serde_json::{Map, Value};
use thiserror::Error;

/// What decides how large the cache of keys and values is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attention {
    /// Elements that all layers together keep for each token.
    pub token_elements: u64,
    /// The longest context that the model was made for, in tokens.
    pub longest: Option<u64>,
    /// Whether some layers look back less far, or share what others keep, so that an engine may keep less.
    pub at_most: bool,
}

/// Why the metadata do not tell it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unknown {
    /// Nothing about attention, or not enough.
    #[error("nothing says {0}")]
    Missing(String),
    /// A number that cannot be.
    #[error("{0} is no number that can be")]
    Wrong(String),
    /// An encoder, a picture model and the like.
    #[error("the model does not go on from the text so far, token by token")]
    NotCausal,
    /// What is kept is not one key and one value for each token and head.
    #[error("the model keeps something else than keys and values of each token ({0})")]
    Other(&'static str),
}

/// Most layers that a model is believed to have.
const MOST_LAYERS: u64 = 65_536;

impl Attention {
    /// By the metadata of a GGUF file, as the keys are called for its architecture (`llama.block_count` and so on). Arrays
    /// have to be whole.
    ///
    /// # Errors
    /// The metadata do not tell it.
    pub fn of_metadata(metadata: &[MetadataEntry]) -> Result<Self, Unknown> {
        let find = |key: &str| metadata.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        let Some(MetadataValue::Text(architecture)) = find("general.architecture") else {
            return Err(Unknown::Missing("which architecture it has (general.architecture)".to_owned()));
        };
        let keys = Keys { of: &|key| find(&format!("{architecture}.{key}")).map(Number::of), prefix: architecture };
        if matches!(find(&format!("{architecture}.attention.causal")), Some(MetadataValue::Boolean(false))) {
            return Err(Unknown::NotCausal);
        }
        if keys.has("attention.kv_lora_rank") {
            return Err(Unknown::Other("multi-head latent attention"));
        }
        let per_layer = matches!((keys.of)("attention.head_count_kv"), Some(Number::Each(_)));
        if (keys.has("ssm.state_size") || keys.has("wkv.head_size")) && !per_layer {
            return Err(Unknown::Other("a recurrent state"));
        }
        let layers = keys.layers("block_count")?;
        let heads = (keys.of)("attention.head_count");
        let kept = (keys.of)("attention.head_count_kv").or_else(|| heads.clone());
        let kept = kept.ok_or_else(|| keys.missing("attention.head_count"))?.sum(layers);
        let kept = kept.ok_or_else(|| keys.wrong("attention.head_count_kv"))?;
        let whole = || {
            let width = keys.number("embedding_length")?;
            let heads = heads.as_ref().and_then(Number::largest).filter(|heads| *heads > 0);
            width.checked_div(heads.ok_or_else(|| keys.missing("attention.head_count"))?).ok_or(Unknown::NotCausal)
        };
        let key = if keys.has("attention.key_length") { keys.number("attention.key_length")? } else { whole()? };
        let value = if keys.has("attention.value_length") { keys.number("attention.value_length")? } else { whole()? };
        let elements = key.checked_add(value).and_then(|both| both.checked_mul(kept));
        Ok(Self {
            token_elements: elements.ok_or_else(|| keys.wrong("attention.key_length"))?,
            longest: keys.number("context_length").ok(),
            at_most: keys.has("attention.sliding_window") || keys.has("attention.shared_kv_layers"),
        })
    }

    /// By a `config.json` as `transformers` writes it.
    ///
    /// # Errors
    /// The text is no such file, or does not tell it.
    pub fn of_config(text: &str) -> Result<Self, Unknown> {
        let config: Value = serde_json::from_str(text).map_err(|_| Unknown::Wrong("config.json".to_owned()))?;
        let whole = config.as_object().ok_or_else(|| Unknown::Wrong("config.json".to_owned()))?;
        let architectures = whole.get("architectures").and_then(Value::as_array).into_iter().flatten();
        let generates =
            |name: &str| ["CausalLM", "LMHead", "ConditionalGeneration"].iter().any(|part| name.contains(part));
        let encoder_too = whole.get("is_encoder_decoder").and_then(Value::as_bool) == Some(true);
        if encoder_too || !architectures.filter_map(Value::as_str).any(generates) {
            return Err(Unknown::NotCausal);
        }
        // Of a model that also sees or hears, the part that writes.
        let config = whole.get("text_config").and_then(Value::as_object).unwrap_or(whole);
        let keys = Keys { of: &|key| config.get(key).and_then(Number::in_json), prefix: "config.json" };
        if keys.has("kv_lora_rank") {
            return Err(Unknown::Other("multi-head latent attention"));
        }
        let kinds = kinds_of_layers(config);
        if ["ssm_cfg", "state_size", "mamba_d_state", "rwkv_version"].iter().any(|key| config.contains_key(*key)) {
            return Err(Unknown::Other("a recurrent state"));
        }
        let (name, count) = ("num_hidden_layers", keys.either("num_hidden_layers", "n_layer"));
        let layers = count.filter(|layers| *layers <= MOST_LAYERS).ok_or_else(|| keys.missing(name))?;
        let layers = layers.saturating_sub(kinds.linear);
        let heads = keys.either("num_attention_heads", "n_head").filter(|heads| *heads > 0);
        let heads = heads.ok_or_else(|| keys.missing("num_attention_heads"))?;
        let kept = keys.either("num_key_value_heads", "num_kv_heads").unwrap_or(heads);
        let head = match keys.either("head_dim", "kv_channels") {
            Some(head) => head,
            None => {
                let width = keys.either("hidden_size", "n_embd").ok_or_else(|| keys.missing("hidden_size"))?;
                width.checked_div(heads).unwrap_or(0)
            }
        };
        let elements = [layers, kept, head, 2].iter().try_fold(1u64, |product, n| product.checked_mul(*n));
        let window = config.get("use_sliding_window").and_then(Value::as_bool) != Some(false);
        Ok(Self {
            token_elements: elements.ok_or_else(|| keys.wrong("hidden_size"))?,
            longest: keys.either("max_position_embeddings", "n_positions"),
            at_most: kinds.sliding > 0 || (window && keys.has("sliding_window")),
        })
    }
}

/// What `layer_types` says of layers that do not keep every token.
#[derive(Default)]
struct Kinds {
    linear: u64,
    sliding: u64,
}

fn kinds_of_layers(config: &Map<String, Value>) -> Kinds {
    let kinds = config.get("layer_types").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    kinds.fold(Kinds::default(), |kinds, kind| match kind {
        "linear_attention" | "mamba" | "recurrent" => Kinds { linear: kinds.linear.saturating_add(1), ..kinds },
        "sliding_attention" | "chunked_attention" => Kinds { sliding: kinds.sliding.saturating_add(1), ..kinds },
        _ => kinds,
    })
}

/// A number of the model, or one of each layer.
#[derive(Clone)]
enum Number {
    One(u64),
    Each(Vec<u64>),
    /// It is there, and is nothing of the kind.
    Neither,
}

impl Number {
    fn of(value: &MetadataValue) -> Self {
        match value {
            MetadataValue::Unsigned(value) => Self::One(*value),
            MetadataValue::Signed(value) => u64::try_from(*value).map_or(Self::Neither, Self::One),
            MetadataValue::Sequence(all) if all.count == all.head.len() as u64 => {
                let all: Option<Vec<u64>> = all.head.iter().map(|text| text.parse().ok()).collect();
                all.map_or(Self::Neither, Self::Each)
            }
            _ => Self::Neither,
        }
    }

    /// `null` is how a configuration says that there is none.
    fn in_json(value: &Value) -> Option<Self> {
        (!value.is_null()).then(|| value.as_u64().map_or(Self::Neither, Self::One))
    }

    /// Over all layers.
    fn sum(&self, layers: u64) -> Option<u64> {
        match self {
            Self::One(each) => each.checked_mul(layers),
            Self::Each(all) if all.len() as u64 >= layers => {
                let layers = usize::try_from(layers).ok()?;
                all.iter().take(layers).try_fold(0u64, |sum, each| sum.checked_add(*each))
            }
            _ => None,
        }
    }

    fn largest(&self) -> Option<u64> {
        match self {
            Self::One(value) => Some(*value),
            Self::Each(all) => all.iter().copied().max(),
            Self::Neither => None,
        }
    }
}

/// Numbers by their keys, and how errors name them.
struct Keys<'a> {
    of: &'a dyn Fn(&str) -> Option<Number>,
    prefix: &'a str,
}

impl Keys<'_> {
    fn has(&self, key: &str) -> bool {
        (self.of)(key).is_some()
    }

    fn number(&self, key: &str) -> Result<u64, Unknown> {
        match (self.of)(key) {
            Some(Number::One(value)) => Ok(value),
            Some(_) => Err(self.wrong(key)),
            None => Err(self.missing(key)),
        }
    }

    fn layers(&self, key: &str) -> Result<u64, Unknown> {
        let layers = self.number(key)?;
        if layers <= MOST_LAYERS { Ok(layers) } else { Err(self.wrong(key)) }
    }

    fn either(&self, key: &str, older: &str) -> Option<u64> {
        self.number(key).or_else(|_| self.number(older)).ok()
    }

    fn missing(&self, key: &str) -> Unknown {
        Unknown::Missing(format!("{} has no {key}", crate::escape(self.prefix)))
    }

    fn wrong(&self, key: &str) -> Unknown {
        Unknown::Wrong(format!("{key} of {}", crate::escape(self.prefix)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::SequenceHead;

    fn entry(key: &str, value: MetadataValue) -> MetadataEntry {
        MetadataEntry { key: key.to_owned(), kind: "x".to_owned(), source: 0, value }
    }

    fn llama(more: &[(&str, MetadataValue)]) -> Vec<MetadataEntry> {
        let numbers =
            [("block_count", 32), ("attention.head_count", 32), ("embedding_length", 4096), ("context_length", 8192)];
        let mut all = vec![entry("general.architecture", MetadataValue::Text("llama".to_owned()))];
        all.extend(more.iter().map(|(key, value)| entry(&format!("llama.{key}"), value.clone())));
        all.extend(numbers.map(|(key, n)| entry(&format!("llama.{key}"), MetadataValue::Unsigned(n))));
        all
    }

    fn unsigned(key: &str, value: u64) -> (&str, MetadataValue) {
        (key, MetadataValue::Unsigned(value))
    }

    fn array(count: u64, head: &[&str]) -> MetadataValue {
        let head = head.iter().map(|text| (*text).to_owned()).collect();
        MetadataValue::Sequence(SequenceHead { element: "i32".to_owned(), count, head })
    }

    #[test]
    fn metadata_of_a_llama() {
        let every_head = Attention::of_metadata(&llama(&[])).unwrap();
        assert_eq!(every_head.token_elements, 32 * 32 * 128 * 2);
        let grouped = Attention::of_metadata(&llama(&[unsigned("attention.head_count_kv", 8)])).unwrap();
        assert_eq!((grouped.token_elements, grouped.longest, grouped.at_most), (32 * 8 * 128 * 2, Some(8192), false));
        let own = [
            unsigned("attention.head_count_kv", 8),
            unsigned("attention.key_length", 256),
            unsigned("attention.value_length", 64),
            unsigned("attention.sliding_window", 512),
        ];
        let own = Attention::of_metadata(&llama(&own)).unwrap();
        assert_eq!((own.token_elements, own.at_most), (32 * 8 * 320, true));
    }

    #[test]
    fn heads_of_each_layer() {
        let two = [("attention.head_count_kv", array(2, &["8", "0"])), unsigned("block_count", 2)];
        assert_eq!(Attention::of_metadata(&llama(&two)).unwrap().token_elements, 8 * 128 * 2);
        for wrong in [array(3, &["8", "0"]), array(1, &["8"]), array(2, &["8", "-1"])] {
            let wrong = [("attention.head_count_kv", wrong), unsigned("block_count", 2)];
            assert!(matches!(Attention::of_metadata(&llama(&wrong)), Err(Unknown::Wrong(_))));
        }
    }

    #[test]
    fn metadata_that_do_not_tell() {
        assert!(matches!(Attention::of_metadata(&[]), Err(Unknown::Missing(_))));
        let other = llama(&[unsigned("attention.kv_lora_rank", 512)]);
        assert!(matches!(Attention::of_metadata(&other), Err(Unknown::Other(_))));
        assert!(matches!(Attention::of_metadata(&llama(&[unsigned("ssm.state_size", 16)])), Err(Unknown::Other(_))));
        let encoder = llama(&[("attention.causal", MetadataValue::Boolean(false))]);
        assert_eq!(Attention::of_metadata(&encoder), Err(Unknown::NotCausal));
        for huge in ["block_count", "attention.key_length", "attention.head_count_kv"] {
            let huge = llama(&[unsigned(huge, u64::MAX)]);
            assert!(matches!(Attention::of_metadata(&huge), Err(Unknown::Wrong(_))), "{huge:?}");
        }
        let no_heads = llama(&[unsigned("attention.head_count", 0), unsigned("attention.head_count_kv", 8)]);
        assert!(matches!(Attention::of_metadata(&no_heads), Err(Unknown::Missing(_))));
        let signed = llama(&[("attention.head_count_kv", MetadataValue::Signed(-8))]);
        assert!(matches!(Attention::of_metadata(&signed), Err(Unknown::Wrong(_))));
    }

    #[test]
    fn configurations() {
        let llama = r#"{"architectures":["LlamaForCausalLM"],"hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,
            "num_key_value_heads":8,"max_position_embeddings":8192,"sliding_window":null}"#;
        let found = Attention::of_config(llama).unwrap();
        assert_eq!((found.token_elements, found.longest, found.at_most), (32 * 8 * 128 * 2, Some(8192), false));
        let gpt2 = r#"{"architectures":["GPT2LMHeadModel"],"n_embd":768,"n_layer":12,"n_head":12,"n_positions":1024}"#;
        assert_eq!(Attention::of_config(gpt2).unwrap().token_elements, 12 * 768 * 2);
        let sees = r#"{"architectures":["Gemma3ForConditionalGeneration"],"vision_config":{"num_hidden_layers":27},"text_config":{
            "hidden_size":2560,"head_dim":256,"num_hidden_layers":4,"num_attention_heads":8,"num_key_value_heads":4,
            "layer_types":["sliding_attention","full_attention","linear_attention","full_attention"]}}"#;
        let found = Attention::of_config(sees).unwrap();
        assert_eq!((found.token_elements, found.at_most), (3 * 4 * 256 * 2, true));
    }

    #[test]
    fn configurations_that_do_not_tell() {
        let bert =
            r#"{"architectures":["BertModel"],"hidden_size":384,"num_hidden_layers":6,"num_attention_heads":12}"#;
        assert_eq!(Attention::of_config(bert), Err(Unknown::NotCausal));
        let both = r#"{"architectures":["T5ForConditionalGeneration"],"is_encoder_decoder":true}"#;
        assert_eq!(Attention::of_config(both), Err(Unknown::NotCausal));
        for wrong in ["", "[]", "{", &"[".repeat(100_000)] {
            assert!(matches!(Attention::of_config(wrong), Err(Unknown::Wrong(_))));
        }
        for (more, huge) in [
            ("\"num_hidden_layers\":9", false),
            ("\"num_hidden_layers\":2,\"num_attention_heads\":4", false),
            ("\"num_hidden_layers\":2,\"num_attention_heads\":4,\"head_dim\":18446744073709551615", true),
        ] {
            let found = Attention::of_config(&format!("{{\"architectures\":[\"XForCausalLM\"],{more}}}"));
            assert_eq!(matches!(found, Err(Unknown::Wrong(_))), huge, "{found:?}");
            assert!(found.is_err(), "{found:?}");
        }
    }
}
