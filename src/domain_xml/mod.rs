//! Domain XML: text in, text out. Bytes that are not edited stay as they are.
//!
//! `tokens` reads with quick-xml, and checks with `grammar` what quick-xml does not. `claims` finds the claimed
//! devices, with `qemu` for QEMU's own options. `outline` finds where a document can be changed. `splice` and
//! `retarget` decide on the edits, `write` makes the new elements, `edit` applies the edits.
//!
//! Only `explain` builds roxmltree's DOM, for error messages: that takes longer than everything else, and libvirt
//! waits for the hook.

mod claim_text;
mod claims;
mod edit;
mod error;
mod explain;
mod grammar;
mod identity;
mod outline;
mod qemu;
mod retarget;
mod splice;
mod status;
mod tokens;
mod write;

pub use claim_text::NoClaim;
pub use claims::{Claim, claims, driver_models};
pub use error::{DevicesError, Place, XmlError};
pub use identity::{GuestIdentity, guest_identity};
pub use retarget::retarget;
pub use splice::{splice, splice_hostdevs};
pub use status::domain_of_status;
pub use write::Hostdev;

/// libvirt accepts no longer domain XML.
pub const BYTES_MAX: usize = 10 * 1024 * 1024;
