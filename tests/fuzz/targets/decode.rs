#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mockpilot::fuzzing::run("decode", data));
