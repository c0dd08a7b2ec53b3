//! The cluster's attributes about this host.

use crate::support::TestHost;
use crate::{assert_trouble, ready};

/// A prepared host, with these attributes in the cluster's database.
fn with_attributes(lines: &[&str]) -> TestHost {
    let host = ready();
    for line in lines {
        host.line(&format!("-q host add vm-container-0-15 {line}"))
            .answer();
    }
    host
}

#[test]
fn correct_cluster_attributes_pass() {
    let host = with_attributes(&["gpupci1 02:00.0", "gpupci2 pci_0000_03_00_0"]);
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  the cluster's attributes of vm-container-0-15 match its cards");
}

#[test]
fn attribute_with_another_address_is_a_failure() {
    let host = with_attributes(&["gpupci1 02:00.0", "gpupci2 07:00.0"]);
    let lines = [
        "FAIL  gpupci2: the cluster's attribute gpupci2 of vm-container-0-15 is \
         \"pci_0000_07_00_0\", but the card is at pci_0000_03_00_0",
        "      try: gpupci host set vm-container-0-15 gpupci2 pci_0000_03_00_0",
    ];
    assert_trouble(&host, 5, &lines);
    host.line("host set vm-container-0-15 gpupci2 pci_0000_03_00_0")
        .answer();
    assert_trouble(&host, 0, &[]);
}

#[test]
fn missing_and_surplus_attributes_are_warnings() {
    let host = with_attributes(&["gpupci1 02:00.0", "gpupci3 04:00.0"]);
    let lines = [
        "WARN  gpupci2: the cluster has no attribute gpupci2 for vm-container-0-15",
        "      try: gpupci host add vm-container-0-15 gpupci2 pci_0000_03_00_0",
        "WARN  gpupci3: the cluster's attribute gpupci3 of vm-container-0-15 is \
         \"pci_0000_04_00_0\", but the host has no such card",
        "      try: gpupci host remove vm-container-0-15 gpupci3",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn conflict_of_attributes_on_this_host_is_a_warning() {
    let host = with_attributes(&["gpupci1 02:00.0", "gpupci2 03:00.0"]);
    host.line("-q host add one gpupci gpupci1").answer();
    host.line("-q host add two gpupci gpupci1").answer();
    host.line("-q host add elsewhere gpupci1 09:00.1").answer();
    let lines = [
        "WARN  vm-container-0-15: card 0000:02:00 belongs to one and two",
        "      try: fix it with `gpupci host set`, then check with `gpupci host conflicts`",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn host_that_is_not_in_the_cluster_is_a_warning() {
    let host = ready();
    host.line("-q host add other gpupci1 02:00.0").answer();
    let lines = [
        "WARN  the cluster has no host vm-container-0-15",
        "      try: gpupci host add vm-container-0-15 gpupci1 pci_0000_02_00_0",
    ];
    assert_trouble(&host, 0, &lines);
    host.remove("proc/sys/kernel/hostname");
    let lines = [
        "WARN  this host has no host name, so its attributes in the cluster cannot be found",
        "      try: hostnamectl set-hostname NAME",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn database_that_does_not_answer_is_a_warning() {
    // No server listens on port 1.
    let host = ready().with_database("mysql://root@127.0.0.1:1/cluster");
    let (trouble, exit) = host.trouble();
    let told = "WARN  the cluster's attributes could not be read: cannot connect to \
                mysql://root@127.0.0.1:1/cluster: ";
    assert!(trouble.starts_with(told), "{trouble}");
    let remedy = "      try: check that the server is running and that the address is right";
    assert!(trouble.contains(remedy), "{trouble}");
    assert_eq!((trouble.lines().count(), exit), (2, 0), "{trouble}");
}

#[test]
fn bad_database_url_is_a_usage_error_as_option_and_a_warning_in_settings() {
    let host = ready();
    let said = host.line("check --database nonsense");
    assert_eq!((said.code, said.text().as_str()), (Some(2), ""));
    host.write("etc/gpupt.toml", "database = \"nonsense\"\n");
    let (trouble, exit) = host.trouble();
    let told = "WARN  the cluster's attributes could not be read: invalid `database` in ";
    assert!(trouble.starts_with(told), "{trouble}");
    assert_eq!((trouble.lines().count(), exit), (2, 0), "{trouble}");
}
