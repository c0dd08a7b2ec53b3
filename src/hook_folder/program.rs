//! How the hook's program is recognised.

use crate::hook_folder::is_ours;

/// The first bytes of an ELF program.
const MAGIC: &[u8] = b"\x7fELF";
/// ELF class and byte order.
const CLASS: std::ops::Range<usize> = 4..6;
/// The architecture.
const MACHINE: std::ops::Range<usize> = 18..20;

/// Whether this is our hook. A script that mentions gpupt is somebody's own.
pub fn is_hook_program(content: &[u8]) -> bool {
    content.starts_with(MAGIC) && is_ours(content)
}

/// Whether this can be installed as the hook: a hook for the architecture of `gpupci`, and not `gpupci` itself.
///
/// # Errors
/// What is wrong with it.
pub fn judge_program(content: &[u8], gpupci: &[u8]) -> Result<(), &'static str> {
    if !content.starts_with(MAGIC) {
        return Err("it is not a program");
    }
    if !is_hook_program(content) {
        return Err("it is a program, but not the gpupt hook");
    }
    if content == gpupci {
        return Err("it is gpupci itself");
    }
    let target = |content: &[u8]| -> Option<Vec<u8>> {
        Some([content.get(CLASS)?, content.get(MACHINE)?].concat())
    };
    match target(content) {
        Some(wanted) if target(gpupci).is_none_or(|ours| ours == wanted) => Ok(()),
        _ => Err("it is a program for another architecture"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn program(class: u8, machine: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = class;
        bytes[5] = 1;
        bytes[18] = machine;
        bytes.extend(text.bytes());
        bytes
    }

    #[test]
    fn only_a_hook_program_for_this_architecture_is_accepted() {
        let gpupci = program(2, 62, "gpupt gpupci");
        for (content, verdict) in [
            (program(2, 62, "gpupt"), Ok(())),
            (program(2, 183, "gpupt"), Err("another architecture")),
            (program(1, 62, "gpupt"), Err("another architecture")),
            (program(2, 62, "qemu"), Err("not the gpupt hook")),
            (gpupci.clone(), Err("gpupci itself")),
            (b"\x7fELF gpupt".to_vec(), Err("for another architecture")),
            (b"#!/bin/sh\n# gpupt\n".to_vec(), Err("it is not a program")),
            (Vec::new(), Err("it is not a program")),
        ] {
            let judged = judge_program(&content, &gpupci);
            assert_eq!(judged.is_ok(), verdict.is_ok(), "{verdict:?}");
            if let (Err(said), Err(part)) = (judged, verdict) {
                assert!(said.contains(part), "{said}: {part}");
            }
        }
    }

    #[test]
    fn script_that_mentions_gpupt_is_not_our_hook() {
        assert!(!is_hook_program(b"#!/bin/sh\nexec gpupt-something\n"));
        assert!(is_hook_program(&program(2, 62, "gpupt")));
    }
}
