//! A client that asks and does not read, until it is dropped for that.

use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{DEADLINE, SLICE, arrive, fresh};
use super::connection::Connection;
use super::kinds::{Tally, kind};
use super::plan::CLIENTS;
use super::steered::Talk;
use super::steering::{AWAITED, MEETINGS, has_time, meet, pace};
use super::support::first_frame;
use super::want::shown;
use super::world::{Record, World};

/// Requests whose replies are more than the kernel and the client's budget hold.
const REQUESTS: usize = 8000;

pub fn stall(world: &World) -> Result<(), String> {
    let mut talk = Talk::new(&world.control);
    let mut tally = Tally::default();
    let mut seq = 0;
    let needed = world.plan.write_timeout + Duration::from_millis(300);
    for end in [world.plan.first(), world.plan.time] {
        while has_time(world, end, needed) {
            stall_once(world, &mut talk, &mut seq, &mut tally)?;
        }
        for _ in 0..MEETINGS {
            meet(world, CLIENTS - 1)?;
        }
    }
    world.tally.lock().unwrap().add(&tally);
    Ok(())
}

fn stall_once(
    world: &World,
    talk: &mut Talk,
    seq: &mut u64,
    tally: &mut Tally,
) -> Result<(), String> {
    let (mut connection, number) = arrive(world)?;
    let mut record = fresh(number);
    record.reason = "timeout";
    // The first is answered, so that the daemon has this client.
    let mut replied = 0;
    connection.add(0x21, &[]);
    while replied == 0 {
        world.failure.check()?;
        connection.exchange(SLICE)?;
        replied += take(&mut connection, &mut record)?;
    }
    for _ in 1..REQUESTS {
        connection.add(0x21, &[]);
    }
    let health = kind("health");
    record.sent.0[health] += REQUESTS as u64;
    tally.sent.0[health] += REQUESTS as u64;
    let end = Instant::now() + DEADLINE;
    loop {
        world.failure.check()?;
        connection.write()?;
        // A number to count from, so that the daemon need not look far back.
        let seen = json!({"verb": "await", "on": "health", "since": *seq, "timeout": AWAITED});
        *seq = talk.done(seen)["seq"].as_u64().unwrap_or(0);
        pace(talk, *seq)?;
        let clients = talk.done(json!({"verb": "clients"}));
        let rows = clients["clients"].as_array().ok_or("no clients")?;
        if rows.iter().all(|row| row["client"] != number) {
            break;
        }
        if Instant::now() >= end {
            return Err(format!("client {number} does not read and is not dropped"));
        }
    }
    while !connection.ended {
        if Instant::now() >= end {
            return Err(format!("client {number} is dropped and not closed"));
        }
        connection.exchange(SLICE)?;
    }
    replied += take(&mut connection, &mut record)?;
    if replied == REQUESTS as u64 {
        return Err(format!("client {number} has not read and has got all"));
    }
    tally.replied.0[health] += replied;
    tally.cut.0[health] += REQUESTS as u64 - replied;
    world.note("clients that stalled and were dropped", 1);
    world.records.lock().unwrap().push(record);
    Ok(())
}

/// Takes the whole frames that have come; gives how many replies there are.
fn take(connection: &mut Connection, record: &mut Record) -> Result<u64, String> {
    let input = std::mem::take(&mut connection.input);
    let mut rest = &input[..];
    let mut replied = 0;
    while let Some((code, payload, behind)) = first_frame(rest) {
        rest = behind;
        record.received += 1;
        match code {
            0x22 if payload.starts_with(b"{\"accept_queue_drops\":0,") => replied += 1,
            0x0C => {}
            _ => {
                return Err(format!(
                    "a client that stalls gets {}",
                    shown(code, payload)
                ));
            }
        }
    }
    connection.input = rest.to_vec();
    Ok(replied)
}
