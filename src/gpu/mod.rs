//! Cards: a display function and the functions of its slot with the same vendor; and their names
//! `gpupci1`, `gpupci2`, …

mod card;
mod name;
mod register;
mod uncounted;

pub use card::{GpuCard, MovedCard, PciFunction, cards_of};
pub use name::{CardName, natural_order};
pub use register::{Register, RegisterError, Registered};
pub use uncounted::Uncounted;
