//! Processes that use a card: the refusal names them, and nothing is written.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::FakeKernel;
use crate::{DEVICES, manual, refusal, refuses, with_kernel};

/// The manual's host, whose cards have every device node that drivers create. The machine that runs
/// the tests hardly has nodes with these numbers.
fn with_nodes() -> (TestHost, FakeKernel) {
    let (host, kernel) = manual();
    // The console is on another card.
    host.class_link("graphics", "fb0", "0000:04:03.0", "29:0");
    for (slot, n) in [("0000:02:00", 7), ("0000:03:00", 8)] {
        let display = format!("{slot}.0");
        let audio = format!("{slot}.1");
        host.class_link("drm", &format!("card{n}"), &display, &format!("226:{n}"));
        let render = format!("renderD19{n}");
        host.class_link("drm", &render, &display, &format!("226:19{n}"));
        host.class_link("graphics", &format!("fb{n}"), &display, &format!("29:{n}"));
        host.class_link("sound", &format!("pcmC{n}D3p"), &audio, &format!("116:{n}"));
        let facts = format!("Model: \t\t Tesla T20\nDevice Minor: \t {n}\n");
        host.write(
            &format!("proc/driver/nvidia/gpus/{display}/information"),
            &facts,
        );
    }
    (host, kernel)
}

fn message(verb: &str, causes: &[&str], tries: &[&str]) -> String {
    refusal(verb, "gpupci1 (0000:02:00)", causes, tries)
}

fn used(verb: &str, node: &str) -> String {
    message(
        verb,
        &[&format!("Xorg (pid 77) uses {node}")],
        &["stop Xorg (pid 77), or keep it from using this card"],
    )
}

#[test]
fn detach_refuses_a_card_with_any_open_device_node() {
    for node in [
        "/dev/dri/card7",
        "/dev/dri/renderD197",
        "/dev/snd/pcmC7D3p",
        "/dev/fb7",
        "/dev/nvidia7",
        "/dev/nvidiactl",
        "/dev/nvidia-modeset",
        "/dev/nvidia-uvm",
        "/dev/nvidia-uvm-tools",
    ] {
        let (host, kernel) = with_nodes();
        host.process(76, "bash", &["/dev/null", "/root/dri/card7", "pipe:[17]"]);
        host.process(77, "Xorg", &["/dev/null", "/dev/tty7", node]);
        refuses(&host, &kernel, "detach gpupci1", 4, &used("detach", node));
        fs::remove_dir_all(host.path("proc/77")).expect("a process");
        host.line("detach gpupci1").answer();
    }
}

/// Adds a character device below a function, as a driver creates it.
fn device(host: &TestHost, folder: &str, uevent: &str) {
    let folder = format!("{DEVICES}/{folder}");
    host.write(&format!("{folder}/dev"), "250:7\n");
    host.write(&format!("{folder}/uevent"), uevent);
}

#[test]
fn detach_refuses_a_card_with_any_open_character_device_below_it() {
    for (folder, uevent, node) in [
        ("0000:02:00.0/i2c-5/i2c-dev/i2c-5", "", "/dev/i2c-5"),
        (
            "0000:02:00.0/drm/card7/card7-DP-1/drm_dp_aux0",
            "MAJOR=250\nMINOR=7\nDEVNAME=drm_dp_aux0\n",
            "/dev/drm_dp_aux0",
        ),
        ("0000:02:00.0/cec0", "DEVNAME=cec0\n", "/dev/cec0"),
        (
            "0000:02:00.1/sound/card1/input9/event9",
            "DEVNAME=input/event9\n",
            "/dev/input/event9",
        ),
        (
            "0000:02:00.1/usb3/3-1/3-1.2/3-1.2:1.0/0003:046D:C52B.0001/hidraw/hidraw0",
            "DEVNAME=hidraw0\n",
            "/dev/hidraw0",
        ),
    ] {
        let (host, kernel) = manual();
        device(&host, folder, uevent);
        host.process(77, "Xorg", &["/dev/null", node]);
        refuses(&host, &kernel, "detach gpupci1", 4, &used("detach", node));
        host.line("detach gpupci2").answer();
        fs::remove_dir_all(host.path("proc/77")).expect("a process");
        host.line("detach gpupci1").answer();
    }
}

#[test]
fn disk_or_a_device_of_another_function_is_no_device_of_a_card() {
    let (host, _kernel) = manual();
    device(&host, "0000:02:00.0/host9/block/sdx", "DEVNAME=sdx\n");
    let class = host.path(&format!("{DEVICES}/0000:02:00.0/host9/block/sdx/subsystem"));
    symlink("../../../../../class/block", class).expect("a link");
    // A bridge has other functions below it.
    let other = "0000:02:00.0/0000:04:00.0/i2c-5/i2c-dev/i2c-5";
    device(&host, other, "DEVNAME=i2c-5\n");
    host.process(77, "smartd", &["/dev/sdx", "/dev/i2c-5"]);
    host.line("detach gpupci1").answer();
}

#[test]
fn detach_refuses_a_card_whose_devices_cannot_be_listed() {
    let (host, kernel) = manual();
    let deep = "d/".repeat(30);
    device(&host, &format!("0000:02:00.0/{deep}i2c-5"), "");
    let text = message(
        "detach",
        &["cannot tell which processes use it: 0000:02:00.0 has too many devices below it"],
        &["run this as root, outside of any container"],
    );
    refuses(&host, &kernel, "detach gpupci1", 4, &text);
}

#[test]
fn open_node_for_a_part_of_a_card_counts_as_use() {
    let (host, kernel) = with_nodes();
    let node = "/dev/nvidia-caps/nvidia-cap1";
    host.write("dev/nvidia-caps/nvidia-cap1", "");
    host.process(77, "Xorg", &[node]);
    refuses(&host, &kernel, "detach gpupci1", 4, &used("detach", node));
}

#[test]
fn shared_node_is_attributed_to_the_card_whose_own_node_the_process_has_open() {
    let (host, kernel) = with_nodes();
    host.process(77, "Xorg", &["/dev/nvidiactl", "/dev/nvidia-uvm"]);
    refuses(
        &host,
        &kernel,
        "detach gpupci1",
        4,
        &used("detach", "/dev/nvidiactl"),
    );
    // The process has the node of the second card open: it uses that one.
    symlink("/dev/nvidia8", host.path("proc/77/fd/9")).expect("a link");
    host.line("detach gpupci1").answer();
    let said = host.line("detach gpupci2");
    assert_eq!(said.code, Some(4));
    assert!(said.stderr.contains("Xorg (pid 77) uses /dev/nvidia8"));
}

#[test]
fn open_kfd_node_counts_for_amd_cards() {
    let host = TestHost::unpacked("mixed.tree");
    host.regroup("0000:04:00.0", Some(20));
    let kernel = FakeKernel::on(&host);
    host.process(77, "Xorg", &["/dev/kfd"]);
    let text = used("detach", "/dev/kfd").replace("0000:02:00", "0000:03:00");
    refuses(&host, &kernel, "--vendor 1002 detach gpupci1", 4, &text);
}

#[test]
fn detach_refuses_a_card_whose_node_is_mapped() {
    for (line, node) in [
        (
            "7f0000000000-7f0000001000 rw-s 00000000 00:05 402  /dev/nvidia7",
            "/dev/nvidia7",
        ),
        (
            "7f0000000000-7f0000001000 rw-s 00000000 00:05 402  /dev/dri/card7 (deleted)",
            "/dev/dri/card7",
        ),
    ] {
        let (host, kernel) = with_nodes();
        host.process(77, "Xorg", &[]);
        let heap = "55a0-55b0 rw-p 00000000 00:00 0  [heap]";
        host.write("proc/77/maps", &format!("{heap}\n{line}\n"));
        refuses(&host, &kernel, "detach gpupci1", 4, &used("detach", node));
    }
}

#[test]
fn node_in_a_container_is_recognized_by_its_device_number() {
    let (host, kernel) = manual();
    // The null device stands for the node of the card.
    host.class_link("drm", "card7", "0000:02:00.0", "1:3");
    let inside = host.path("container/gpu");
    fs::create_dir_all(host.path("container")).expect("a folder");
    symlink("/dev/null", &inside).expect("a link");
    host.process(77, "Xorg", &[inside.to_str().expect("text")]);
    let mounts = |pid: &str, number: u32| {
        fs::create_dir_all(host.path(&format!("proc/{pid}/ns"))).expect("a folder");
        let link = host.path(&format!("proc/{pid}/ns/mnt"));
        symlink(format!("mnt:[{number}]"), link).expect("a link");
    };
    mounts("self", 4_026_531_840);
    mounts("77", 4_026_532_999);
    let text = used("detach", "/dev/dri/card7");
    refuses(&host, &kernel, "detach gpupci1", 4, &text);
    // A process in our own mount namespace counts only with files below /dev.
    fs::remove_file(host.path("proc/77/ns/mnt")).expect("a link");
    mounts("77", 4_026_531_840);
    host.line("detach gpupci1").answer();
}

#[test]
fn attach_refuses_a_card_of_a_running_guest_and_names_the_guest() {
    let (host, kernel) = manual();
    let before = host.bindings();
    host.line("detach gpupci1").answer();
    kernel.guest_takes("8").expect("the group is the guest's");
    host.guest(77, "rocks-33", &["/dev/kvm", "/dev/vfio/8"]);
    let text = message(
        "attach",
        &["qemu-kvm (pid 77, guest rocks-33) uses /dev/vfio/8"],
        &["shut down guest rocks-33"],
    );
    refuses(&host, &kernel, "attach gpupci1", 4, &text);
    refuses(&host, &kernel, "attach gpupci1 --dry-run", 4, &text);
    // It is detached already, so a second detach succeeds.
    host.line("detach gpupci1").answer();
    host.line("recover").answer();
    kernel.guest_leaves("8");
    fs::remove_dir_all(host.path("proc/77")).expect("a process");
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);
}

#[test]
fn attach_refuses_a_card_whose_vfio_device_node_is_open() {
    let (host, kernel) = with_kernel("four-functions.tree");
    host.line("detach gpupci1").answer();
    host.write("dev/vfio/devices/vfio0", "");
    host.guest(77, "a b", &["/dev/vfio/devices/vfio0"]);
    let said = host.line("attach gpupci1");
    assert_eq!(said.code, Some(4));
    let cause = "cause: qemu-kvm (pid 77, guest a b) uses /dev/vfio/devices/vfio0\n";
    assert!(said.stderr.contains(cause), "{}", said.stderr);
    assert_eq!(kernel.failures(), [""; 0]);
}

#[test]
fn detach_refuses_if_a_process_cannot_be_inspected() {
    let remedy = "run this as root, outside of any container";
    let unseen = |why: &str| {
        message(
            "detach",
            &[&format!("cannot tell which processes use it: {why}")],
            &[remedy],
        )
    };
    let (host, kernel) = with_nodes();
    host.process(77, "Xorg", &[]);
    fs::remove_dir(host.path("proc/77/fd")).expect("a folder");
    host.write("proc/77/fd", "");
    let text = unseen("Xorg (pid 77): Not a directory (os error 20)");
    refuses(&host, &kernel, "detach gpupci1", 4, &text);

    let (host, kernel) = with_nodes();
    host.process(77, "Xorg", &[]);
    fs::remove_file(host.path("proc/77/maps")).expect("a file");
    fs::create_dir(host.path("proc/77/maps")).expect("a folder");
    let text = unseen("Xorg (pid 77): Is a directory (os error 21)");
    refuses(&host, &kernel, "detach gpupci1", 4, &text);

    let (host, kernel) = manual();
    fs::remove_dir_all(host.path("proc")).expect("processes");
    host.write("proc", "");
    let text = unseen("cannot list /proc: Not a directory (os error 20)");
    refuses(&host, &kernel, "detach gpupci1", 4, &text);
}

/// Adds a process whose memory map cannot be read: an open of this pipe waits for a writer.
fn hanging(host: &TestHost, pid: u32, status: &str) {
    host.process(pid, "Xorg", &[]);
    host.write(&format!("proc/{pid}/status"), status);
    let maps = host.path(&format!("proc/{pid}/maps"));
    fs::remove_file(&maps).expect("a file");
    nix::unistd::mkfifo(&maps, nix::sys::stat::Mode::S_IRUSR).expect("a pipe");
}

#[test]
fn detach_refuses_if_the_check_of_a_process_hangs() {
    let (host, kernel) = with_nodes();
    hanging(&host, 77, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
    let text = message(
        "detach",
        &["cannot tell which processes use it: the check of Xorg (pid 77) hangs"],
        &["end this process (kill -9 77), or reboot this host if that has no effect"],
    );
    refuses(&host, &kernel, "--timeout 4 detach gpupci1", 4, &text);
}

#[test]
fn process_of_a_user_without_rights_that_hangs_hides_no_other_user() {
    let (host, kernel) = manual();
    let person = "Uid:\t4242424\t0\t0\t0\nGid:\t4242424\t0\t0\t0\n";
    hanging(&host, 77, person);
    host.process(78, "Xorg", &["/dev/nvidiactl"]);
    let text = used("detach", "/dev/nvidiactl").replace("77", "78");
    refuses(&host, &kernel, "--timeout 4 detach gpupci1", 4, &text);
    fs::remove_dir_all(host.path("proc/78")).expect("a process");
    let said = host.line("--timeout 4 detach gpupci1");
    assert_eq!(said.code, Some(0));
    let note = "process hangs: 4242424; they may not open the card";
    assert!(said.stderr.contains(note), "{}", said.stderr);
}

#[test]
fn process_that_ends_during_inspection_is_ignored() {
    let (host, _kernel) = with_nodes();
    fs::create_dir_all(host.path("proc/77")).expect("a folder");
    host.process(78, "gone", &[]);
    fs::remove_file(host.path("proc/78/maps")).expect("a file");
    host.line("detach gpupci1").answer();
}

#[test]
fn refusal_names_each_process_once() {
    let (host, kernel) = with_nodes();
    host.process(
        9,
        "kwin\u{1b}[2J",
        &["/dev/dri/card7", "/dev/dri/renderD197"],
    );
    host.process(10, "pipewire", &["/dev/snd/pcmC7D3p"]);
    let text = message(
        "detach",
        &[
            "kwin\\u{1b}[2J (pid 9) uses /dev/dri/card7",
            "pipewire (pid 10) uses /dev/snd/pcmC7D3p",
        ],
        &[
            "stop kwin\\u{1b}[2J (pid 9), or keep it from using this card",
            "stop pipewire (pid 10), or keep it from using this card",
        ],
    );
    refuses(&host, &kernel, "detach gpupci1", 4, &text);
}
