//! Shared by the tests of the programs: running `gpupci`, test hosts made of files, a real MariaDB
//! with Rocks' tables.
#![allow(
    dead_code,
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "each test uses a part of this, and tests touch the machine"
)]

pub mod kernel;
pub mod mariadb;
pub mod shell_words;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The output of a program and its exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct RunOutput {
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub code: Option<i32>,
}

impl RunOutput {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output. The command must have succeeded, with an empty standard error.
    #[track_caller]
    pub fn answer(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (Some(0), ""),
            "{}",
            self.text()
        );
        self.text()
    }
}

/// A fixture of this repository.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(path)
}

/// `gpupci` without the environment variables of the user who runs the tests.
pub fn gpupci() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpupci"));
    command
        .env_remove("GPUPT_ROOT")
        .env_remove("GPUPT_DATABASE")
        .env_remove("GPUPT_TIMEOUT");
    command
}

/// Runs a command to its end, with `input` on its standard input.
pub fn run(command: &mut Command, input: &[u8]) -> RunOutput {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_vec();
    // A program may end before it has read all of its input.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("the feeder ends");
    RunOutput {
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

/// A test host made of files, and the database that it uses.
pub struct TestHost {
    pub root: TempDir,
    pub database: Option<String>,
    /// Programs that play those of the host. Nothing below `root` is run.
    stand_ins: OnceLock<TempDir>,
}

impl TestHost {
    /// A host that has this name and no other file.
    pub fn named(name: &str) -> Self {
        let host = Self {
            root: tempfile::tempdir().expect("a temporary directory"),
            database: None,
            stand_ins: OnceLock::new(),
        };
        host.write("proc/sys/kernel/hostname", &format!("{name}\n"));
        host
    }

    /// A host of `fixtures/hosts`.
    pub fn unpacked(tree: &str) -> Self {
        let host = Self {
            root: tempfile::tempdir().expect("a temporary directory"),
            database: None,
            stand_ins: OnceLock::new(),
        };
        let mut unpack = Command::new("sh");
        unpack
            .arg(fixture("hosts/unpack.sh"))
            .arg(fixture("hosts").join(tree))
            .arg(host.root.path());
        assert_eq!(run(&mut unpack, b"").answer(), "");
        host
    }

    /// The same host with another database.
    pub fn with_database(self, url: &str) -> Self {
        Self {
            database: Some(url.to_owned()),
            ..self
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders are made");
        fs::write(path, content).expect("the file is written");
    }

    /// Driver and override of every function: `0000:02:00.0 nvidia (null)`.
    pub fn bindings(&self) -> Vec<String> {
        let devices = "sys/bus/pci/devices";
        let entries = fs::read_dir(self.path(devices)).expect("a PCI bus");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|n| n.into_string().expect("text")).collect();
        names.sort();
        let line = |name: &String| {
            let folder = self.path(&format!("{devices}/{name}"));
            let over = fs::read_to_string(folder.join("driver_override")).unwrap_or_default();
            let driver = fs::read_link(folder.join("driver")).ok();
            let driver = driver.as_deref().and_then(Path::file_name);
            let driver = driver.map_or("-".into(), |name| name.to_string_lossy());
            format!("{name} {driver} {}", over.trim_end())
        };
        names.iter().map(line).collect()
    }

    /// Where to write the program that plays `name` of this host.
    pub fn stand_in(&self, name: &str) -> PathBuf {
        let folder = || tempfile::tempdir().expect("a temporary directory");
        self.stand_ins.get_or_init(folder).path().join(name)
    }

    /// Makes a program use this host.
    pub fn select(&self, command: &mut Command) {
        command.env("GPUPT_ROOT", self.root.path());
        if let Some(folder) = self.stand_ins.get() {
            command.env("GPUPT_PROGRAMS", folder.path());
        }
    }

    /// `gpupci` on this host.
    pub fn command(&self) -> Command {
        let mut command = gpupci();
        self.select(&mut command);
        if let Some(url) = &self.database {
            command.env("GPUPT_DATABASE", url);
        }
        command
    }

    /// Runs `gpupci WORDS` on this host.
    pub fn gpupci<S: AsRef<OsStr>>(&self, words: &[S]) -> RunOutput {
        self.gpupci_reading(words, b"")
    }

    /// Runs `gpupci WORDS` on this host with `input` on its standard input.
    pub fn gpupci_reading<S: AsRef<OsStr>>(&self, words: &[S], input: &[u8]) -> RunOutput {
        run(self.command().args(words), input)
    }

    /// Runs `gpupci LINE` on this host; the line is split as a shell does.
    pub fn line(&self, line: &str) -> RunOutput {
        self.gpupci(&shell_words::split(line))
    }
    /// Runs `gpupci LINE` with a file size limit of 0, as on a full disk.
    pub fn line_on_a_full_disk(&self, line: &str) -> RunOutput {
        let mut shell = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_gpupci");
        let command = format!("trap '' XFSZ; ulimit -f 0; exec {program} {line}");
        shell
            .args(["-c", &command])
            .env("GPUPT_ROOT", self.root.path());
        run(&mut shell, b"")
    }

    /// Runs `gpupci LINE` as a user who is not root: `nobody`, if root runs the tests.
    pub fn line_as_user(&self, line: &str) -> RunOutput {
        if !nix::unistd::geteuid().is_root() {
            return self.line(line);
        }
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.root.path(), open).expect("the mode is set");
        // Other users may have no access to the build folder, so the program is copied. `cp` does it: a
        // file that this process writes may be open in a child of another test, and could not be run
        // then.
        let program = self.path("gpupci");
        let mut copy = Command::new("cp");
        copy.arg(env!("CARGO_BIN_EXE_gpupci")).arg(&program);
        assert_eq!(run(&mut copy, b"").answer(), "");
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(program)
            .args(line.split(' '))
            .env("GPUPT_ROOT", self.root.path())
            .env_remove("GPUPT_DATABASE")
            .current_dir("/");
        run(&mut command, b"")
    }
}
