//! The client side of the fake kernel's socket.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;

use crate::support::TestHost;

/// An answer: content, an errno, or the end of the connection.
pub type Answer = Result<Vec<u8>, Option<Errno>>;

pub const DONE: Answer = Ok(Vec::new());
pub const UNANSWERED: Answer = Err(None);

/// The answer of an operation that fails.
pub fn fails_with(errno: Errno) -> Answer {
    Err(Some(errno))
}

/// Sends a request and reads the answer.
pub fn ask(root: &Path, operation: &str, path: &str, bytes: &[u8]) -> Answer {
    let mut stream = UnixStream::connect(root.join("kernel.sock")).expect("the kernel listens");
    let request = [operation.as_bytes(), b"\0", path.as_bytes(), b"\0", bytes].concat();
    stream.write_all(&request).expect("the kernel reads");
    stream
        .shutdown(Shutdown::Write)
        .expect("a socket is closed");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the kernel ends");
    let Some(end) = answer.iter().position(|byte| *byte == b'\n') else {
        assert!(answer.is_empty(), "an answer begins with its errno");
        return UNANSWERED;
    };
    let errno = String::from_utf8_lossy(&answer[..end]);
    match errno.parse().expect("an errno is a number") {
        0 => Ok(answer.split_off(end + 1)),
        errno => fails_with(Errno::from_raw(errno)),
    }
}

/// Waits until `reached` is true; fails if it never is.
pub fn until(reached: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if reached() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("this state is never reached");
}

/// A host, with a method for each kind of write.
pub struct KernelClient<'h>(pub &'h TestHost);

impl KernelClient<'_> {
    pub fn write(&self, path: &str, value: &str) -> Answer {
        ask(self.0.root.path(), "write", path, value.as_bytes())
    }

    pub fn read(&self, path: &str) -> Answer {
        ask(self.0.root.path(), "read", path, b"")
    }

    pub fn modprobe(&self, module: &str) -> Answer {
        ask(self.0.root.path(), "modprobe", module, b"")
    }

    pub fn overrides(&self, address: &str, driver: &str) -> Answer {
        self.write(&of(address, "driver_override"), &format!("{driver}\n"))
    }

    pub fn unbind(&self, driver: &str, address: &str) -> Answer {
        let path = format!("/sys/bus/pci/drivers/{driver}/unbind");
        self.write(&path, address)
    }

    pub fn bind(&self, driver: &str, address: &str) -> Answer {
        self.write(&format!("/sys/bus/pci/drivers/{driver}/bind"), address)
    }

    pub fn probe(&self, address: &str) -> Answer {
        self.write("/sys/bus/pci/drivers_probe", address)
    }

    /// Binds a function to vfio-pci, as gpupci does.
    pub fn detach(&self, driver: &str, address: &str) {
        assert_eq!(self.overrides(address, "vfio-pci"), DONE);
        assert_eq!(self.unbind(driver, address), DONE);
        assert_eq!(self.probe(address), DONE);
    }
}

/// The path of a function's attribute.
pub fn of(address: &str, file: &str) -> String {
    format!("/sys/bus/pci/devices/{address}/{file}")
}

/// For this test program as a child process: it starts itself again, and that one does the write
/// which these variables name.
pub const ROOT: &str = "GPUPT_TEST_ROOT";
const WRITES: &str = "GPUPT_TEST_WRITES";

/// Runs in a child process of the tests: as the client, or as the client's parent.
pub fn act() {
    let Some(root) = std::env::var_os(ROOT) else {
        return;
    };
    if std::env::var_os(WRITES).is_none() {
        let status = program(Path::new(&root)).env(WRITES, "").status();
        println!("the client ended: {:?}", status.expect("it is started"));
        return;
    }
    let path = of("0000:02:00.0", "driver_override");
    let answer = ask(Path::new(&root), "write", &path, b"vfio-pci\n");
    println!("answered: {answer:?}");
}

pub fn program(root: &Path) -> Command {
    let itself = std::env::current_exe().expect("a program has a file");
    let mut command = Command::new(itself);
    command
        .args(["--exact", "client_process", "--nocapture"])
        .env(ROOT, root);
    command
}
