//! Domain XML: text in, text out, every byte that is not meant to change kept.
//!
//! `tokens` has quick-xml read and checks the rest by `grammar`. `claims` is the one reader of what a
//! domain claims, with `qemu` for QEMU's own options; `outline` adds the places where a change can be
//! made. `splice` and `retarget` decide on edits, `write` makes the new elements, `edit` puts them in.
//! The DOM of roxmltree is asked only by `explain`, for the words of a refusal: building it costs more
//! than all the rest together, and libvirt waits for this.

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
mod tokens;
mod write;

pub use claims::{Claim, claims};
pub use error::{Place, XmlError};
pub use identity::{GuestIdentity, guest_identity};
pub use outline::claimed_functions;
pub use retarget::retarget;
pub use splice::splice;

/// libvirt reads no more than this of a domain's XML, and neither do we.
pub const BYTES_MAX: usize = 10 * 1024 * 1024;
