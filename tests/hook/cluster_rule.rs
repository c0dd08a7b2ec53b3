//! The hook refuses a card that the cluster's attributes give to another guest. A guest starts if
//! the cluster's database does not answer.

use std::fs;

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::host_tree::script;
use crate::silence;
use crate::stage::{Stage, because};
use crate::support::TestHost;

const HERE: &str = "vm-container-0-15";
const REMEDY: &str = "check `gpupci host list`; then remove the card from this guest's XML, or \
                      assign it to this guest in the cluster";

/// The manual's host with a cluster database that has these attributes.
fn stage(attributes: &[&str]) -> Stage {
    let host = TestHost::unpacked("manual.tree");
    for line in attributes {
        assert_eq!(host.line(&format!("-q host add {line}")).answer(), "");
    }
    Stage::on(host)
}

fn given_to_other(guests: &str) -> String {
    let why = because(&[&format!("the cluster gives it to {guests}")], &[REMEDY]);
    why.replace("cannot prepare", "cannot prepare its card:")
}

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

#[test]
fn prepare_refuses_a_card_that_the_cluster_gives_to_another_guest() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let stage = stage(&[&card, "rocks-34 gpupci gpupci1"]);
    for guest in [guest(), Guest::with(&hostdev("02", 1))] {
        stage.assert_refused(&guest, &given_to_other("rocks-34"));
    }
    // The owner gets it. Any guest gets a card that has no owner.
    let owner = Guest::other(1, &hostdev("02", 0)).named("rocks-34");
    stage.hook_ok(&owner, "prepare");
    stage.hook_ok(&Guest::with(&hostdev("03", 0)), "prepare");
    // A card that was bound at boot is refused too.
    stage.hook_ok(&owner, "release");
    stage.host.line("-l").answer();
    stage.bind_at_boot();
    stage.assert_refused(&guest(), &given_to_other("rocks-34"));
    stage.hook_ok(&owner, "prepare");
}

#[test]
fn card_that_the_cluster_gives_to_two_guests_is_allowed_to_both() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let stage = stage(&[&card, "rocks-34 gpupci gpupci1", "rocks-33 gpupci 02:00.1"]);
    stage.hook_ok(&guest(), "prepare");
    stage.hook_ok(&guest(), "release");
    stage.assert_refused(
        &guest().named("rocks-35"),
        &given_to_other("rocks-34 and rocks-33"),
    );
}

#[test]
fn guest_whose_name_differs_in_case_or_blanks_is_not_the_owner() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let stage = stage(&[&card, "rocks-34 gpupci gpupci1"]);
    // The tables take these names for rocks-34; libvirt does not.
    for name in ["ROCKS-34", "Rocks-34", "rocks-34 ", "rocks-34\u{301}"] {
        stage.assert_refused(&guest().named(name), &given_to_other("rocks-34"));
    }
}

#[test]
fn rule_applies_although_the_host_has_no_attributes() {
    let stage = stage(&["rocks-34 gpupci 02:00.0"]);
    stage.assert_refused(&guest(), &given_to_other("rocks-34"));
    stage.hook_ok(&guest().named("rocks-34"), "prepare");
}

#[test]
fn rule_applies_although_another_card_of_the_attribute_is_unknown() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let stage = stage(&[&card, "rocks-34 gpupci gpupci7,gpupci1"]);
    stage.assert_refused(&guest(), &given_to_other("rocks-34"));
}

#[test]
fn guest_name_is_not_read_as_a_pattern_or_a_statement() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let stage = stage(&[&card, "rocks-34 gpupci gpupci1"]);
    for name in [
        "rocks-3%",
        "hosted-vm",
        "select 'rocks-34'",
        "select Name from nodes",
        "-x",
    ] {
        stage.assert_refused(&guest().named(name), &given_to_other("rocks-34"));
    }
}

#[test]
fn rule_applies_to_a_card_whose_vendor_was_removed_from_the_settings() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let stage = stage(&[&card, "rocks-34 gpupci gpupci1"]);
    let owner = guest().named("rocks-34");
    stage.hook_ok(&owner, "prepare");
    stage.host.write("etc/gpupt.toml", "vendors = [\"1002\"]\n");
    stage.assert_refused(
        &Guest::other(1, &hostdev("02", 0)),
        // A card that does not count has no name.
        &given_to_other("rocks-34").replace("gpupci1 (", "0000:02:00.0 ("),
    );
}

#[test]
fn attributes_of_guests_on_other_hosts_are_ignored() {
    let stage = stage(&[
        &format!("{HERE} gpupci1 02:00.0"),
        "there gpupci1 02:00.0",
        "rocks-34 gpupci 02:00.0",
    ]);
    let placed = stage.host.line("host place rocks-34 there");
    assert_eq!(placed.code, Some(0), "{}", placed.stderr);
    stage.hook_ok(&guest(), "prepare");
}

#[test]
fn attribute_with_an_unknown_card_name_refuses_no_guest() {
    let stage = stage(&[
        &format!("{HERE} gpupci1 02:00.0"),
        "rocks-34 gpupci gpupci7",
    ]);
    stage.hook_ok(&guest(), "prepare");
}

#[test]
fn guest_starts_although_the_cluster_query_fails() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let line = "rocks-33: the cluster's attributes were not checked: ";
    for (what, gpupci, why) in [
        (
            "no gpupci",
            None,
            "/usr/bin/gpupci: the path does not exist (os error 2)",
        ),
        (
            "one that fails",
            Some("#!/bin/sh\necho no >&2; exit 1\n"),
            "no",
        ),
        (
            "one that knows no such card",
            Some("#!/bin/sh\necho gone >&2; exit 3\n"),
            "gone",
        ),
        (
            "one that dies",
            Some("#!/bin/sh\nkill -9 $$\n"),
            "/usr/bin/gpupci: signal: 9 (SIGKILL)",
        ),
    ] {
        let stage = stage(&[&card, "rocks-34 gpupci gpupci1"]);
        let path = stage.host.stand_in("gpupci");
        if let Some(text) = gpupci {
            script(&path, text);
        }
        stage.hook_ok(&guest(), "prepare");
        let said: Vec<String> = stage
            .journal()
            .iter()
            .map(|e| e["MESSAGE"].clone())
            .collect();
        assert_eq!(said.len(), 2, "{what}: {said:?}");
        assert_eq!(said[0], format!("{line}{why}"), "{what}");
        assert!(
            said[1].starts_with("gpupci1: from host to guest"),
            "{what}: {said:?}"
        );
    }
    let stage = stage(&[&card, "rocks-34 gpupci gpupci1"]);
    let file = stage.host.path("var/lib/gpupt/cluster.db");
    fs::write(file, "garbage ".repeat(1000)).expect("a file");
    assert_eq!(stage.hook(&guest(), "prepare"), silence());
    assert!(stage.journal()[0]["MESSAGE"].starts_with(line));
}

#[test]
fn guest_starts_although_the_cluster_query_never_ends() {
    let card = format!("{HERE} gpupci1 02:00.0");
    let stage = stage(&[&card, "rocks-34 gpupci gpupci1"]);
    let path = stage.host.stand_in("gpupci");
    // Far longer than the hook's deadline.
    script(&path, "#!/bin/sh\nexec sleep 100000\n");
    stage.hook_ok(&guest(), "prepare");
    let said = &stage.journal()[0]["MESSAGE"];
    let line = "rocks-33: the cluster's attributes were not checked: /usr/bin/gpupci: ";
    assert!(said.starts_with(line), "{said}");
    assert_eq!(stage.changed_bindings().len(), 2);
}

#[test]
fn gpupci_is_not_run_without_a_cluster_database() {
    let stage = stage(&[]);
    let path = stage.host.stand_in("gpupci");
    let mark = stage.host.path("asked");
    script(&path, &format!("#!/bin/sh\n: >{}\n", mark.display()));
    stage.hook_ok(&guest(), "prepare");
    assert!(!mark.exists());
    // The hook does not run gpupci for a guest without cards.
    stage
        .host
        .write("etc/gpupt.toml", "database = \"sqlite:/x\"\n");
    stage.hook_ok(&Guest::other(1, &hostdev("01", 0)), "prepare");
    assert!(!mark.exists());
    stage.hook_ok(&guest(), "prepare");
    assert!(mark.exists());
}
