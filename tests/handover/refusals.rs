//! All other reasons to refuse a card. They are found before the first write and listed together.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::FakeKernel;
use crate::{manual, refusal, refuses, with_kernel};

const VIDEO: &str = "0000:02:00.0";

fn first(verb: &str, cause: &str, remedy: &str) -> String {
    refusal(verb, "gpupci1 (0000:02:00)", &[cause], &[remedy])
}

#[test]
fn detach_refuses_the_card_of_the_console() {
    let (host, kernel) = manual();
    host.class_link("graphics", "fb0", VIDEO, "29:0");
    host.write("sys/class/vtconsole/vtcon0/name", "(S) dummy device\n");
    host.write("sys/class/vtconsole/vtcon0/bind", "0\n");
    host.write(
        "sys/class/vtconsole/vtcon3/name",
        "(M) frame buffer device\n",
    );
    host.write("sys/class/vtconsole/vtcon3/bind", "1\n");
    let text = first(
        "detach",
        "the host's console is on 0000:02:00.0 (fb0)",
        "make another card the boot display (firmware setup), or unbind the console, after which \
         the host may have no screen: echo 0 > /sys/class/vtconsole/vtcon3/bind",
    );
    refuses(&host, &kernel, "detach gpupci1", 4, &text);
    host.line("detach gpupci2").answer();
    // Follow the remedy.
    host.write("sys/class/vtconsole/vtcon3/bind", "0\n");
    host.line("detach gpupci1").answer();
}

#[test]
fn detach_accepts_a_card_whose_framebuffer_is_not_the_console() {
    let (host, _kernel) = manual();
    host.class_link("graphics", "fb0", "0000:04:03.0", "29:0");
    host.class_link("graphics", "fb1", VIDEO, "29:1");
    host.write(
        "sys/class/vtconsole/vtcon1/name",
        "(M) frame buffer device\n",
    );
    host.write("sys/class/vtconsole/vtcon1/bind", "1\n");
    host.line("detach gpupci1").answer();
}

#[test]
fn detach_refuses_a_card_whose_usb_function_carries_a_mounted_disk() {
    let (host, kernel) = with_kernel("four-functions.tree");
    host.class_link("block", "sdx1", "0000:17:00.2", "8:129");
    let mount = "22 1 8:129 / /backup rw - ext4 /dev/sdx1 rw\n";
    host.write("proc/self/mountinfo", mount);
    let text = refusal(
        "detach",
        "gpupci1 (0000:17:00)",
        &["0000:17:00.2 is used for /backup (sdx1)"],
        &["move it to a device that is not part of the card"],
    );
    refuses(&host, &kernel, "detach gpupci1", 4, &text);
}

#[test]
fn detach_refuses_a_card_with_virtual_functions_or_mediated_devices() {
    let (host, kernel) = with_kernel("mixed.tree");
    let text = refusal(
        "detach",
        "gpupci2 (0000:05:00)",
        &["0000:05:00.0 has 2 virtual functions"],
        &["remove them first: echo 0 > /sys/bus/pci/devices/0000:05:00.0/sriov_numvfs"],
    );
    refuses(&host, &kernel, "detach gpupci2", 4, &text);

    let (host, kernel) = manual();
    let uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    fs::create_dir_all(host.path("sys/bus/mdev/devices")).expect("a folder");
    let device = format!("../../../devices/pci0000:00/0000:00:03.0/{VIDEO}/{uuid}");
    symlink(device, host.path(&format!("sys/bus/mdev/devices/{uuid}"))).expect("a link");
    let text = first(
        "detach",
        &format!("0000:02:00.0 has the mediated device {uuid}"),
        &format!("stop its guest, then remove it: echo 1 > /sys/bus/mdev/devices/{uuid}/remove"),
    );
    refuses(&host, &kernel, "detach gpupci1", 4, &text);
}

#[test]
fn detach_and_attach_refuse_another_card_at_a_recorded_address() {
    let (host, kernel) = manual();
    host.line("list").answer();
    let device = fs::canonicalize(host.path(&format!("sys/bus/pci/devices/{VIDEO}")));
    let device = device.expect("a function").join("device");
    fs::write(&device, "0x1eb8\n").expect("an attribute");
    let remedy = "compare `gpupci list -v` with the cards that you expect; `gpupci renumber` \
                  reassigns the names; then update the attributes with `gpupci host set`";
    let cause = "gpupci1 was recorded as 10de:06de (10de:082f), but 10de:1eb8 (10de:082f) is \
                 there now; gpupci1 was not found";
    refuses(
        &host,
        &kernel,
        "detach gpupci1",
        8,
        &first("detach", cause, remedy),
    );
    refuses(
        &host,
        &kernel,
        "attach gpupci1",
        8,
        &first("attach", cause, remedy),
    );
    host.line("detach gpupci2").answer();
    host.line("renumber");
    host.line("detach gpupci1").answer();
}

#[test]
fn detach_and_attach_refuse_to_work_against_a_driverctl_override() {
    let (host, kernel) = manual();
    host.write(&format!("etc/driverctl.d/{VIDEO}"), "nouveau\n");
    let text = first(
        "detach",
        "driverctl has set the driver of 0000:02:00.0 to nouveau",
        "driverctl unset-override 0000:02:00.0",
    );
    refuses(&host, &kernel, "detach gpupci1", 4, &text);

    // An override to the stub driver does not forbid a detach. It forbids an attach.
    host.write(&format!("etc/driverctl.d/{VIDEO}"), "vfio-pci\n");
    host.line("detach gpupci1").answer();
    host.line("attach gpupci1").answer();
    for function in [VIDEO, "0000:02:00.1"] {
        kernel
            .administrator_overrides(function, Some("vfio-pci"))
            .administrator_binds(function, Some("vfio-pci"));
    }
    let text = first(
        "attach",
        "driverctl has set the driver of 0000:02:00.0 to vfio-pci",
        "driverctl unset-override 0000:02:00.0",
    );
    refuses(&host, &kernel, "attach gpupci1", 4, &text);
}

#[test]
fn refusal_lists_all_reasons() {
    let host = TestHost::unpacked("manual.tree");
    host.regroup("0000:00:1f.2", Some(8));
    host.regroup("0000:02:00.1", None);
    let kernel = FakeKernel::on(&host);
    host.process(77, "Xorg", &["/dev/nvidiactl"]);
    host.write("etc/driverctl.d/0000:02:00.1", "nouveau\n");
    let text = refusal(
        "detach",
        "gpupci1 (0000:02:00)",
        &[
            "0000:02:00.1 has no IOMMU group: the IOMMU is off, or does not cover this device",
            "IOMMU group 8 also contains 0000:00:1f.2, which stays bound to ahci",
            "Xorg (pid 77) uses /dev/nvidiactl",
            "driverctl has set the driver of 0000:02:00.1 to nouveau",
        ],
        &[
            "run `gpupci check`: it says how to enable the IOMMU of this host; if other cards have \
             a group, move this one to another slot",
            "move the card to another slot; `gpupci groups` shows the groups",
            "stop Xorg (pid 77), or keep it from using this card",
            "driverctl unset-override 0000:02:00.1",
        ],
    );
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
    refuses(&host, &kernel, "-q detach gpupci1 --dry-run", 5, &text);
}

#[test]
fn refusal_of_one_card_does_not_stop_the_others() {
    let (host, _kernel) = manual();
    host.write("etc/driverctl.d/0000:02:00.1", "nouveau\n");
    let said = host.line("detach gpupci9 all 7f:00.0");
    assert_eq!(said.code, Some(4), "busy is worse than not found");
    assert_eq!(
        said.text(),
        "Detached GPU card 'gpupci2' video device 0000:03:00.0\n\
         Detached GPU card 'gpupci2' audio device 0000:03:00.1\n"
    );
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "GPU card gpupci9 not found",
            "GPU card 7f:00.0 not found",
            "gpupci: cannot detach gpupci1 (0000:02:00)",
        ]
    );
    let said = host.line("attach gpupci2 gpupci3");
    assert_eq!(said.code, Some(3));
    assert_eq!(said.text().lines().count(), 2);
    assert_eq!(said.stderr, "GPU card gpupci3 not found\n");
}
