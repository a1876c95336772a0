//! Addresses: a network and a node in it.

use std::fmt;
use std::str::FromStr;

/// The node id that addresses every node of a network; no node has it.
pub const BROADCAST_NODE: u32 = u32::MAX;

/// A virtual address: 16 bits of network, 32 bits of node (`addr6` on the wire).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The network; 0 is the backbone.
    pub network: u16,
    /// The node.
    pub node: u32,
}

impl Address {
    /// The address of `node` in `network`.
    pub const fn new(network: u16, node: u32) -> Self {
        Address { network, node }
    }

    /// The 12 hex digits that signed envelopes carry.
    pub fn hex(self) -> String {
        format!("{:04x}{:08x}", self.network, self.node)
    }
}

/// `1:0001.0002.0003`: network in decimal, then the 48 bits in groups of four hex digits.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low) = (self.node >> 16, self.node & 0xffff);
        write!(
            f,
            "{}:{:04X}.{high:04X}.{low:04X}",
            self.network, self.network
        )
    }
}

impl FromStr for Address {
    type Err = String;

    /// Reads the text form. Fails, naming the text, when a group is missing or malformed or when
    /// the two spellings of the network differ.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an address like \"0:0000.0000.000B\"");
        let (network, groups) = text.split_once(':').ok_or_else(wrong)?;
        let digits = !network.is_empty() && network.bytes().all(|b| b.is_ascii_digit());
        let network: u16 = network.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        let mut values = [0u16; 3];
        let mut parts = groups.split('.');
        for value in &mut values {
            let part = parts.next().ok_or_else(wrong)?;
            if part.len() != 4 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *value = u16::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() || values[0] != network {
            return Err(wrong());
        }
        let node = u32::from(values[1]) << 16 | u32::from(values[2]);
        Ok(Address { network, node })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_both_ways() {
        for (address, text) in [
            (Address::new(1, 0x0002_0003), "1:0001.0002.0003"),
            (Address::new(0, 11), "0:0000.0000.000B"),
            (Address::new(65535, u32::MAX), "65535:FFFF.FFFF.FFFF"),
            (Address::new(0, 0x1234_5678), "0:0000.1234.5678"),
        ] {
            assert_eq!(address.to_string(), text);
            assert_eq!(text.parse(), Ok(address));
        }
        assert_eq!(Address::new(1, 2).hex(), "000100000002");
    }

    #[test]
    fn malformed_texts_are_named() {
        for text in [
            "",
            "1",
            "1:",
            "1:0001.0002",
            "1:0001.0002.0003.0004",
            "1:0001.0002.000",
            "1:0001.0002.00034",
            "2:0001.0002.0003",
            "+1:0001.0002.0003",
            "70000:0001.0002.0003",
            "1:0001.0002.000G",
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(error.starts_with(&format!("{text:?} is not")), "{error}");
        }
    }
}
