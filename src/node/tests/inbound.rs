//! What scenarios push on streams: dials of simulated peers, their data, their ends.

use super::*;

fn from_beta(port: u16) -> Inbound<'static> {
    Inbound {
        port,
        from: Address::new(0, 2),
        from_port: 5555,
        echo: false,
        say: b"",
        client: None,
    }
}

impl World {
    fn inbound(&mut self, dial: Inbound<'_>) -> (Option<ClientId>, Vec<String>) {
        let owner = self.node.inbound(dial, self.now, &mut self.said);
        (owner, std::mem::take(&mut self.said.0))
    }

    fn peer_data(&mut self, conn: u32, data: &str) -> (Option<ClientId>, Vec<String>) {
        let owner = self.node.peer_data(conn, data.as_bytes(), &mut self.said);
        (owner, std::mem::take(&mut self.said.0))
    }

    fn peer_close(&mut self, conn: u32) -> (Option<ClientId>, Vec<String>) {
        let owner = self.node.peer_close(conn, self.now, &mut self.said);
        (owner, std::mem::take(&mut self.said.0))
    }
}

fn got(client: ClientId, lines: &[&str]) -> (Option<ClientId>, Vec<String>) {
    (
        Some(client),
        lines.iter().map(|l| (*l).to_owned()).collect(),
    )
}

const NOBODY: (Option<ClientId>, Vec<String>) = (None, Vec::new());

#[test]
fn a_peer_dials_whoever_bound_the_port() {
    let mut w = World::faithful();
    assert_eq!(w.inbound(from_beta(80)), NOBODY);
    w.bind(2, 80);
    let dial = Inbound {
        echo: true,
        say: b"hello",
        ..from_beta(80)
    };
    let accept = "2 accept 80 1 0:0000.0000.0002 5555";
    assert_eq!(w.inbound(dial), got(2, &[accept, "2 recv 1 hello"]));
    assert_eq!(w.send(2, 1, "x"), ["2 recv 1 x"]);
    assert_eq!(w.close(2, 1), ["2 closed 1", "2 ended 1"]);
    // The next one is silent; ids come from the one counter.
    assert_eq!(w.dial(1, 2, 7), ["1 dialled 2"]);
    let accept = "2 accept 80 3 0:0000.0000.0002 5555";
    assert_eq!(w.inbound(from_beta(80)), got(2, &[accept]));
    assert!(w.send(2, 3, "swallowed").is_empty());
    assert_eq!(w.leave(2), Vec::<String>::new());
    assert_eq!(w.inbound(from_beta(80)), NOBODY);
}

#[test]
fn a_peer_dials_a_client_that_has_not_bound_the_port() {
    let mut w = World::faithful();
    w.bind(2, 80);
    let to = |client| Inbound {
        client: Some(client),
        ..from_beta(80)
    };
    let accept = "3 accept 80 1 0:0000.0000.0002 5555";
    assert_eq!(w.inbound(to(3)), got(3, &[accept]));
    assert_eq!(w.inbound(to(9)), NOBODY);
    assert_eq!(w.node.streams_of(3), [1]);
}

#[test]
fn an_inbound_stream_is_listed_and_counted_as_others_are() {
    let mut w = World::faithful();
    w.bind(2, 80);
    let dial = Inbound {
        echo: true,
        say: b"hello",
        ..from_beta(80)
    };
    w.inbound(dial);
    w.send(2, 1, "xyz");
    assert!(w.info().contains(r#"1 open ["1 ESTABLISHED"]"#));
    let stream = &w.node.state(w.now)["streams"][0];
    let expected = serde_json::json!({
        "bytes_recv": 8, "bytes_sent": 3, "client": 2, "id": 1, "local_port": 80,
        "remote_addr": "0:0000.0000.0002", "remote_port": 5555, "state": "ESTABLISHED",
    });
    assert_eq!(*stream, expected);
    assert_eq!(w.node.traffic.received.bytes, 8);
}

#[test]
fn an_inbound_stream_has_its_peers_latency() {
    let mut config = faithful_config();
    config.peers[0].latency = Duration::from_millis(20);
    let mut w = World::new(&config);
    w.bind(2, 80);
    let dial = Inbound {
        echo: true,
        say: b"hello",
        ..from_beta(80)
    };
    let accept = "2 accept 80 1 0:0000.0000.0002 5555";
    assert_eq!(w.inbound(dial), got(2, &[accept]));
    assert!(w.send(2, 1, "x").is_empty());
    assert_eq!(w.pass(20), ["2 recv 1 hello", "2 recv 1 x"]);
}

#[test]
fn no_room_and_no_permission() {
    let mut w = World::lenient();
    w.bind(2, 80);
    for _ in 0..STREAMS_PER_CLIENT {
        assert_eq!(w.inbound(from_beta(80)).0, Some(2));
    }
    assert_eq!(w.inbound(from_beta(80)), NOBODY);
    w.close(2, 1);
    assert_eq!(w.inbound(from_beta(80)).0, Some(2));
    let mut w = World::faithful();
    w.bind(2, 80);
    let policy = br#"{"version":1,"rules":[{"name":"r","on":"connect","match":"peer_id == 2",
        "actions":[{"type":"deny"}]}]}"#;
    let set = Request::PolicySet {
        network_id: 7,
        token: b"admintok",
        policy,
    };
    assert!(w.say(1, &set)[0].contains("applied"));
    let from = |network, node| Inbound {
        from: Address::new(network, node),
        ..from_beta(80)
    };
    assert_eq!(w.inbound(from(7, 2)), NOBODY);
    assert_eq!(w.inbound(from(7, 3)).0, Some(2));
    assert_eq!(w.inbound(from(0, 2)).0, Some(2));
}

#[test]
fn a_peer_that_dials_exists() {
    let mut w = World::faithful();
    w.bind(2, 80);
    let from = |node| Inbound {
        from: Address::new(0, node),
        ..from_beta(80)
    };
    assert_eq!(w.inbound(from(77)).0, Some(2));
    assert_eq!(w.dial(1, 77, 7), ["1 dialled 2"]);
    assert_eq!(w.inbound(from(0)).0, Some(2));
    assert!(w.dial(1, 0, 7)[0].contains("node not found"));
}

#[test]
fn data_comes_as_from_the_far_end_in_the_profiles_chunks() {
    for (mut w, chunks) in [
        (World::faithful(), vec![1152, 248]),
        (World::lenient(), vec![1400]),
    ] {
        w.dial(1, 2, 7);
        let (owner, said) = w.peer_data(1, &"x".repeat(1400));
        let sizes: Vec<_> = said.iter().map(|l| l.len() - "1 recv 1 ".len()).collect();
        assert_eq!((owner, sizes), (Some(1), chunks));
        let stream = &w.node.state(w.now)["streams"][0];
        assert_eq!(
            (&stream["bytes_recv"], &stream["bytes_sent"]),
            (&1400.into(), &0.into())
        );
        assert_eq!(w.peer_data(1, ""), NOBODY);
        assert_eq!(w.peer_data(2, "x"), NOBODY);
        w.close(1, 1);
        assert_eq!(w.peer_data(1, "x"), NOBODY);
    }
}

#[test]
fn data_and_an_end_on_a_stream_between_clients() {
    let mut w = World::faithful();
    w.bind(2, 80);
    w.dial(1, 1, 80);
    assert_eq!(w.peer_data(2, "hello"), got(2, &["2 recv 2 hello"]));
    let state = w.node.state(w.now);
    assert_eq!(state["streams"][0]["bytes_sent"], 5);
    assert_eq!(state["streams"][1]["bytes_recv"], 5);
    assert_eq!(w.node.traffic.sent.bytes, 5);
    assert_eq!(w.peer_close(2), got(2, &["2 ended 2", "1 ended 1"]));
    assert_eq!(w.peer_close(2), NOBODY);
    assert_eq!(w.peer_close(1), NOBODY);
    assert!(
        w.info()
            .contains(r#"0 open ["1 TIME_WAIT", "2 TIME_WAIT"]"#)
    );
    assert_eq!(w.close(1, 1), ["1 closed 1"]);
}

#[test]
fn a_stream_to_a_peer_ends_once() {
    let mut w = World::faithful();
    w.dial(1, 2, 7);
    assert_eq!(w.peer_close(1), got(1, &["1 ended 1"]));
    assert!(w.send(1, 1, "late").is_empty());
    assert_eq!(w.peer_close(1), NOBODY);
}

#[test]
fn what_is_whose() {
    let mut w = World::faithful();
    assert_eq!(w.node.last_stream(None), None);
    for (client, port) in [(2, 90), (2, 80), (3, 85)] {
        w.bind(client, port);
    }
    w.dial(1, 1, 80);
    w.dial(3, 2, 7);
    assert_eq!(w.node.client_ids(), [1, 2, 3]);
    assert_eq!((w.node.binder(80), w.node.binder(7)), (Some(2), None));
    assert_eq!(w.node.ports_of(2), [80, 90]);
    assert!(w.node.ports_of(1).is_empty());
    let owners: Vec<_> = (0..5).map(|conn| w.node.owner(conn)).collect();
    assert_eq!(owners, [None, Some(1), Some(2), Some(3), None]);
    let last =
        |w: &World| [Some(1), Some(2), Some(3), Some(4), None].map(|c| w.node.last_stream(c));
    assert_eq!(last(&w), [Some(1), Some(2), Some(3), None, Some(3)]);
    w.dial(1, 2, 9);
    assert_eq!(w.node.streams_of(1), [1, 4]);
    assert_eq!(last(&w), [Some(4), Some(2), Some(3), None, Some(4)]);
    w.close(1, 4);
    assert_eq!(last(&w), [Some(1), Some(2), Some(3), None, Some(3)]);
    assert_eq!(w.node.streams_of(1), [1]);
    assert!(w.node.streams_of(4).is_empty());
}
