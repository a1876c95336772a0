//! Clients that are told to go.

use std::io::Write;
use std::thread;

use serde_json::json;

use crate::steered::Steered;
use crate::support::Client;

#[test]
fn one_goes_and_the_others_stay() {
    let steered = Steered::start(&[]);
    let mut clients: Vec<Client> = (0..3).map(|_| steered.settled()).collect();
    clients[1].call_ok(0x01, &[0, 80]);
    let mut talk = steered.talk();
    assert_eq!(
        talk.done(json!({"verb": "drop", "client": 2})),
        json!({"ok": true, "dropped": 1})
    );
    // It is gone when the answer is there, with all that it had.
    let rows = talk.done(json!({"verb": "clients"}))["clients"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    clients[0].call_ok(0x01, &[0, 80]);
    clients[1].recv_eof();
    for client in [2, 4, 0] {
        let answer = talk.ask(json!({"verb": "drop", "client": client}));
        let error = format!("there is no client {client}");
        assert_eq!(answer, json!({"ok": false, "error": error}));
    }
    assert_eq!(clients[0].quiet(), []);
    assert_eq!(clients[2].quiet(), []);
}

#[test]
fn all_of_them() {
    let steered = Steered::start(&[]);
    let mut talk = steered.talk();
    let all = json!({"verb": "drop", "client": "all"});
    assert_eq!(talk.done(all.clone())["dropped"], 0);
    let clients: Vec<Client> = (0..50).map(|_| steered.settled()).collect();
    assert_eq!(talk.done(all.clone())["dropped"], 50);
    assert_eq!(talk.done(json!({"verb": "clients"}))["clients"], json!([]));
    for mut client in clients {
        client.recv_eof();
    }
    let entries = steered.entries(0);
    let dropped = entries.iter().filter(|e| e["reason"] == "drop");
    assert_eq!(dropped.count(), 50);
    // New ones are let in.
    steered.settled();
}

#[test]
fn the_client_sees_an_end_and_no_reset() {
    // The daemon does not read from this one, which has sent more.
    let stall = json!({"rules": [{"on": "info", "fault": {"stall": "1m"}}]});
    let steered = Steered::play(&stall);
    for _ in 0..20 {
        let mut client = steered.connect();
        client.call_ok(0x0D, b"");
        client.send_raw(&Client::frame(0x21, b"").repeat(2000));
        steered.done(json!({"verb": "drop", "client": "all"}));
        client.recv_eof();
    }
}

#[test]
fn a_client_that_writes_all_the_time_sees_an_end() {
    let steered = Steered::start(&[]);
    for _ in 0..20 {
        let mut client = steered.settled();
        let mut writer = client.stream().try_clone().unwrap();
        let writing = thread::spawn(move || {
            let burst = Client::frame(0x2B, b"").repeat(100);
            while writer.write_all(&burst).is_ok() {}
        });
        steered.done(json!({"verb": "await", "on": "cancel", "count": 1000}));
        steered.done(json!({"verb": "drop", "client": "all"}));
        steered.done(json!({"verb": "reset"}));
        client.recv_eof();
        writing.join().unwrap();
    }
}
