//! A frontend as Rocks' commands see it, for every Python that is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pretty_assertions::assert_eq;
use tempfile::TempDir;

use super::mariadb::MariaDb;
use super::{fixture, gpupci, library, output, repository};

/// If set, a Python 2.7 must be found, as in continuous integration.
const NEED_PYTHON_2: &str = "GPUPT_NEED_PYTHON_2";
/// More Pythons to use, separated by colons.
const MORE_PYTHONS: &str = "GPUPT_PYTHONS";

/// All Pythons that can be found, one of each version.
pub fn pythons() -> Vec<PathBuf> {
    let mut candidates: Vec<PathBuf> = ["python2.7", "python2", "python3", "python"]
        .map(PathBuf::from)
        .to_vec();
    let more = std::env::var(MORE_PYTHONS).unwrap_or_default();
    candidates.extend(
        more.split(':')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from),
    );
    let home = std::env::var("HOME").unwrap_or_default();
    let root = std::env::var("PYENV_ROOT").unwrap_or_else(|_| format!("{home}/.pyenv"));
    let versions = fs::read_dir(Path::new(&root).join("versions"))
        .into_iter()
        .flatten()
        .flatten();
    candidates.extend(versions.map(|version| version.path().join("bin/python")));
    let mut found = BTreeMap::new();
    for candidate in candidates {
        let ask = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])";
        let said = Command::new(&candidate).args(["-c", ask]).output();
        if let Ok(said) = said
            && said.status.success()
        {
            found.entry(said.stdout).or_insert(candidate);
        }
    }
    let has = |major: &[u8]| found.keys().any(|version| version.starts_with(major));
    assert!(has(b"3."), "there is no Python 3");
    let is_needed = std::env::var_os(NEED_PYTHON_2).is_some();
    assert!(
        !is_needed || has(b"2."),
        "there is no Python 2, and {NEED_PYTHON_2} is set"
    );
    found.into_values().collect()
}

/// A frontend: the merged `rocks` package, and the database of its commands.
pub struct Frontend {
    pub root: TempDir,
    python: PathBuf,
    pub database: String,
}

impl Frontend {
    /// A frontend with the recorded cluster in a database of its own.
    pub fn new(python: &Path, server: &MariaDb) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let names = root.path().join("proc/sys/kernel");
        fs::create_dir_all(&names).expect("a folder is made");
        fs::write(names.join("hostname"), "fe.example.org\n").expect("a file is written");
        let merge = repository().join("tests/rocks_standin/merge.py");
        output(
            Command::new(python)
                .arg(merge)
                .arg(root.path().join("site-packages")),
        );
        Self {
            python: python.to_owned(),
            database: server.cluster(),
            root,
        }
    }

    /// A path in the merged package `rocks`.
    pub fn package(&self, path: &str) -> PathBuf {
        self.root.path().join("site-packages/rocks").join(path)
    }

    /// `rocks WORDS`.
    pub fn command(&self, server: &MariaDb, words: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command
            .arg(repository().join("tests/rocks_standin/rocks_command.py"))
            .args(words)
            .env("PYTHONPATH", self.root.path().join("site-packages"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("ROCKS_STANDIN_ROOT", "1")
            .env("ROCKS_STANDIN_SOCKET", server.socket())
            .env("ROCKS_STANDIN_DATABASE", &self.database)
            .env("GPUPT_LIBRARY", library())
            .env("GPUPT_GPUPCI", gpupci())
            .env("GPUPT_ROOT", self.root.path())
            .env("GPUPT_DATABASE", server.url("root", &self.database));
        command
    }

    /// The output of `rocks WORDS`, which must succeed.
    #[track_caller]
    pub fn rocks(&self, server: &MariaDb, words: &str) -> String {
        output(&mut self.command(server, &words.split(' ').collect::<Vec<_>>()))
    }

    /// The output of `rocks WORDS`, which must fail with status 1, as all Rocks commands do.
    #[track_caller]
    pub fn rocks_fails(&self, server: &MariaDb, words: &[&str]) -> String {
        let said = self.command(server, words).output().expect("Python starts");
        let stderr = String::from_utf8_lossy(&said.stderr);
        assert_eq!((said.status.code(), &*stderr), (Some(1), ""), "{words:?}");
        String::from_utf8_lossy(&said.stdout).into_owned()
    }
}

pub fn with_every_python(check: impl Fn(&Frontend, &MariaDb)) {
    let server = MariaDb::shared();
    for python in pythons() {
        check(&Frontend::new(&python, server), server);
    }
}

pub fn xml(name: &str) -> String {
    fs::read_to_string(fixture("rocks").join(name)).expect("the fixture is there")
}
