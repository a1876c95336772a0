use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;
use crate::control::server::admit;
use crate::control::verbs::TABLE;
use crate::daemon::signals::Signals;
use crate::daemon::{Daemon, Hooks, Limits, endpoint::Endpoint};
use crate::log::Log;
use crate::node::Config;
use crate::testing::TempDir;

/// A daemon and what steers it; connections come in pairs of sockets.
struct World {
    daemon: Daemon,
    shared: Arc<Shared>,
    signals: Signals,
    _directory: TempDir,
}

impl World {
    fn new() -> World {
        let directory = TempDir::new();
        let endpoint = Endpoint::publish(&directory.path().join("s")).unwrap();
        let (config, limits) = (Config::default(), Limits::default());
        let daemon = Daemon::start(
            endpoint,
            config.into(),
            limits,
            Log::none(),
            Hooks::default(),
        )
        .unwrap();
        daemon.open();
        let signals = Signals::receiving(&[]).unwrap();
        let ender = signals.ender().clone();
        World {
            shared: Shared::new(daemon.steering(), ender, Log::none()),
            daemon,
            signals,
            _directory: directory,
        }
    }

    fn connect(&self, verbs: &'static [Verb]) -> Far {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        admit(&self.shared, near, verbs).unwrap();
        Far(BufReader::new(far))
    }

    fn scoped(&self) -> Vec<(u64, String)> {
        hold(&self.shared.scoped).clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shared.stop();
        self.daemon.stop();
    }
}

/// The client's end.
struct Far(BufReader<UnixStream>);

impl Far {
    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn ask(&mut self, text: &str) -> String {
        self.send(&format!("{text}\n"));
        self.line()
    }

    fn value(&mut self, text: &str) -> Value {
        serde_json::from_str(&self.ask(text)).unwrap()
    }
}

fn refused(why: &str) -> String {
    format!("{{\"ok\":false,\"error\":{}}}\n", Value::from(why))
}

#[test]
fn what_is_wrong_with_a_request_is_said_and_the_next_is_answered() {
    let world = World::new();
    let mut far = world.connect(TABLE);
    for (request, why) in [
        (
            "x",
            "not JSON: invalid character 'x' looking for beginning of value",
        ),
        ("[]", "expected an object, got []"),
        ("{}", "verb: missing, expected a string"),
        (r#"{"verb":1}"#, "verb: expected a string"),
        (
            r#"{"verb":"ping","verb":"ping"}"#,
            "verb: duplicate key, expected it once",
        ),
        (
            r#"{"verb":"pnig"}"#,
            "pnig: unknown verb, did you mean \"ping\"?",
        ),
        (r#"{"verb":"frobnicate"}"#, "frobnicate: unknown verb"),
        (r#"{"verb":"ping","x":1}"#, "x: unknown key"),
        (
            r#"{"verb":"rule_add"}"#,
            "rule: missing, expected an object",
        ),
        // A rule as it is, say.
        (
            r#"{"verb":"rule_add","on":"info"}"#,
            "on: unknown key, expected rule: {...}, [scoped: false]",
        ),
        (
            r#"{"verb":"rule_add","rlue":{}}"#,
            "rlue: unknown key, did you mean \"rule\"?",
        ),
        (
            r#"{"verb":"rule_add","rule":[]}"#,
            "rule: expected an object, got []",
        ),
        (
            r#"{"verb":"rule_add","rule":{},"scoped":1}"#,
            "scoped: expected true or false, got 1",
        ),
        (
            r#"{"verb":"rule_remove","name":null}"#,
            "name: expected a string, got null",
        ),
        (
            r#"{"verb":"await","on":{}}"#,
            "on: expected a name or a list of them, got {}",
        ),
        (
            r#"{"verb":"await","on":"dial","count":0}"#,
            "count: must be more than zero, got 0",
        ),
        (
            r#"{"verb":"await","on":"dial","count":-1}"#,
            "count: expected a whole number, got -1",
        ),
        (
            r#"{"verb":"await","on":"dial","since":"1"}"#,
            "since: expected a whole number, got \"1\"",
        ),
        (
            r#"{"verb":"await","on":"dial","timeout":5}"#,
            "timeout: expected a duration such as \"250ms\", \"2s\" or \"1m\", got 5",
        ),
        (
            r#"{"verb":"drop","client":"some"}"#,
            "client: expected a client's number or \"all\", got \"some\"",
        ),
        (
            r#"{"verb":"drop","client":18446744073709551616}"#,
            "client: expected a client's number or \"all\", got 18446744073709551616",
        ),
        (
            r#"{"verb":"push","push":"x"}"#,
            "push: expected an object or a list of them, got \"x\"",
        ),
    ] {
        assert_eq!(far.ask(request), refused(why), "{request}");
    }
    assert_eq!(far.value(r#" {"verb":"ping"} "#)["ok"], true);
}

#[test]
fn answers_come_in_order_and_blank_lines_are_none() {
    let world = World::new();
    let mut far = world.connect(TABLE);
    far.send("\n  \r\n{\"verb\":\"rules\"}\r\n\n{\"verb\":\"x\"}\n{\"verb\":\"clients\"}");
    far.0.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(far.line(), "{\"ok\":true,\"rules\":[]}\n");
    assert_eq!(far.line(), refused("x: unknown verb"));
    assert_eq!(far.line(), "{\"ok\":true,\"clients\":[]}\n");
    assert_eq!(far.line(), "");
}

#[test]
fn a_long_line_is_refused_and_passed_over() {
    let world = World::new();
    let mut far = world.connect(TABLE);
    let ping = "{\"verb\":\"ping\"}";
    let padded = |length: usize| format!("{ping}{}\n", " ".repeat(length - ping.len()));
    far.send(&padded(LINE_LIMIT));
    assert!(far.line().starts_with("{\"ok\":true,\"pid\":"));
    let over = refused("the line is over the limit of 1048576 bytes");
    for length in [LINE_LIMIT + 1, LINE_LIMIT + 2, 3 * LINE_LIMIT] {
        far.send(&padded(length));
        assert_eq!(far.line(), over);
        assert_eq!(far.value(ping)["ok"], true);
    }
    // The answer does not wait for the end of the line.
    far.send(&" ".repeat(LINE_LIMIT + 1));
    assert_eq!(far.line(), over);
}

#[test]
fn a_client_that_has_gone_is_noticed_and_what_it_sent_is_kept() {
    let world = World::new();
    let (near, far) = UnixStream::pair().unwrap();
    let near = Arc::new(near);
    let connection = Connection {
        shared: Arc::clone(&world.shared),
        stream: Arc::clone(&near),
        number: 0,
        verbs: TABLE,
        ends: false,
    };
    (&far).write_all(b"pending").unwrap();
    assert!(!connection.peer_has_closed());
    far.shutdown(Shutdown::Write).unwrap();
    assert!(!connection.peer_has_closed());
    drop(far);
    assert!(connection.peer_has_closed());
    let mut got = String::new();
    (&*near).read_to_string(&mut got).unwrap();
    assert_eq!(got, "pending");
}

#[test]
fn only_its_own_scoped_rules_go_with_a_connection() {
    let world = World::new();
    let rules = [(1, "a"), (2, "b"), (1, "c")];
    let rules = rules.map(|(number, name)| (number, name.to_owned()));
    *hold(&world.shared.scoped) = rules.to_vec();
    let mut first = world.connect(TABLE);
    let mut second = world.connect(TABLE);
    assert_eq!(first.value("{\"verb\":\"ping\"}")["ok"], true);
    assert_eq!(second.value("{\"verb\":\"ping\"}")["ok"], true);
    first.0.get_ref().shutdown(Shutdown::Write).unwrap();
    // They are gone when the client can know of its end.
    assert_eq!(first.line(), "");
    assert_eq!(world.scoped(), [(2, "b".to_owned())]);
    assert_eq!(second.ask("{\"verb\":\"reset\"}"), "{\"ok\":true}\n");
    assert_eq!(world.scoped(), []);
}

const WAITING: &[Verb] = &[Verb {
    name: "wait",
    keys: &[],
    about: "",
    act: |connection, _, _| {
        hold(&connection.shared.scoped).push((connection.number, "x".to_owned()));
        while !connection.peer_has_closed() {
            thread::yield_now();
        }
        Err("nobody waits".to_owned())
    },
}];

#[test]
fn scoped_rules_go_with_a_client_that_leaves_while_it_waits() {
    let world = World::new();
    let mut far = world.connect(WAITING);
    far.send("{\"verb\":\"wait\"}\n{\"verb\":\"wait\"}\n{\"verb\":\"wa");
    let end = Instant::now() + Duration::from_secs(10);
    while world.scoped().is_empty() && Instant::now() < end {
        thread::yield_now();
    }
    assert_eq!(world.scoped(), [(1, "x".to_owned())]);
    drop(far);
    while !world.scoped().is_empty() && Instant::now() < end {
        thread::yield_now();
    }
    assert_eq!(world.scoped(), []);
    // So does one that the server closes.
    let mut far = world.connect(WAITING);
    far.send("{\"verb\":\"wait\"}\n");
    while world.scoped().is_empty() && Instant::now() < end {
        thread::yield_now();
    }
    world.shared.stop();
    while !world.scoped().is_empty() && Instant::now() < end {
        thread::yield_now();
    }
    assert_eq!(world.scoped(), []);
}

const PANICKING: &[Verb] = &[Verb {
    name: "panic",
    keys: &[],
    about: "",
    act: |connection, _, _| {
        hold(&connection.shared.scoped).push((connection.number, "x".to_owned()));
        panic!("as asked")
    },
}];

#[test]
fn a_panic_ends_one_connection_alone() {
    let world = World::new();
    let mut other = world.connect(TABLE);
    let mut far = world.connect(PANICKING);
    assert_eq!(far.ask("{\"verb\":\"panic\"}"), "");
    assert_eq!(world.scoped(), []);
    assert_eq!(other.value("{\"verb\":\"ping\"}")["ok"], true);
    assert_eq!(
        world.connect(TABLE).value("{\"verb\":\"ping\"}")["ok"],
        true
    );
}

#[test]
fn stop_is_answered_and_then_ends_the_daemon() {
    let mut world = World::new();
    let mut far = world.connect(TABLE);
    assert_eq!(far.ask("{\"verb\":\"stop\"}"), "{\"ok\":true}\n");
    assert_eq!(world.signals.wait_for_end(), Cause::Control);
}

#[test]
fn a_stopped_server_closes_its_clients_and_takes_no_more() {
    let world = World::new();
    let mut idle = world.connect(TABLE);
    assert_eq!(idle.value("{\"verb\":\"ping\"}")["ok"], true);
    // One that never reads its answers is cut off in the middle of them.
    let mut deaf = world.connect(TABLE);
    let (sender, ended) = mpsc::channel();
    let flood = thread::spawn(move || {
        let ping = "{\"verb\":\"state\"}\n".repeat(1000);
        while deaf.0.get_mut().write_all(ping.as_bytes()).is_ok() {
            let _ = sender.send(());
        }
    });
    ended.recv_timeout(Duration::from_secs(10)).unwrap();
    let before = Instant::now();
    world.shared.stop();
    assert_eq!(idle.line(), "");
    flood.join().unwrap();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(world.connect(TABLE).line(), "");
}

#[test]
fn every_verb_is_answered_and_has_help() {
    let wanted = [
        "ping",
        "state",
        "clients",
        "rule_add",
        "rule_remove",
        "rules",
        "push",
        "await",
        "expect",
        "verify",
        "reset",
        "drop",
        "journal",
        "stop",
    ];
    let names: Vec<&str> = TABLE.iter().map(|verb| verb.name).collect();
    assert_eq!(names, wanted);
    let world = World::new();
    for verb in TABLE {
        assert!(!verb.about.is_empty());
        let answer = world
            .connect(TABLE)
            .ask(&format!("{{\"verb\":\"{}\"}}", verb.name));
        match verb.keys.iter().find(|key| key.needed) {
            Some(key) => assert!(
                answer.contains(&format!("\"{}: missing", key.name)),
                "{answer}"
            ),
            None => assert!(answer.starts_with("{\"ok\":true"), "{answer}"),
        }
    }
}
