//! The findings about libvirt's hooks: gpupt's hook, whether libvirt runs it, and other hooks.

use crate::hook_folder::{GpupciFacts, HookFacts, HookFile};
use crate::paths::HOOKS;
use crate::readiness::{Blocks, Finding};

const OURS: &str = "hook";
const SEEN: &str = "hook-seen";
const OTHERS: &str = "hook-others";
const GPUPCI: &str = "hook-gpupci";

pub(super) fn judge(hooks: &HookFacts, program: &GpupciFacts) -> Vec<Finding> {
    let mut findings = installed(hooks);
    let has_ours = hooks.files.iter().any(HookFile::is_ours_directly);
    findings.extend(gpupci(program).filter(|_| has_ours));
    for file in &hooks.files {
        findings.extend(writable_by_others(file));
        findings.extend(other_hook(file));
    }
    findings
}

/// Whether our hook is installed. Without it a guest still gets cards, so no finding blocks one.
fn installed(hooks: &HookFacts) -> Vec<Finding> {
    if hooks.is_hidden {
        let text = format!("only root can read {HOOKS}, so the libvirt hook was not checked");
        return vec![Finding::warn(OURS, text, "run `gpupci check` as root")];
    }
    let ours = hooks.files.iter().filter(|file| file.is_ours_directly());
    let ours: Vec<&HookFile> = ours.collect();
    let is_unread = |file: &HookFile| file.is_direct && file.unread.is_some();
    if ours.is_empty() && hooks.files.iter().any(is_unread) {
        // That file may be ours, and has a finding of its own.
        return Vec::new();
    }
    let Some(first) = ours.first() else {
        let text =
            "the libvirt hook is not installed: guests start without their cards being checked";
        let finding = Finding::fail(OURS, text, "gpupci hook install");
        return vec![finding.blocking(Blocks::Nothing)];
    };
    if let Some(skipped) = ours.iter().find(|file| !file.is_executable) {
        let text = format!(
            "{} is not executable, so libvirt skips it without a message",
            skipped.path
        );
        let remedy = format!("chmod 0755 {}", skipped.path);
        return vec![Finding::fail(OURS, text, remedy).blocking(Blocks::Nothing)];
    }
    if let Some(second) = ours.get(1) {
        let text = format!(
            "the hook is installed twice: as {} and as {}",
            first.path, second.path
        );
        return vec![Finding::warn(OURS, text, format!("remove {}", second.path))];
    }
    let installed = Finding::pass(
        OURS,
        format!("the libvirt hook is installed: {}", first.path),
    );
    vec![installed, last_run(hooks)]
}

/// Whether the hook can run `gpupci`. Without it the cluster's rule is off, and no guest is kept from a card.
fn gpupci(program: &GpupciFacts) -> Option<Finding> {
    let (text, remedy) = (program.problem()?, program.remedy());
    Some(match program.has_cluster && program.state.is_useless() {
        true => Finding::fail(GPUPCI, text, remedy).blocking(Blocks::Nothing),
        false => Finding::warn(GPUPCI, text, remedy),
    })
}

fn last_run(hooks: &HookFacts) -> Finding {
    if hooks.is_seen {
        return Finding::pass(SEEN, "libvirt has run the hook since the last boot");
    }
    let daemon = hooks.daemon;
    Finding::warn(
        SEEN,
        format!("{daemon} has not run the hook since the last boot, and may not have found it"),
        format!("systemctl reload {daemon}; check again after the next start of a guest"),
    )
}

fn writable_by_others(file: &HookFile) -> Option<Finding> {
    file.is_open_to_all.then(|| {
        let text = format!(
            "users other than root can write {}, which libvirt runs as root",
            file.path
        );
        Finding::warn(OTHERS, text, format!("chmod go-w {}", file.path))
    })
}

fn other_hook(file: &HookFile) -> Option<Finding> {
    let path = &file.path;
    if let Some(why) = &file.unread {
        let text = format!("{path} could not be read ({why}), so it was not checked");
        return Some(Finding::warn(OTHERS, text, "run `gpupci check` as root"));
    }
    let can_hang = file.is_executable && file.calls_virsh && !file.is_ours;
    can_hang.then(|| {
        Finding::warn(
            OTHERS,
            format!(
                "{path} calls virsh, but libvirt waits for its hooks: the start of a guest can hang \
                 for ever"
            ),
            format!("remove the virsh calls from {path}: gpupt does not need `virsh nodedev-detach`"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook_folder::GpupciState;
    use pretty_assertions::assert_eq;

    fn file(path: &str, is_ours: bool) -> HookFile {
        HookFile {
            path: path.to_owned(),
            is_ours,
            is_direct: true,
            is_executable: true,
            is_open_to_all: false,
            calls_virsh: false,
            unread: None,
        }
    }

    fn verdicts(files: Vec<HookFile>) -> Vec<(&'static str, &'static str)> {
        verdicts_with(files, GpupciState::Usable, false)
    }

    fn verdicts_with(
        files: Vec<HookFile>,
        state: GpupciState,
        has_cluster: bool,
    ) -> Vec<(&'static str, &'static str)> {
        let hooks = HookFacts {
            files,
            is_hidden: false,
            is_seen: true,
            daemon: "libvirtd",
        };
        let program = GpupciFacts {
            state,
            is_taken: false,
            is_in_rocks: false,
            this: "/gpupci".into(),
            has_cluster,
        };
        let findings = judge(&hooks, &program);
        findings
            .iter()
            .map(|f| (f.topic, f.verdict.word()))
            .collect()
    }

    #[test]
    fn hook_passes_only_if_libvirt_runs_it() {
        assert_eq!(verdicts(vec![]), [(OURS, "fail")]);
        let ours = file("/q", true);
        assert_eq!(
            verdicts(vec![ours.clone()]),
            [(OURS, "pass"), (SEEN, "pass")]
        );
        let below = HookFile {
            is_direct: false,
            ..ours.clone()
        };
        assert_eq!(verdicts(vec![below]), [(OURS, "fail")]);
        let idle = HookFile {
            is_executable: false,
            ..ours.clone()
        };
        assert_eq!(verdicts(vec![idle]), [(OURS, "fail")]);
        let copy = file("/q.bak", true);
        assert_eq!(verdicts(vec![ours, copy]), [(OURS, "warn")]);
    }

    #[test]
    fn gpupci_that_the_hook_cannot_run_is_a_failure_only_with_a_cluster() {
        let judged = |state, has_cluster| {
            let all = verdicts_with(vec![file("/q", true)], state, has_cluster);
            let own = all.into_iter().find(|(topic, _)| *topic == GPUPCI);
            own.map(|(_, verdict)| verdict)
        };
        let unread = GpupciState::Unread("why".to_owned());
        for (state, with, without) in [
            (GpupciState::Usable, None, None),
            (GpupciState::Missing, Some("fail"), Some("warn")),
            (GpupciState::NotExecutable, Some("fail"), Some("warn")),
            (GpupciState::Odd, Some("fail"), Some("warn")),
            (GpupciState::Differs, Some("warn"), Some("warn")),
            (unread, Some("warn"), Some("warn")),
        ] {
            assert_eq!(judged(state.clone(), true), with, "{state:?}");
            assert_eq!(judged(state.clone(), false), without, "{state:?}");
        }
        // Without the hook, nothing needs it.
        let none = verdicts_with(vec![], GpupciState::Missing, true);
        assert_eq!(none, [(OURS, "fail")]);
    }

    #[test]
    fn hook_that_cannot_be_read_is_no_missing_hook() {
        let unread = HookFile {
            unread: Some("Permission denied".to_owned()),
            ..file("/q", false)
        };
        assert_eq!(verdicts(vec![unread]), [(OTHERS, "warn")]);
    }

    #[test]
    fn other_hooks_are_reported_if_they_run_virsh_or_are_writable() {
        let virsh = HookFile {
            calls_virsh: true,
            ..file("/v", false)
        };
        let open = HookFile {
            is_open_to_all: true,
            ..file("/o", false)
        };
        let idle = HookFile {
            is_executable: false,
            ..virsh.clone()
        };
        let all = verdicts(vec![virsh, open, idle, file("/fine", false)]);
        assert_eq!(all, [(OURS, "fail"), (OTHERS, "warn"), (OTHERS, "warn")]);
    }
}
