//! Exit codes.

/// The exit codes of `gpupci`, which are also what `gpupt_splice` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed; nothing was changed, or all was undone.
    Failed = 1,
    /// The command line is invalid.
    Usage = 2,
    /// No such card, guest or host.
    NotFound = 3,
    /// In use; the message names the user.
    Busy = 4,
    /// This host cannot do it: IOMMU, VFIO, group.
    Unable = 5,
    /// A write has not ended at its deadline; the card is locked until it ends.
    Poisoned = 6,
    /// Failed and not undone; the message says the state.
    HalfWay = 7,
    /// The hardware differs from the records.
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
