//! Under every strategy, extent and chunk, of every kind of model, on every host: each tensor's bytes are the file's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use weighbridge_loader::api::{LoadOptions, Selection, Validation};
use weighbridge_loader::types::{ExtentPolicy, Strategy, StrategyPolicy};
use weighbridge_tests::double::Leaks;
use weighbridge_tests::files::{self, Model};
use weighbridge_tests::harness::{Harness, Setup};
use weighbridge_tests::native::Native;

const MODELS: [&str; 14] = [
    "gguf",
    "safetensors",
    "npy",
    "npz",
    "pytorch",
    "pytorch-stream",
    "pytorch-tied",
    "pytorch-sharded",
    "split",
    "sharded",
    "gapped",
    "no-bytes",
    "small",
    "small-split",
];

/// Strategy and chunk.
fn ways() -> Vec<(Strategy, u64)> {
    let mut ways = vec![(Strategy::MappedFile, 0), (Strategy::ReadCopy, 0)];
    for strategy in [Strategy::StagedRead, Strategy::ExternalBuffer] {
        ways.extend([1, 4096, 4 << 20, 4097].map(|chunk| (strategy, chunk)));
    }
    ways
}

const EXTENTS: [ExtentPolicy; 4] =
    [ExtentPolicy::WholeFile, ExtentPolicy::PerTensor, ExtentPolicy::Window(16_384), ExtentPolicy::Window(1)];

fn whole<H: Harness>(model: &Model, strategy: Strategy, chunk: u64, extent: ExtentPolicy) {
    let what = format!("{} {strategy:?} {chunk} {extent:?}", model.files[0].name);
    let registered = match strategy {
        Strategy::ExternalBuffer => model.tensors.iter().map(|(name, data)| (name.clone(), data.len())).collect(),
        _ => Vec::new(),
    };
    let setup = Setup { registered, quiet: true, ..Setup::default() };
    let mut host = H::open(model, &setup, &[]).unwrap();
    let options = LoadOptions {
        policy: StrategyPolicy::Only(strategy),
        extent,
        staging_bytes: chunk,
        validate: Validation { structure: false, architecture: false },
    };
    let report = host.load(&Selection::All, &options).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let bytes: u64 = model.tensors.iter().map(|(_, data)| data.len() as u64).sum();
    assert_eq!((report.tensors as usize, report.bytes), (model.tensors.len(), bytes), "{what}");
    assert_eq!(report.moved, if strategy == Strategy::MappedFile { 0 } else { bytes }, "{what}");
    assert_eq!(report.used, (bytes > 0).then_some(strategy), "{what}");
    for (index, info) in (0u32..).zip(host.tensors()) {
        let (name, data) = &model.tensors[index as usize];
        assert_eq!(&info.name, name, "{what}");
        assert!(host.bytes(index).as_ref() == Some(data), "{what}: {name} differs");
        // The header's place is the bytes' place.
        let file = &model.files[info.source as usize].bytes;
        let from = usize::try_from(info.offset).unwrap();
        assert!(file[from..from + data.len()] == data[..], "{what}: {name} lies elsewhere");
    }
    host.release(&Selection::All).unwrap();
    host.evict(&Selection::All).unwrap();
    host.close().unwrap();
    assert_eq!(host.leaks(), Leaks::default(), "{what}");
}

fn all<H: Harness>() {
    for name in MODELS {
        let model = Model { given: usize::MAX, ..files::named(name).unwrap() };
        for (strategy, chunk) in ways().into_iter().filter(|(_, chunk)| *chunk != 1 || name.starts_with("small")) {
            for extent in EXTENTS {
                whole::<H>(&model, strategy, chunk, extent);
            }
        }
    }
}

#[test]
fn natively() {
    all::<Native>();
}

#[cfg(feature = "component")]
#[test]
fn through_the_component() {
    all::<weighbridge_tests::component::Component>();
}

/// Of every subset, whatever was resident before.
#[test]
fn piece_by_piece() {
    let model = files::named("gapped").unwrap();
    let orders = [[0u32, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]];
    for (strategy, chunk) in ways().into_iter().filter(|(_, chunk)| *chunk != 1) {
        for extent in EXTENTS {
            for order in orders {
                let registered = model.tensors.iter().map(|(name, data)| (name.clone(), data.len())).collect();
                let setup = Setup { registered, quiet: true, ..Setup::default() };
                let mut host = Native::open(&model, &setup, &[]).unwrap();
                let options = LoadOptions {
                    policy: StrategyPolicy::Only(strategy),
                    extent,
                    staging_bytes: chunk,
                    validate: Validation { structure: false, architecture: false },
                };
                for (done, tensor) in (1..).zip(order) {
                    host.load(&Selection::Tensors(vec![tensor]), &options).unwrap();
                    for tensor in &order[..done] {
                        let (name, data) = &model.tensors[*tensor as usize];
                        assert!(host.bytes(*tensor).as_ref() == Some(data), "{name} after {done} loads");
                    }
                }
                for tensor in order {
                    let one = Selection::Tensors(vec![tensor]);
                    let ended = if strategy == Strategy::MappedFile { host.release(&one) } else { host.evict(&one) };
                    assert_eq!(ended, Ok(1));
                }
                host.close().unwrap();
                assert_eq!(host.leaks(), Leaks::default());
            }
        }
    }
}
