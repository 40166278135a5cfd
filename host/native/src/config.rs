//! The settings of the engine. The build script compiles the component under the very same ones: this file is part of both.
use wasmtime::Config;

/// Bytes of stack that a guest may use. The loader needs a fraction of it: it does not recurse.
pub(crate) const GUEST_STACK: usize = 512 << 10;

/// How many addresses a guest may take. The component is compiled for each, as the code for one does not run in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// More than 4 GiB for each guest, for then most checks of its bounds cost nothing.
    Wide,
    /// No more than a guest's memory has: for processes whose addresses are limited, such as by `ulimit -v`.
    Narrow,
}

impl Room {
    /// Bytes of addresses that a guest's memory may grow into where it is.
    const GROWTH: u64 = 2 << 20;
}

/// The settings for a guest on this kind of system.
pub(crate) fn config(room: Room, windows: bool) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    // What the loader does not need cannot be attacked. (Threads and gc are not even compiled in.)
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_tail_call(false);
    config.wasm_relaxed_simd(false);
    config.wasm_stack_switching(false);
    config.wasm_custom_page_sizes(false);
    config.max_wasm_stack(GUEST_STACK);
    // Nobody reads where in the guest a trap was: the error is its reason. Without the tables for it there is less to load.
    config.generate_address_map(false);
    if room == Room::Narrow {
        // Nothing is reserved but a little to grow into; a memory that grows further moves.
        config.memory_reservation(0);
        config.memory_reservation_for_growth(Room::GROWTH);
        config.memory_guard_size(0);
        config.memory_may_move(true);
    }
    // Windows unwinds through every frame.
    config.native_unwind_info(windows);
    config
}
