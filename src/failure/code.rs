//! The codes: a stable word for each kind of failure, which stays when messages change.
//! `docs/troubleshooting.md` lists them.

use std::fmt;

use crate::exit::Exit;

macro_rules! codes {
    ($($(#[$meaning:meta])* $name:ident = $word:literal, $exit:ident;)*) => {
        /// A kind of failure, as a word for programs: `busy`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$meaning])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it is printed: lower-case words, joined by `-`.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Its exit code.
            pub fn exit(self) -> Exit {
                match self {
                    $(Self::$name => Exit::$exit,)*
                }
            }
        }
    };
}

codes! {
    /// A function has no IOMMU group.
    NoIommuGroup = "no-iommu-group", Unable;
    /// Another device of its IOMMU group stays on a host driver.
    Group = "group", Unable;
    /// The firmware keeps a region of memory for a device of its IOMMU group.
    ReservedRegion = "reserved-region", Unable;
    /// There is no stub driver.
    NoStubDriver = "no-stub-driver", Unable;
    /// The kernel has no `driver_override`.
    NoDriverOverride = "no-driver-override", Unable;
    /// A process uses the card.
    Busy = "busy", Busy;
    /// Some processes could not be checked.
    UnknownUsers = "unknown-users", Busy;
    /// The host's console is on the card.
    Console = "console", Busy;
    /// The host uses a disk or a network interface of the card.
    NeededByHost = "needed-by-host", Busy;
    /// The card has virtual functions.
    VirtualFunctions = "virtual-functions", Busy;
    /// The card has a mediated device.
    MediatedDevice = "mediated-device", Busy;
    /// Another guest has the card.
    Held = "held", Busy;
    /// driverctl has set a driver of the card.
    Driverctl = "driverctl", Busy;
    /// An earlier write to the card has not ended. The card is locked until it ends.
    Poisoned = "poisoned", Poisoned;
    /// Another card is where this one was recorded.
    CardChanged = "card-changed", Differs;
    /// The cluster assigns the card to other guests.
    AssignedElsewhere = "assigned-elsewhere", Busy;
    /// The domain XML of a guest did not come or cannot be read, so its claims are not known.
    Input = "input", Failed;
    /// A function of a card is not on this host any more.
    FunctionGone = "function-gone", Differs;
    /// A guest claims a card as a whole and also a part of it.
    ClaimedInParts = "claimed-in-parts", Failed;
    /// libvirt would take a virtual function from the driver that gives it to the guest.
    ManagedVirtualFunction = "managed-virtual-function", Failed;
    /// A guest claims an NVSwitch that stays with the host.
    SwitchOnHost = "switch-on-host", Failed;
    /// A guest claims a device that this host does not have.
    NoDevice = "no-such-device", NotFound;
    /// A write failed; all changes were undone.
    WriteFailed = "write-failed", Failed;
    /// A write failed, and not all changes could be undone.
    NotUndone = "not-undone", HalfWay;
    /// A write has not ended at its deadline.
    WriteHung = "write-hung", Poisoned;
    /// sysfs cannot be read.
    Sysfs = "sysfs", Unable;
    /// The names of the cards cannot be read.
    CardNames = "card-names", Failed;
    /// The record of a card cannot be read.
    CardRecord = "card-record", Failed;
    /// The names or the record of a card cannot be written.
    NotRecorded = "not-recorded", Failed;
    /// Another gpupci or hook is at work.
    Locked = "locked", Busy;
    /// The lock's file cannot be opened.
    LockFile = "lock-file", Failed;
    /// Only root may do this.
    NotRoot = "not-root", NotPermitted;
    /// There is no such card.
    UnknownCard = "unknown-card", NotFound;
    /// There is no such guest.
    UnknownGuest = "unknown-guest", NotFound;
    /// There is no such host.
    UnknownHost = "unknown-host", NotFound;
    /// The host is not in the cluster.
    NotInCluster = "not-in-cluster", NotFound;
    /// A host cannot have this name.
    HostName = "host-name", Usage;
    /// The arguments of a command are wrong.
    Usage = "usage", Usage;
    /// The settings have an error.
    Settings = "settings", Failed;
    /// The URL of the database is wrong.
    DatabaseUrl = "database-url", Usage;
    /// No connection to the database.
    DatabaseConnection = "database-connection", Failed;
    /// The database refused the login.
    DatabaseLogin = "database-login", NotPermitted;
    /// The database does not permit this.
    DatabasePermission = "database-permission", NotPermitted;
    /// The database's answer is not valid.
    DatabaseAnswer = "database-answer", Failed;
    /// The database did not answer in time.
    DatabaseTimeout = "database-timeout", Failed;
    /// The database did not confirm a change.
    DatabaseUnconfirmed = "database-unconfirmed", HalfWay;
    /// A statement selects no hosts.
    SelectStatement = "select-statement", Usage;
    /// Rocks itself does this in its database.
    ManagedByRocks = "managed-by-rocks", Failed;
    /// An attribute cannot have this name.
    AttributeName = "attribute-name", Usage;
    /// An attribute cannot have this value.
    AttributeValue = "attribute-value", Usage;
    /// The attribute is there already.
    AttributeExists = "attribute-exists", Failed;
    /// The attribute of a guest names no card.
    GuestAttribute = "guest-attribute", Failed;
    /// The attribute of a host names no card.
    HostAttribute = "host-attribute", Failed;
    /// The host of a guest has no card of that name.
    NoSuchAttribute = "no-such-attribute", NotFound;
    /// A guest has no host on which its card could be found.
    NoHost = "no-host", NotFound;
    /// The domain XML is too large.
    XmlTooLarge = "xml-too-large", Failed;
    /// The domain XML is not UTF-8.
    XmlNotUtf8 = "xml-not-utf8", Failed;
    /// The domain XML has a document type.
    XmlDoctype = "xml-doctype", Failed;
    /// The domain XML is not well-formed.
    XmlNotWellFormed = "xml-not-well-formed", Failed;
    /// The document is not domain XML.
    XmlNotADomain = "xml-not-a-domain", Failed;
    /// libvirt is not on this host.
    NoLibvirt = "no-libvirt", Unable;
    /// A file that is not ours is at the hook's path.
    HookObstacle = "hook-obstacle", Busy;
    /// The hook's program is not there, or is not the hook.
    HookProgram = "hook-program", Failed;
    /// libvirt's hooks cannot be read.
    HookNotRead = "hook-not-read", Failed;
    /// The hook cannot be written; all changes were undone.
    HookNotWritten = "hook-not-written", Failed;
    /// The hook cannot be written, and not all changes could be undone.
    HookNotUndone = "hook-not-undone", HalfWay;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn a_code_is_lower_case_words_and_no_other_has_it() {
        for code in Code::ALL {
            let mut words = code.word().split('-');
            let is_word = |word: &str| {
                let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
                !word.is_empty() && word.bytes().all(is_plain)
            };
            assert!(words.all(is_word), "{code}");
            assert_ne!(code.exit(), Exit::Done, "{code}");
        }
        let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
