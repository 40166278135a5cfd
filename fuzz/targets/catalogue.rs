//! The files of a model, nearly right together.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::catalogue(input));
