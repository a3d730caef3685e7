#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fervor_fuzz::video(bytes));
