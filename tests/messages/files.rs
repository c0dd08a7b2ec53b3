//! Errors about files of the host: sysfs, records, the lock, the settings, domain XML.

use std::fs;

use gpupt::binding::{CardRecord, RecordError};
use gpupt::domain_xml::{Place, XmlError};
use gpupt::error::Error;
use gpupt::gpu::{Register, RegisterError};
use gpupt::host::{LockError, Machine, StateFileError, SysfsError};
use gpupt::pci::{DriverName, VendorId};
use gpupt::settings::{Settings, SettingsError};
use nix::errno::Errno;
use pretty_assertions::assert_eq;

use crate::{refused, section, sentences, whole};

pub fn sysfs_error() -> SysfsError {
    SysfsError::Read {
        path: "/sys/bus/pci/devices/0000:02:00.0/vendor".into(),
        source: refused(),
    }
}

fn sysfs_errors() -> Vec<SysfsError> {
    let errors = vec![
        SysfsError::List {
            path: "/sys/bus/pci/devices".into(),
            source: refused(),
        },
        sysfs_error(),
        SysfsError::Content {
            path: "/sys/bus/pci/devices/0000:02:00.0/vendor".into(),
            content: "what".to_owned(),
        },
    ];
    assert_complete!(
        &errors,
        SysfsError::List { .. },
        SysfsError::Read { .. },
        SysfsError::Content { .. },
    );
    errors
}

fn record_errors() -> Vec<RecordError> {
    let errors = vec![
        CardRecord::from_json("{").expect_err("no record"),
        RecordError::Version(9),
    ];
    assert_complete!(&errors, RecordError::Grammar(_), RecordError::Version(_));
    errors
}

fn register_errors() -> Vec<RegisterError> {
    let errors = vec![
        Register::from_json("{").expect_err("no names"),
        RegisterError::Version(9),
        RegisterError::Card("gpupci0".to_owned()),
        RegisterError::Twice("gpupci1".to_owned()),
    ];
    assert_complete!(
        &errors,
        RegisterError::Grammar(_),
        RegisterError::Version(_),
        RegisterError::Card(_),
        RegisterError::Twice(_),
    );
    errors
}

fn state_file_errors() -> Vec<StateFileError> {
    let names = "/var/lib/gpupt/cards.json";
    let record = "/run/gpupt/cards/0000:02:00.json";
    let mut errors = vec![
        StateFileError::ReadNames {
            path: names.into(),
            source: refused(),
        },
        StateFileError::Read {
            path: record.into(),
            source: refused(),
        },
        StateFileError::ReadNames {
            path: names.into(),
            source: Errno::EIO.into(),
        },
        StateFileError::Read {
            path: record.into(),
            source: Errno::EIO.into(),
        },
        StateFileError::Write {
            path: record.into(),
            source: refused(),
        },
    ];
    errors.extend(
        record_errors()
            .into_iter()
            .map(|source| StateFileError::Record {
                path: record.into(),
                source,
            }),
    );
    errors.extend(
        register_errors()
            .into_iter()
            .map(|source| StateFileError::Names {
                path: names.into(),
                source,
            }),
    );
    assert_complete!(
        &errors,
        StateFileError::ReadNames { .. },
        StateFileError::Read { .. },
        StateFileError::Write { .. },
        StateFileError::Record { .. },
        StateFileError::Names { .. },
    );
    errors
}

fn lock_errors() -> Vec<LockError> {
    let open = |code| LockError::Open {
        path: "/run/gpupt/lock".into(),
        source: std::io::Error::from_raw_os_error(code),
    };
    let held = |pid| LockError::Held { pid, seconds: 30.0 };
    let errors = vec![held(Some(4711)), held(None), open(13), open(28)];
    assert_complete!(&errors, LockError::Open { .. }, LockError::Held { .. });
    errors
}

fn settings_errors() -> Vec<SettingsError> {
    let path = || "/etc/gpupt.toml".into();
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join("etc")).expect("a folder");
    let grammar = |text| {
        fs::write(root.path().join("etc/gpupt.toml"), text).expect("a file");
        match Settings::of(&Machine::at(root.path())) {
            Err(SettingsError::Grammar { source, .. }) => SettingsError::Grammar {
                path: path(),
                source,
            },
            other => panic!("{other:?}"),
        }
    };
    let errors = vec![
        SettingsError::Read {
            path: path(),
            source: refused(),
        },
        grammar("stubb = 1\n"),
        grammar("vendors = \"amd\"\n"),
        SettingsError::Database {
            path: path(),
            source: gpupt::database::UrlError::Path,
        },
        SettingsError::Vendor {
            path: path(),
            source: "ati".parse::<VendorId>().expect_err("no id"),
        },
        SettingsError::Stub {
            path: path(),
            source: "a/b".parse::<DriverName>().expect_err("no name"),
        },
    ];
    assert_complete!(
        &errors,
        SettingsError::Read { .. },
        SettingsError::Grammar { .. },
        SettingsError::Database { .. },
        SettingsError::Vendor { .. },
        SettingsError::Stub { .. },
    );
    errors
}

fn xml_errors() -> Vec<XmlError> {
    let place = Place { line: 3, column: 7 };
    let errors = vec![
        XmlError::TooLarge,
        XmlError::NotUtf8 {
            place,
            declared: String::new(),
        },
        XmlError::Dtd(place),
        XmlError::NotWellFormed {
            place,
            reason: "a second root element".to_owned(),
        },
        XmlError::NotADomain {
            place,
            element: "network".to_owned(),
        },
    ];
    assert_complete!(
        &errors,
        XmlError::TooLarge,
        XmlError::NotUtf8 { .. },
        XmlError::Dtd(_),
        XmlError::NotWellFormed { .. },
        XmlError::NotADomain { .. },
    );
    errors
}

/// Whether the error is no other error that is passed on: those have sections of their own.
fn is_own(error: &Error) -> bool {
    match error {
        Error::Value { .. } | Error::NotRoot(_) | Error::NoGuest(_) | Error::Usage(_) => true,
        Error::Host(_)
        | Error::Name(_)
        | Error::Guest(_)
        | Error::Database(_)
        | Error::Xml(_)
        | Error::Settings(_)
        | Error::Url(_)
        | Error::Sysfs(_)
        | Error::StateFile(_)
        | Error::Lock(_) => false,
    }
}

/// The errors of commands; a value that is refused is in a section of its own.
fn own_errors() -> Vec<Error> {
    let errors = vec![
        Error::NotRoot("detach cards"),
        Error::NoGuest("\"rocks-99\"".to_owned()),
        Error::Usage("must supply one host: no host given".to_owned()),
    ];
    assert!(errors.iter().all(is_own));
    errors
}

pub fn sections() -> String {
    let addresses = ["02:00", "0000:02:00.9", "zz:00.0"].map(|text| {
        let error = text.parse::<gpupt::pci::PciAddress>();
        error.err().map(|error| whole(&error)).unwrap_or_default()
    });
    let addresses: Vec<String> = addresses
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    section("sysfs", &sysfs_errors())
        + &section("Names and records of cards", &state_file_errors())
        + &section("The lock", &lock_errors())
        + &section("Settings", &settings_errors())
        + &section("Domain XML", &xml_errors())
        + &section("Commands", &own_errors())
        + &sentences("Invalid PCI addresses", &addresses)
}
