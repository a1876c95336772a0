//! The daemon inside a test: configured, looked at, stopped.

mod support;

use std::time::{Duration, Instant};

use mockpilot::MockDaemon;
use mockpilot::daemon::Limits;
use mockpilot::node::{Config, PeerConfig, PendingConfig, Profile, Service};
use support::{Client, DEADLINE, Received, error_of};

fn dial(client: &mut Client, node: u8, port: u8) -> (u8, Vec<u8>) {
    client.call(0x03, &[0, 0, 0, 0, 0, node, 0, port])
}

fn beta() -> PeerConfig {
    let mut beta = PeerConfig::new(2);
    beta.hostname = "beta".to_owned();
    beta.services.insert(13, Service::Say(b"hello\n".to_vec()));
    beta.services.insert(98, Service::Hang);
    beta.services.insert(99, Service::Refuse);
    beta
}

#[test]
fn a_configured_world_is_served() {
    let config = Config {
        profile: Profile::Faithful,
        dial_timeout: Duration::from_millis(50),
        clock: Some(1_800_000_000),
        peers: vec![beta()],
        pending: vec![PendingConfig {
            node_id: 9,
            justification: "hi".to_owned(),
        }],
        ..Config::default()
    };
    let daemon = MockDaemon::builder().config(config).start().unwrap();
    let mut client = Client::connect(daemon.socket());
    assert_eq!(client.call_json(0x11, b"beta")["node_id"], 2);
    assert_eq!(client.call_json(0x0D, &[])["uptime_secs"], 0);
    let pending = client.call_json(0x0F, &[4]);
    assert_eq!(pending["pending"][0]["received_at"], 1_800_000_000);

    assert_eq!(dial(&mut client, 2, 13).0, 0x04);
    assert_eq!(client.expect(0x07)[4..], *b"hello\n");
    let (code, payload) = dial(&mut client, 2, 99);
    assert_eq!((code, &*error_of(&payload)), (0x0A, "connection refused"));
    // A dial that hangs holds nothing else up.
    client.send(0x03, &[0, 0, 0, 0, 0, 2, 0, 98]);
    assert!(client.quiet().is_empty());
    assert_eq!(error_of(&client.expect(0x0A)), "dial timeout");

    let state = daemon.state();
    assert_eq!(state["profile"], "faithful");
    assert_eq!(state["streams"][0]["remote_port"], 13);
    assert_eq!(state["trust"]["pending"][0]["node_id"], 9);
    client.call_ok(0x01, &[0, 80]);
    assert_eq!(daemon.state()["ports"][0]["port"], 80);
}

#[test]
fn latency_delays_its_own_peer_alone() {
    let mut slow = beta();
    slow.latency = Duration::from_millis(80);
    let config = Config {
        peers: vec![slow],
        ..Config::default()
    };
    let daemon = MockDaemon::builder().config(config).start().unwrap();
    let mut client = Client::connect(daemon.socket());
    let start = Instant::now();
    client.send(0x03, &[0, 0, 0, 0, 0, 2, 0, 7]);
    // Another peer answers at once.
    assert_eq!(dial(&mut client, 5, 7), (0x04, vec![0, 0, 0, 1]));
    assert_eq!(client.expect(0x04), [0, 0, 0, 2]);
    client.send(0x06, &[0, 0, 0, 2, b'x']);
    assert_eq!(client.expect(0x07), [0, 0, 0, 2, b'x']);
    assert!(start.elapsed() >= Duration::from_millis(160));
}

#[test]
fn data_that_a_slow_peer_holds_counts_against_the_budget() {
    let mut slow = beta();
    slow.latency = Duration::from_millis(100);
    let config = Config {
        peers: vec![slow],
        ..Config::default()
    };
    let daemon = MockDaemon::builder().config(config).start().unwrap();
    let mut client = Client::connect(daemon.socket());
    let conn = {
        client.send(0x03, &[0, 0, 0, 0, 0, 2, 0, 7]);
        client.expect(0x04)
    };
    let frame = Client::frame(0x06, &[&conn[..], &[7; 500_000]].concat());
    let stream = client.stream().try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        Client::over(stream).send_raw(&frame.repeat(8));
    });
    for _ in 0..8 {
        assert_eq!(client.expect(0x07).len(), 500_004);
    }
    sending.join().unwrap();
}

#[test]
fn a_drop_stops_the_daemon_and_leaves_nothing() {
    let daemon = MockDaemon::builder().start().unwrap();
    let socket = daemon.socket().to_owned();
    let mut client = Client::connect(&socket);
    client.call_ok(0x21, &[]);
    drop(daemon);
    assert!(!socket.exists() && !socket.parent().unwrap().exists());
    let end = client.receive(Instant::now() + support::DEADLINE);
    assert_eq!(end, Received::Eof);
}

#[test]
fn a_path_that_is_taken_is_an_error() {
    let first = MockDaemon::builder().start().unwrap();
    let second = MockDaemon::builder().socket(first.socket()).start();
    let error = second.expect_err("the path is taken").to_string();
    assert!(error.contains("in use"), "{error}");
}

fn scenario(json: &str) -> mockpilot::Builder {
    MockDaemon::builder().scenario(json)
}

#[test]
fn a_faulty_scenario_is_refused_with_every_mistake() {
    let refused = scenario(r#"{"rules": [{"on": "dail"}], "seeed": 1}"#)
        .start()
        .unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(
        refused.to_string(),
        "<scenario>:1:13: rules[0].on: unknown command \"dail\", did you mean \"dial\"?\n\
         <scenario>:1:29: seeed: unknown key, did you mean \"seed\"?"
    );
    let both = scenario("{}").config(Config::default()).start();
    assert!(both.unwrap_err().to_string().contains("exclude each other"));
    let nowhere = MockDaemon::builder().scenario_file("/nowhere.json").start();
    let why = nowhere.unwrap_err().to_string();
    assert!(why.starts_with("/nowhere.json: cannot read: "), "{why}");
}

#[test]
fn limits_under_which_nobody_could_be_served_are_refused() {
    let usual = Limits::default;
    let no_budget = Limits {
        client_budget: 0,
        ..usual()
    };
    let no_time = Limits {
        write_timeout: Duration::ZERO,
        ..usual()
    };
    for (limits, name) in [(no_budget, "client_budget"), (no_time, "write_timeout")] {
        let refused = MockDaemon::builder().limits(limits).start().unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
        let why = format!("limits: {name}: must be more than zero");
        assert_eq!(refused.to_string(), why);
    }
}

#[test]
fn a_test_steers_the_daemon_and_sees_what_was_asked() {
    let daemon = scenario(r#"{"rules": [{"name": "no", "on": "info", "error": "not now"}]}"#)
        .start()
        .unwrap();
    let mut client = Client::connect(daemon.socket());
    client.send(0x01, &80u16.to_be_bytes());
    client.expect(0x02);
    let port = |port: u16| format!(r#"{{"on": "bind", "when": {{"port": {port}}}}}"#);
    let seq = daemon.await_request(port(80), DEADLINE).unwrap();
    let entry = &daemon.journal()[seq as usize - 1];
    assert_eq!(entry["fields"]["port"], 80);
    let missed = daemon.await_request(port(81), Duration::ZERO).unwrap_err();
    assert!(missed.ends_with("port: expected 81, got 80"), "{missed}");

    let accept = r#"{"accept": {"port": 80, "say": "hello"}}"#;
    assert_eq!(daemon.push(accept), Ok(1));
    client.expect(0x05);
    assert_eq!(client.expect(0x07)[4..], *b"hello");
    let unbound = r#"{"accept": {"port": 99}}"#;
    assert_eq!(daemon.push(unbound), Ok(0));
    let wrong = daemon.push(r#"{"acept": {"port": 80}}"#).unwrap_err();
    assert!(wrong.contains("did you mean \"accept\""), "{wrong}");
    client.send(0x0D, &[]);
    assert_eq!(client.expect(0x0A)[2..], *b"not now");
    let journal = daemon.journal();
    assert_eq!(journal.last().unwrap()["rule"], "no");
    daemon
        .await_requests(r#"{"on": "*"}"#, 2, DEADLINE)
        .unwrap();
}

#[test]
fn a_daemon_verifies_when_it_is_dropped() {
    let expecting = r#"{"expect": [{"on": "health", "times": 1}]}"#;
    let daemon = scenario(expecting).start().unwrap();
    assert!(daemon.verify().is_err());
    let mut client = Client::connect(daemon.socket());
    client.send(0x21, &[]);
    client.expect(0x22);
    assert_eq!(daemon.verify(), Ok(()));
    daemon.stop();

    let daemon = scenario(expecting).start().unwrap();
    let report = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(daemon)));
    let report = *report.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(
        report,
        "<scenario>:1:13: health: expected 1, got 0; nothing else came"
    );
}
