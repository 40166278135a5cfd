//! Any bytes as a safetensors file.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::safetensors(input));
