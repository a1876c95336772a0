use super::*;
use crate::wire::reply::Counters;
use serde_json::json;

fn bytes(reply: &Reply<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_reply(&mut out, reply);
    out
}

fn info(conns: usize, peers: usize) -> Vec<u8> {
    info_of(conns, peers, &[1])
}

fn info_of(conns: usize, peers: usize, networks: &[u16]) -> Vec<u8> {
    let entry = ConnEntry {
        id: 1,
        local_port: 49152,
        remote: Address::new(0, 2),
        remote_port: 7,
        state: "ESTABLISHED",
        bytes_recv: 0,
        bytes_sent: 0,
        segs_recv: 0,
        segs_sent: 0,
        peer_recv_win: 589_824,
        cong_win: 40_960,
    };
    let peer = PeerEntry {
        node_id: 2,
        endpoint: "127.0.0.1:4002".to_owned(),
    };
    bytes(&Reply::Info(Box::new(Info {
        address: Address::new(0, 1),
        beacon_addr: "b",
        email: "e",
        endpoint: "p",
        hostname: "<h>",
        node_id: 1,
        ports: 4,
        public_key: "k",
        version: "v",
        counters: Counters::default(),
        networks,
        conn_list: vec![entry; conns],
        peer_list: vec![peer; peers],
    })))
}

#[test]
fn small_replies_byte_for_byte() {
    assert_eq!(bytes(&Reply::Bound(5000)), b"\0\0\0\x03\x02\x13\x88");
    assert_eq!(bytes(&Reply::Unbound(1)), b"\0\0\0\x03\x38\x00\x01");
    assert_eq!(bytes(&Reply::Dialled(7)), b"\0\0\0\x05\x04\0\0\0\x07");
    assert_eq!(bytes(&Reply::Closed(7)), b"\0\0\0\x05\x09\0\0\0\x07");
    assert_eq!(bytes(&Reply::Empty(Command::Broadcast)), b"\0\0\0\x01\x2A");
    let error = bytes(&Reply::Error("unknown command: 0x00".to_owned()));
    assert_eq!(&error[..7], b"\0\0\0\x18\x0A\0\x01");
    let mut accept = Vec::new();
    let push = Push::Accept {
        port: 6000,
        conn: 1,
        from: Address::new(0, 2),
        from_port: 49152,
    };
    encode_push(&mut accept, &push);
    assert_eq!(
        accept[4..],
        *b"\x05\x17\x70\0\0\0\x01\0\0\0\0\0\x02\xc0\x00"
    );
}

#[test]
fn info_has_every_key_and_its_own_order_in_networks() {
    let frame = info(1, 1);
    let text = std::str::from_utf8(&frame[5..]).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 33);
    assert!(text.contains(r#""networks":[{"network_id":1,"address":"1:0001.0000.0001"}]"#));
    assert!(text.contains(r#""hostname":"\u003ch\u003e""#));
    assert_eq!(value["conn_list"][0].as_object().unwrap().len(), 24);
    assert_eq!(value["peer_list"][0].as_object().unwrap().len(), 5);
}

#[test]
fn no_reply_exceeds_the_frame_limit() {
    let frame = info(4096, 4096);
    assert!(frame.len() <= MAX_LENGTH + 4);
    assert!(frame.len() > MAX_LENGTH - 2048, "too much was cut");
    let value: Value = serde_json::from_slice(&frame[5..]).unwrap();
    assert_eq!(value["conn_list_truncated"], true);

    let networks: Vec<u16> = (1..=30_000).collect();
    let frame = info_of(2, 2, &networks);
    assert!(frame.len() <= MAX_LENGTH + 4 && frame.len() > MAX_LENGTH - 256);
    let value: Value = serde_json::from_slice(&frame[5..]).unwrap();
    assert_eq!(value["networks_truncated"], true);
    assert_eq!(value["networks"][0]["network_id"], 1);
    assert_eq!(value["conn_list"].as_array().unwrap().len(), 2);

    let rows: Vec<_> = (0..100_000).map(|n| json!({"node_id": n})).collect();
    let body = json!({"nodes": rows, "type": "list_nodes_ok"});
    let frame = bytes(&Reply::Json(Command::NetworkMembers, body));
    assert!(frame.len() <= MAX_LENGTH + 4 && frame.len() > MAX_LENGTH - 64);
    let value: Value = serde_json::from_slice(&frame[5..]).unwrap();
    assert_eq!(value["nodes_truncated"], true);
    assert_eq!(value["nodes"][0]["node_id"], 0);

    let body = json!({"webhook": "x".repeat(MAX_LENGTH)});
    let frame = bytes(&Reply::Json(Command::SetWebhook, body));
    assert_eq!(frame[4], ERROR);
    let frame = bytes(&Reply::Error("é".repeat(MAX_LENGTH)));
    assert!(frame.len() <= MAX_LENGTH + 4);
    assert!(std::str::from_utf8(&frame[7..]).is_ok());
}

#[test]
fn the_policy_keeps_its_text() {
    let document = r#"{"version":1,"rules":[]}"#;
    let frame = bytes(&Reply::Policy {
        engine: "policy",
        network_id: 1,
        document: Some(document),
    });
    let text = std::str::from_utf8(&frame[5..]).unwrap();
    assert_eq!(
        text,
        format!(
            r#"{{"engine":"policy","expr_policy":{document},"network_id":1,"type":"managed_policy_ok"}}"#
        )
    );
}
