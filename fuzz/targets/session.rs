//! Any requests, any faults, any bytes.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: (Vec<u8>, Vec<u8>)| weighbridge_tests::fuzz::session(&input.0, &input.1));
