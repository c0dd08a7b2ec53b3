//! Cards: the functions of one slot with a display function of a wanted vendor among them, and the
//! names `gpupci1`, `gpupci2`, … that people call them by.

mod card;
mod name;
mod register;

pub use card::{GpuCard, Moved, PciFunction, cards_of};
pub use name::{CardName, natural_order};
pub use register::{Register, RegisterError, Registered};
