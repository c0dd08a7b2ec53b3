//! The codes of the refusals and failures, as `--json` prints them.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::TestHost;
use crate::support::kernel::{Errno, FakeKernel, InjectedFault, Load, Work};
use crate::{manual, with_kernel};

const VIDEO: &str = "0000:02:00.0";

/// Checks the codes and the exit code of the first card for which this command fails.
#[track_caller]
fn assert_codes(host: &TestHost, line: &str, codes: &[&str], exit: i32) {
    let said = host.line(&format!("--json --timeout 1 {line}"));
    let answer: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let cards = answer["cards"].as_array().expect("cards");
    let failed = cards.iter().find(|card| !card["error"].is_null());
    let failed = failed.unwrap_or_else(|| panic!("{line} did not fail"));
    assert_eq!(failed["error"]["codes"], json!(codes), "{line}");
    assert_eq!(failed["exit"], exit, "{line}");
    assert_eq!(said.code, Some(exit), "{line}");
}

fn before_kernel(prepare: impl Fn(&TestHost)) -> (TestHost, FakeKernel) {
    let host = TestHost::unpacked("manual.tree");
    prepare(&host);
    let kernel = FakeKernel::on(&host);
    (host, kernel)
}

#[test]
fn each_reason_to_refuse_a_detach_has_its_code() {
    let (host, _kernel) = before_kernel(|host| host.regroup("0000:02:00.1", None));
    assert_codes(&host, "detach gpupci1", &["no-iommu-group"], 5);

    let (host, _kernel) = before_kernel(|host| host.regroup("0000:00:1f.2", Some(8)));
    assert_codes(&host, "detach gpupci1", &["group"], 5);

    let (host, _kernel) = before_kernel(|host| {
        let regions = "sys/kernel/iommu_groups/8/reserved_regions";
        host.write(regions, "0x00000000000e8000 0x00000000000e8fff direct\n");
    });
    assert_codes(&host, "detach gpupci1", &["reserved-region"], 5);

    let (host, kernel) = before_kernel(|host| {
        fs::remove_dir(host.path("sys/bus/pci/drivers/vfio-pci")).expect("a driver");
    });
    kernel.module("vfio_pci", Load::Fails(Errno::ENOENT));
    assert_codes(&host, "detach gpupci1", &["no-stub-driver"], 5);

    let (host, _kernel) = before_kernel(|host| {
        let path = host.path(&format!("sys/bus/pci/devices/{VIDEO}/driver_override"));
        fs::remove_file(path).expect("an override");
    });
    assert_codes(&host, "detach gpupci1", &["no-driver-override"], 5);

    let (host, _kernel) = manual();
    host.process(77, "Xorg", &["/dev/nvidiactl"]);
    assert_codes(&host, "detach gpupci1", &["busy"], 4);

    let (host, _kernel) = manual();
    host.process(77, "Xorg", &["/dev/null"]);
    fs::remove_dir_all(host.path("proc/77/fd")).expect("a folder");
    host.write("proc/77/fd", "");
    assert_codes(&host, "detach gpupci1", &["unknown-users"], 4);

    let (host, _kernel) = manual();
    host.class_link("graphics", "fb0", VIDEO, "29:0");
    host.write(
        "sys/class/vtconsole/vtcon1/name",
        "(M) frame buffer device\n",
    );
    host.write("sys/class/vtconsole/vtcon1/bind", "1\n");
    assert_codes(&host, "detach gpupci1", &["console"], 4);

    let (host, _kernel) = with_kernel("four-functions.tree");
    host.class_link("block", "sdx1", "0000:17:00.2", "8:129");
    let mount = "22 1 8:129 / /backup rw - ext4 /dev/sdx1 rw\n";
    host.write("proc/self/mountinfo", mount);
    assert_codes(&host, "detach gpupci1", &["needed-by-host"], 4);

    let (host, _kernel) = with_kernel("mixed.tree");
    assert_codes(&host, "detach gpupci2", &["virtual-functions"], 4);

    let (host, _kernel) = manual();
    let uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    fs::create_dir_all(host.path("sys/bus/mdev/devices")).expect("a folder");
    let device = format!("../../../devices/pci0000:00/0000:00:03.0/{VIDEO}/{uuid}");
    symlink(device, host.path(&format!("sys/bus/mdev/devices/{uuid}"))).expect("a link");
    assert_codes(&host, "detach gpupci1", &["mediated-device"], 4);

    let (host, _kernel) = manual();
    host.write(&format!("etc/driverctl.d/{VIDEO}"), "nouveau\n");
    assert_codes(&host, "detach gpupci1", &["driverctl"], 4);

    let (host, _kernel) = manual();
    host.line("list").answer();
    let device = fs::canonicalize(host.path(&format!("sys/bus/pci/devices/{VIDEO}")));
    let device = device.expect("a function").join("device");
    fs::write(&device, "0x1eb8\n").expect("an attribute");
    assert_codes(&host, "detach gpupci1", &["card-changed"], 8);
    assert_codes(&host, "attach gpupci1", &["card-changed"], 8);
}

#[test]
fn several_reasons_have_a_code_each_and_the_largest_exit_code() {
    let (host, _kernel) = before_kernel(|host| host.regroup("0000:00:1f.2", Some(8)));
    host.process(77, "Xorg", &["/dev/nvidiactl"]);
    host.process(78, "X", &["/dev/nvidiactl"]);
    assert_codes(&host, "detach gpupci1", &["group", "busy"], 5);
}

#[test]
fn a_card_of_a_guest_is_held() {
    let (host, _kernel) = manual();
    host.line("detach gpupci1").answer();
    let mut record = host.record("0000:02:00");
    record["holder"] = json!({"uuid": "c7a5fdbd-edaf-9455-926a-d65c16db1809", "guest": "a", "since": 0, "was_detached": false});
    host.write("run/gpupt/cards/0000:02:00.json", &record.to_string());
    host.guest(77, "a", &["/dev/vfio/8"]);
    assert_codes(&host, "attach gpupci1", &["held"], 4);
}

#[test]
fn each_failure_after_the_first_write_has_its_code() {
    let (host, kernel) = manual();
    kernel.on_probe(("vfio-pci", "0000:02:00.1"), Work::refuses());
    assert_codes(&host, "detach gpupci1", &["write-failed"], 1);

    let (host, kernel) = manual();
    host.line("detach gpupci1").answer();
    kernel.on_probe(("nvidia", VIDEO), Work::refuses());
    assert_codes(&host, "attach gpupci1", &["not-undone"], 7);

    let (host, kernel) = manual();
    kernel.fault(1, InjectedFault::Blocks);
    assert_codes(&host, "detach gpupci1", &["write-hung"], 6);
    assert_codes(&host, "detach gpupci1", &["poisoned"], 6);
    assert_codes(&host, "attach gpupci1", &["poisoned"], 6);
}

#[test]
fn each_file_that_cannot_be_used_has_its_code() {
    let (host, _kernel) = manual();
    fs::create_dir_all(host.path("run/gpupt/cards/0000:02:00.json.new")).expect("a folder");
    assert_codes(&host, "detach gpupci1", &["not-recorded"], 1);

    let (host, _kernel) = manual();
    host.write("run/gpupt/cards/0000:02:00.json", "{}");
    assert_codes(&host, "detach gpupci1", &["card-record"], 1);
}
