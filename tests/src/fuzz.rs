//! What the fuzz targets run (`fuzz/`), and what the suite runs over mutations of valid files: any bytes, any requests.
use crate::double::Double;
use crate::faults::{Fault, Instead, Kind};
use crate::files::File;
use weighbridge_loader::api::{Limits as ApiLimits, LoadOptions, Selection, SessionOptions, SlotStatus, Validation};
use weighbridge_loader::driver::Session;
use weighbridge_loader::formats::{Budget, Header, Limits, Parser, Step, Window};
use weighbridge_loader::storage::{Capabilities, StorageError};
use weighbridge_loader::types::{Advice, Error, ExtentPolicy, Level, Strategy, StrategyPolicy};

/// Parses a file under its name and without it, in one window and in small ones: the verdict is the same, a table stays
/// inside the file, and no byte behind the header is asked for.
pub fn header(name: &str, file: &[u8]) {
    let whole = parse(name, file, 1 << 20);
    let pieces = parse(name, file, 61);
    match (&whole, &pieces) {
        (Ok(one), Ok(two)) => assert!(one.tensors.iter().eq(two.tensors.iter()), "tensors differ with the windows"),
        (Err(one), Err(two)) => assert_eq!(one, two, "the verdict differs with the windows"),
        _ => panic!("loads with one window and not with the other"),
    }
    let Ok(header) = whole else { return };
    for tensor in header.tensors.iter() {
        // One without bytes may lie anywhere: nothing is read or mapped of it.
        let end = tensor.offset.checked_add(tensor.bytes);
        assert!(tensor.bytes == 0 || end.is_some_and(|end| end <= file.len() as u64));
        assert!(tensor.bytes == 0 || tensor.offset >= header.data_offset);
    }
    let mut fetch = |offset: u64, len: u32| -> Result<Vec<u8>, Error> { Ok(slice(file, offset, len)) };
    for entry in 0..header.metadata.len() {
        let _error_or_value = header.metadata.decode(entry, 3, &mut Budget::default(), &mut fetch);
    }
}

fn slice(file: &[u8], offset: u64, len: u32) -> Vec<u8> {
    let from = usize::try_from(offset).unwrap();
    file[from..from + len as usize].to_vec()
}

fn parse(name: &str, file: &[u8], max_read: u32) -> Result<Header, Error> {
    let mut parser = Parser::new(name, file.len() as u64, max_read, Limits::default());
    let (mut window, mut end) = (None, 0);
    loop {
        match parser.step(window.take())? {
            Step::Done(header) => {
                assert!(end <= header.data_offset, "tensor data was read");
                return Ok(header);
            }
            Step::Read { offset, len } => {
                end = end.max(offset + u64::from(len));
                window = Some(Window { offset, bytes: slice(file, offset, len) });
            }
        }
    }
}

/// Opens the bytes as a model and makes requests of it that the first bytes choose, on a host that fails as they say: no
/// panic, no call that a guest may not make, and at the end nothing is held.
pub fn session(choices: &[u8], file: &[u8]) {
    let mut choices = choices.iter().copied().chain(std::iter::repeat(0));
    let mut choose = || choices.next().unwrap_or(0);
    let files = [File { name: "model".into(), bytes: file.to_vec() }];
    let odd = choose();
    let host = Capabilities {
        mmap: odd & 1 == 0,
        max_batch: if odd & 2 == 0 { 65_536 } else { 2 },
        max_read: if odd & 4 == 0 { 1 << 20 } else { 97 },
        ..Double::capabilities()
    };
    let double = Double::new(&files, host);
    let options = SessionOptions {
        slots: u32::from(choose() % 5),
        limits: ApiLimits { header_bytes: 0, tensors: 0, metadata_entries: 0, name_bytes: 0, nesting: 0 },
        observe: Level::Off,
    };
    let opened = Session::open(double.clone(), vec![double.grant(0)], &options, Box::new(()));
    let Ok(mut session) = opened else {
        assert_eq!(double.leaks(), crate::double::Leaks::default(), "after a refused open");
        return;
    };
    for _ in 0..8 {
        arm(&double, choose(), choose());
        request(&mut session, &mut choose);
    }
    double.faults().clear();
    session.close().expect("nothing is busy any more");
    assert!(session.slots().iter().all(|slot| matches!(slot.status, SlotStatus::Free | SlotStatus::Retired)));
    drop(session);
    assert_eq!(double.leaks(), crate::double::Leaks::default(), "after close");
}

fn arm(double: &Double, which: u8, when: u8) {
    let kinds =
        [Kind::MapRange, Kind::Unmap, Kind::Allocate, Kind::Free, Kind::ReadInto, Kind::Advise, Kind::Registered];
    double.faults().clear();
    let Some(kind) = kinds.get(usize::from(which % 16)) else { return };
    let error = match (kind.gives_back(), which >> 4) {
        (true, _) => StorageError::Busy,
        (_, 0) => StorageError::Exhausted,
        (_, 1) => StorageError::Changed,
        (_, 2) => StorageError::Other("no".into()),
        (_, 3) => StorageError::Unsupported,
        _ => StorageError::Cancelled,
    };
    let instead = Instead::Error(error, 0);
    double.faults().arm(Fault { kind: Some(*kind), at: 1 + u32::from(when % 4), times: 1, instead });
}

fn request(session: &mut Session<Double>, choose: &mut impl FnMut() -> u8) {
    let selection = match choose() % 4 {
        0 => Selection::All,
        1 => Selection::Matching("*a*".into()),
        _ => Selection::Tensors((0..choose() % 3).map(|n| u32::from(n * 2)).collect()),
    };
    let strategies = [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead, Strategy::ExternalBuffer];
    match choose() % 6 {
        0 | 1 => {
            let first = usize::from(choose() % 4);
            let policy = StrategyPolicy::FirstAvailable(strategies[first..].to_vec());
            let extent = match choose() % 3 {
                0 => ExtentPolicy::WholeFile,
                1 => ExtentPolicy::PerTensor,
                _ => ExtentPolicy::Window(u64::from(choose()) * 64),
            };
            let validate =
                Validation { structure: choose().is_multiple_of(4), architecture: choose().is_multiple_of(4) };
            let options = LoadOptions { policy, extent, staging_bytes: 1 + u64::from(choose()) * 16, validate };
            let _report_or_error = session.load(&selection, &options);
        }
        2 => drop(session.release(&selection)),
        3 => drop(session.evict(&selection)),
        4 => drop(session.advise(u32::from(choose() % 4), Advice::WillNeed)),
        _ => drop(session.metadata(0, 16, 2)),
    }
}
