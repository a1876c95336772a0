#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mockpilot::fuzzing::run("go_counters", data));
