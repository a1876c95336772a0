//! Base 64 in the standard alphabet with padding, decoded by Go's rules.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `bytes` in base 64, padded with `=`.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .zip([16, 8, 0])
            .fold(0u32, |word, (&byte, shift)| word | u32::from(byte) << shift);
        for position in 0..4 {
            if position <= group.len() {
                let index = (word >> (18 - 6 * position)) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// The bytes that `text` stands for; line ends (CR, LF) in it do not count.
///
/// # Errors
/// `illegal base64 data at input byte N`, N being the byte that Go blames.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut at = 0;
    let mut word: u32 = 0;
    let mut held = 0;
    loop {
        let Some(&byte) = text.get(at) else {
            // A cut-off group is blamed on the place where it would have begun without line ends.
            return if held == 0 {
                Ok(out)
            } else {
                illegal(at - held)
            };
        };
        at += 1;
        if matches!(byte, b'\r' | b'\n') {
            continue;
        }
        if let Some(bits) = value(byte) {
            word = word << 6 | bits;
            held += 1;
            if held == 4 {
                out.extend_from_slice(&word.to_be_bytes()[1..]);
                (word, held) = (0, 0);
            }
            continue;
        }
        if byte != b'=' || held < 2 {
            return illegal(at - 1);
        }
        if held == 2 {
            at += line_ends(&text[at..]);
            match text.get(at) {
                None => return illegal(at),
                Some(b'=') => at += 1,
                Some(_) => return illegal(at - 1),
            }
        }
        at += line_ends(&text[at..]);
        if at < text.len() {
            return illegal(at);
        }
        word <<= 6 * (4 - held);
        out.extend_from_slice(&word.to_be_bytes()[1..held]);
        return Ok(out);
    }
}

fn illegal<T>(at: usize) -> Result<T, String> {
    Err(format!("illegal base64 data at input byte {at}"))
}

fn line_ends(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded.as_bytes()), Ok(plain.as_bytes().to_vec()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&all).as_bytes()), Ok(all));
    }

    #[test]
    fn line_ends_do_not_count() {
        for text in ["Zm8=\n", "Z\nm\r\n8=", "Zm8\n=", "\n\nZm8="] {
            assert_eq!(decode(text.as_bytes()), Ok(b"fo".to_vec()), "{text:?}");
        }
        assert_eq!(decode(b"Zg=\r\n=\n"), Ok(b"f".to_vec()));
        // Bits beyond the last byte are not looked at.
        assert_eq!(decode(b"Zh=="), Ok(b"f".to_vec()));
    }

    #[test]
    fn the_byte_that_go_blames() {
        for (text, byte) in [
            ("!!!", 0),
            ("Zg", 0),
            ("Zm9vY", 4),
            ("Zm9vYm", 4),
            ("Z\ng", 1),
            ("Zg=", 3),
            ("Zg=x", 2),
            ("=", 0),
            ("Z===", 1),
            ("Zm8=x", 4),
            ("Zg==Zg==", 4),
            ("Zm9v-m9v", 4),
        ] {
            let wanted = format!("illegal base64 data at input byte {byte}");
            assert_eq!(decode(text.as_bytes()), Err(wanted), "{text:?}");
        }
    }
}
