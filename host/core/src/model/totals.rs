//! What a model's headers add up to: parameters and bytes, by type and by layer.
use crate::TensorInfo;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Layers that are listed one by one. Trained models have some hundred; a file that was made to have more only counts them.
const MOST_LAYERS: usize = 4_096;

/// Types that are listed one by one: a file says what it likes of types that nobody knows.
const MOST_DTYPES: usize = 64;

/// What some tensors are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many there are.
    pub tensors: u64,
    /// Their elements: what is counted as a model's parameters. Of types that pack several values into one element, such as
    /// integers of GPTQ, these are the elements that the file has.
    pub parameters: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, tensor: &TensorInfo) {
        let elements = tensor.shape.iter().fold(1u64, |product, n| product.saturating_mul(*n));
        self.tensors += 1;
        self.parameters = self.parameters.saturating_add(elements);
        self.bytes = self.bytes.saturating_add(tensor.bytes);
    }
}

/// The tensors of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DtypeTotal {
    /// The format's name of it, as in the file: escape it before it is shown.
    pub dtype: String,
    /// What they are together.
    pub sum: Sum,
}

/// The tensors of one layer: those whose names are the same up to their first number, such as `blk.0` of
/// `blk.0.attn_q.weight`. A tensor without a number belongs to its name without the last part: `output` of `output.weight`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerTotal {
    /// What the names begin with, such as `blk`, as in the file: escape it before it is shown.
    pub stem: String,
    /// The layer's number.
    pub number: Option<u32>,
    /// What they are together.
    pub sum: Sum,
}

/// Layers of the same stem that follow one another and are as large as one another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRun {
    /// What the names begin with.
    pub stem: String,
    /// The numbers of the first and the last.
    pub numbers: Option<(u32, u32)>,
    /// What each of them is.
    pub each: Sum,
}

impl LayerRun {
    /// How many layers.
    #[must_use]
    pub fn layers(&self) -> u64 {
        self.numbers.map_or(1, |(first, last)| u64::from(last.abs_diff(first)) + 1)
    }
}

/// What a model's headers add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// All tensors.
    pub all: Sum,
    /// By type, the largest first; of more than 64 the rest are in the last.
    pub dtypes: Vec<DtypeTotal>,
    /// By layer: stems in the order in which they first occur, and each one's layers by number.
    pub layers: Vec<LayerTotal>,
    /// Tensors of further layers than the 4,096 that are listed.
    pub unlisted: Sum,
}

impl Totals {
    /// Of these tensors.
    #[must_use]
    pub fn of<'t>(tensors: impl IntoIterator<Item = &'t TensorInfo>) -> Self {
        let mut totals = Self::default();
        let (mut types, mut stems): (HashMap<&str, usize>, HashMap<&str, usize>) = (HashMap::new(), HashMap::new());
        // Of each layer the place of its stem among the stems, which its order comes from.
        let mut layers: HashMap<&str, usize> = HashMap::new();
        let mut places: Vec<usize> = Vec::new();
        for tensor in tensors {
            totals.all.add(tensor);
            let at = *types.entry(&tensor.dtype).or_insert_with(|| totals.dtypes.len().min(MOST_DTYPES - 1));
            match totals.dtypes.get_mut(at) {
                Some(total) => total.sum.add(tensor),
                None => totals.dtypes.push(DtypeTotal { dtype: tensor.dtype.clone(), sum: one(tensor) }),
            }
            let (layer, stem, number) = layer(&tensor.name);
            if let Some(total) = layers.get(layer).and_then(|at| totals.layers.get_mut(*at)) {
                total.sum.add(tensor);
            } else if totals.layers.len() == MOST_LAYERS {
                totals.unlisted.add(tensor);
            } else {
                layers.insert(layer, totals.layers.len());
                let next = stems.len();
                places.push(*stems.entry(stem).or_insert(next));
                totals.layers.push(LayerTotal { stem: stem.to_owned(), number, sum: one(tensor) });
            }
        }
        totals.dtypes.sort_by(|a, b| b.sum.bytes.cmp(&a.sum.bytes).then_with(|| a.dtype.cmp(&b.dtype)));
        let mut ordered: Vec<_> = places.into_iter().zip(std::mem::take(&mut totals.layers)).collect();
        ordered.sort_by_key(|(place, layer)| (*place, layer.number));
        totals.layers = ordered.into_iter().map(|(_, layer)| layer).collect();
        totals
    }

    /// The layers, with those together that follow one another and are as large as one another.
    #[must_use]
    pub fn runs(&self) -> Vec<LayerRun> {
        let mut runs: Vec<LayerRun> = Vec::new();
        for layer in &self.layers {
            let goes_on = runs.last_mut().filter(|run| run.stem == layer.stem && run.each == layer.sum);
            match (goes_on, layer.number) {
                (Some(LayerRun { numbers: Some((_, last)), .. }), Some(number))
                    if last.checked_add(1) == Some(number) =>
                {
                    *last = number;
                }
                _ => runs.push(LayerRun {
                    stem: layer.stem.clone(),
                    numbers: layer.number.map(|number| (number, number)),
                    each: layer.sum,
                }),
            }
        }
        runs
    }
}

fn one(tensor: &TensorInfo) -> Sum {
    let mut sum = Sum::default();
    sum.add(tensor);
    sum
}

/// What of a tensor's name its layer goes by, that without the number, and the number.
fn layer(name: &str) -> (&str, &str, Option<u32>) {
    let mut at = 0;
    for part in name.split('.') {
        let end = at + part.len();
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(number) = digits.then(|| part.parse().ok()).flatten() {
            let stem = name.get(..at.saturating_sub(1)).unwrap_or_default();
            return (name.get(..end).unwrap_or(name), stem, Some(number));
        }
        at = end + 1;
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    (stem, stem, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dtype: &str, shape: &[u64], bytes: u64) -> TensorInfo {
        let (name, dtype, shape) = (name.to_owned(), dtype.to_owned(), shape.to_vec());
        TensorInfo { name, dtype, shape, source: 0, offset: 0, bytes }
    }

    #[test]
    fn names_tell_layers() {
        for (name, expected) in [
            ("blk.0.attn_q.weight", ("blk.0", "blk", Some(0))),
            ("model.layers.12.mlp.experts.3.w1", ("model.layers.12", "model.layers", Some(12))),
            ("token_embd.weight", ("token_embd", "token_embd", None)),
            ("lm_head", ("lm_head", "lm_head", None)),
            ("0.weight", ("0", "", Some(0))),
            ("", ("", "", None)),
            ("a..b", ("a.", "a.", None)),
            ("h.99999999999.w", ("h.99999999999", "h.99999999999", None)),
            ("größe.7", ("größe.7", "größe", Some(7))),
        ] {
            assert_eq!(layer(name), expected, "{name}");
        }
    }

    #[test]
    fn parameters_and_bytes_add_up() {
        // As shards list them: by the names' letters.
        let tensors = [
            tensor("embed.weight", "F16", &[100, 4], 800),
            tensor("h.0.w", "Q8_0", &[32, 2], 68),
            tensor("h.10.w", "Q8_0", &[32, 2], 68),
            tensor("h.1.w", "Q8_0", &[32, 2], 68),
            tensor("h.2.w", "F32", &[32, 2], 256),
            tensor("scale", "F32", &[], 4),
        ];
        let totals = Totals::of(&tensors);
        assert_eq!(totals.all, Sum { tensors: 6, parameters: 400 + 4 * 64 + 1, bytes: 1264 });
        let types: Vec<_> = totals.dtypes.iter().map(|total| (total.dtype.as_str(), total.sum.bytes)).collect();
        assert_eq!(types, [("F16", 800), ("F32", 260), ("Q8_0", 204)]);
        let layers: Vec<_> = totals.layers.iter().map(|layer| (layer.stem.as_str(), layer.number)).collect();
        assert_eq!(
            layers,
            [("embed", None), ("h", Some(0)), ("h", Some(1)), ("h", Some(2)), ("h", Some(10)), ("scale", None)]
        );
        let runs: Vec<_> = totals.runs().iter().map(|run| (run.numbers, run.layers(), run.each.bytes)).collect();
        let expected =
            [(None, 1, 800), (Some((0, 1)), 2, 68), (Some((2, 2)), 1, 256), (Some((10, 10)), 1, 68), (None, 1, 4)];
        assert_eq!(runs, expected);
    }

    #[test]
    fn what_a_stranger_says_is_bounded() {
        let tensors: Vec<_> =
            (0..5000u32).map(|n| tensor(&format!("t.{n}"), &format!("type {n}"), &[u64::MAX, 2], 1)).collect();
        let totals = Totals::of(&tensors);
        assert_eq!(
            (totals.dtypes.len(), totals.layers.len(), totals.unlisted.tensors),
            (MOST_DTYPES, MOST_LAYERS, 904)
        );
        assert_eq!(totals.all, Sum { tensors: 5000, parameters: u64::MAX, bytes: 5000 });
        assert_eq!(totals.dtypes.iter().map(|total| total.sum.tensors).sum::<u64>(), 5000);
        assert_eq!(totals.runs().len(), 1);
    }
}
