//! Stub until the real one lands.
#![allow(missing_docs)]
use crate::node::ClientId;
use crate::wire::Decoded;
use crate::wire::frame::Frame;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Eof,
    CutFrame,
    OverLimit,
    Timeout,
    Drop,
    Fault,
    Stop,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
    Push,
}
#[derive(Clone, Debug)]
pub enum Event<'a> {
    Connect,
    Disconnect(Reason),
    Malformed { text: &'a str },
    OverLimit { length: u32 },
    Fault { name: &'a str },
    Dropped { what: &'a str },
    Reset,
    Stop,
}
#[derive(Debug)]
pub struct Journal;
impl Journal {
    pub fn received(&self, _: ClientId, _: Frame<'_>, _: &Decoded<'_>, _: Option<&str>) -> u64 {
        0
    }
    pub fn sent(&self, _: ClientId, _: Direction, _: u8, _: &[u8], _: Option<&str>) -> u64 {
        0
    }
    pub fn event(&self, _: Option<ClientId>, _: &Event<'_>, _: Option<&str>) -> u64 {
        0
    }
    pub fn entries(&self, _: u64, _: usize) -> Vec<String> {
        vec![]
    }
    pub fn last_frames(&self, _: usize) -> String {
        String::new()
    }
    pub fn requests(&self, _: u64, _: &mut dyn FnMut(u64, ClientId, Frame<'_>)) {}
    pub fn close(&self) -> Result<(), String> {
        Ok(())
    }
}
