//! How clients leave, in the middle of things and otherwise, and come again.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use serde_json::json;

use super::client::{Client, DEADLINE, SLICE};
use super::streams::{Far, Stream};
use super::want::{ERROR, Want};
use super::world::{peer, port};

impl Client<'_> {
    /// Leaves in one of many ways and comes again.
    pub fn leave_and_return(&mut self) -> Result<(), String> {
        match self.random.below(6) {
            0 => self.leave()?,
            1 => self.leave_in_a_burst(&[])?,
            2 => self.leave_in_a_burst(&[0, 0, 1, 0, 0x13, b'x'])?,
            3 => self.leave_streams()?,
            4 => self.announce_too_much()?,
            _ => self.be_dropped()?,
        }
        self.world.note("clients that left and came again", 1);
        self.arrive_again()?;
        self.bind_port()
    }

    /// Binds its own port, which the daemon may still count as the one of who has just left, and tells
    /// the others.
    pub fn bind_port(&mut self) -> Result<(), String> {
        let port = port(self.me);
        let end = Instant::now() + DEADLINE;
        loop {
            let want = Want::Either(vec![Want::Taken(0x02), Want::Taken(ERROR)]);
            self.ask("bind", 0x01, &[&port.to_be_bytes()], want);
            self.settle()?;
            let reply = self.taken.pop().unwrap_or_default();
            if reply == port.to_be_bytes() {
                break;
            }
            let text = format!("port {port} already bound");
            if reply.get(2..) != Some(text.as_bytes()) || Instant::now() >= end {
                let reply = String::from_utf8_lossy(&reply).into_owned();
                return Err(format!("bind {port}: {reply:?}"));
            }
        }
        self.wait_until("welcome", |me| me.unasked.welcome == 1)?;
        self.world.clients[self.me]
            .returned
            .store(self.generation, SeqCst);
        Ok(())
    }

    /// From here on others may find it gone. What it said is known to all when it has been answered.
    pub fn begin_to_leave(&mut self, all_said: bool) {
        let public = &self.world.clients[self.me];
        if all_said {
            let said = [0, 1].map(|way| public.spoken[way].load(SeqCst));
            let mut farewells = self.world.farewells.lock().unwrap();
            farewells.insert((self.me, self.generation), said);
        }
        public.leaving.fetch_add(1, SeqCst);
        for spoken in &public.spoken {
            spoken.store(0, SeqCst);
        }
    }

    /// Ends its side and reads all that is left.
    pub fn leave(&mut self) -> Result<(), String> {
        self.settle()?;
        self.begin_to_leave(true);
        self.connection.shutdown_write()?;
        self.read_to_the_end()?;
        self.part(true, "eof")
    }

    fn read_to_the_end(&mut self) -> Result<(), String> {
        self.leaves = true;
        let end = Instant::now() + DEADLINE;
        while !self.connection.ended {
            if Instant::now() >= end {
                return Err(format!("client {} is not closed", self.number));
            }
            self.step_or_end(SLICE)?;
        }
        Ok(())
    }

    fn part(&mut self, clean: bool, reason: &'static str) -> Result<(), String> {
        self.give_up_replies();
        if clean && (self.unasked.welcome != 1 || !self.connection.input.is_empty()) {
            let (welcome, left) = (self.unasked.welcome, self.connection.input.len());
            return Err(format!(
                "{welcome} welcomes, and {left} bytes of a frame at the end"
            ));
        }
        self.record.clean = clean;
        self.record.reason = reason;
        self.world.records.lock().unwrap().push(self.record.clone());
        Ok(())
    }

    /// Asks much and leaves without an answer, or in the middle of a frame.
    fn leave_in_a_burst(&mut self, behind: &[u8]) -> Result<(), String> {
        self.settle()?;
        self.begin_to_leave(true);
        for _ in 0..self.random.below(60) {
            self.ask_harmless();
        }
        self.connection.add_raw(behind);
        self.connection.write()?;
        self.part(
            false,
            if behind.is_empty() {
                "eof"
            } else {
                "cut_frame"
            },
        )
    }

    /// Leaves with streams open, on which data goes both ways.
    fn leave_streams(&mut self) -> Result<(), String> {
        let echo = Stream::of(Far::Bytes(Vec::new(), 9), 1 << 16);
        let conn = self.dial_peer(peer(self.me, 0), 7, echo)?;
        let content = self.world.content(9, 0, 1 << 16);
        self.dial_client()?;
        self.send_on(conn, content);
        self.begin_to_leave(true);
        self.connection.write()?;
        self.part(false, "eof")
    }

    /// A length over the limit: what was asked before is answered, and then the daemon closes.
    fn announce_too_much(&mut self) -> Result<(), String> {
        self.settle()?;
        self.begin_to_leave(true);
        for _ in 0..self.random.below(10) {
            self.ask_harmless();
        }
        self.connection.add_raw(&[0xFF; 4]);
        self.read_to_the_end()?;
        if let Some(asked) = self.outstanding.front() {
            return Err(format!("{:?} is not answered before the end", asked.want));
        }
        self.part(true, "over_limit")
    }

    /// Has itself dropped over the control socket.
    fn be_dropped(&mut self) -> Result<(), String> {
        self.settle()?;
        self.begin_to_leave(true);
        let dropped = self
            .talk
            .done(json!({"verb": "drop", "client": self.number}));
        if dropped["dropped"] != 1 {
            return Err(format!("drop: {dropped}"));
        }
        self.read_to_the_end()?;
        self.part(false, "drop")
    }
}
