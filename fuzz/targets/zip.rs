//! Archives of a few entries, right but for a few places.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::zip(input));
