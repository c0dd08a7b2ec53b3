//! The command line of `gpupci`: wrong usage, help, standard streams, exit codes.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    reason = "tests touch the machine, and may fail"
)]

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::pipe;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use gpupt::exit::Exit;
use pretty_assertions::assert_eq;
use support::{RunOutput, TestHost, gpupci, run};

const COMMANDS: [&str; 27] = [
    "",
    "list",
    "status",
    "detach",
    "attach",
    "groups",
    "check",
    "recover",
    "why",
    "renumber",
    "hook",
    "hook install",
    "hook uninstall",
    "hook status",
    "completions",
    "man",
    "splice",
    "host",
    "host add",
    "host set",
    "host remove",
    "host list",
    "host report",
    "host dump",
    "host conflicts",
    "host allows",
    "host place",
];

/// Asserts the exit code, an empty standard output, and these words on standard error.
#[track_caller]
fn assert_refused(said: &RunOutput, exit: Exit, words: &[&str]) {
    let expected = (Some(i32::from(exit.code())), "".to_owned());
    assert_eq!((said.code, said.text()), expected, "{}", said.stderr);
    for word in words {
        assert!(said.stderr.contains(word), "{word:?}: {}", said.stderr);
    }
    assert!(said.stderr.ends_with('\n'), "{:?}", said.stderr);
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
}

#[test]
fn wrong_usage_exits_with_2_and_a_hint() {
    let host = TestHost::unpacked("manual.tree");
    for (line, words) in [
        ("", &["no command given", "gpupci --help"][..]),
        ("-q --json", &["no command given", "gpupci --help"]),
        ("nosuch", &["nosuch", "--help"]),
        ("help", &["help", "--help"]),
        ("gpupci1", &["gpupci1", "--help"]),
        ("-x", &["-x", "--help"]),
        ("--nosuch", &["--nosuch", "--help"]),
        ("list --nosuch", &["--nosuch", "--help"]),
        ("list extra", &["extra", "gpupci list"]),
        ("-l extra", &["extra", "--help"]),
        ("-l list", &["-l", "combined with a command"]),
        ("--list host list", &["-l", "combined with a command"]),
        ("-l -l", &["--list", "--help"]),
        ("list --json --json", &["--json", "--help"]),
        ("splice", &["<GUEST>", "--help"]),
        ("splice rocks-33 rocks-34", &["rocks-34", "--help"]),
        ("splice --retarget", &["<GUEST>", "--help"]),
        ("host", &["add", "set", "remove", "list", "conflicts"]),
        ("host nosuch", &["nosuch", "--help"]),
        ("host help", &["help", "--help"]),
        ("host add", &["one host", "HOST GPU VALUE"]),
        ("host add h", &["one host", "HOST GPU VALUE", "\"h\""]),
        ("host add h gpupci1", &["one host", "\"h\" \"gpupci1\""]),
        (
            "host add gpu=gpupci1",
            &["one host", "HOST VALUE", "nothing"],
        ),
        ("host set", &["one host", "HOST GPU VALUE"]),
        ("host remove", &["one host", "HOST GPU,"]),
        ("host remove h", &["one host", "HOST GPU,", "\"h\""]),
        ("host list colour=red", &["\"colour\"", "output-col"]),
        ("host list ''", &["host"]),
        ("host conflicts extra", &["extra", "--help"]),
        ("host allows rocks-33", &["<CARD>", "--help"]),
        ("host place rocks-33", &["<HOST>", "--help"]),
        ("host add h card 02:00.0", &["\"gpupci\" prefix"]),
        (
            "host add h gpupci1 nonsense",
            &["\"nonsense\"", "0000:02:00.0"],
        ),
        ("list --root", &["--root", "--help"]),
        ("list --root ''", &["--root", "--help"]),
        ("list --database", &["--database", "--help"]),
        ("--database '' host list", &["sqlite:/path"]),
        ("list --vendor", &["--vendor", "--help"]),
        ("list --vendor 10d", &["--vendor", "\"10d\"", "1002"]),
        (
            "list --vendor ati",
            &["--vendor", "\"ati\"", "nvidia, amd, intel"],
        ),
    ] {
        assert_refused(&host.line(line), Exit::Usage, words);
    }
    assert!(!host.path("var").exists(), "nothing was made");
}

#[test]
fn arguments_that_are_not_utf8_are_refused() {
    let host = TestHost::unpacked("manual.tree");
    let bytes = OsStr::from_bytes(b"caf\xe9\xff");
    for before in [
        "",
        "list",
        "list --vendor",
        "list --database",
        "splice",
        "host add",
    ] {
        let mut words: Vec<&OsStr> = before.split_whitespace().map(OsStr::new).collect();
        words.push(bytes);
        assert_refused(&host.gpupci(&words), Exit::Usage, &["--help"]);
    }
    // A path may be any bytes.
    let said = host.gpupci(&[OsStr::new("list"), OsStr::new("--root"), bytes]);
    assert_refused(&said, Exit::Unable, &["cannot list", "sys/bus/pci/devices"]);
}

#[test]
fn bad_database_url_is_refused_without_printing_its_password() {
    let host = TestHost::named("here");
    for (url, why) in [
        ("cluster", "mysql://user@host:3306/cluster"),
        ("postgres://root:s3cret@fe/cluster", "sqlite:/path"),
        ("/var/lib/gpupt/cluster.db", "sqlite:/path"),
        ("sqlite:", "file path"),
        ("mysql://", "no host"),
        ("mysql://root:s3cret@fe", "no database"),
        ("mysql://fe/cluster", "no user"),
        ("mysql://root:s3cret@/cluster", "empty host"),
        ("mysql://root:s3cret@fe:99999/cluster", "invalid port"),
        ("mysql://root:s3cret@fe/cluster?ssl=1", "\"ssl\""),
        ("mysql://root:s3cret@fe/cluster?socket=", "socket"),
    ] {
        let option = host.gpupci(&["--database", url, "host", "list"]);
        let variable = run(
            host.command()
                .args(["host", "list"])
                .env("GPUPT_DATABASE", url),
            b"",
        );
        host.write("etc/gpupt.toml", &format!("database = \"{url}\"\n"));
        let file = host.line("host list");
        fs::remove_file(host.path("etc/gpupt.toml")).expect("the settings go away");
        for (said, exit) in [
            (&option, Exit::Usage),
            (&variable, Exit::Usage),
            (&file, Exit::Failed),
        ] {
            assert_refused(said, exit, &[why]);
            assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
        }
        let path = host.path("etc/gpupt.toml").display().to_string();
        assert_refused(&file, Exit::Failed, &["`database`", &path]);
    }
}

#[test]
fn invalid_settings_stop_every_command() {
    let host = TestHost::unpacked("manual.tree");
    let file = host.path("etc/gpupt.toml");
    let path = file.display().to_string();
    let commands = [
        "-l",
        "list --json",
        "host list",
        "host conflicts",
        "splice rocks-33",
    ];
    for (settings, why) in [
        ("vendors = \"10de\"\n", "line 1"),
        ("\nvendors = [\"ati\"]\n", "\"ati\""),
        ("vendor = [\"10de\"]\n", "`vendor`"),
        ("database = 3\n", "line 1"),
        ("vendors = [\n", "cannot parse"),
        ("vendors = []\nvendors = []\n", "duplicate"),
        ("\u{1b}[31m", "cannot parse"),
    ] {
        host.write("etc/gpupt.toml", settings);
        for command in commands {
            assert_refused(&host.line(command), Exit::Failed, &[&path, why]);
        }
    }
    fs::write(&file, b"# caf\xe9\n").expect("the settings are written");
    assert_refused(&host.line("-l"), Exit::Failed, &["cannot read", &path]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("the mode is set");
    // Root can read it anyway.
    if fs::read(&file).is_err() {
        assert_refused(&host.line("-l"), Exit::Failed, &["cannot read", &path]);
    }
    fs::remove_file(&file).expect("the settings go away");
    fs::create_dir(&file).expect("the folder is made");
    for command in commands {
        assert_refused(&host.line(command), Exit::Failed, &["cannot read", &path]);
    }
}

#[test]
fn every_command_has_help() {
    for command in COMMANDS {
        for option in ["--help", "-h"] {
            let mut words: Vec<&str> = command.split_whitespace().collect();
            words.push(option);
            let text = run(gpupci().args(&words), b"").answer();
            let usage = format!("Usage: gpupci {command}");
            for word in [usage.trim_end(), "--root", "--database", "--json", "--help"] {
                assert!(text.contains(word), "{command} {option}: {word}\n{text}");
            }
        }
    }
    let text = run(gpupci().arg("--help"), b"").answer();
    for word in ["list", "splice", "host", "GPUPT_ROOT", "Exit codes:"] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    for code in 0..=9 {
        assert!(text.contains(&format!(" {code}  ")), "{code}\n{text}");
    }
    let text = run(gpupci().args(["host", "--help"]), b"").answer();
    for command in COMMANDS
        .iter()
        .filter_map(|name| name.strip_prefix("host "))
    {
        assert!(text.contains(&format!("  {command} ")), "{command}\n{text}");
    }
}

#[test]
fn help_reads_nothing_and_prints_no_password() {
    let url = "mysql://root:s3cret@fe/cluster";
    for command in COMMANDS {
        let mut help = gpupci();
        help.env("GPUPT_DATABASE", url)
            .env("GPUPT_ROOT", "/nonexistent");
        help.args(command.split_whitespace()).arg("--help");
        let text = run(&mut help, b"").answer();
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn version_is_the_package_version() {
    for option in ["--version", "-V"] {
        assert_eq!(
            run(gpupci().arg(option), b"").answer(),
            concat!("gpupci ", env!("CARGO_PKG_VERSION"), "\n")
        );
    }
}

/// Runs a command whose standard output is closed before the first byte.
fn run_with_stdout_closed(mut command: Command) -> (Option<i32>, String) {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let output = command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .output();
    let output = output.expect("the program ends");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), stderr)
}

#[test]
fn closed_standard_output_is_no_error() {
    let host = TestHost::unpacked("manual.tree");
    host.line(ADD).answer();
    for (line, code) in [
        ("list", 0),
        ("-l --json", 0),
        ("host list", 0),
        ("--help", 0),
        ("host add --help", 0),
        ("--version", 0),
    ] {
        let mut command = host.command();
        command.args(line.split(' '));
        assert_eq!(
            run_with_stdout_closed(command),
            (Some(code), String::new()),
            "{line}"
        );
    }
    // Errors are still reported.
    let mut command = host.command();
    command.args(["host", "list", "nosuch"]);
    let (code, stderr) = run_with_stdout_closed(command);
    assert_eq!(code, Some(3), "{stderr}");
}

#[test]
fn closed_standard_error_does_not_change_the_exit_code() {
    let host = TestHost::named("here");
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let status = host
        .command()
        .args(["host", "list", "nosuch"])
        .stdin(Stdio::null())
        .stderr(writer)
        .status();
    assert_eq!(status.expect("the program ends").code(), Some(3));
}

#[test]
fn full_standard_output_is_an_error() {
    let host = TestHost::unpacked("manual.tree");
    let full = File::options().write(true).open("/dev/full");
    let output = host
        .command()
        .arg("-l")
        .stdout(full.expect("Linux has it"))
        .stderr(Stdio::piped())
        .output()
        .expect("the program ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("cannot write the answer"), "{stderr}");
}

const ADD: &str = "host add vm-container-0-15 gpupci1 02:00.0";

#[test]
fn exit_code_0_is_success_or_already_done() {
    let host = TestHost::unpacked("manual.tree");
    for line in [
        "list",
        "host list",
        "host conflicts",
        ADD,
        "host set vm-container-0-15 gpupci1 02:00.0",
        "host set vm-container-0-15 gpupci1 02:00.0",
        "host list vm-container-0-15",
        "host remove vm-container-0-15 gpupci1",
        "-q host remove vm-container-0-15 gpupci1",
    ] {
        host.line(line).answer();
    }
    let again = host.line("host remove vm-container-0-15 gpupci1");
    assert_eq!((again.code, again.text()), (Some(0), String::new()));
    assert!(again.stderr.contains("nothing to remove"), "{again:?}");
}

#[test]
fn exit_code_1_is_failure_without_change() {
    let host = TestHost::unpacked("manual.tree");
    host.line(ADD).answer();
    let before = host.line("host list").answer();
    assert_refused(
        &host.line("host add vm-container-0-15 gpupci1 03:00.0"),
        Exit::Failed,
        &["gpupci1", "exists", "`gpupci host set`"],
    );
    assert_eq!(host.line("host list").answer(), before);

    host.line("host add rocks-33 gpupci 02:00.0").answer();
    for xml in ["", "<domain", "<nodomain/>"] {
        let said = host.gpupci_reading(&["splice", "rocks-33"], xml.as_bytes());
        assert_refused(&said, Exit::Failed, &["line 1", "nothing was changed"]);
    }

    // Conflicts are the answer, so they are on standard output.
    host.line("-q host add rocks-34 gpupci 02:00.0").answer();
    let conflicts = host.line("host conflicts");
    assert_eq!((conflicts.code, conflicts.stderr.as_str()), (Some(1), ""));
    for guest in ["rocks-33", "rocks-34"] {
        assert!(conflicts.text().contains(guest), "{}", conflicts.text());
    }
}

#[test]
fn exit_code_3_is_unknown_host_or_guest() {
    let host = TestHost::unpacked("manual.tree");
    host.line(ADD).answer();
    for line in [
        "host list nosuch",
        "host report nosuch",
        "host dump nosuch",
        "host set nosuch gpupci1 02:00.0",
        "host remove nosuch gpupci1",
        "host place nosuch vm-container-0-15",
        "splice nosuch",
        "splice --retarget nosuch",
    ] {
        assert_refused(&host.line(line), Exit::NotFound, &["\"nosuch\""]);
    }
}

#[test]
fn exit_code_5_is_a_host_without_pci() {
    let host = TestHost::named("bare");
    let words = ["cannot list", "sys/bus/pci/devices", "cause:", "try:"];
    assert_refused(&host.line("list"), Exit::Unable, &words);
}

#[test]
fn exit_code_9_is_permission_denied() {
    let host = TestHost::named("here");
    host.write("file", "no folder\n");
    for name in ["file/cluster.db", "file/folder/cluster.db"] {
        let url = format!("sqlite:{}", host.path(name).display());
        let said = host.gpupci(&["--database", &url, "host", "add", "h", "gpupci1", "02:00.0"]);
        assert_refused(&said, Exit::NotPermitted, &[&url, "nothing was changed"]);
    }
    assert_eq!(
        fs::read_to_string(host.path("file")).ok().as_deref(),
        Some("no folder\n")
    );
    let folder = host.path("closed");
    fs::create_dir(&folder).expect("the folder is made");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).expect("the mode is set");
    // Root can write there anyway.
    if File::create(folder.join("probe")).is_err() {
        let url = format!("sqlite:{}", folder.join("cluster.db").display());
        let said = host.gpupci(&["--database", &url, "host", "add", "h", "gpupci1", "02:00.0"]);
        assert_refused(&said, Exit::NotPermitted, &[&url]);
    }
}
