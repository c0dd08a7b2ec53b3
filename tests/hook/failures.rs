//! Failures during `prepare`: writes that fail or block, a lock that is held, invalid settings.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::thread;

use nix::fcntl::{Flock, FlockArg};
use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::silence;
use crate::stage::{Stage, because};
use crate::support::kernel::{InjectedFault, Work};
use crate::support::run;

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

/// The message if the hook cannot inspect any card.
fn refusal_of_all_cards(why: &str, remedy: &str) -> String {
    format!("cannot prepare its cards: {why}. State: nothing was changed. Try: {remedy}.")
}

#[test]
fn prepare_is_undone_if_the_stub_driver_does_not_bind_a_function() {
    let stage = Stage::manual();
    stage
        .kernel
        .on_probe(("vfio-pci", "0000:02:00.1"), Work::refuses());
    let why = because(
        &["vfio-pci did not bind 0000:02:00.1, although the kernel reported no error"],
        &["check `dmesg` for messages about the card"],
    );
    let undone = "all changes were undone: 0000:02:00.0 is bound to nvidia, 0000:02:00.1 is bound to \
                  snd_hda_intel";
    let why = why.replace("nothing was changed", undone);
    stage.assert_fails(&guest(), &why);
    stage.assert_restored("it failed");
    let writes = stage.kernel.writes();
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.kernel.writes(), writes, "there is nothing to release");
}

#[test]
fn hook_ends_although_a_write_blocks() {
    thread::scope(|scope| {
        for nth in [1, 2, 6] {
            scope.spawn(move || assert_ends_if_write_blocks(nth));
        }
    });
}

fn assert_ends_if_write_blocks(nth: usize) {
    let stage = Stage::manual();
    stage.kernel.fault(nth, InjectedFault::Blocks);
    let mut hook = stage.command(&guest(), "prepare");
    hook.env("GPUPT_TIMEOUT", "1");
    // libvirt waits until all writers have closed its pipes. `run` does the same.
    let said = run(&mut hook, guest().xml().as_bytes());
    assert_eq!((said.text(), said.code), (String::new(), Some(1)));
    let writes = stage.kernel.writes();
    assert_eq!(writes.len(), nth);
    let stuck = &writes[nth - 1];
    let start = format!(
        "gpupt: guest rocks-33 cannot start: cannot prepare gpupci1 (0000:02:00): {stuck}: the \
         kernel has not finished this write after 1 s, and it cannot be cancelled. State: \
         0000:02:00.0 is bound to "
    );
    let end = "; the card is locked until the write ends. Try: check `dmesg` for messages about the \
               card; when the write has ended, run `gpupci recover`; if it never ends, reboot this \
               host.\n";
    assert!(said.stderr.starts_with(&start), "{}", said.stderr);
    assert!(said.stderr.ends_with(end), "{}", said.stderr);

    stage.hook_ok(&guest(), "release");
    let said = stage.hook(&Guest::with(&hostdev("02", 1)), "prepare");
    let start = format!(
        "gpupt: guest rocks-33 cannot start: cannot prepare gpupci1 (0000:02:00): a write to this card \
         is still under way: {stuck} (pid "
    );
    let end = " ago); the card is locked until the write ends. State: nothing was changed. Try: try \
               again when the write has ended; if it never ends, check `dmesg`, then reboot this \
               host.\n";
    assert!(said.stderr.starts_with(&start), "{}", said.stderr);
    assert!(said.stderr.ends_with(end), "{}", said.stderr);
    stage.hook_ok(&guest(), "reconnect");
    assert_eq!(stage.kernel.writes(), writes);
    stage.hook_ok(&Guest::other(1, &hostdev("03", 0)), "prepare");
}

#[test]
fn hook_waits_for_the_lock_then_names_its_holder() {
    let stage = Stage::manual();
    fs::create_dir_all(stage.host.path("run/gpupt")).expect("a folder");
    let lock = File::create(stage.host.path("run/gpupt/lock")).expect("a file");
    lock.lock().expect("it is free");
    stage.host.write("run/gpupt/lock", "4711\n");
    let hook = |operation| {
        let mut hook = stage.command(&guest(), operation);
        hook.env("GPUPT_TIMEOUT", "0.25");
        run(&mut hook, guest().xml().as_bytes())
    };
    let said = hook("prepare");
    let why = refusal_of_all_cards(
        "another gpupci or hook (pid 4711) is running and did not finish within 0.5 s",
        "wait until that command has ended, then try again",
    );
    let line = format!("gpupt: guest rocks-33 cannot start: {why}\n");
    assert_eq!((said.stderr, said.code), (line, Some(1)));
    for operation in ["release", "reconnect", "started"] {
        assert_eq!(hook(operation), silence(), "{operation}");
    }
    assert_eq!(stage.kernel.writes(), [""; 0]);
    drop(lock);
    stage.hook_ok(&guest(), "prepare");
    assert_eq!(stage.changed_bindings().len(), 2);
}

#[test]
fn prepare_is_refused_if_the_settings_are_invalid() {
    let stage = Stage::manual();
    let path = stage.host.path("etc/gpupt.toml");
    let mend = "fix that, then start the guest again";
    for (text, why) in [
        (
            "vendors = [\"10de\"]\nstubb = \"a\"\n",
            format!(
                "cannot parse {}: line 2: unknown field `stubb`, expected one of `database`, \
                 `vendors`, `stub`",
                path.display()
            ),
        ),
        (
            "vendors = [\"ati\"]\n",
            format!(
                "invalid `vendors` in {}: \"ati\" is not a vendor: expected nvidia, amd, intel, or a \
                 PCI vendor id of four hexadecimal digits, such as 1002",
                path.display()
            ),
        ),
    ] {
        stage.host.write("etc/gpupt.toml", text);
        stage.assert_refused(&guest(), &refusal_of_all_cards(&why, mend));
        // A guest without devices starts.
        stage.hook_ok(&Guest::with(""), "prepare");
    }
    // The message does not repeat a password from the settings.
    stage.host.write(
        "etc/gpupt.toml",
        "database = mysql://root:s3cret@fe/cluster\n",
    );
    let said = stage.hook(&guest(), "prepare");
    assert_eq!(said.code, Some(1));
    assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
}

#[test]
fn prepare_is_refused_if_names_or_records_are_unreadable() {
    let stage = Stage::manual();
    stage.host.write("var/lib/gpupt/cards.json", "{");
    let names = stage.host.path("var/lib/gpupt/cards.json");
    let said = stage.hook(&guest(), "prepare");
    let start = format!(
        "gpupt: guest rocks-33 cannot start: cannot prepare its cards: cannot parse \
         {}: ",
        names.display()
    );
    let end =
        ". State: nothing was changed. Try: check the file; `gpupci renumber` writes a new one.\n";
    assert!(said.stderr.starts_with(&start), "{}", said.stderr);
    assert!(said.stderr.ends_with(end), "{}", said.stderr);
    assert_eq!((said.text(), said.code), (String::new(), Some(1)));
    fs::remove_file(&names).expect("a file");

    let record = "run/gpupt/cards/0000:02:00.json";
    stage.host.write(record, "{");
    let path = stage.host.path(record);
    let path = path.display();
    stage.journal();
    let why = because(
        &[
            &format!("cannot parse {path}"),
            "not a valid record of a card",
            "EOF while parsing an object at line 1 column 1",
        ],
        &[&format!("check {path}, move it away, then try again")],
    );
    stage.assert_refused(&guest(), &why);
    stage.hook_ok(&guest(), "release");
    stage.hook_ok(&guest(), "reconnect");
    assert_eq!(stage.kernel.writes(), [""; 0]);
}

#[test]
fn hook_does_not_wait_for_a_full_journal_socket() {
    let stage = Stage::manual();
    let unread = UnixDatagram::bind(stage.host.path("full")).expect("a socket");
    let journal = stage.host.path("run/systemd/journal/socket");
    fs::rename(stage.host.path("full"), journal).expect("it takes its place");
    // Far more lines than the socket's buffer holds.
    for number in 0..200 {
        let filler = UnixDatagram::unbound().expect("a socket");
        filler.set_nonblocking(true).expect("a socket");
        let line = format!("MESSAGE={number}\n");
        let sent = filler.send_to(
            line.as_bytes(),
            stage.host.path("run/systemd/journal/socket"),
        );
        if sent.is_err() {
            break;
        }
    }
    stage.hook_ok(&guest(), "prepare");
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("with a full journal");
    drop(unread);
}

#[test]
fn only_a_guest_with_a_card_waits_for_the_lock_and_long_at_its_end() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let lock = File::open(stage.host.path("run/gpupt/lock")).expect("a lock");
    let held = Flock::lock(lock, FlockArg::LockExclusiveNonblock).expect("it is free");
    stage.journal();
    let step = |guest: &Guest, operation| {
        let mut hook = stage.command(guest, operation);
        hook.env("GPUPT_TIMEOUT", "0.1");
        run(&mut hook, guest.xml().as_bytes())
    };
    for other in [Guest::other(1, ""), Guest::other(2, &hostdev("01", 0))] {
        for operation in ["prepare", "release"] {
            assert_eq!(step(&other, operation), silence(), "{operation}");
        }
    }
    assert_eq!(stage.journal(), [], "nobody tried to have the lock");
    // The release of a guest with a card does wait.
    assert_eq!(step(&guest(), "release"), silence());
    let journal = stage.journal();
    assert_eq!(journal.len(), 1);
    // Nothing else restores its card, so it waits ten times as long as a start.
    let line = &journal[0]["MESSAGE"];
    assert!(line.contains(" did not finish within 2 s"), "{line}");
    drop(held);
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("the guest has ended");
}
