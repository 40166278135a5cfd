//! How often a load crosses the bridge: a constant, once per window of the header, a constant number of times per extent;
//! never per tensor, and never for an observer that nobody set.
#![allow(clippy::panic, clippy::unwrap_used)]
use std::path::PathBuf;
use weighbridge::{
    ExtentPolicy, LoadOptions, Runtime, Selection, SessionOptions, Strategy, StrategyPolicy,
    trace::{Call, What},
};
use weighbridge_benches::files::{self, Folder};

/// What one load took.
#[derive(Debug, PartialEq)]
struct Crossings {
    /// Calls into the guest.
    into: u64,
    /// Windows of the header.
    windows: u64,
    /// Extents mapped or allocated.
    extents: u64,
    /// All other calls out of the guest.
    others: u64,
}

fn load(path: PathBuf, strategy: Strategy, extent: ExtentPolicy) -> Crossings {
    let options = SessionOptions::new().ring(usize::MAX);
    let mut session = Runtime::new().unwrap().open_with(&[path], options).unwrap();
    let policy = StrategyPolicy::Only(strategy);
    let report = session.load(&Selection::All, &LoadOptions::new().policy(policy).extent(extent)).unwrap();
    assert_eq!(report.tensors, session.summary().tensors);
    let (mut windows, records) = (0, session.records());
    for record in &records {
        match &record.what {
            What::Call(call) => windows += u64::from(matches!(**call, Call::Read { .. })),
            What::Step(_) | What::Names { .. } => panic!("the observer is off, and was told {:?}", record.what),
            _ => {}
        }
    }
    let (stats, extents) = (session.stats(), u64::from(report.extents));
    Crossings { into: stats.crossings_in, windows, extents, others: stats.crossings_out - windows }
}

#[test]
fn a_load_crosses_per_window_and_per_extent_and_never_per_tensor() {
    let folder = Folder::new().unwrap();
    let (few, many) = (folder.path("few.safetensors"), folder.path("many.safetensors"));
    files::safetensors(&few, 10, 64).unwrap();
    files::safetensors(&many, 20_000, 64).unwrap();
    let gguf = folder.write("many.gguf", &files::gguf(20_000)).unwrap();
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy] {
        let small = load(few.clone(), strategy, ExtentPolicy::WholeFile);
        assert!(small.into <= 8 && small.others <= 8, "{small:?}");
        for path in [&many, &gguf] {
            let large = load(path.clone(), strategy, ExtentPolicy::WholeFile);
            assert_eq!((large.into, large.others), (small.into, small.others), "{strategy:?}: {large:?}");
            // Of a GGUF header less and less is sure towards its end, and so the windows get smaller: some thirty, not 20,000.
            assert!(large.windows <= 48, "{large:?}");
            // 20,000 tensors in 40 extents: no more than four calls for each.
            let cut = load(path.clone(), strategy, ExtentPolicy::Window(32 << 10));
            assert!(cut.extents >= 20 && cut.extents <= 256, "{cut:?}");
            assert_eq!((cut.into, cut.windows), (large.into, large.windows));
            assert!(cut.others <= large.others + 4 * cut.extents, "{strategy:?}: {cut:?}");
        }
    }
}
