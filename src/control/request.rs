//! The line of JSON that asks for something over the control socket.

use std::fmt::Write;

use serde_json::Value;

use crate::go::json::members;

/// The line that asks for `verb` with the keys of an object.
///
/// # Errors
/// One clause, when `keys` is not an object, or has a verb itself.
pub(crate) fn request(verb: &str, keys: &[u8]) -> Result<String, String> {
    let mut line = format!("{{\"verb\":{}", Value::from(verb));
    for (key, value) in members(keys)? {
        if key == "verb" {
            return Err("verb: duplicate key, expected it once".to_owned());
        }
        // Writing to a String cannot fail.
        let _ = write!(line, ",{}:{value}", Value::from(key));
    }
    // Inside a string they would be written as escapes.
    let mut line = line.replace(['\n', '\r'], " ");
    line += "}\n";
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_one_line() {
        let keys = b"{\n \"a\\n\" : [1,\r\n2],\n\"b\":\"\\n\"}";
        assert_eq!(
            request("push", keys).unwrap(),
            "{\"verb\":\"push\",\"a\\n\":[1,  2],\"b\":\"\\n\"}\n"
        );
        assert_eq!(request("ping", b"{}").unwrap(), "{\"verb\":\"ping\"}\n");
        let twice = request("ping", b"{\"verb\":\"stop\"}");
        assert_eq!(twice.unwrap_err(), "verb: duplicate key, expected it once");
    }
}
