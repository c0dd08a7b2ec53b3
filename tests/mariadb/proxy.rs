//! A proxy to a real server that cuts or changes the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::Dice;

/// What the proxy does to a connection.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Closed before the server receives the commit.
    BeforeCommit,
    /// Closed after the server committed, before the client gets the answer.
    AfterCommit,
    /// The client gets no answer to its commit, and the connection stays open.
    CommitUnanswered,
    /// Closed in place of this answer of the server, counted from the greeting.
    AnswerNumber(usize),
    /// From this byte of the server on, every fourth byte is changed; `dice` seeds the new values.
    Mangled { from: usize, dice: u64 },
}

/// A proxy in front of the port `to`.
pub struct Proxy {
    pub to: u16,
    pub cut: Cut,
}

impl Proxy {
    /// Starts the proxy; gives its port.
    pub fn start(self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let port = listener.local_addr().expect("it has an address").port();
        thread::spawn(move || {
            for client in listener.incoming() {
                let server = TcpStream::connect(("127.0.0.1", self.to));
                let line = Connection {
                    client: client.expect("a client"),
                    server: server.expect("the server is there"),
                    cut: self.cut,
                    is_committing: AtomicBool::new(false),
                };
                let (there, back) = (Arc::new(line), Mutex::new((0, 0)));
                let line = Arc::clone(&there);
                thread::spawn(move || {
                    there.carry(&there.client, &there.server, |bytes| there.sent(bytes));
                });
                thread::spawn(move || {
                    line.carry(&line.server, &line.client, |bytes| {
                        line.answered(bytes, &mut back.lock().expect("nobody else"))
                    });
                });
            }
        });
        port
    }
}

/// One connection.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    cut: Cut,
    is_committing: AtomicBool,
}

/// What the proxy does with a packet.
enum Action {
    Pass,
    Swallow,
    End,
}

impl Connection {
    fn carry(
        &self,
        mut from: &TcpStream,
        mut to: &TcpStream,
        action: impl Fn(&mut Vec<u8>) -> Action,
    ) {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let mut bytes = buffer[..length].to_vec();
            match action(&mut bytes) {
                Action::Pass if to.write_all(&bytes).is_ok() => {}
                Action::Swallow => {}
                Action::Pass | Action::End => break,
            }
        }
        // The other direction is closed too; bytes already sent arrive.
        for end in [&self.client, &self.server] {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn sent(&self, bytes: &mut [u8]) -> Action {
        let is_commit = bytes.windows(6).any(|window| window == b"COMMIT");
        self.is_committing.fetch_or(is_commit, Ordering::SeqCst);
        match self.cut {
            Cut::BeforeCommit if is_commit => Action::End,
            _ => Action::Pass,
        }
    }

    fn answered(&self, bytes: &mut [u8], so_far: &mut (usize, usize)) -> Action {
        let (number, start) = *so_far;
        *so_far = (number + 1, start + bytes.len());
        let is_committing = self.is_committing.load(Ordering::SeqCst);
        match self.cut {
            Cut::AfterCommit if is_committing => Action::End,
            Cut::CommitUnanswered if is_committing => Action::Swallow,
            Cut::AnswerNumber(last) if number == last => Action::End,
            Cut::Mangled { from, dice } => {
                mangle(
                    bytes,
                    from.saturating_sub(start),
                    &mut Dice(dice + number as u64),
                );
                Action::Pass
            }
            _ => Action::Pass,
        }
    }
}

fn mangle(bytes: &mut [u8], from: usize, dice: &mut Dice) {
    for byte in bytes.iter_mut().skip(from) {
        if dice.below(4) == 0 {
            *byte = dice.next() as u8;
        }
    }
}
