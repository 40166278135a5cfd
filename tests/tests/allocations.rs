//! No actor allocates in a dispatch, and none is large. Readers of checkpoints take no more memory than a small multiple of
//! what they read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use weighbridge_loader::actors::io_buffer::{self, IoBuffer};
use weighbridge_loader::actors::io_loader::{IoLoader, Load};
use weighbridge_loader::actors::io_mmap::{Abandon, Command, Context, Handle, IoMmap, Map, Mapped, Retain, Unmapped};
use weighbridge_loader::actors::io_read::{self, IoRead};
use weighbridge_loader::actors::io_staged_read::{self, IoStagedRead};
use weighbridge_loader::actors::model_loader::{self, ModelLoader};
use weighbridge_loader::actors::model_tensor::{Apply, Ended, Hold, ModelTensor, Plan, Release};
use weighbridge_loader::actors::spans::Span;
use weighbridge_loader::actors::{Answered, Fault, Ticket};
use weighbridge_loader::formats::pickle::build::archive;
use weighbridge_loader::formats::pytorch::CheckpointReader;
use weighbridge_loader::formats::{Limits, Turn, Window};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::{Cause, Level, Strategy};
use weighbridge_tests::double::Double;

/// Counts the allocations of each thread, and the bytes that are in use.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

// Safety: every call goes to the system's allocator unchanged.
#[expect(unsafe_code, reason = "an allocator can be counted in no other way")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        let live = LIVE.with(|live| live.replace(live.get() + layout.size() as i64)) + layout.size() as i64;
        PEAK.with(|peak| peak.set(peak.get().max(live)));
        // Safety: as this function's own.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.with(|live| live.set(live.get() - layout.size() as i64));
        // Safety: as this function's own.
        unsafe { System.dealloc(at, layout) }
    }
}

fn allocations(what: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    what();
    COUNT.with(Cell::get) - before
}

/// The most bytes that were in use at once beyond those that were before.
fn peak(what: impl FnOnce()) -> i64 {
    let before = LIVE.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    what();
    PEAK.with(Cell::get) - before
}

#[test]
fn readers_of_checkpoints_take_a_small_multiple_of_what_they_read() {
    /// Bytes of memory for a byte of the file: an opcode of one byte makes a value of 16, and tables grow by doubling.
    const MULTIPLE: i64 = 64;
    let repeated = |before: &[u8], part: &[u8]| [before, &part.repeat((64 << 10) / part.len()), b"."].concat();
    let named: Vec<u8> = (0..8_000).flat_map(|n| format!("cm\nn{n}\n0").into_bytes()).collect();
    let numbered: Vec<u8> =
        (0..12_000u32).flat_map(|n| [&b"r"[..], &n.wrapping_mul(65_537).to_le_bytes()].concat()).collect();
    let pickles = [
        repeated(b"", b"N"),
        repeated(b"", b"]"),
        repeated(b"", b"}"),
        repeated(b"", b"("),
        repeated(b"N", b"2"),
        repeated(b"]", b"2a"),
        repeated(b"]q\x01", b"h\x01h\x01a"),
        repeated(b"]", b"(222222e"),
        repeated(b"cm\nn\n", b"2)R"),
        repeated(b"cm\nn\n", b")R"),
        repeated(b"N", b"\x94"),
        repeated(b"N", b"Q"),
        repeated(b"N", b"\x85"),
        [&b"N"[..], &named, b"."].concat(),
        [&b"N"[..], &numbered, b"."].concat(),
        b"X\xff\xff\xff\xff".to_vec(),
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(),
    ];
    for pickle in pickles {
        let file = archive(&pickle, &[("0", &[0; 4])]).build();
        let taken = peak(|| {
            let mut reader = CheckpointReader::new(file.len() as u64, 4_096, Limits::default());
            let mut window = None;
            while let Ok(Turn::Read { offset, len }) = reader.step(window.take()) {
                let at = usize::try_from(offset).unwrap();
                window = Some(Window { offset, bytes: file[at..at + len as usize].to_vec() });
            }
        });
        let most = MULTIPLE * file.len() as i64 + (64 << 10);
        assert!(taken <= most, "{taken} bytes for {} of {}", file.len(), pickle[..pickle.len().min(16)].escape_ascii());
    }
}

#[test]
fn no_dispatch_allocates() {
    assert!(allocations(|| drop(std::hint::black_box(Box::new(7)))) > 0, "the counter counts");
    let watch = Watch::new(Level::Off, Box::new(()));
    let fault = Some(Fault::new(Cause::Io));

    let mut pool = IoMmap::new(Context::new(8, &Double::capabilities()));
    let count = allocations(|| {
        for round in 0..100u64 {
            let map = Map { source: 0, offset: round * 4096, len: 100, source_len: 1 << 30 };
            let Some(Command::Map { ticket, slot, .. }) = pool.dispatch(map, &watch).command else { panic!() };
            pool.dispatch(Mapped { ticket, result: Ok(round) }, &watch);
            let handle = Handle { slot, generation: pool.context().slots()[slot as usize].generation };
            pool.dispatch(Retain { handle, tensors: 0 }, &watch);
            let Some(Command::Unmap { ticket, .. }) = pool.dispatch(Abandon { handle }, &watch).command else {
                panic!()
            };
            pool.dispatch(Unmapped { ticket, fault: None }, &watch);
        }
    });
    assert_eq!(count, 0, "io/mmap");

    let mut buffers = IoBuffer::default();
    buffers.make_room(8);
    let count = allocations(|| {
        let mut handles = [None; 8];
        for _ in 0..100 {
            for handle in &mut handles {
                let command = buffers.dispatch(io_buffer::Allocate { len: 9 }, &watch).command;
                let Some(io_buffer::Command::Allocate { ticket, len, .. }) = command else { panic!() };
                let memory = io_buffer::Memory { target: 1, len };
                let outcome = buffers.dispatch(io_buffer::Allocated { ticket, result: Ok(memory) }, &watch).outcome;
                let Some(io_buffer::Outcome::Got(got)) = outcome else { panic!() };
                *handle = Some(got);
            }
            for handle in handles.iter_mut().filter_map(Option::take) {
                let command = buffers.dispatch(io_buffer::Abandon { handle }, &watch).command;
                let Some(io_buffer::Command::Free { ticket, .. }) = command else { panic!() };
                buffers.dispatch(io_buffer::Freed { ticket, fault: None }, &watch);
            }
        }
    });
    assert_eq!(count, 0, "io/buffer");

    let mut tensors = ModelTensor::bound(1000);
    let count = allocations(|| {
        let ticket = Ticket(1);
        let hold = Hold::Mapped { handle: Handle { slot: 0, generation: 0 }, mapping: 1, offset: 0 };
        for tensor in 0..1000 {
            tensors.dispatch(tensor, Plan { ticket }, &watch);
            tensors.dispatch(tensor, Apply { ticket, hold, strategy: Strategy::MappedFile }, &watch);
            tensors.dispatch(tensor, Release { ticket }, &watch);
            tensors.dispatch(tensor, Ended { ticket, fault: None }, &watch);
        }
    });
    assert_eq!(count, 0, "model/tensor");

    let mut loader = IoLoader::default();
    let all = [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead, Strategy::ExternalBuffer].map(Some);
    let count = allocations(|| {
        for _ in 0..10 {
            let mut output = loader.dispatch(Load { policy: all, extents: 3, flexible: true }, &watch);
            while let Some(command) = output.command {
                output = loader.dispatch(Answered { ticket: command.ticket(), fault }, &watch);
            }
        }
    });
    assert_eq!(count, 0, "io/loader");

    let spans: Vec<Span> =
        (0..100).map(|at| Span { source: 0, offset: at, len: 1, target: 0, target_offset: at }).collect();
    let (mut read, mut staged) = (IoRead::default(), IoStagedRead::default());
    read.stage(spans.iter().copied());
    staged.stage(spans);
    let count = allocations(|| {
        let mut output = read.dispatch(io_read::Submit { max_batch: 7, wrong: None }, &watch);
        while let Some(command) = output.command {
            output = read.dispatch(io_read::Read { ticket: command.ticket, fault: None }, &watch);
        }
        let mut output = staged.dispatch(io_staged_read::Submit { chunk: 9, max_batch: 7, wrong: None }, &watch);
        while let Some(command) = output.command {
            output = staged.dispatch(io_staged_read::Staged { ticket: command.ticket, fault: None }, &watch);
        }
    });
    assert_eq!(count, 0, "io/read and io/staged_read");

    let mut model = ModelLoader::default();
    let count = allocations(|| {
        let mut output = model.dispatch(model_loader::Open::default(), &watch);
        while let Some(model_loader::Command::ReadHeader(ticket) | model_loader::Command::Bind(ticket)) = output.command
        {
            output = match output.command {
                Some(model_loader::Command::ReadHeader(_)) => {
                    model.dispatch(model_loader::Parsed { ticket, fault: None, more: false, missing: false }, &watch)
                }
                _ => model.dispatch(Answered { ticket, fault: None }, &watch),
            };
        }
        model.dispatch(
            model_loader::Load { structure: true, architecture: true, ..model_loader::Load::default() },
            &watch,
        );
    });
    assert_eq!((count, model.state().as_str()), (0, "planning"));
}

/// Actors are held by value; what grows with a model is on the heap.
#[test]
fn actors_are_small() {
    assert!(size_of::<ModelLoader>() <= 256, "{}", size_of::<ModelLoader>());
    assert!(size_of::<ModelTensor>() <= 64, "{}", size_of::<ModelTensor>());
    assert!(size_of::<IoLoader>() <= 256, "{}", size_of::<IoLoader>());
    assert!(size_of::<IoMmap>() <= 256, "{}", size_of::<IoMmap>());
    assert!(size_of::<IoBuffer>() <= 256, "{}", size_of::<IoBuffer>());
    assert!(size_of::<IoRead>() <= 256, "{}", size_of::<IoRead>());
    assert!(size_of::<IoStagedRead>() <= 256, "{}", size_of::<IoStagedRead>());
}
