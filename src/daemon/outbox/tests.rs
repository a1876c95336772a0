use super::*;
use std::io::Read;

fn pair(timeout: Duration) -> (Arc<Outbox>, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    far.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    (Arc::new(Outbox::new(Arc::new(near), timeout).unwrap()), far)
}

#[test]
fn gathered_frames_go_out_together() {
    let (outbox, mut far) = pair(Duration::from_secs(10));
    outbox.queue().append(|out| out.extend_from_slice(b"one"));
    outbox.queue().append(|out| out.extend_from_slice(b"two"));
    outbox.flush();
    let mut got = [0; 64];
    assert_eq!(far.read(&mut got).unwrap(), 6);
    assert_eq!(&got[..6], b"onetwo");
    assert!(!hold(&outbox.queue).push_thread);
}

#[test]
fn what_others_cause_needs_no_flush() {
    let (outbox, mut far) = pair(Duration::from_secs(10));
    outbox.append_and_push(|out| out.extend_from_slice(b"push"));
    let mut got = [0; 4];
    far.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"push");
    outbox.close();
}

#[test]
fn a_slow_reader_gets_every_byte_in_order() {
    let (outbox, mut far) = pair(Duration::from_secs(10));
    let data: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for part in data.chunks(100_000) {
        outbox.queue().append(|out| out.extend_from_slice(part));
        outbox.flush();
    }
    let mut got = vec![0; data.len()];
    far.read_exact(&mut got).unwrap();
    assert!(got == data);
    outbox.drain(Instant::now() + Duration::from_secs(10));
    assert_eq!(outbox.len(), 0);
    outbox.close();
}

#[test]
fn a_client_that_takes_nothing_is_closed() {
    let (outbox, _far) = pair(Duration::from_millis(50));
    outbox.append_and_push(|out| out.resize(8 << 20, 0));
    while !outbox.is_closed() {
        outbox.wait_for_room(Duration::from_secs(10));
    }
    assert_eq!(outbox.len(), 0);
}
