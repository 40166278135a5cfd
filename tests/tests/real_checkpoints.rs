//! Checkpoints of other people's (`cargo xtask models`): every tensor, under every strategy, has the hash that a reader of its
//! own in Python computes, and a conversion is the file that safetensors' own writer makes.
#![cfg(feature = "component")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by failing"
)]
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use weighbridge::{Cause, ConvertOptions, ExtentPolicy, LoadOptions, Runtime, Selection, Strategy};

/// What Python says of a file.
#[derive(Deserialize)]
struct Checkpoint {
    tensors: BTreeMap<String, Tensor>,
    converted: String,
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    strided: bool,
    sha256: String,
}

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/models")
}

fn expected() -> BTreeMap<String, Checkpoint> {
    let text = std::fs::read_to_string(models().join("pytorch.json"));
    serde_json::from_str(&text.expect("the real checkpoints are missing: run `cargo xtask models`")).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_tensor_is_what_python_reads() {
    let runtime = Runtime::new().unwrap();
    let ways = [
        (Strategy::MappedFile, ExtentPolicy::WholeFile, 0),
        (Strategy::MappedFile, ExtentPolicy::PerTensor, 0),
        (Strategy::ReadCopy, ExtentPolicy::WholeFile, 0),
        (Strategy::StagedRead, ExtentPolicy::WholeFile, 4096),
        (Strategy::ExternalBuffer, ExtentPolicy::WholeFile, 4097),
    ];
    let mut checked = 0;
    for (file, wanted) in expected() {
        for (strategy, extent, chunk) in ways {
            let mut session = runtime.open(models().join("pytorch").join(&file)).unwrap();
            let infos = session.tensors().unwrap().to_vec();
            let names: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
            let mut sorted = names.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, wanted.tensors.keys().collect::<Vec<_>>(), "{file}");
            if strategy == Strategy::ExternalBuffer {
                for info in &infos {
                    session.register(info.name.clone(), vec![0u8; info.bytes as usize]).unwrap();
                }
            }
            let options = LoadOptions::new().policy(strategy).extent(extent).staging_bytes(chunk);
            let whole = (0u32..).zip(&names).filter(|(_, name)| !wanted.tensors[**name].strided);
            let whole: Vec<u32> = whole.map(|(index, _)| index).collect();
            session.load(&Selection::Tensors(whole.clone()), &options).unwrap();
            if whole.len() < names.len() {
                let refused = session.load(&Selection::All, &options).unwrap_err();
                assert_eq!((refused.cause, refused.field.as_deref()), (Cause::UnsupportedFormat, Some("strides")));
            }
            for index in whole {
                let tensor = session.tensor_at(index).unwrap();
                let said = &wanted.tensors[tensor.name()];
                assert_eq!((tensor.dtype(), tensor.shape()), (said.dtype.as_str(), said.shape.as_slice()), "{file}");
                assert_eq!(sha256(tensor.bytes()), said.sha256, "{file}: {} by {strategy:?}", tensor.name());
                checked += 1;
            }
        }
    }
    assert!(checked >= 400, "only {checked} tensors");
}

#[test]
fn a_conversion_is_the_file_of_the_formats_own_writer() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut gathered = 0;
    for (file, wanted) in expected() {
        let to = folder.path().join("converted.safetensors");
        let mut session = runtime.open(models().join("pytorch").join(&file)).unwrap();
        let converted = session.convert(&to, &ConvertOptions::new().overwrite(true)).unwrap();
        assert_eq!(converted.tensors as usize, wanted.tensors.len());
        gathered += converted.gathered;
        assert_eq!(sha256(&std::fs::read(&to).unwrap()), wanted.converted, "{file}");
    }
    assert!(gathered >= 19, "{gathered} had strides");
}
