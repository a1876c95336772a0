use std::io::Cursor;

use serde_json::Value;

use super::*;
use crate::wire::frame::append;

fn run(input: &[u8], options: &DecodeOptions) -> (Vec<Value>, Option<String>) {
    let mut output = Vec::new();
    let why = match print(Box::new(Cursor::new(input.to_vec())), options, &mut output) {
        Ok(()) => None,
        Err(Trouble::Input(why)) => Some(why),
        Err(Trouble::Output(error)) => panic!("{error}"),
    };
    let text = String::from_utf8(output).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.collect(), why)
}

fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, code, |out| out.extend_from_slice(payload));
    out
}

#[test]
fn lines_have_the_journals_form() {
    let mut output = Vec::new();
    let input = [&[0; 4][..], &frame(0x01, &[0, 80]), &frame(0x0D, b"")].concat();
    let printed = print(
        Box::new(Cursor::new(input)),
        &DecodeOptions::default(),
        &mut output,
    );
    assert!(printed.is_ok());
    assert_eq!(
        String::from_utf8(output).unwrap(),
        "{\"seq\":1,\"t_us\":0,\"client\":0,\"dir\":\"in\",\"cmd\":\"bind\",\"code\":1,\"len\":3,\
         \"fields\":{\"port\":80}}\n\
         {\"seq\":2,\"t_us\":0,\"client\":0,\"dir\":\"in\",\"cmd\":\"info\",\"code\":13,\"len\":1,\
         \"fields\":{}}\n"
    );
}

#[test]
fn frames_of_the_daemon_have_their_direction() {
    let options = DecodeOptions {
        from_daemon: true,
        ..DecodeOptions::default()
    };
    let input: Vec<u8> = [0x05, 0x07, 0x09, 0x0C, 0x0A, 0x02]
        .into_iter()
        .flat_map(|code| frame(code, &[0; 14]))
        .collect();
    let (lines, why) = run(&input, &options);
    assert_eq!(why, None);
    let directions: Vec<_> = lines
        .iter()
        .map(|line| line["dir"].as_str().unwrap())
        .collect();
    assert_eq!(directions, ["push", "push", "out", "push", "out", "out"]);
}

#[test]
fn a_cut_off_frame_is_named_after_the_whole_ones() {
    let whole = [&[0; 4][..], &frame(0x01, &[0, 80])].concat();
    for (rest, wanted) in [
        (
            &[0, 0][..],
            "the frame at offset 11 is cut off: 2 bytes of its length are missing",
        ),
        (
            &[0, 0, 0, 9],
            "the frame at offset 11 is cut off: 9 bytes are missing",
        ),
        (
            &[0, 0, 0, 9, 3, 0],
            "the frame at offset 11 is cut off: 7 bytes are missing",
        ),
        (
            &[0, 1, 0, 0, 6, 0],
            "the frame at offset 11 is cut off: 65534 bytes are missing",
        ),
        (
            &[0, 0x10, 0, 1, 6, 0],
            "the frame at offset 11 has 1048577 bytes, over the limit of 1048576",
        ),
    ] {
        let (lines, why) = run(&[&whole, rest].concat(), &DecodeOptions::default());
        assert_eq!(lines.len(), 1);
        assert_eq!(why.as_deref(), Some(wanted));
    }
    let large = [frame(0x06, &[7; 200_000]), frame(0x06, &[7; 100_000])].concat();
    let (lines, why) = run(&large[..large.len() - 3], &DecodeOptions::default());
    assert_eq!(lines[0]["fields"]["bytes"], 199_996);
    let wanted = "the frame at offset 200005 is cut off: 3 bytes are missing";
    assert_eq!(why.as_deref(), Some(wanted));
}

#[test]
fn hex_digits_are_bytes() {
    let options = DecodeOptions {
        hex: true,
        ..DecodeOptions::default()
    };
    for (input, count, wanted) in [
        ("", 0, None),
        ("00 00 00 03 01 00\n50 0 0000001\t0d \n", 2, None),
        (
            "0000000Dx",
            0,
            Some("the character at offset 8, x, is no hex digit"),
        ),
        (
            "000000010Dx",
            1,
            Some("the character at offset 10, x, is no hex digit"),
        ),
        (
            "000000010d 0",
            1,
            Some("the last byte has one hex digit only"),
        ),
        (
            "000000010d 0000",
            1,
            Some("the frame at offset 5 is cut off: 2 bytes of its length are missing"),
        ),
    ] {
        let (lines, why) = run(input.as_bytes(), &options);
        assert_eq!((lines.len(), why.as_deref()), (count, wanted), "{input:?}");
    }
    let many = "00 00 00 03 01\r\n 00 50 ".repeat(10_000);
    let (lines, why) = run(many.as_bytes(), &options);
    assert_eq!((lines.len(), why), (10_000, None));
    assert!(lines.iter().all(|line| line["fields"]["port"] == 80));
}

#[test]
fn data_and_tokens_are_shown_when_asked_for() {
    let token = frame(0x29, b"\0\x07\0\x50\0\x06s3cretdata");
    let long = frame(0x06, &[&[0; 4][..], &[b'x'; 100]].concat());
    let input = [token, long].concat();
    let (lines, _) = run(&input, &DecodeOptions::default());
    assert_eq!(lines[0]["fields"]["token"], "<redacted>");
    assert_eq!(lines[1]["fields"]["data"], "x".repeat(64));
    let options = DecodeOptions {
        raw: true,
        secrets: true,
        ..DecodeOptions::default()
    };
    let (lines, _) = run(&input, &options);
    assert_eq!(lines[0]["fields"]["token"], "s3cret");
    assert_eq!(lines[1]["fields"]["data"], "x".repeat(100));
    assert_eq!(lines[1]["fields"]["bytes"], 100);
}

/// Takes a few bytes and then nothing.
struct Narrow(ErrorKind);

impl Write for Narrow {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_cannot_be_written_end_it() {
    let input = frame(0x0D, b"");
    for kind in [ErrorKind::BrokenPipe, ErrorKind::StorageFull] {
        let source = Box::new(Cursor::new(input.clone()));
        let printed = print(source, &DecodeOptions::default(), &mut Narrow(kind));
        assert!(matches!(printed, Err(Trouble::Output(error)) if error.kind() == kind));
    }
}
