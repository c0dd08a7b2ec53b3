//! The hook, as libvirtd waits for it, beside the least that a program can do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::gpupci;
use crate::{large_host, medians, quietly};

/// How often a program runs in one turn: one run alone is too short to be measured.
const RUNS: u32 = 200;

/// What the dispatchers that people copy do for a guest that has no scripts.
const DISPATCHER: &str = "BASEDIR=$(dirname \"$0\"); HOOKPATH=$BASEDIR/qemu.d/$1/$2; \
    if [ -f \"$HOOKPATH\" ]; then \"$HOOKPATH\"; elif [ -d \"$HOOKPATH\" ]; then \
    find -L \"$HOOKPATH\" -maxdepth 1 -type f -executable -print; fi";

pub fn measure() {
    let hook = std::env::var_os("GPUPT_HOOK").map(PathBuf::from);
    let hook = hook.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_qemu")));
    let size = fs::metadata(&hook).expect("the hook is built").len();
    println!("the hook, {size} bytes (wanted: at most 1000000)");
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory, as /run is");
    let root = large_host(folder.path());
    put_on_vfio(&root.join("sys/bus/pci/devices/0000:01:00.0"));
    quietly(gpupci().arg("-l").env("GPUPT_ROOT", &root));
    let call = |program: &Path| {
        let mut command = Command::new(program);
        command.args(["x", "prepare", "begin", "-"]);
        command.env("GPUPT_ROOT", &root);
        command
    };
    for (name, devices, wanted) in [
        ("a guest without host devices", String::new(), "1.0"),
        (
            "a guest with a device that is no card",
            hostdev("0x7f"),
            "1.0",
        ),
        (
            "a card that is detached; 8 cards, 200 functions",
            hostdev("0x01"),
            "2.5",
        ),
    ] {
        let xml = folder.path().join("guest.xml");
        fs::write(&xml, guest(&devices)).expect("the XML is kept");
        let run = |program: &Path| {
            for _ in 0..RUNS {
                let stdin = fs::File::open(&xml).expect("the XML");
                quietly(call(program).stdin(stdin));
            }
        };
        let (ours, least) = medians(|| run(&hook), || run(Path::new("/bin/true")));
        let ratio = ours.as_secs_f64() / least.as_secs_f64();
        println!("  {name}");
        println!("    hook                        {:8.3} ms", ms(ours));
        println!("    /bin/true                   {:8.3} ms", ms(least));
        println!("    ratio                       {ratio:8.2} x  (wanted: at most {wanted})");
        println!(
            "    memory, all that it maps    {:8} kB (wanted: at most 4096 resident)",
            least_memory(&hook, &xml, &root)
        );
    }
    others();
}

/// What people have in the hook's place.
fn others() {
    let shell = |script: &'static str| {
        move || {
            for _ in 0..RUNS {
                quietly(Command::new("bash").args(["-c", script, "x", "prepare", "begin"]));
            }
        }
    };
    let (empty, dispatcher) = medians(shell(":"), shell(DISPATCHER));
    println!("  beside it");
    println!("    bash -c :                   {:8.3} ms", ms(empty));
    println!("    a shell dispatcher          {:8.3} ms", ms(dispatcher));
}

/// The least address space in which the hook does its work, in kB: it cannot have more resident.
fn least_memory(hook: &Path, xml: &Path, root: &Path) -> u32 {
    let works = |kilobytes: u32| {
        let script = "ulimit -v \"$1\"; exec \"$2\" x prepare begin - <\"$3\"";
        let mut shell = Command::new("bash");
        shell.args(["-c", script, "bash", &kilobytes.to_string()]);
        shell.arg(hook).arg(xml).env("GPUPT_ROOT", root);
        let ended = shell.stdout(Stdio::null()).stderr(Stdio::null()).status();
        ended.is_ok_and(|status| status.success())
    };
    let (mut too_little, mut enough) = (0, 1 << 20);
    while enough - too_little > 16 {
        let middle = (too_little + enough) / 2;
        match works(middle) {
            true => enough = middle,
            false => too_little = middle,
        }
    }
    enough
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3 / f64::from(RUNS)
}

/// As if a function had been detached.
fn put_on_vfio(function: &Path) {
    let _ = fs::remove_file(function.join("driver"));
    let stub = "../../../bus/pci/drivers/vfio-pci";
    symlink(stub, function.join("driver")).expect("a link");
}

/// A hostdev that claims function 0 of what sits on this bus.
fn hostdev(bus: &str) -> String {
    format!(
        "<hostdev mode='subsystem' type='pci' managed='yes'><source>\
         <address domain='0x0000' bus='{bus}' slot='0x00' function='0x0'/></source></hostdev>"
    )
}

fn guest(devices: &str) -> String {
    format!(
        "<domain type='kvm'><name>x</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>\
         <devices>{devices}</devices></domain>"
    )
}
