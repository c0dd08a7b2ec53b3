//! Colours on a terminal.

use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{TestHost, run};
use crate::table::busy;

/// The output of `gpupci LINE` on a terminal.
fn on_a_terminal(host: &TestHost, line: &str, variables: &[(&str, &str)]) -> String {
    let mut script = Command::new("script");
    let program = env!("CARGO_BIN_EXE_gpupci");
    script
        .args([
            "-q",
            "-e",
            "-c",
            &format!("'{program}' {line}"),
            "/dev/null",
        ])
        .env("GPUPT_ROOT", host.root.path())
        .env("TERM", "xterm");
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "GPUPT_DATABASE",
        "CI",
    ] {
        script.env_remove(name);
    }
    let said = run(script.envs(variables.iter().copied()), b"");
    assert_eq!(said.code, Some(0), "{said:?}");
    said.text().replace("\r\n", "\n")
}

#[test]
fn output_is_coloured_only_on_terminals_with_colours() {
    let host = busy();
    let boot = "proc/sys/kernel/random/boot_id";
    host.write(boot, "7b2c\n");
    let plain = host.line("list -v").answer();
    assert!(!plain.contains('\u{1b}'));
    let coloured = |colours: [Option<u8>; 4]| -> String {
        let colours = std::iter::once(None).chain(colours);
        let lines = plain
            .lines()
            .zip(colours)
            .map(|(line, colour)| match colour {
                Some(colour) => format!("\u{1b}[{colour}m{line}\u{1b}[0m\n"),
                None => format!("{line}\n"),
            });
        lines.collect()
    };
    let green = coloured([None, None, Some(32), Some(32)]);
    for line in ["list -v", "-l -v", "status -v"] {
        assert_eq!(on_a_terminal(&host, line, &[]), green, "{line}");
    }
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        assert_eq!(on_a_terminal(&host, "list -v", &[variable]), plain);
    }
    // Output for scripts has no colour, even on a terminal.
    for line in ["list", "status", "list --json", "-s all -v --json"] {
        assert!(
            !on_a_terminal(&host, line, &[]).contains('\u{1b}'),
            "{line}"
        );
    }
    // Yellow: `recover` is needed. Red: a reboot is needed.
    let record = "{\"version\": 1, \"boot\": \"7b2c\", \"phase\": \"attaching\", \"functions\": []";
    let file = "run/gpupt/cards/0000:03:00.json";
    host.write(file, &format!("{record}}}"));
    let yellow = coloured([None, None, Some(33), Some(33)]);
    assert_eq!(on_a_terminal(&host, "list -v", &[]), yellow);
    host.write(file, &format!("{record}, \"poisoned\": \"a write\"}}"));
    let red = coloured([None, None, Some(31), Some(31)]);
    assert_eq!(on_a_terminal(&host, "list -v", &[]), red);
    // A record of an earlier boot does not count.
    host.write(boot, "8c3d\n");
    assert_eq!(on_a_terminal(&host, "list -v", &[]), green);
}
