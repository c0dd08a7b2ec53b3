//! The C library of gpupt that the Rocks commands load.
