//! The socket of the fake kernel.
//!
//! A request is `OPERATION NUL PATH NUL BYTES` until the end. The answer is a decimal errno, a
//! newline, and the bytes read. Each connection has its own thread, because each may block forever.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use nix::sys::socket::{self, shutdown};

use super::peer::Peer;
use super::state::{Failed, KernelState};

pub struct Server {
    listener: Arc<UnixListener>,
    thread: Option<JoinHandle<()>>,
}

struct Connection {
    stream: UnixStream,
    thread: JoinHandle<()>,
}

impl Server {
    pub fn start(socket: &Path, kernel: Arc<KernelState>) -> Self {
        let listener = UnixListener::bind(socket).expect("the kernel's socket is made");
        let listener = Arc::new(listener);
        let listening = Arc::clone(&listener);
        Self {
            listener,
            thread: Some(thread::spawn(move || accept_all(&listening, &kernel))),
        }
    }

    /// Ends all threads. The kernel must have stopped before, or a thread could block.
    pub fn end(&mut self) -> thread::Result<()> {
        shutdown(self.listener.as_raw_fd(), socket::Shutdown::Both).expect("accepting ends");
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }
}

fn accept_all(listener: &UnixListener, kernel: &Arc<KernelState>) {
    let mut connections: Vec<Connection> = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        connections.retain(|connection| !connection.thread.is_finished());
        let kernel = Arc::clone(kernel);
        let own = stream.try_clone().expect("a socket is cloned");
        connections.push(Connection {
            stream,
            thread: thread::spawn(move || serve(own, &kernel)),
        });
    }
    for Connection { stream, thread } in connections {
        // This also ends a client that does not finish its request.
        drop(stream.shutdown(Shutdown::Both));
        thread.join().expect("a connection ends well");
    }
}

fn serve(mut stream: UnixStream, kernel: &KernelState) {
    let peer = Peer::of(&stream);
    let mut request = Vec::new();
    // A client that was killed meanwhile made no request.
    if stream.read_to_end(&mut request).is_err() || request.is_empty() {
        return;
    }
    let (errno, content) = match perform(&request, &peer, kernel) {
        Ok(content) => (0, content),
        Err(Failed::Errno(errno)) => (errno as i32, Vec::new()),
        Err(Failed::Unanswered) => {
            drop(stream.shutdown(Shutdown::Both));
            return;
        }
    };
    let answer = [format!("{errno}\n").into_bytes(), content].concat();
    // A client that does not read its answer may have been killed.
    drop(stream.write_all(&answer));
    drop(stream.shutdown(Shutdown::Both));
}

fn perform(request: &[u8], peer: &Peer, kernel: &KernelState) -> Result<Vec<u8>, Failed> {
    let mut parts = request.splitn(3, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (operation, path) = (text(), text());
    match (operation, path, parts.next()) {
        (Some("write"), Some(path), Some(value)) => {
            kernel.write(peer, path, value).map(|()| Vec::new())
        }
        (Some("read"), Some(path), Some(b"")) => kernel.turn().read(path),
        (Some("modprobe"), Some(name), Some(b"")) => {
            kernel.turn().modprobe(name).map(|()| Vec::new())
        }
        _ => {
            let request = String::from_utf8_lossy(request).into_owned();
            kernel.complain(format!("not understood: {request:?}"));
            Err(Failed::Unanswered)
        }
    }
}
