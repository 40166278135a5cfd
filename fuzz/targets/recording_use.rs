//! Recordings that are exported, drawn and compared.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::recording_use(input));
