//! The users of a device node, found on this machine with a process of the test.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gpupt::binding::Unseen;
use gpupt::host::{Machine, Node, Shares, Users, Wanted};
use pretty_assertions::assert_eq;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

fn only(node: Node) -> Wanted {
    Wanted {
        nodes: vec![node],
        others: Box::new(Vec::new),
    }
}

/// Runs a Python process that opens a device, then waits; gives the users of `/dev/zero`, which is
/// asked for as `asked_for`.
fn users_while(script: &str, asked_for: &str) -> Vec<(u32, String)> {
    let mut python = Command::new("python3");
    python.args(["-c", script]);
    let mut child: Child = python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it is ready");
    let node = Node {
        path: asked_for.to_owned(),
        number: Some((1, 5)),
        is_shared: false,
    };
    let users = Machine::at("/").users(only(node), Shares::default(), PATIENCE);
    let pid = child.id();
    drop(child.stdin.take());
    child.wait().expect("it ends");
    let found = users.found.into_iter().filter(|user| user.pid == pid);
    found.map(|user| (user.pid, user.command)).collect()
}

const WAIT: &str = "print('ready', flush=True); import sys; sys.stdin.read()";

#[test]
fn open_descriptor_counts_as_use_under_any_path() {
    let script = format!("f = open('/dev/zero'); {WAIT}");
    for name in ["/dev/zero", "/dev/dri/card0"] {
        let users = users_while(&script, name);
        assert_eq!(users.len(), 1, "{name}");
        assert!(users[0].1.starts_with("python3"), "{users:?}");
    }
}

#[test]
fn mapping_counts_as_use_after_its_descriptor_is_closed() {
    let script = format!(
        "import mmap, os; f = os.open('/dev/zero', os.O_RDWR); \
         m = mmap.mmap(f, 4096, flags=mmap.MAP_PRIVATE); os.close(f); {WAIT}"
    );
    assert_eq!(users_while(&script, "/dev/zero").len(), 1);
}

#[test]
fn process_without_the_node_is_no_user() {
    let script = format!("f = open('/dev/full'); {WAIT}");
    assert_eq!(users_while(&script, "/dev/zero"), []);
}

#[test]
fn open_descriptor_counts_after_the_first_thread_has_ended() {
    let script = "import ctypes, os, sys, threading
f = open('/dev/zero')
first = f'/proc/self/task/{os.getpid()}/stat'
def stay():
    while ') Z ' not in open(first).read(): pass
    print('ready', flush=True)
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=stay).start()
EXIT = 60 if os.uname().machine == 'x86_64' else 93
ctypes.CDLL(None).syscall(EXIT, 0)";
    assert_eq!(users_while(script, "/dev/zero").len(), 1);
}

#[test]
fn descriptor_in_the_own_table_of_a_thread_counts_as_use() {
    // Both tables have the same numbers.
    let script = "import ctypes, os, sys, threading
CLONE_FILES = 0x400
apart, done = threading.Event(), threading.Event()
def own():
    ctypes.CDLL(None).unshare(CLONE_FILES)
    f = os.open('/dev/zero', os.O_RDWR)
    apart.set()
    done.wait()
threading.Thread(target=own).start()
apart.wait()
f = os.open('/dev/full', os.O_RDWR)
print('ready', flush=True)
sys.stdin.read()
done.set()";
    assert_eq!(users_while(script, "/dev/zero").len(), 1);
}

const NODE: &str = "/dev/dri/renderD128";
const PERSON: u32 = 4_242_424;

/// A tree of files with a device node of this mode, and processes.
struct Processes(TempDir);

impl Processes {
    fn with_node(mode: u32) -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        let node = tree.path(NODE);
        fs::create_dir_all(node.parent().expect("a folder")).expect("folders");
        fs::write(&node, "").expect("a file");
        fs::set_permissions(&node, fs::Permissions::from_mode(mode)).expect("a mode");
        tree
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0
            .path()
            .join(Path::new(path).strip_prefix("/").expect("an absolute path"))
    }

    /// Adds a process of a user with so many descriptors. The last is of the node, if it uses it.
    fn add(self, pid: u32, uid: u32, descriptors: usize, uses_node: bool) -> Self {
        let folder = self.path(&format!("/proc/{pid}"));
        fs::create_dir_all(folder.join("fd")).expect("a folder");
        let status = format!("Uid:\t{uid}\t0\t0\t0\nGid:\t{uid}\t0\t0\t0\nGroups:\t\n");
        fs::write(folder.join("status"), status).expect("a file");
        fs::write(folder.join("comm"), "hog\n").expect("a file");
        fs::write(folder.join("maps"), "").expect("a file");
        for number in 0..descriptors {
            let is_last = number + 1 == descriptors;
            let target = if is_last && uses_node {
                NODE
            } else {
                "pipe:[17]"
            };
            symlink(target, folder.join(format!("fd/{number}"))).expect("a link");
        }
        self
    }

    /// The users of the node, when a user has a share of 50 descriptors, and a trusted one of 100.
    fn users(&self) -> Users {
        self.users_within(PATIENCE)
    }

    fn users_within(&self, patience: Duration) -> Users {
        let node = Node {
            path: NODE.to_owned(),
            number: Some((226, 128)),
            is_shared: false,
        };
        let shares = Shares {
            user: 50,
            trusted: 100,
            all: 1000,
        };
        Machine::at(self.0.path()).users(only(node), shares, patience)
    }

    fn pids(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self.users().found.iter().map(|user| user.pid).collect();
        pids.sort_unstable();
        pids
    }
}

#[test]
fn user_without_the_right_to_open_the_card_cannot_stop_a_guest_by_many_files() {
    let tree = Processes::with_node(0o600)
        .add(1000, PERSON, 2000, false)
        .add(1001, PERSON, 2000, false);
    let users = tree.users();
    assert_eq!((users.found.len(), users.unseen.len()), (0, 0));
    // He is named all the same.
    assert_eq!(users.skipped, [PERSON]);
    assert!(users.note().is_some_and(|note| note.contains("4242424")));
}

#[test]
fn user_who_may_open_the_card_and_has_too_many_files_is_named() {
    let tree = Processes::with_node(0o606)
        .add(1000, PERSON, 2000, false)
        .add(1001, PERSON, 2000, false);
    let users = tree.users();
    let [Unseen::TooManyFiles { uid, processes, .. }] = users.unseen[..] else {
        panic!("{users:?}");
    };
    assert_eq!((uid, processes), (PERSON, 2));
    assert_eq!(users.found, []);
}

#[test]
fn many_files_of_one_user_hide_no_other_user_and_not_root() {
    let tree = Processes::with_node(0o600)
        .add(1000, PERSON, 2000, false)
        .add(1001, 0, 2000, true)
        .add(1002, 0, 3, true);
    assert_eq!(tree.pids(), [1001, 1002]);
}

#[test]
fn card_that_a_user_without_the_right_holds_is_found_among_few_files() {
    let tree = Processes::with_node(0o600).add(1000, PERSON, 20, true);
    assert_eq!(tree.pids(), [1000]);
}

#[test]
fn slow_process_of_root_is_read_a_second_time() {
    let tree = Processes::with_node(0o600).add(1000, 0, 3, false);
    let (maps, later) = (tree.path("/proc/1000/maps"), tree.path("/later"));
    fs::write(&later, format!("0-1 rw-s 0 00:05 402  {NODE}\n")).expect("a file");
    fs::remove_file(&maps).expect("a file");
    nix::unistd::mkfifo(&maps, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    // The first reader waits for what is never written. The second one finds a file.
    let writer = std::thread::spawn(move || {
        let pipe = fs::OpenOptions::new().write(true).open(&maps);
        fs::rename(&later, &maps).expect("a file");
        pipe
    });
    let users = tree.users_within(Duration::from_millis(500));
    assert_eq!((users.found.len(), users.unseen), (1, Vec::new()));
    drop(writer.join());
}

/// How many processes have `/dev/zero` open or mapped under another name, in another mount namespace. The file is
/// on mount 36 of file system 0:50, which `mountinfo` describes.
fn users_in_a_container(mountinfo: &str, is_mapped: bool) -> usize {
    let tree = Processes::with_node(0o600).add(1000, 0, 0, false);
    let open = tree.path("/data");
    symlink("/dev/zero", &open).expect("a link");
    for folder in ["ns", "fdinfo", "map_files"] {
        fs::create_dir_all(tree.path("/proc/1000").join(folder)).expect("a folder");
    }
    symlink("mnt:[7]", tree.path("/proc/1000/ns/mnt")).expect("a link");
    let link = if is_mapped { "map_files/0-1" } else { "fd/3" };
    symlink(&open, tree.path("/proc/1000").join(link)).expect("a link");
    let maps = format!("0-1 rw-s 0 00:32 402  {}\n", open.display());
    for (name, text) in [
        ("mountinfo", mountinfo),
        ("fdinfo/3", "pos:\t0\nflags:\t02\nmnt_id:\t36\n"),
        ("maps", if is_mapped { &maps } else { "" }),
    ] {
        fs::write(tree.path("/proc/1000").join(name), text).expect("a file");
    }
    let node = Node {
        path: "/dev/zero".to_owned(),
        number: Some((1, 5)),
        is_shared: false,
    };
    let users = Machine::at(tree.0.path()).users(only(node), Shares::default(), PATIENCE);
    users.found.len()
}

#[test]
fn file_of_a_container_on_a_network_file_system_is_not_touched() {
    let mount = |id: u32, kind| format!("{id} 35 0:{} / /data rw - {kind} source rw\n", id + 14);
    for is_mapped in [false, true] {
        for (kind, found) in [("ext4", 1), ("overlay", 1), ("nfs4", 0), ("fuse.sshfs", 0)] {
            let users = users_in_a_container(&mount(36, kind), is_mapped);
            assert_eq!(users, found, "{kind}");
        }
        // A remote mount that covers the file hides nothing.
        let covered = mount(36, "tmpfs") + &mount(37, "nfs4");
        assert_eq!(users_in_a_container(&covered, is_mapped), 1);
        assert_eq!(users_in_a_container("", is_mapped), 1);
    }
}
