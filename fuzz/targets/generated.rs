//! One file of any format that is right but for a few places.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::generated(input));
