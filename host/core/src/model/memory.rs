//! How much memory a model takes: its weights, and the keys and values that an engine keeps of the text so far.
use super::attention::{Attention, Unknown};
use serde::{Deserialize, Serialize};

/// Bytes of an element of a cache: engines keep 16-bit floating-point numbers where nobody asks for less.
const ELEMENT: u64 = 2;

/// What a model takes at least. Engines need room for their own work beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemoryEstimate {
    /// Bytes of all tensors, as they are in the files.
    pub weights: u64,
    /// Of the cache of keys and values.
    pub cache: Option<CacheEstimate>,
    /// Why there is nothing to say of a cache: half a sentence, such as `the metadata do not say …`.
    pub unknown: Option<String>,
}

/// What the cache of keys and values takes, with elements of 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CacheEstimate {
    /// Bytes for each token of the context.
    pub token_bytes: u64,
    /// Tokens of the context that was asked for.
    pub context: Option<u64>,
    /// Bytes for that context.
    pub bytes: Option<u64>,
    /// The longest context that the model was made for.
    pub longest: Option<u64>,
    /// Whether the model says that it looks back less far in some layers, so that an engine may need less.
    pub at_most: bool,
}

impl MemoryEstimate {
    /// Of a model with so many bytes of weights, and for a context of so many tokens, if any.
    #[must_use]
    pub fn new(weights: u64, attention: &Result<Attention, Unknown>, context: Option<u64>) -> Self {
        match attention.as_ref().map(|attention| attention.cache(context)) {
            Ok(Some(cache)) => Self { weights, cache: Some(cache), unknown: None },
            Ok(None) => {
                Self { weights, cache: None, unknown: Some("its numbers are larger than any machine".to_owned()) }
            }
            Err(unknown) => Self { weights, cache: None, unknown: Some(unknown.to_string()) },
        }
    }

    /// Weights and cache together, where both are known for a context.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.weights.checked_add(self.cache?.bytes?)
    }
}

impl Attention {
    /// None where a number is larger than any machine has room for.
    fn cache(&self, context: Option<u64>) -> Option<CacheEstimate> {
        let token_bytes = self.token_elements.checked_mul(ELEMENT)?;
        let bytes = match context {
            Some(context) => Some(token_bytes.checked_mul(context)?),
            None => None,
        };
        Some(CacheEstimate { token_bytes, context, bytes, longest: self.longest, at_most: self.at_most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_cache_add_up() {
        // Llama 3 8B: 32 layers, 8 heads of 128 elements for keys and as many for values.
        let attention = Ok(Attention { token_elements: 32 * 8 * 128 * 2, longest: Some(8192), at_most: false });
        let estimate = MemoryEstimate::new(1 << 30, &attention, Some(8192));
        assert_eq!(estimate.cache.map(|cache| cache.token_bytes), Some(128 << 10));
        assert_eq!(estimate.total(), Some(2 << 30));
        assert_eq!(MemoryEstimate::new(1, &attention, None).total(), None);
    }

    #[test]
    fn numbers_of_a_stranger_do_not_overflow() {
        let attention = Ok(Attention { token_elements: u64::MAX / 2, longest: None, at_most: false });
        let estimate = MemoryEstimate::new(1, &attention, Some(3));
        assert!(estimate.cache.is_none() && estimate.unknown.is_some(), "{estimate:?}");
        let unknown = MemoryEstimate::new(1, &Err(Unknown::NotCausal), Some(3));
        assert_eq!(unknown.unknown.as_deref(), Some("the model does not go on from the text so far, token by token"));
    }
}
