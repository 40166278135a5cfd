//! What must not be in a recording: bytes of tensors.
//!
//! Our component asks for no byte that is not certain to be header, which is tested; another component may read in larger
//! windows. What lies behind the first tensor is replaced by zeros, which a replay gives it in its place.
use super::header::Recording;
use crate::trace::{Answer, Call, What};
use crate::types::TensorInfo;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the tensors of each file begin, in bytes.
pub(crate) fn data_starts(tensors: &[TensorInfo]) -> BTreeMap<u32, u64> {
    let mut starts = BTreeMap::new();
    for tensor in tensors.iter().filter(|tensor| tensor.bytes > 0) {
        let start = starts.entry(tensor.source).or_insert(tensor.offset);
        *start = (*start).min(tensor.offset);
    }
    starts
}

impl Recording {
    /// Replaces what was read of tensors by zeros. `tensors` are those of the model, as its headers list them; of a model
    /// whose headers could not be read nobody knows where its tensors begin, and its windows stay as they were read.
    pub fn forget_tensor_bytes(&mut self, tensors: &[TensorInfo]) {
        let starts = data_starts(tensors);
        let mut begins = None;
        for record in &mut self.records {
            match &mut record.what {
                What::Call(call) => {
                    begins = match &**call {
                        Call::Read { source, offset, .. } => {
                            starts.get(source).map(|start| start.saturating_sub(*offset))
                        }
                        _ => None,
                    };
                }
                What::Return { answer, .. } => {
                    if let (Some(begins), Answer::Bytes(bytes)) = (begins.take(), &mut **answer)
                        && let Ok(begins) = usize::try_from(begins)
                        && begins < bytes.len()
                    {
                        Arc::make_mut(bytes)[begins..].fill(0);
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::super::tests::sample;
    use super::*;

    fn tensor(offset: u64, bytes: u64) -> TensorInfo {
        TensorInfo { name: String::new(), dtype: String::new(), shape: Vec::new(), source: 0, offset, bytes }
    }

    fn read(recording: &Recording) -> Vec<u8> {
        let bytes = recording.records.iter().find_map(|record| match &record.what {
            What::Return { answer, .. } => match &**answer {
                Answer::Bytes(bytes) => Some(bytes.to_vec()),
                _ => None,
            },
            _ => None,
        });
        bytes.unwrap()
    }

    #[test]
    fn only_what_is_before_the_first_tensor_stays() {
        for (tensors, left) in [
            (vec![tensor(6, 4), tensor(4, 1), tensor(0, 0)], &b"GGUF\0\0\0\0"[..]),
            (vec![tensor(2, 1)], b"GG\0\0\0\0\0\0"),
            (vec![tensor(0, 1)], &[0; 8]),
            (vec![tensor(8, 1)], b"GGUF\x03\0\0\0"),
            (vec![], b"GGUF\x03\0\0\0"),
        ] {
            let mut recording = sample();
            recording.forget_tensor_bytes(&tensors);
            assert_eq!(read(&recording), left, "{tensors:?}");
        }
    }
}
