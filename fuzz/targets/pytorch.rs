//! Checkpoints that are right but for a few places, and requests of them.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| weighbridge_tests::fuzz::pytorch(input));
