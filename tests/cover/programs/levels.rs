//! Runs itself again, three levels deep. Its argument says how the last level ends: exit, panic or crash.

use std::process::{Command, exit};

fn level_one(how: &str) -> i32 {
    again("two", how)
}

fn level_two(how: &str) -> i32 {
    again("three", how)
}

fn level_three(how: &str) -> i32 {
    match how {
        "panic" => panic!("level three"),
        "crash" => crash(),
        _ => 5,
    }
}

fn crash() -> i32 {
    // Long enough to be seen.
    std::thread::sleep(std::time::Duration::from_millis(200));
    std::process::abort()
}

fn again(level: &str, how: &str) -> i32 {
    let program = std::env::current_exe().expect("a program");
    let status = Command::new(program).args([level, how]).status();
    status.expect("a child").code().unwrap_or(7)
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let status = match words[1].as_str() {
        "two" => level_two(&words[2]),
        "three" => level_three(&words[2]),
        how => level_one(how),
    };
    exit(status);
}
