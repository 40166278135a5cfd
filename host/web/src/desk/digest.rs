//! What is found out about one tensor while its bytes go by.
use super::numbers::Range;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use weighbridge_core::{
    TensorInfo,
    model::{Finding, ValueCounter},
};

/// What is told of a tensor.
#[derive(Serialize)]
pub(super) struct Row {
    index: u32,
    sha256: String,
    /// The smallest and the largest number.
    range: Option<(f64, f64)>,
}

/// Of one tensor, as far as its bytes came.
pub(super) struct Digest {
    hash: Sha256,
    values: ValueCounter,
    range: Option<Range>,
}

impl Digest {
    pub(super) fn new(info: &TensorInfo) -> Self {
        Self { hash: Sha256::new(), values: ValueCounter::new(&info.dtype), range: Range::new(&info.dtype) }
    }

    /// The next bytes: whole elements and blocks.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.values.add(bytes);
        if let Some(range) = &mut self.range {
            range.add(bytes);
        }
    }

    /// What came of it, and what of the values is worth a person's attention.
    pub(super) fn end(self, index: u32, info: &TensorInfo) -> (Row, Vec<Finding>) {
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let row = Row { index, sha256, range: self.range.and_then(Range::ends) };
        (row, self.values.finish().findings(info))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_tensor_is_hashed_ranged_and_looked_at() {
        let info: TensorInfo =
            serde_json::from_str(r#"{"name":"a","dtype":"F32","shape":[3],"source":0,"offset":0,"bytes":12}"#).unwrap();
        let mut digest = Digest::new(&info);
        for number in [1f32, f32::NAN, -4.0] {
            digest.add(&number.to_le_bytes());
        }
        let (row, findings) = digest.end(7, &info);
        assert_eq!((row.index, row.range), (7, Some((-4.0, 1.0))));
        // `struct.pack('<fff', 1, nan, -4)`, hashed by Python.
        assert_eq!(row.sha256, "d46f46f5b142f1b36dee3aa88b131ecdd66316f49b712d90eef8e8f6e59e9787");
        assert_eq!(findings.iter().map(|finding| finding.rule.clone()).collect::<Vec<_>>(), ["values/nan"]);
    }
}
