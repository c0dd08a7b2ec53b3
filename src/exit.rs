//! How a program ends: the numbers that scripts branch on.

/// The exit codes of `gpupci`, which are also what `gpupt_splice` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or already so.
    Done = 0,
    /// Failed; all is as before.
    Failed = 1,
    /// The command makes no sense.
    Usage = 2,
    /// No such card, guest or host.
    NotFound = 3,
    /// In use; by whom is said.
    Busy = 4,
    /// This host cannot: IOMMU, vfio, group.
    Unable = 5,
    /// A deadline passed; the card is poisoned until the next boot.
    Poisoned = 6,
    /// Failed, and not undone; what is where is said.
    HalfWay = 7,
    /// What is recorded and the hardware differ.
    Differs = 8,
    /// Not permitted.
    NotPermitted = 9,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        use Exit::*;
        let all = [
            Done,
            Failed,
            Usage,
            NotFound,
            Busy,
            Unable,
            Poisoned,
            HalfWay,
            Differs,
            NotPermitted,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
