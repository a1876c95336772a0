//! Streams between clients, and with themselves.

use super::*;

/// Clients 1 and 2 joined by a stream: 1 has dialled its end 1, 2 has accepted its end 2.
fn joined() -> World {
    let mut w = World::faithful();
    assert_eq!(w.bind(2, 6000), ["2 bound 6000"]);
    assert_eq!(
        w.dial(1, 1, 6000),
        ["1 dialled 1", "2 accept 6000 2 0:0000.0000.0001 49152"]
    );
    w
}

#[test]
fn bytes_travel_both_ways_whoever_sends_them() {
    let mut w = joined();
    assert_eq!(w.send(1, 1, "hello"), ["2 recv 2 hello"]);
    assert_eq!(w.send(2, 2, "world"), ["1 recv 1 world"]);
    assert_eq!(w.send(3, 2, "foreign"), ["1 recv 1 foreign"]);
    assert!(w.send(1, 1, "").is_empty());
    assert!(w.send(1, 77, "nobody").is_empty());
}

#[test]
fn the_dialler_closes_first() {
    let mut w = joined();
    assert_eq!(w.close(1, 1), ["1 closed 1", "1 ended 1", "2 ended 2"]);
    assert!(w.send(2, 2, "late").is_empty());
    assert_eq!(w.close(2, 2), ["2 closed 2"]);
    assert_eq!(w.close(1, 1), ["1 closed 1"]);
}

#[test]
fn the_acceptor_closes_first() {
    let mut w = joined();
    assert_eq!(w.close(2, 2), ["2 closed 2", "2 ended 2", "1 ended 1"]);
    assert!(w.send(1, 1, "late").is_empty());
    assert_eq!(w.close(1, 1), ["1 closed 1"]);
}

#[test]
fn a_foreigner_closes() {
    let mut w = joined();
    assert_eq!(w.close(3, 1), ["3 closed 1", "1 ended 1", "2 ended 2"]);
    assert_eq!(w.close(3, 2), ["3 closed 2"]);
    assert_eq!(w.close(3, 999), ["3 closed 999"]);
    assert_eq!(w.close(3, 0), ["3 closed 0"]);
}

#[test]
fn one_client_is_both_ends() {
    let mut w = World::faithful();
    w.bind(1, 7502);
    assert_eq!(
        w.dial(1, 1, 7502),
        ["1 dialled 1", "1 accept 7502 2 0:0000.0000.0001 49152"]
    );
    assert_eq!(w.send(1, 1, "x"), ["1 recv 2 x"]);
    assert_eq!(w.send(1, 2, "y"), ["1 recv 1 y"]);
    assert_eq!(w.close(1, 1), ["1 closed 1", "1 ended 1", "1 ended 2"]);
}

#[test]
fn a_client_that_leaves_frees_its_ports_and_ends_its_streams() {
    let mut w = joined();
    assert_eq!(w.leave(2), ["1 ended 1"]);
    assert_eq!(w.bind(3, 6000), ["3 bound 6000"]);
    assert_eq!(w.close(1, 1), ["1 closed 1"]);
    w.dial(1, 1, 6000);
    assert_eq!(w.leave(1), ["3 ended 4"]);
}

#[test]
fn a_daemon_that_stops_tells_each_owner_once() {
    let mut w = joined();
    w.node.client_stopped(1, w.now, &mut w.said);
    w.node.client_gone(1, w.now, &mut w.said);
    w.node.client_stopped(2, w.now, &mut w.said);
    assert_eq!(w.said.0, ["2 ended 2", "1 ended 1"]);
}

#[test]
fn open_streams_outlive_the_port() {
    let mut w = joined();
    assert_eq!(
        w.say(1, &Request::Unbind { port: 6000 }),
        ["1 error unbind: port is not owned by this client"]
    );
    assert_eq!(
        w.say(2, &Request::Unbind { port: 6000 }),
        ["2 unbound 6000"]
    );
    assert_eq!(w.send(1, 1, "still"), ["2 recv 2 still"]);
    assert_eq!(w.dial(1, 1, 6000), ["1 error connection refused"]);
    assert_eq!(w.bind(3, 6000), ["3 bound 6000"]);
}

#[test]
fn ports_have_one_owner() {
    let mut w = World::faithful();
    for port in DAEMON_PORTS {
        assert_eq!(
            w.bind(1, port),
            [format!("1 error port {port} already bound")]
        );
    }
    assert_eq!(w.bind(1, 0), ["1 bound 0"]);
    assert_eq!(w.bind(1, 0), ["1 error port 0 already bound"]);
    assert_eq!(w.bind(2, 0), ["2 error port 0 already bound"]);
    let mut w = World::lenient();
    w.bind(1, 80);
    assert_eq!(w.bind(1, 80), ["1 bound 80"]);
    assert_eq!(w.bind(2, 80), ["2 error port 80 already bound"]);
}

#[test]
fn faithful_data_comes_in_segments_and_lenient_data_as_it_was_sent() {
    let mut w = joined();
    let sizes = |said: Vec<String>| -> Vec<usize> {
        said.iter()
            .map(|line| line.len() - "2 recv 2 ".len())
            .collect()
    };
    assert_eq!(sizes(w.send(1, 1, &"x".repeat(1400))), [1152, 248]);
    assert_eq!(
        sizes(w.send(1, 1, &"x".repeat(4096))),
        [1152, 1152, 1152, 640]
    );
    let mut w = World::lenient();
    w.bind(2, 80);
    w.dial(1, 5, 80);
    assert_eq!(sizes(w.send(1, 1, &"x".repeat(100_000))), [100_000]);
}

#[test]
fn streams_are_listed_until_a_while_after_their_end() {
    let mut w = joined();
    assert!(
        w.info()
            .contains(r#"2 open ["1 ESTABLISHED", "2 ESTABLISHED"]"#)
    );
    w.close(1, 1);
    assert!(
        w.info()
            .contains(r#"0 open ["1 TIME_WAIT", "2 TIME_WAIT"]"#)
    );
    w.close(2, 2);
    assert!(w.info().contains(r#"["1 TIME_WAIT", "2 FIN_WAIT"]"#));
    w.pass(9_900);
    assert!(w.info().contains("TIME_WAIT"));
    w.pass(200);
    assert!(w.info().contains("0 open []"));
}

#[test]
fn the_quota_of_streams_holds_for_both_ends() {
    let mut w = World::lenient();
    w.bind(2, 80);
    for _ in 0..STREAMS_PER_CLIENT {
        assert_eq!(w.dial(1, 5, 80).len(), 2);
    }
    assert_eq!(
        w.dial(1, 5, 7),
        ["1 error dial: per-client connection quota (4096) reached"]
    );
    // Client 2 is full with accepted streams: who dials it now is refused.
    assert_eq!(w.dial(3, 5, 80), ["3 error connection refused"]);
    assert_eq!(w.dial(3, 5, 7)[0], "3 dialled 8193");
    w.close(1, 1);
    assert_eq!(w.dial(3, 5, 80).len(), 2);
}

#[test]
fn ended_streams_do_not_pile_up() {
    let mut w = World::lenient();
    for _ in 0..10_000 {
        let dialled = w.dial(1, 5, 7).remove(0);
        let conn = dialled.rsplit(' ').next().unwrap().parse().unwrap();
        w.close(1, conn);
    }
    let entries = w.info().matches("TIME_WAIT").count();
    assert!((4000..=4096).contains(&entries), "{entries}");
}
