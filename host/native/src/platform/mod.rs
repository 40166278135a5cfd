//! What differs between systems: how a file is opened, what identifies it, advice, and which pages are in memory. Where a
//! system has no such thing the answer is `unsupported` or none.
mod memory;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;
pub(crate) mod unsafe_ops;

pub(crate) use memory::available_memory;

#[cfg(not(unix))]
pub(crate) use other::*;
#[cfg(unix)]
pub(crate) use unix::*;

/// What a file was when it was granted. Equal is no proof that it is the same: a file can change without any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified_ns: i128,
}

impl Identity {
    /// The identity folded into two numbers that tell a guest nothing but whether they differ.
    pub(crate) fn fingerprint(&self) -> (u64, u64) {
        let modified = self.modified_ns.to_le_bytes();
        let half = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&modified[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let fold = |seed: u64| {
            [self.device, self.inode, self.size, half(0), half(8)].into_iter().fold(seed, |hash, word| {
                let mixed = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                mixed ^ (mixed >> 29)
            })
        };
        (fold(0x243f_6a88_85a3_08d3), fold(0x1319_8a2e_0370_7344))
    }
}
