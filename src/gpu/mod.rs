//! Cards: the functions of one slot with a display function of a chosen vendor among them, and
//! their names `gpupci1`, `gpupci2`, …

mod card;
mod name;
mod register;

pub use card::{GpuCard, MovedCard, PciFunction, cards_of};
pub use name::{CardName, natural_order};
pub use register::{Register, RegisterError, Registered};
