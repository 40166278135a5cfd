//! Files, mappings and memory.
use super::*;

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
    let limits = HostLimits::new().mapped_bytes(page * 4);
    let mut bench = Bench::with(size as usize, limits, HostCapabilities::default(), Vec::new());
    let refused = [(1, 10), (0, 0), (0, size + 1), (page, u64::MAX), (page * 4, 1), (u64::MAX - page + 1, page)];
    for (offset, len) in refused {
        let error = bench.fails(Call::MapRange { source: 0, offset, len });
        assert_eq!(error, StorageError::OutOfBounds, "{offset} {len}");
    }
    assert_eq!(bench.fails(Call::MapRange { source: 1, offset: 0, len: 1 }), StorageError::OutOfBounds);
    let whole = bench.map(0, size);
    assert_eq!(bench.mapping(whole).inner()[..], pattern(size as usize));
    assert_eq!(bench.fails(Call::MapRange { source: 0, offset: 0, len: page }), StorageError::Exhausted);
    let tail = bench.map(page * 3, 100);
    assert_ne!(whole, tail);
    assert_eq!(bench.mapping(tail).inner()[..], pattern(size as usize)[page as usize * 3..]);
    assert_eq!((bench.usage().mapped_bytes(), bench.usage().mappings()), (size + 100, 2));
}

#[test]
fn a_host_without_mmap_says_so() {
    let offers = HostCapabilities::new().mmap(false).advise(false);
    let mut bench = Bench::with(10, HostLimits::default(), offers, Vec::new());
    assert_eq!(bench.fails(Call::MapRange { source: 0, offset: 0, len: 1 }), StorageError::Unsupported);
    let Answer::Capabilities(said) = bench.ask(Call::GetCapabilities) else { panic!() };
    assert!(!said.mmap && !said.advise);
}

#[test]
fn unmap_is_busy_while_a_view_is_out_and_can_be_retried() {
    let mut bench = Bench::new(5000);
    let id = bench.map(0, 5000);
    let view = bench.mapping(id);
    for _ in 0..3 {
        assert_eq!(bench.fails(Call::Unmap { mapping: id }), StorageError::Busy);
    }
    assert_eq!(view.inner()[..100], pattern(100));
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
    let view = bench.mapping(id);
    bench.host.drop_mapping(id);
    assert_eq!(bench.usage().mappings(), 1);
    assert_eq!(view.inner()[4999], byte(4999));
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
    let limits = HostLimits::new().buffer_bytes(4 << 20);
    let mut bench = Bench::with(10, limits, HostCapabilities::default(), Vec::new());
    for len in [0u64, 1, 1 << 20, 2 << 20] {
        let id = bench.allocate(len);
        let bytes = bench.bytes(id);
        assert_eq!(bytes.len() as u64, len);
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
    assert_eq!(bench.fails(Call::Allocate { len: 2 << 20 }), StorageError::Exhausted);
    let mut bench = Bench::with(10, HostLimits::new().buffer_bytes(u64::MAX), HostCapabilities::default(), Vec::new());
    for len in [u64::MAX, 1 << 62, 1 << 47] {
        assert_eq!(bench.fails(Call::Allocate { len }), StorageError::Exhausted, "{len}");
    }
}

#[test]
fn a_file_that_changed_is_noticed_by_every_call() {
    type Change = fn(&Bench);
    let change: [(&str, Change); 3] = [
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
    let mapping = bench.mapping(id);
    let sum = || mapping.inner().iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let before = sum();
    assert_eq!(rss_kib(&bench.path("model")), 1024);
    let dropped = Call::Advise { mapping: id, offset: 0, len: size as u64, advice: Advice::DontNeed };
    assert_eq!(bench.ask(dropped), Answer::Effect(AdviceEffect::Applied));
    assert_eq!(rss_kib(&bench.path("model")), 0);
    // The page cache may let go, too, where the file system can (tmpfs can't): then mincore(2) sees it.
    let resident = platform::residency(&file, 0, size as u64).unwrap();
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
        assert_eq!(error.cause, weighbridge_core::Cause::InvalidRequest);
    }
    assert_eq!(open(&folder.path().join("none")).cause, weighbridge_core::Cause::NotFound);
    assert_eq!(open(&folder.path().join("none/none")).cause, weighbridge_core::Cause::NotFound);
    let secret = folder.path().join("secret\x1b[31m");
    fs::write(&secret, b"x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if !rustix::process::geteuid().is_root() {
        assert_eq!(open(&secret).cause, weighbridge_core::Cause::AccessDenied);
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("secret\x1b[31m", &link).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let beside = Arc::new(platform::Folder::open(folder.path()).unwrap());
    let open_in = |name: &str, follow| Source::open_in(&beside, folder.path(), name, name.into(), follow);
    assert_eq!(open_in("link", true).unwrap().size(), 1);
    assert_eq!(open_in("link", false).err().unwrap().cause, weighbridge_core::Cause::AccessDenied);
    assert!(open_in("../x", true).is_err());
    assert!(!open(&folder.path().join("none\x1b[31m")).message.contains('\x1b'));
}
