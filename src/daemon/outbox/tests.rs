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

/// What the writer has taken of it is in no queue any more, and the rest alone would follow.
#[test]
fn a_frame_in_pieces_is_not_cut_when_all_is_forgotten() {
    let mut queue = Queue::default();
    let every = Duration::from_millis(1);
    let mut gone = Vec::new();
    let mut take = |queue: &mut Queue| {
        let batch = queue.claim().expect("something to write");
        gone.extend_from_slice(batch.rest());
        queue.left(batch.rest().len());
        let next = queue.next_batch(batch);
        assert!(next.is_none());
    };
    assert!(queue.append_slow(b"frame".to_vec(), 2, every).is_some());
    take(&mut queue);
    while queue.next_piece().is_some() {}
    queue.append(|out| out.extend_from_slice(b"reply"));
    queue.forget_all();
    take(&mut queue);
    queue.append(|out| out.extend_from_slice(b"other"));
    queue.forget_all();
    assert_eq!(queue.len(), 0);
    assert_eq!(gone, b"framereply");
}
