//! Any lines as a recording, read and written again.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::recording(input));
