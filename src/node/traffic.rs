//! What the node counts of its traffic, and the source ports that it gives out.

use super::streams::Flow;

/// First source port of dials and datagrams. Source: recorded.
const FIRST_PORT: u16 = 49_152;

/// Counters of what goes in and out.
#[derive(Debug, Default)]
pub struct Traffic {
    pub sent: Flow,
    pub received: Flow,
    ports_used: u16,
}

/// A fresh source port: they count up, and start anew after the last.
pub fn next_port(traffic: &mut Traffic) -> u16 {
    let port = FIRST_PORT + traffic.ports_used;
    traffic.ports_used = (traffic.ports_used + 1) % (u16::MAX - FIRST_PORT + 1);
    port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_ports_start_anew_after_the_last() {
        let mut traffic = Traffic::default();
        assert_eq!(next_port(&mut traffic), 49_152);
        assert_eq!(next_port(&mut traffic), 49_153);
        for _ in 2..16_384 {
            next_port(&mut traffic);
        }
        assert_eq!(next_port(&mut traffic), 49_152);
    }
}
