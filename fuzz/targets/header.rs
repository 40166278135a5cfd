//! Any bytes as a header.
#![no_main]
libfuzzer_sys::fuzz_target!(|file: &[u8]| weighbridge_tests::fuzz::header("model", file));
