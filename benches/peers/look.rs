//! The look at all processes before a card is detached, beside `fuser`, which looks for the same.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::gpupci;
use crate::{large_host, medians, quietly};

const PROCESSES: usize = 1000;
/// A user who has many files open, as far as the limits of this machine go.
const HOG: &str = "import os, resource, time
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
f = os.open('/dev/null', os.O_RDWR)
try:
    for _ in range(100000): os.dup(f)
except OSError: pass
for _ in range(15):
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
print(flush=True)
time.sleep(600)";

pub fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = large_host(folder.path());
    look_at_this_machine(&root);
    let mut sleeping: Vec<Child> = (0..PROCESSES).map(|_| sleeper()).collect();
    println!("looking at {PROCESSES} processes and those of this machine");
    let ours = || {
        let mut look = gpupci();
        look.arg("--root").arg(&root);
        quietly(look.args(["detach", "--dry-run", "gpupci1"]));
    };
    let theirs = || {
        let mut fuser = Command::new("sh");
        quietly(fuser.args(["-c", "fuser -s /dev/full; :"]));
    };
    row(ours, theirs, "at most 1");
    if nix::unistd::geteuid().is_root() {
        let mut hog = hog();
        println!("  and at a user with 16 times as many files as a process may have");
        row(ours, theirs, "at most 0.5");
        // Its children end with the process group.
        let group = nix::unistd::Pid::from_raw(i32::try_from(hog.id()).expect("a pid"));
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = hog.wait();
    }
    for child in &mut sleeping {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn row(ours: impl FnMut(), theirs: impl FnMut(), wanted: &str) {
    let (ours, theirs) = medians(ours, theirs);
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let ratio = ms(ours) / ms(theirs);
    println!("    gpupci detach --dry-run     {:8.1} ms", ms(ours));
    println!("    fuser                       {:8.1} ms", ms(theirs));
    println!("    ratio                       {ratio:8.2} x  (wanted: {wanted})");
}

/// Makes the host see the processes of this machine, and gives its first card a node.
fn look_at_this_machine(root: &Path) {
    fs::remove_dir_all(root.join("proc")).expect("a folder");
    symlink("/proc", root.join("proc")).expect("a link");
    let device = root.join("sys/bus/pci/devices/0000:01:00.0/drm/card99");
    fs::create_dir_all(&device).expect("a folder");
    fs::write(device.join("dev"), "226:99\n").expect("a number");
    let node = root.join("dev/dri/card99");
    fs::create_dir_all(root.join("dev/dri")).expect("a folder");
    fs::write(&node, "").expect("a file");
    // Others may not open it.
    fs::set_permissions(&node, fs::Permissions::from_mode(0o600)).expect("a mode");
}

fn sleeper() -> Child {
    let mut sleep = Command::new("sleep");
    sleep.arg("600").stdin(Stdio::null());
    sleep.spawn().expect("sleep starts")
}

/// Starts the user with many files, and waits until he has them.
fn hog() -> Child {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    let mut python = Command::new("python3");
    python
        .args(["-c", HOG])
        .stdout(Stdio::piped())
        .process_group(0);
    let mut hog = python.spawn().expect("python3 starts");
    let ready = hog.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(ready).lines();
    assert!(lines.next().is_some(), "the user has its files");
    hog
}
