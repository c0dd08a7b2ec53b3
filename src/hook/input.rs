//! What libvirt wrote to the hook's standard input, if it is not the XML of a guest.

use std::fmt;
use std::io;

use crate::domain_xml::BYTES_MAX;
use crate::failure::{Code, Failure, SystemError, UNCHANGED};
use crate::gpu::PciFunction;
use crate::hook::Hook;

/// Why the claims of a guest are not known.
#[derive(Debug)]
pub enum InputError {
    /// The input did not end before the deadline, in seconds.
    Late(u64),
    /// The input cannot be read.
    Unread(io::Error),
    /// The input is longer than libvirt allows.
    TooLong,
    /// The input is not a well-formed domain.
    NotADomain,
    /// The domain claims devices and has no uuid.
    NoUuid,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(seconds) => write!(
                f,
                "its domain XML did not arrive from libvirt within {seconds} s"
            ),
            Self::Unread(error) => {
                let why = SystemError(error);
                write!(f, "its domain XML cannot be read from libvirt: {why}")
            }
            Self::TooLong => write!(f, "its domain XML is longer than {} MB", BYTES_MAX >> 20),
            Self::NotADomain => f.write_str("its domain XML is not well-formed, or is no domain"),
            Self::NoUuid => f.write_str("its domain XML has no valid uuid"),
        }
    }
}

impl std::error::Error for InputError {}

impl Failure for InputError {
    fn codes(&self) -> Vec<Code> {
        vec![Code::Input]
    }

    fn state(&self) -> Option<String> {
        Some(UNCHANGED.to_owned())
    }

    fn remedies(&self) -> Vec<String> {
        let remedy = match self {
            Self::Late(_) => "start the guest again when this host is less busy",
            Self::Unread(_) => "start the guest again",
            Self::TooLong => "remove from its XML what the guest does not need, such as metadata",
            Self::NotADomain | Self::NoUuid => "check its XML with `virt-xml-validate`",
        };
        vec![remedy.to_owned()]
    }
}

impl Hook<'_> {
    /// Whether this host may have a card that a guest could claim: a display function of any vendor, or a
    /// record. The display of a management controller is none: most servers have one. A guest whose claims are
    /// not known must not start here, because another guest may have the card. On a host without any card it
    /// starts. What cannot be read counts as a card.
    pub(super) fn may_have_cards(&self) -> bool {
        let may_be_card = |f: &PciFunction| f.class.is_display() && !f.vendor.is_management();
        let functions = self.machine.functions();
        let may_have = functions.map_or(true, |functions| functions.iter().any(may_be_card));
        may_have || !self.machine.recorded_slots().is_empty()
    }
}
