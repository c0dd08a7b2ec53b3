//! Which file is our hook.

use crate::hook_folder::is_ours;

/// The beginning of a program in the format that Linux runs.
const MAGIC: &[u8] = b"\x7fELF";
/// Width and byte order, which stand after the magic.
const WORDS: std::ops::Range<usize> = 4..6;
/// The machine that it is for.
const MACHINE: std::ops::Range<usize> = 18..20;

/// Whether this is our hook. A script that has our name in it is its author's, not ours.
pub fn is_hook_program(content: &[u8]) -> bool {
    content.starts_with(MAGIC) && is_ours(content)
}

/// Whether this can be installed as the hook. `gpupci` is the program that asks, of which a hook is
/// to differ in all but the machine that it is for.
///
/// # Errors
/// What is wrong with it.
pub fn judge_program(content: &[u8], gpupci: &[u8]) -> Result<(), &'static str> {
    if !content.starts_with(MAGIC) {
        return Err("it is no program, but something else");
    }
    if !is_hook_program(content) {
        return Err("it is a program, but not the hook of gpupt");
    }
    if content == gpupci {
        return Err("it is gpupci itself");
    }
    let target = |content: &[u8]| -> Option<Vec<u8>> {
        Some([content.get(WORDS)?, content.get(MACHINE)?].concat())
    };
    match target(content) {
        Some(wanted) if target(gpupci).is_none_or(|ours| ours == wanted) => Ok(()),
        _ => Err("it is a program for another kind of machine"),
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
            (program(2, 183, "gpupt"), Err("another kind of machine")),
            (program(1, 62, "gpupt"), Err("another kind of machine")),
            (program(2, 62, "qemu"), Err("not the hook of gpupt")),
            (gpupci.clone(), Err("gpupci itself")),
            (
                b"\x7fELF gpupt".to_vec(),
                Err("for another kind of machine"),
            ),
            (b"#!/bin/sh\n# gpupt\n".to_vec(), Err("it is no program")),
            (Vec::new(), Err("it is no program")),
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
