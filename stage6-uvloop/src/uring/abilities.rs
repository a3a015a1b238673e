//! What this kernel can do with a ring, asked of the kernel itself.

use io_uring::{Probe, opcode};

use super::ring::Ring;

/// Something that this engine makes use of where the kernel can do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ability {
    /// In a few words.
    pub what: &'static str,
    /// With which Linux it came.
    pub since: &'static str,
    /// Whether this kernel has it.
    pub is_there: bool,
}

/// All of them, in the order in which they came.
///
/// A kernel tells which operations it knows. That it accepts or receives many times, it does not
/// tell; but these came with an operation that we have no other use for.
pub(super) fn of(ring: &Ring) -> Vec<Ability> {
    let mut probe = Probe::new();
    let knows = ring.probe(&mut probe).is_ok();
    let knows = |code| knows && probe.is_supported(code);
    let files = [opcode::OpenAt::CODE, opcode::Read::CODE, opcode::Close::CODE];
    let ability = |what, since, is_there| Ability { what, since, is_there };
    vec![
        ability("files", "5.6", files.into_iter().all(knows)),
        ability("accept many", "5.19", knows(opcode::Socket::CODE)),
        ability("receive many", "6.0", knows(opcode::SendZc::CODE)),
        ability("work put off until asked for", "6.1", ring.settings().deferred),
    ]
}
