//! The lines of `gpupci hook status`, and why the hook was not installed or removed.

use gpupt::hook_folder::{
    Daemon, Folder, GpupciFacts, GpupciState, HookBefore, HookEntry, HookError, HookFault,
    HookFolderState, HookStatus, HookView, LibvirtVersion, StatusLine, judge_program, plan_install,
};
use gpupt::paths::{HOOK, HOOK_BEFORE, HOOK_IN_FOLDER};
use pretty_assertions::assert_eq;

use crate::findings::hook_file;
use crate::{escaped, refused, section, table};

const NOW: u64 = 1_700_000_000;

fn view(path: &str, is_ours: bool) -> HookView {
    HookView {
        file: hook_file(path, is_ours),
        is_current: is_ours.then_some(true),
        is_run: true,
        run_by: None,
    }
}

/// The `gpupci` of a host with a cluster.
pub fn gpupci(state: GpupciState) -> GpupciFacts {
    GpupciFacts {
        state,
        is_taken: false,
        is_in_rocks: false,
        this: "/opt/gpupt/gpupci".into(),
        has_cluster: true,
    }
}

/// What can be wrong with it.
pub fn useless_gpupcis() -> Vec<GpupciFacts> {
    let states = [
        GpupciState::Missing,
        GpupciState::NotExecutable,
        GpupciState::Odd,
        GpupciState::Differs,
        GpupciState::Unread("Permission denied (os error 13)".to_owned()),
    ];
    assert_complete!(
        states.iter().chain([&GpupciState::Usable]),
        GpupciState::Usable,
        GpupciState::Missing,
        GpupciState::NotExecutable,
        GpupciState::Odd,
        GpupciState::Differs,
        GpupciState::Unread(_),
    );
    let mut programs: Vec<GpupciFacts> = states.into_iter().map(gpupci).collect();
    let rocks = GpupciFacts {
        is_in_rocks: true,
        has_cluster: false,
        ..gpupci(GpupciState::Missing)
    };
    programs.push(GpupciFacts {
        is_taken: true,
        ..rocks.clone()
    });
    programs.push(rocks);
    programs
}

/// Our hook, which libvirt ran five minutes ago.
fn status() -> HookStatus {
    HookStatus {
        has_libvirt: true,
        version: LibvirtVersion::of_daemon("libvirtd (libvirt) 9.0.0"),
        hooks: vec![view(HOOK, true)],
        program: Some("/usr/lib/gpupt/qemu-hook".into()),
        gpupci: gpupci(GpupciState::Usable),
        daemon: Some(Daemon {
            name: "libvirtd",
            pid: 801,
            started_at: Some(NOW - 7000),
        }),
        daemon_name: "libvirtd",
        seen_at: Some(NOW - 300),
        put_at: Some(NOW - 8000),
        now: NOW,
    }
}

fn changed(change: impl FnOnce(&mut HookStatus)) -> HookStatus {
    let mut status = status();
    change(&mut status);
    status
}

fn ours(change: fn(&mut HookView)) -> HookStatus {
    changed(|status| change(&mut status.hooks[0]))
}

fn other(path: &str, change: fn(&mut HookView)) -> HookStatus {
    changed(|status| {
        let mut hook = view(path, false);
        change(&mut hook);
        status.hooks.push(hook);
    })
}

fn statuses() -> Vec<HookStatus> {
    let site = "/etc/libvirt/hooks/qemu.d/10-site";
    let programs = useless_gpupcis().into_iter();
    let programs = programs.map(|program| changed(|status| status.gpupci = program));
    let mut statuses = vec![
        status(),
        changed(|status| status.has_libvirt = false),
        changed(|status| status.hooks.clear()),
        ours(|hook| hook.is_current = Some(false)),
        ours(|hook| hook.is_current = None),
        ours(|hook| {
            hook.is_run = false;
            hook.file.is_executable = false;
        }),
        changed(|status| {
            status.version = LibvirtVersion::of_daemon("libvirtd (libvirt) 6.0.0");
            status.hooks = vec![HookView {
                is_run: false,
                ..view(HOOK_IN_FOLDER, true)
            }];
        }),
        changed(|status| status.daemon = None),
        changed(|status| {
            status.daemon = None;
            status.seen_at = None;
        }),
        changed(|status| status.seen_at = None),
        changed(|status| {
            status.seen_at = None;
            status.put_at = Some(NOW);
        }),
        other(site, |_| ()),
        other(HOOK_BEFORE, |hook| hook.run_by = Some(HOOK)),
        other(HOOK_IN_FOLDER, |_| ()),
        other(site, |hook| hook.file.is_executable = false),
        other(site, |hook| hook.file.calls_virsh = true),
        other(site, |hook| {
            hook.file.unread = Some("Permission denied (os error 13)".to_owned());
        }),
        other(site, |hook| hook.file.is_ours = true),
    ];
    statuses.extend(programs);
    statuses
}

/// A hook folder without a hook.
fn folder(version: &str) -> HookFolderState {
    HookFolderState {
        has_libvirt: true,
        version: LibvirtVersion::of_daemon(version),
        hooks: Folder::There,
        folder: Folder::There,
        hook: HookEntry::Nothing,
        in_folder: HookEntry::Nothing,
        before: HookBefore::Nothing,
    }
}

/// Hook folders in which the hook cannot be installed.
fn obstructed() -> Vec<HookFolderState> {
    let (old, new) = (|| folder("6.0.0"), || folder("9.0.0"));
    vec![
        HookFolderState {
            hooks: Folder::Not("a link to /srv/hooks".to_owned()),
            ..new()
        },
        HookFolderState {
            in_folder: HookEntry::Foreign,
            ..new()
        },
        HookFolderState {
            in_folder: HookEntry::Odd("a directory"),
            ..new()
        },
        HookFolderState {
            hook: HookEntry::Odd("a directory"),
            ..old()
        },
        HookFolderState {
            hook: HookEntry::Foreign,
            before: HookBefore::Other,
            ..old()
        },
    ]
}

/// Why a file is not installed as the hook.
fn wrong_programs() -> Vec<&'static str> {
    let program = |machine: u8, words: &str| {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.resize(20, machine);
        bytes.extend(words.as_bytes());
        bytes
    };
    let gpupci = program(62, "gpupt");
    let files = [
        Vec::new(),
        program(62, "qemu"),
        gpupci.clone(),
        program(183, "gpupt"),
    ];
    let judged = files.iter().map(|file| judge_program(file, &gpupci));
    judged.map(|why| why.expect_err("no hook")).collect()
}

fn hook_errors() -> Vec<HookError> {
    let path = || HOOK.into();
    let mut faults = vec![HookFault::NoLibvirt];
    let plans = obstructed().into_iter().map(|state| plan_install(&state));
    faults.extend(plans.map(|plan| plan.expect_err("no plan")));
    faults.push(HookFault::NoProgram(vec![
        "/usr/lib/gpupt/qemu-hook".into(),
    ]));
    faults.extend(wrong_programs().into_iter().map(|why| HookFault::Program {
        path: "/srv/qemu-hook".into(),
        why: why.to_owned(),
    }));
    faults.extend([
        HookFault::Read {
            path: path(),
            source: refused(),
        },
        HookFault::Write {
            path: path(),
            source: refused(),
        },
        HookFault::HalfWay {
            path: path(),
            source: refused(),
            left: vec![format!(
                "{HOOK} could not be restored (Permission denied (os error 13))"
            )],
        },
    ]);
    assert_complete!(
        &faults,
        HookFault::NoLibvirt,
        HookFault::Obstructed(_),
        HookFault::NoProgram(_),
        HookFault::Program { .. },
        HookFault::Read { .. },
        HookFault::Write { .. },
        HookFault::HalfWay { .. },
    );
    let errors = faults.into_iter();
    errors
        .map(|fault| HookError::new("install", fault))
        .collect()
}

pub fn sections() -> String {
    let mut lines: Vec<StatusLine> = Vec::new();
    for line in statuses().iter().flat_map(HookStatus::lines) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.sort_by_key(|line| {
        ["hook", "libvirt", "last run", "other"]
            .iter()
            .position(|one| *one == line.topic)
    });
    let row = |line: &StatusLine| {
        let remedy = line.remedy.as_deref().unwrap_or_default();
        [line.topic.to_owned(), escaped(&line.text), escaped(remedy)]
    };
    let rows: Vec<[String; 3]> = lines.iter().map(row).collect();
    table(
        "Lines of `gpupci hook status`",
        ["line", "message", "what to do"],
        &rows,
    ) + &section("The hook is not installed", &hook_errors())
}
