//! Errors about the cluster: its database, its hosts, its attributes.

use std::time::Duration;

use gpupt::database::{Cause, DatabaseError, DatabaseUrl, UrlError};
use gpupt::error::Error;
use gpupt::rocks::{ChangeError, Conflict, GuestError, HostError, NameError, ValueError};
use pretty_assertions::assert_eq;

use crate::{read, section, sentences};

fn database_errors() -> Vec<DatabaseError> {
    let database = || read::<DatabaseUrl>("mysql://root@frontend:40000/cluster");
    let source = || Cause::new("what the server said");
    let errors = vec![
        DatabaseError::Connect {
            database: database(),
            source: source(),
        },
        DatabaseError::Login {
            database: database(),
            source: source(),
        },
        DatabaseError::Query {
            database: database(),
            source: source(),
        },
        DatabaseError::NotPermitted {
            database: database(),
            source: source(),
        },
        DatabaseError::NotPermitted {
            database: read("sqlite:/var/lib/gpupt/cluster.db"),
            source: source(),
        },
        DatabaseError::Timeout {
            database: database(),
            limit: Duration::from_secs(10),
        },
        DatabaseError::Unconfirmed {
            database: database(),
            source: source(),
        },
        DatabaseError::Select { source: source() },
        DatabaseError::Change(ChangeError::Exists("gpupci1".to_owned())),
        DatabaseError::ManagedByRocks {
            database: database(),
            what: "create a host",
        },
    ];
    assert_complete!(
        &errors,
        DatabaseError::Connect { .. },
        DatabaseError::Login { .. },
        DatabaseError::Query { .. },
        DatabaseError::NotPermitted { .. },
        DatabaseError::Timeout { .. },
        DatabaseError::Unconfirmed { .. },
        DatabaseError::Select { .. },
        DatabaseError::Change(_),
        DatabaseError::ManagedByRocks { .. },
    );
    errors
}

fn url_errors() -> Vec<UrlError> {
    let errors = vec![
        UrlError::Scheme,
        UrlError::Path,
        UrlError::Grammar("invalid port number".to_owned()),
        UrlError::Missing("host"),
        UrlError::Parameter("ssl".to_owned()),
    ];
    assert_complete!(
        &errors,
        UrlError::Scheme,
        UrlError::Path,
        UrlError::Grammar(_),
        UrlError::Missing(_),
        UrlError::Parameter(_),
    );
    errors
}

fn host_errors() -> Vec<HostError> {
    let errors = vec![
        HostError::Unknown("compute-0-9".to_owned()),
        HostError::NotInCluster("compute-0-9".to_owned()),
        HostError::Empty,
        HostError::Unusable {
            name: "rack0".to_owned(),
            reason: "it is the name of a rack",
        },
    ];
    assert_complete!(
        &errors,
        HostError::Unknown(_),
        HostError::NotInCluster(_),
        HostError::Empty,
        HostError::Unusable { .. },
    );
    errors
}

fn name_errors() -> Vec<NameError> {
    let errors = vec![
        NameError::Prefix,
        NameError::Characters("gpupci 1".to_owned()),
        NameError::Length {
            name: "gpupci1111".to_owned(),
            limit: 124,
        },
    ];
    assert_complete!(
        &errors,
        NameError::Prefix,
        NameError::Characters(_),
        NameError::Length { .. },
    );
    errors
}

fn value_errors() -> Vec<Error> {
    let errors = vec![
        ValueError::Empty,
        ValueError::NotAnAddress("02".to_owned()),
        ValueError::NotACard("02".to_owned()),
        ValueError::Twice(read("gpupci1")),
        ValueError::TooMany,
        ValueError::Length(70_000),
    ];
    assert_complete!(
        &errors,
        ValueError::Empty,
        ValueError::NotAnAddress(_),
        ValueError::NotACard(_),
        ValueError::Twice(_),
        ValueError::TooMany,
        ValueError::Length(_),
    );
    let errors = errors.into_iter();
    errors
        .map(|source| Error::Value {
            host: "vm-container-0-15".to_owned(),
            attribute: "gpupci1".to_owned(),
            source,
        })
        .collect()
}

fn guest_errors() -> Vec<GuestError> {
    let (guest, host) = (|| "rocks-33".to_owned(), || "vm-container-0-15".to_owned());
    let errors = vec![
        GuestError::Value {
            guest: guest(),
            attribute: "gpupci".to_owned(),
            source: ValueError::Empty,
        },
        GuestError::NoHost {
            guest: guest(),
            card: read("gpupci1"),
        },
        GuestError::NoSuchCard {
            guest: guest(),
            card: read("gpupci1"),
            host: host(),
        },
        GuestError::HostValue {
            host: host(),
            card: read("gpupci1"),
            source: ValueError::Empty,
        },
    ];
    assert_complete!(
        &errors,
        GuestError::Value { .. },
        GuestError::NoHost { .. },
        GuestError::NoSuchCard { .. },
        GuestError::HostValue { .. },
    );
    errors
}

fn conflicts() -> Vec<Conflict> {
    let text = str::to_owned;
    let slot = || read::<gpupt::pci::PciAddress>("0000:02:00.0").slot();
    let conflicts = vec![
        Conflict::Shared {
            slot: slot(),
            host: text("vm-container-0-15"),
            guests: vec![text("rocks-33"), text("rocks-34")],
        },
        Conflict::SharedGroup {
            group: read("31"),
            host: text("vm-container-0-15"),
            guests: vec![text("rocks-33"), text("rocks-34")],
        },
        Conflict::Missing {
            guest: text("rocks-33"),
            address: read("0000:02:00.0"),
            host: text("vm-container-0-15"),
        },
        Conflict::NotFunction0 {
            node: text("rocks-33"),
            attribute: text("gpupci"),
            address: read("0000:02:00.1"),
        },
        Conflict::TwoNames {
            slot: slot(),
            host: text("vm-container-0-15"),
            names: vec![text("gpupci1"), text("gpupci2")],
        },
        Conflict::TwoNodes {
            name: text("rocks-33"),
            count: 2,
        },
        Conflict::Unusable {
            node: text("rocks-33"),
            why: text("the attribute gpupci of rocks-33 has an invalid value: the value is empty"),
        },
    ];
    assert_complete!(
        &conflicts,
        Conflict::Shared { .. },
        Conflict::SharedGroup { .. },
        Conflict::Missing { .. },
        Conflict::NotFunction0 { .. },
        Conflict::TwoNames { .. },
        Conflict::TwoNodes { .. },
        Conflict::Unusable { .. },
    );
    conflicts
}

/// One conflict, as a sentence.
pub fn conflict() -> String {
    let conflicts = conflicts();
    conflicts
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}

pub fn sections() -> String {
    section("The database", &database_errors())
        + &section("The URL of the database", &url_errors())
        + &section("Host names", &host_errors())
        + &section("Names of attributes", &name_errors())
        + &section("Values of attributes", &value_errors())
        + &section("The cards of a guest", &guest_errors())
        + &sentences("Conflicts in the cluster", &conflicts())
}
