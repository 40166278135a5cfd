//! The native storage, asked as a guest would ask it: good, absurd and hostile.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::{Backend, Native, Source};
use crate::{
    external::External,
    options::{Control, HostCapabilities, HostLimits},
    platform,
    stats::Usage,
    trace::{Answer, Call},
    types::{Advice, AdviceEffect, BatchError, CopySpan, StorageError},
};
use std::{fs, io::Write as _, path::PathBuf, sync::Arc, time::Instant};

struct Bench {
    folder: tempfile::TempDir,
    native: Native,
    control: Control,
}

/// The byte that a test file has at an offset.
fn byte(at: usize) -> u8 {
    (at.wrapping_mul(31) >> 3) as u8
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(byte).collect()
}

impl Bench {
    fn with(size: usize, limits: HostLimits, offers: HostCapabilities, external: External) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Self { folder, native: Native::new(offers, limits, external), control: Control::default() };
        bench.add("model", size);
        bench
    }

    fn new(size: usize) -> Self {
        Self::with(size, HostLimits::default(), HostCapabilities::default(), External::default())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&mut self, name: &str, size: usize) -> u32 {
        fs::write(self.path(name), pattern(size)).unwrap();
        self.native.add(Source::open(&self.path(name)).unwrap())
    }

    fn ask(&mut self, call: Call) -> Answer {
        self.native.perform(&call, &self.control).unwrap()
    }

    fn fails(&mut self, call: Call) -> StorageError {
        match self.ask(call) {
            Answer::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }

    fn map(&mut self, offset: u64, len: u64) -> u64 {
        match self.ask(Call::MapRange { source: 0, offset, len }) {
            Answer::Mapping(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn allocate(&mut self, len: u64) -> u64 {
        match self.ask(Call::Allocate { len }) {
            Answer::Target { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    fn read_into(&mut self, targets: &[u64], batch: Vec<CopySpan>) -> Result<(), BatchError> {
        let sources = (0..self.native.sources.len() as u32).collect();
        match self.ask(Call::ReadInto { sources, targets: targets.to_vec(), batch }) {
            Answer::Done => Ok(()),
            Answer::BatchFailed(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    fn usage(&self) -> Arc<Usage> {
        self.native.usage.clone()
    }
}

fn span(offset: u64, len: u64, target: u32, target_offset: u64) -> CopySpan {
    CopySpan { source: 0, offset, len, target, target_offset }
}

fn failed(span: u32, error: StorageError) -> Result<(), BatchError> {
    Err(BatchError { span, error })
}

#[test]
fn read_is_short_only_at_the_end_and_refused_beyond_it() {
    let mut bench = Bench::new(1000);
    let mut read = |offset, len| bench.ask(Call::Read { source: 0, offset, len });
    assert_eq!(read(0, 10), Answer::Bytes(pattern(10).into()));
    assert_eq!(read(990, 100), Answer::Bytes(pattern(1000)[990..].to_vec().into()));
    assert_eq!(read(1000, 1), Answer::Bytes(Vec::new().into()));
    for offset in [1001, u64::MAX] {
        assert_eq!(read(offset, 1), Answer::Failed(StorageError::OutOfBounds));
    }
    let (max, one_more) = (1 << 20, (1 << 20) + 1);
    assert_eq!(read(0, max), Answer::Bytes(pattern(1000).into()));
    assert_eq!(read(0, one_more), Answer::Failed(StorageError::Exhausted));
    assert_eq!(bench.fails(Call::Read { source: 7, offset: 0, len: 1 }), StorageError::OutOfBounds);
}

#[test]
fn map_clamps_offset_span_and_quota() {
    let page = platform::map_granularity();
    let size = page * 3 + 100;
    let limits = HostLimits { mapped_bytes: page * 4, ..HostLimits::default() };
    let mut bench = Bench::with(size as usize, limits, HostCapabilities::default(), External::default());
    let refused = [(1, 10), (0, 0), (0, size + 1), (page, u64::MAX), (page * 4, 1), (u64::MAX - page + 1, page)];
    for (offset, len) in refused {
        let error = bench.fails(Call::MapRange { source: 0, offset, len });
        assert_eq!(error, StorageError::OutOfBounds, "{offset} {len}");
    }
    assert_eq!(bench.fails(Call::MapRange { source: 1, offset: 0, len: 1 }), StorageError::OutOfBounds);
    let whole = bench.map(0, size);
    assert_eq!(bench.native.mapping(whole).unwrap().bytes(), pattern(size as usize));
    assert_eq!(bench.fails(Call::MapRange { source: 0, offset: 0, len: page }), StorageError::Exhausted);
    let tail = bench.map(page * 3, 100);
    assert_ne!(whole, tail);
    assert_eq!(bench.native.mapping(tail).unwrap().bytes(), &pattern(size as usize)[page as usize * 3..]);
    assert_eq!((bench.usage().mapped_bytes(), bench.usage().mappings()), (size + 100, 2));
}

#[test]
fn a_host_without_mmap_says_so() {
    let offers = HostCapabilities { mmap: false, advise: false, ..HostCapabilities::default() };
    let mut bench = Bench::with(10, HostLimits::default(), offers, External::default());
    assert_eq!(bench.fails(Call::MapRange { source: 0, offset: 0, len: 1 }), StorageError::Unsupported);
    let Answer::Capabilities(said) = bench.ask(Call::GetCapabilities) else { panic!() };
    assert!(!said.mmap && !said.advise);
}

#[test]
fn unmap_is_busy_while_a_view_is_out_and_can_be_retried() {
    let mut bench = Bench::new(5000);
    let id = bench.map(0, 5000);
    let view = bench.native.mapping(id).unwrap().clone();
    for _ in 0..3 {
        assert_eq!(bench.fails(Call::Unmap { mapping: id }), StorageError::Busy);
    }
    assert_eq!(view.bytes()[..100], pattern(100));
    drop(view);
    assert_eq!(bench.ask(Call::Unmap { mapping: id }), Answer::Done);
    assert_eq!(bench.fails(Call::Unmap { mapping: id }), StorageError::OutOfBounds);
    assert_eq!(
        bench.fails(Call::Advise { mapping: id, offset: 0, len: 1, advice: Advice::Normal }),
        StorageError::OutOfBounds
    );
    assert_eq!((bench.usage().mappings(), bench.usage().maps(), bench.usage().unmaps()), (0, 1, 1));
    let again = bench.map(0, 5000);
    assert_ne!(again, id, "an id is never used twice");
}

#[test]
fn a_dropped_handle_unmaps_when_the_last_view_goes() {
    let mut bench = Bench::new(5000);
    let id = bench.map(0, 5000);
    let view = bench.native.mapping(id).unwrap().clone();
    bench.native.drop_mapping(id);
    assert_eq!(bench.usage().mappings(), 1);
    assert_eq!(view.bytes()[4999], byte(4999));
    drop(view);
    assert_eq!((bench.usage().mappings(), bench.usage().mapped_bytes()), (0, 0));
}

#[test]
fn dropping_everything_leaves_nothing() {
    let mut bench = Bench::new(50_000);
    let usage = bench.usage();
    for _ in 0..10 {
        bench.map(0, 50_000);
        bench.allocate(3 << 20);
        bench.allocate(10);
    }
    assert_eq!((usage.mappings(), usage.buffers()), (10, 20));
    drop(bench);
    assert_eq!((usage.maps() - usage.unmaps(), usage.mapped_bytes()), (0, 0));
    assert_eq!((usage.buffers(), usage.buffer_bytes()), (0, 0));
}

#[test]
fn allocate_is_zeroed_and_answers_when_there_is_no_room() {
    let limits = HostLimits { buffer_bytes: 4 << 20, ..HostLimits::default() };
    let mut bench = Bench::with(10, limits, HostCapabilities::default(), External::default());
    for len in [0u64, 1, 1 << 20, 2 << 20] {
        let id = bench.allocate(len);
        let buffer = bench.native.buffer(id).unwrap();
        assert_eq!(buffer.bytes().len() as u64, len);
        assert!(buffer.bytes().iter().all(|byte| *byte == 0));
    }
    assert_eq!(bench.fails(Call::Allocate { len: 2 << 20 }), StorageError::Exhausted);
    let mut bench = Bench::with(
        10,
        HostLimits { buffer_bytes: u64::MAX, ..HostLimits::default() },
        HostCapabilities::default(),
        External::default(),
    );
    for len in [u64::MAX, 1 << 62, 1 << 47] {
        assert_eq!(bench.fails(Call::Allocate { len }), StorageError::Exhausted, "{len}");
    }
}

#[test]
fn read_into_moves_a_batch_from_many_places_on_many_threads() {
    let size = 20 << 20;
    let offers = HostCapabilities { threads: 4, ..HostCapabilities::default() };
    let mut bench = Bench::with(size, HostLimits::default(), offers, External::default());
    let targets = [bench.allocate(size as u64), bench.allocate(100)];
    let half = size as u64 / 2;
    let batch = vec![
        span(half, half, 0, 0),
        span(0, half, 0, half),
        span(7, 50, 1, 0),
        span(9, 0, 1, 50),
        span(1000, 50, 1, 50),
    ];
    bench.read_into(&targets, batch).unwrap();
    let (all, half) = (pattern(size), half as usize);
    assert_eq!(bench.native.buffer(targets[0]).unwrap().bytes(), [&all[half..], &all[..half]].concat());
    assert_eq!(bench.native.buffer(targets[1]).unwrap().bytes(), [&all[7..57], &all[1000..1050]].concat());
    assert_eq!(bench.usage().moving(), size as u64 + 100);
}

#[test]
fn read_into_names_the_lowest_bad_span_before_a_byte_moves() {
    let mut bench = Bench::new(1000);
    let target = bench.allocate(100);
    let good = span(0, 10, 0, 0);
    let cases = [
        (vec![good, span(991, 10, 0, 20)], 1),
        (vec![good, span(u64::MAX, 10, 0, 20), span(991, 10, 0, 40)], 1),
        (vec![good, good], 1),
        (vec![span(0, 50, 0, 0), span(0, 10, 0, 60), span(0, 10, 0, 49)], 2),
        (vec![span(0, 10, 0, 91)], 0),
        (vec![span(0, 10, 0, u64::MAX)], 0),
        (vec![span(0, 10, 1, 0)], 0),
        (vec![good, CopySpan { source: 1, ..span(0, 10, 0, 20) }], 1),
    ];
    for (batch, lowest) in cases {
        assert_eq!(bench.read_into(&[target], batch.clone()), failed(lowest, StorageError::OutOfBounds), "{batch:?}");
    }
    assert_eq!(bench.read_into(&[target, target], vec![good, span(0, 10, 1, 5)]), failed(1, StorageError::OutOfBounds));
    assert_eq!(bench.read_into(&[99], vec![good]), failed(0, StorageError::OutOfBounds));
    assert!(bench.native.buffer(target).unwrap().bytes().iter().all(|byte| *byte == 0));
    assert_eq!(bench.usage().moving(), 0);
    bench.read_into(&[target], vec![good, span(0, 10, 0, 10)]).unwrap();
    bench.read_into(&[target], Vec::new()).unwrap();
}

#[test]
fn read_into_clamps_the_batch() {
    let offers = HostCapabilities { max_batch: 2, ..HostCapabilities::default() };
    let mut bench = Bench::with(100, HostLimits::default(), offers, External::default());
    let target = bench.allocate(100);
    let spans = |count: u64| (0..count).map(|at| span(0, 1, 0, at)).collect::<Vec<_>>();
    bench.read_into(&[target], spans(2)).unwrap();
    assert_eq!(bench.read_into(&[target], spans(3)), failed(2, StorageError::Exhausted));
}

#[test]
fn a_viewed_buffer_is_neither_written_nor_freed() {
    let mut bench = Bench::new(100);
    let (free, seen) = (bench.allocate(100), bench.allocate(100));
    let view = bench.native.buffer(seen).unwrap().clone();
    let batch = vec![span(0, 10, 0, 0), span(0, 10, 1, 0)];
    assert_eq!(bench.read_into(&[free, seen], batch.clone()), failed(1, StorageError::Busy));
    assert_eq!(bench.fails(Call::Free { target: seen }), StorageError::Busy);
    drop(view);
    bench.read_into(&[free, seen], batch).unwrap();
    assert_eq!(bench.ask(Call::Free { target: seen }), Answer::Done);
    assert_eq!(bench.fails(Call::Free { target: seen }), StorageError::OutOfBounds);
}

#[test]
fn a_file_that_changed_is_noticed_by_every_call() {
    let change: [(&str, fn(&Bench)); 3] = [
        ("shrunk", |bench| fs::OpenOptions::new().write(true).open(bench.path("model")).unwrap().set_len(10).unwrap()),
        ("grown", |bench| {
            fs::OpenOptions::new().append(true).open(bench.path("model")).unwrap().write_all(b"x").unwrap()
        }),
        ("touched", |bench| {
            let file = fs::OpenOptions::new().write(true).open(bench.path("model")).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
    ];
    for (name, change) in change {
        let mut bench = Bench::new(10_000);
        let target = bench.allocate(10_000);
        assert!(bench.ask(Call::Stat { source: 0 }).is_ok());
        change(&bench);
        assert_eq!(bench.fails(Call::Stat { source: 0 }), StorageError::Changed, "{name}");
        assert_eq!(bench.fails(Call::MapRange { source: 0, offset: 0, len: 100 }), StorageError::Changed, "{name}");
        assert_eq!(bench.fails(Call::Read { source: 0, offset: 0, len: 100 }), StorageError::Changed, "{name}");
        assert_eq!(bench.read_into(&[target], vec![span(0, 9000, 0, 0)]), failed(0, StorageError::Changed), "{name}");
    }
}

#[test]
fn a_file_replaced_by_rename_is_still_the_one_that_was_granted() {
    let mut bench = Bench::new(1000);
    fs::write(bench.path("other"), b"other").unwrap();
    fs::rename(bench.path("other"), bench.path("model")).unwrap();
    // The link count of the old file changed, its bytes did not: the descriptor goes on.
    assert_eq!(bench.ask(Call::Read { source: 0, offset: 0, len: 10 }), Answer::Bytes(pattern(10).into()));
}

#[test]
fn cancelled_and_late_batches_answer_so() {
    let mut bench = Bench::new(1000);
    let target = bench.allocate(1000);
    bench.control.deadline = Some(Instant::now());
    assert_eq!(bench.read_into(&[target], vec![span(0, 10, 0, 0)]), failed(0, StorageError::Deadline));
    bench.control.cancel.cancel();
    assert_eq!(bench.read_into(&[target], vec![span(0, 10, 0, 0)]), failed(0, StorageError::Cancelled));
    bench.control = Control::default();
    bench.read_into(&[target], vec![span(0, 10, 0, 0)]).unwrap();
}

#[test]
fn registered_memory_takes_a_tensor_and_goes_back() {
    let external = External::new().buffer("a", vec![0u8; 50]).buffer("b", vec![0u8; 5]);
    let mut bench = Bench::with(1000, HostLimits::default(), HostCapabilities::default(), external);
    let ask = Call::Registered { tensors: vec!["a".into(), "none".into(), "b".into()] };
    let Answer::Targets(targets) = bench.ask(ask.clone()) else { panic!() };
    let ids: Vec<_> = targets.iter().map(|target| target.map(|(_, len)| len)).collect();
    assert_eq!(ids, [Some(50), None, Some(5)]);
    let (a, b) = (targets[0].unwrap().0, targets[2].unwrap().0);
    assert_eq!(bench.fails(ask.clone()), StorageError::Busy);
    let batch = vec![span(0, 50, 0, 0), span(0, 6, 1, 0)];
    assert_eq!(bench.read_into(&[a, b], batch), failed(1, StorageError::OutOfBounds), "too small, before a byte moves");
    bench.read_into(&[a], vec![span(0, 50, 0, 0)]).unwrap();
    assert_eq!(bench.native.buffer(a).unwrap().bytes(), pattern(50));
    assert_eq!(bench.usage().buffers(), 0, "the embedder's memory is not the host's");
    bench.native.drop_target(a);
    assert_eq!(bench.ask(Call::Free { target: b }), Answer::Done);
    assert!(matches!(bench.ask(ask), Answer::Targets(_)));
}

/// Memory that gets shorter each time that it is looked at.
struct Shrinking(Vec<u8>, std::sync::atomic::AtomicUsize);

impl AsRef<[u8]> for Shrinking {
    fn as_ref(&self) -> &[u8] {
        let times = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        &self.0[..self.0.len().saturating_sub(times * 10)]
    }
}

impl AsMut<[u8]> for Shrinking {
    fn as_mut(&mut self) -> &mut [u8] {
        let len = self.as_ref().len();
        &mut self.0[..len]
    }
}

#[test]
fn registered_memory_that_shrinks_is_out_of_bounds() {
    let external = External::new().buffer("a", Shrinking(vec![0; 50], 0.into()));
    let mut bench = Bench::with(1000, HostLimits::default(), HostCapabilities::default(), external);
    let Answer::Targets(targets) = bench.ask(Call::Registered { tensors: vec!["a".into()] }) else { panic!() };
    let a = targets[0].unwrap().0;
    assert_eq!(bench.read_into(&[a], vec![span(0, 35, 0, 0)]), failed(0, StorageError::OutOfBounds));
}

#[test]
fn advice_clamps_its_span() {
    let mut bench = Bench::new(10_000);
    let id = bench.map(0, 10_000);
    let mut advise = |offset, len, advice| bench.ask(Call::Advise { mapping: id, offset, len, advice });
    for (offset, len) in [(0, 10_001), (10_001, 0), (5, u64::MAX), (u64::MAX, 1)] {
        assert_eq!(advise(offset, len, Advice::Normal), Answer::Failed(StorageError::OutOfBounds));
    }
    assert_eq!(advise(10, 0, Advice::WillNeed), Answer::Effect(AdviceEffect::Ignored));
    #[cfg(unix)]
    {
        for hint in [Advice::Normal, Advice::Sequential, Advice::Random, Advice::WillNeed] {
            assert_eq!(advise(10, 20, hint), Answer::Effect(AdviceEffect::Applied), "{hint:?}");
        }
        assert_eq!(advise(0, 10_000, Advice::DontNeed), Answer::Effect(AdviceEffect::Applied));
        assert_eq!(advise(1, 4095, Advice::DontNeed), Answer::Effect(AdviceEffect::Ignored), "no whole page inside");
        assert_eq!(advise(1, 4096, Advice::DontNeed), Answer::Effect(AdviceEffect::Ignored), "no whole page inside");
    }
}

/// Resident bytes of the mapping of a file, from proc_pid_smaps(5).
#[cfg(target_os = "linux")]
fn rss_kib(path: &std::path::Path) -> u64 {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = smaps.lines().skip_while(|line| !line.ends_with(path.to_str().unwrap()));
    let rss = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
    rss.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn dont_need_really_drops_pages() {
    let size = 1 << 20;
    let mut bench = Bench::new(size);
    let file = fs::File::open(bench.path("model")).unwrap();
    file.sync_all().unwrap();
    let id = bench.map(0, size as u64);
    let mapping = bench.native.mapping(id).unwrap().clone();
    let sum = || mapping.bytes().iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let before = sum();
    assert_eq!(rss_kib(&bench.path("model")), 1024);
    let dropped = Call::Advise { mapping: id, offset: 0, len: size as u64, advice: Advice::DontNeed };
    assert_eq!(bench.ask(dropped), Answer::Effect(AdviceEffect::Applied));
    assert_eq!(rss_kib(&bench.path("model")), 0);
    // The page cache may let go, too, where the file system can (tmpfs can't): then mincore(2) sees it.
    let resident = platform::residency(&file, size as u64).unwrap();
    assert_eq!(resident.len(), size / platform::page_bytes() as usize);
    println!("pages left in the page cache: {}", resident.iter().filter(|page| **page).count());
    assert_eq!(sum(), before, "and they come back as they were");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_opened_and_nothing_blocks() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let open = |path: &std::path::Path| Source::open(path).err().unwrap();
    for (path, what) in [(fifo.as_path(), "a FIFO"), (folder.path(), "a directory"), ("/dev/zero".as_ref(), "a device")]
    {
        let error = open(path);
        assert!(error.message.contains(what), "{error}");
        assert_eq!(error.cause, crate::Cause::InvalidRequest);
    }
    assert_eq!(open(&folder.path().join("none")).cause, crate::Cause::NotFound);
    assert_eq!(open(&folder.path().join("none/none")).cause, crate::Cause::NotFound);
    let secret = folder.path().join("secret\x1b[31m");
    fs::write(&secret, b"x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0)).unwrap();
    if !rustix::process::geteuid().is_root() {
        assert_eq!(open(&secret).cause, crate::Cause::AccessDenied);
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("secret\x1b[31m", &link).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let beside = platform::Folder::open(folder.path()).unwrap();
    assert_eq!(Source::open_in(&beside, "link").unwrap().size(), 1, "caches of models are made of links");
    assert!(Source::open_in(&beside, "../x").is_err());
    assert!(!open(&folder.path().join("none\x1b[31m")).message.contains('\x1b'));
}
