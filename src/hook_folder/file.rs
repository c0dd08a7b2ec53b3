//! The files that libvirt may run as hooks (libvirt's `docs/hooks.rst`).

use memchr::memmem;

/// A file that libvirt may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFile {
    /// Where it is.
    pub path: String,
    /// Whether it is our hook.
    pub is_ours: bool,
    /// Whether libvirt itself runs it. Files in subfolders of `qemu.d` are run by other hooks only.
    pub is_direct: bool,
    /// Whether it has an execute bit: libvirt ignores a file without one.
    pub is_executable: bool,
    /// Whether all users can write to it: root runs what they write.
    pub is_open_to_all: bool,
    /// Whether it calls `virsh`.
    pub calls_virsh: bool,
    /// Why it could not be read.
    pub unread: Option<String>,
}

impl HookFile {
    /// Whether it is our hook, and where libvirt looks for hooks.
    pub fn is_ours_directly(&self) -> bool {
        self.is_ours && self.is_direct
    }
}

/// The hooks of a host.
#[derive(Clone, Debug, Default)]
pub struct HookFacts {
    /// Whether this user may not read the folder: it may have any files.
    pub is_hidden: bool,
    /// The files, in the order in which libvirt runs them.
    pub files: Vec<HookFile>,
    /// Whether libvirt has run ours since the last boot.
    pub is_seen: bool,
    /// The daemon that runs hooks: `libvirtd`, or `virtqemud`.
    pub daemon: &'static str,
}

/// Whether this is our hook: the program has its own name in it.
pub fn is_ours(content: &[u8]) -> bool {
    memmem::find(content, b"gpupt").is_some()
}

/// Whether a script calls `virsh`. Comments are ignored.
pub fn calls_virsh(content: &[u8]) -> bool {
    let is_script = !content.contains(&0);
    let mut lines = content
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_start);
    is_script && lines.any(|line| !line.starts_with(b"#") && names_virsh(line))
}

/// Whether the line has the word `virsh`, as in `/usr/bin/virsh`, but not as in `my-virsh.log`.
fn names_virsh(line: &[u8]) -> bool {
    const WORD: &[u8] = b"virsh";
    let is_part = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
    };
    memmem::find_iter(line, WORD).any(|start| {
        let before = start.checked_sub(1).and_then(|index| line.get(index));
        !is_part(before) && !is_part(line.get(start + WORD.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn virsh_is_found_only_as_a_command() {
        for (script, runs) in [
            ("#!/bin/sh\nvirsh nodedev-detach x\n", true),
            ("out=$(/usr/bin/virsh list)\n", true),
            ("subprocess.run([\"virsh\", \"list\"])", true),
            ("  # virsh is not called here\n", false),
            ("echo x >>/var/log/my-virsh.log\n", false),
            ("virshell\n", false),
            ("\0virsh\n", false),
            ("", false),
        ] {
            assert_eq!(calls_virsh(script.as_bytes()), runs, "{script}");
        }
    }
}
