//! Real models (`cargo xtask models`): every tensor, under every strategy, has the hash that the formats' own Python readers
//! compute.
#![cfg(feature = "component")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by failing"
)]
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use weighbridge::{ExtentPolicy, LoadOptions, Runtime, Selection, Session, SessionOptions, Strategy, StrategyPolicy};

type Hashes = BTreeMap<String, BTreeMap<String, Value>>;

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/models")
}

/// What Python's readers say, by file and tensor.
fn expected() -> Hashes {
    let path = models().join("hashes.json");
    let text = std::fs::read_to_string(&path).expect("the real models are missing: run `cargo xtask models`");
    serde_json::from_str(&text).unwrap()
}

fn open(runtime: &Runtime, file: &str) -> Session {
    runtime.open_with(&[models().join(file)], SessionOptions::default()).unwrap()
}

/// Loads, hashes through the views, and compares each tensor that `wanted` names.
fn check(runtime: &Runtime, file: &str, options: &LoadOptions, wanted: &BTreeMap<String, Value>) -> usize {
    let mut session = open(runtime, file);
    let report = session.load(&Selection::All, options).unwrap();
    if let StrategyPolicy::Only(strategy) = options.policy {
        assert_eq!(report.used, Some(strategy), "{file}");
    }
    for (name, said) in wanted {
        let tensor = session.tensor(name).unwrap();
        let hash: String = Sha256::digest(tensor.bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, said["sha256"].as_str().unwrap(), "{file}: {name} under {options:?}");
        assert_eq!(tensor.dtype(), said["dtype"].as_str().unwrap(), "{file}: {name}");
    }
    session.close().unwrap();
    wanted.len()
}

fn only(strategy: Strategy, extent: ExtentPolicy, staging_bytes: u64) -> LoadOptions {
    LoadOptions::new().policy(strategy).extent(extent).staging_bytes(staging_bytes)
}

/// The file that a model is opened by, and all tensors of all its files.
fn models_of(hashes: &Hashes) -> BTreeMap<String, BTreeMap<String, Value>> {
    let mut models = Hashes::new();
    for (file, tensors) in hashes {
        let opened = match file.split_once("-of-") {
            Some((first, _)) if file.ends_with(".gguf") => format!("{}00001-of-00003.gguf", &first[..first.len() - 5]),
            Some(_) => "minilm-sharded/model.safetensors.index.json".to_owned(),
            None => file.clone(),
        };
        models.entry(opened).or_default().extend(tensors.clone());
    }
    models
}

#[test]
fn every_tensor_of_every_model_is_what_python_reads() {
    let runtime = Runtime::new().unwrap();
    let models = models_of(&expected());
    assert!(models.len() >= 7, "one safetensors, four GGUFs, one split and one sharded model: {:?}", models.keys());
    let mut checked = 0;
    for (file, tensors) in &models {
        checked += check(&runtime, file, &LoadOptions::default(), tensors);
    }
    println!("{checked} tensors of {} models have the hashes of the Python readers", models.len());
}

#[test]
fn every_strategy_gives_the_same_bytes() {
    let runtime = Runtime::new().unwrap();
    let models = models_of(&expected());
    let odd = (4 << 20) + 1;
    let ways = [
        only(Strategy::MappedFile, ExtentPolicy::WholeFile, 0),
        only(Strategy::MappedFile, ExtentPolicy::PerTensor, 0),
        only(Strategy::MappedFile, ExtentPolicy::Window(1 << 20), 0),
        only(Strategy::ReadCopy, ExtentPolicy::WholeFile, 0),
        only(Strategy::ReadCopy, ExtentPolicy::PerTensor, 0),
        only(Strategy::StagedRead, ExtentPolicy::WholeFile, 4096),
        only(Strategy::StagedRead, ExtentPolicy::WholeFile, 4 << 20),
        only(Strategy::StagedRead, ExtentPolicy::Window(8 << 20), odd),
    ];
    for file in ["minilm-q4_0.gguf", "minilm-q8_0-00001-of-00003.gguf", "minilm-sharded/model.safetensors.index.json"] {
        for way in &ways {
            check(&runtime, file, way, &models[file]);
        }
    }
}
