//! Any bytes as the index of a model in shards.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::index(input));
