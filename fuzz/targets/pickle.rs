//! Any bytes as the pickle of a checkpoint.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::pickle(input));
