//! The last run in QEMU's log of a guest.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;

use crate::host::Machine;
use crate::paths::QEMU_LOGS;

/// How many bytes are read from the end of a log.
const TAIL: u64 = 64 * 1024;
/// How many error lines are kept, from the end.
const LINES_MAX: usize = 5;

/// A run of QEMU for a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QemuRun {
    /// When libvirt started it, in seconds since 1970.
    pub at: Option<u64>,
    /// Whether the guest started and ended as somebody wanted: shut down, destroyed, saved.
    pub has_succeeded: bool,
    /// Its error lines.
    pub errors: Vec<String>,
}

impl Machine {
    /// The last run in QEMU's log of a guest; `None` without a log.
    pub fn last_qemu_run(&self, guest: &str) -> Option<QemuRun> {
        if guest.contains('/') || matches!(guest, "" | "." | "..") {
            return None;
        }
        let log = self.tail(&format!("{QEMU_LOGS}/{guest}.log")).ok()?;
        Some(last_run(&log))
    }

    fn tail(&self, path: &str) -> io::Result<String> {
        // Without O_NONBLOCK, to open a pipe would wait for a writer.
        let mut file = fs::OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(self.path(path))?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        file.seek(SeekFrom::Start(facts.len().saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The last run in a log. A start that the hook refuses adds only a line with `shutting down` behind it.
fn last_run(log: &str) -> QemuRun {
    let lines: Vec<&str> = log.lines().collect();
    let start = lines.iter().rposition(|line| is_start(line));
    let run = &lines[start.unwrap_or(0)..];
    let end = run
        .iter()
        .position(|line| line.contains("shutting down, reason="));
    let reason = end.and_then(|end| run[end].split_once("reason="));
    let reason = reason.map(|(_, reason)| reason.trim());
    let errors = run[..end.unwrap_or(run.len())]
        .iter()
        .filter(|line| is_error(line));
    let mut errors: Vec<String> = errors.map(|line| (*line).to_owned()).collect();
    QemuRun {
        at: start.and_then(|start| seconds_of(lines[start])),
        has_succeeded: reason.is_some_and(|reason| !matches!(reason, "failed" | "crashed")),
        errors: errors.split_off(errors.len().saturating_sub(LINES_MAX)),
    }
}

fn is_start(line: &str) -> bool {
    line.contains("starting up libvirt version")
}

/// Whether QEMU reports an error in this line. libvirt's lines with QEMU's command line are none.
fn is_error(line: &str) -> bool {
    const WORDS: [&str; 4] = ["qemu-system", "qemu-kvm:", "vfio", "error"];
    let line = line.to_ascii_lowercase();
    let is_command = line.starts_with('-') || line.ends_with('\\') || is_start(&line);
    !is_command && WORDS.iter().any(|word| line.contains(word))
}

/// The time at the start of libvirt's line, which is always UTC: `2026-01-02 10:00:00.000+0000`.
fn seconds_of(line: &str) -> Option<u64> {
    let number = |from: usize, to: usize| line.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days since 1970-01-01, with years that begin in March, so that the leap day is the last.
    let year = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let month = (month + 9) % 12;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let days = days.checked_sub(719_469)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    const NEW_RUN: &str = "2026-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
        LC_ALL=C \\\n\
        /usr/bin/qemu-system-x86_64 \\\n\
        -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:04:00.0\"}' \\\n\
        -msg timestamp=on\n\
        2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:04:00.0: group 17 is not viable\n\
        Please ensure all devices within the iommu_group are bound to their vfio bus driver.\n";

    #[test]
    fn only_errors_of_the_last_qemu_run_are_read() {
        let log = format!(
            "2026-01-01 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
             2026-01-01T10:00:01Z qemu-system-x86_64: an old error\n{NEW_RUN}\
             2026-01-02 10:00:02.000+0000: shutting down, reason=failed\n\
             2026-01-02 11:00:02.000+0000: shutting down, reason=failed\n"
        );
        let run = last_run(&log);
        assert_eq!(
            run.errors,
            [
                "2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:04:00.0: group 17 is not viable",
                "Please ensure all devices within the iommu_group are bound to their vfio bus driver.",
            ]
        );
        assert_eq!((run.at, run.has_succeeded), (Some(1_767_348_000), false));
        assert_eq!(last_run(""), QemuRun::default());
    }

    #[test]
    fn run_that_was_shut_down_has_succeeded() {
        for (reason, has_succeeded) in [
            ("shutdown", true),
            ("destroyed", true),
            ("failed", false),
            ("crashed", false),
        ] {
            let log = format!("{NEW_RUN}x: shutting down, reason={reason}\n");
            assert_eq!(last_run(&log).has_succeeded, has_succeeded, "{reason}");
        }
        assert!(!last_run(NEW_RUN).has_succeeded);
    }

    #[test]
    fn time_of_libvirt_is_read_as_seconds_since_1970() {
        for (line, seconds) in [
            ("1970-01-01 00:00:00.000+0000: starting", Some(0)),
            (
                "2024-02-29 23:59:59.999+0000: starting",
                Some(1_709_251_199),
            ),
            ("2024-03-01 00:00:00", Some(1_709_251_200)),
            ("0000-01-01 00:00:00", None),
            ("ä026-01-01 00:00:00", None),
            ("starting up", None),
        ] {
            assert_eq!(seconds_of(line), seconds, "{line}");
        }
    }
}
