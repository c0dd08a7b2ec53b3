//! The processor, which decides what the IOMMU is called and how it is turned on.

/// The kind of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// Intel: VT-d, which many kernels leave off by default.
    Intel,
    /// AMD and Hygon: AMD-Vi, which kernels turn on by default.
    Amd,
    /// Another x86 processor.
    OtherX86,
    /// Arm: an SMMU, which kernels use if the firmware describes it.
    Arm,
    /// A processor that is neither x86 nor Arm: RISC-V, POWER.
    Other,
}

impl Processor {
    /// Whether this is an x86 processor.
    pub fn is_x86(self) -> bool {
        matches!(self, Self::Intel | Self::Amd | Self::OtherX86)
    }
}
