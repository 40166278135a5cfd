//! A pattern and a name.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::glob(input));
