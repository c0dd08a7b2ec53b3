//! The client of a request: a short-lived process, and the program under test that started it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;

pub struct Peer {
    pid: i32,
}

impl Peer {
    pub fn of(stream: &UnixStream) -> Self {
        let peer = getsockopt(stream, PeerCredentials).expect("a peer has a process");
        Self { pid: peer.pid() }
    }

    /// Whether it is a child of gpupci or the hook that writes.
    pub fn is_gpupt(&self) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        line.starts_with(b"gpupt-writer\0")
    }

    /// Kills it and its parent and waits for their end, so that neither sees the connection closed.
    pub fn kill(&self) {
        let parent = stat(self.pid).map(|(_, parent)| parent);
        let ourselves = i32::try_from(std::process::id()).expect("a process has a small number");
        assert_ne!(self.pid, ourselves, "who is to be killed is the test");
        for pid in parent.into_iter().chain([self.pid]) {
            if pid > 1 && pid != ourselves {
                // It may have ended already.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                wait_for_the_end(pid);
            }
        }
    }
}

fn wait_for_the_end(pid: i32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X') {
        assert!(Instant::now() < deadline, "{pid} survives SIGKILL");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// State and parent of a process. The name before them may contain any character.
fn stat(pid: i32) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}
