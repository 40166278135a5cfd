//! Any bytes as a GGUF file.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::gguf(input));
