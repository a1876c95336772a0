//! `mockpilot decode`: a line of JSON for each frame, from bytes and from hex alike.

use std::io::Cursor;

use serde_json::Value;

use super::{DecodeOptions, Trouble, print};

fn printed(input: &[u8], options: &DecodeOptions) -> (Vec<u8>, Option<String>) {
    let mut lines = Vec::new();
    let trouble = match print(Box::new(Cursor::new(input.to_vec())), options, &mut lines) {
        Ok(()) => None,
        Err(Trouble::Input(why)) => Some(why),
        Err(Trouble::Output(error)) => panic!("{error}"),
    };
    (lines, trouble)
}

/// The first byte has the options; behind it are frames, or hex digits.
pub(crate) fn decode(input: &[u8]) {
    let Some((&flags, input)) = input.split_first() else {
        return;
    };
    let options = DecodeOptions {
        file: None,
        hex: flags & 1 != 0,
        from_daemon: flags & 2 != 0,
        raw: flags & 4 != 0,
        secrets: flags & 8 != 0,
    };
    let (lines, trouble) = printed(input, &options);
    let text = str::from_utf8(&lines).expect("lines are text");
    for (at, line) in text.lines().enumerate() {
        let entry: Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!(entry["seq"], at + 1);
        assert!(entry["fields"].is_object() && entry["cmd"].is_string());
    }
    if let Some(why) = &trouble {
        assert!(!why.is_empty() && !why.contains('\n'), "{why}");
    }
    if !options.hex {
        let hex: String = input.iter().map(|byte| format!("{byte:02x} ")).collect();
        let hexed = printed(
            hex.as_bytes(),
            &DecodeOptions {
                hex: true,
                ..options
            },
        );
        assert!(hexed == (lines, trouble), "{hex}");
    }
}
