//! Memory that was freed is not written to: not even by the kernel, whose operations were called
//! off while it was busy with them.
//!
//! The allocator of this program keeps what is given back, filled with one byte. Whoever writes
//! to it later changes that.

#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "an allocator cannot be written without")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::net;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use reactor::{Direction, Reactor, TcpStream};
use stage6_uvloop::uring::{Settings, Uring};

use common::Dice;

const DEAD: u8 = 0xdd;

/// What a receive may be given as its buffer, and what a send may hold: no less.
const FROM: usize = 32;

/// Keeps what is freed, up to a number of blocks; then the oldest really go.
struct Quarantine;

#[global_allocator]
static QUARANTINE: Quarantine = Quarantine;

struct Kept {
    blocks: [(usize, usize); KEPT],
    /// How many were freed so far.
    count: usize,
    /// How many of them somebody wrote to.
    written: usize,
}

const KEPT: usize = 4096;

static FREED: Mutex<Kept> =
    Mutex::new(Kept { blocks: [(0, 0); KEPT], count: 0, written: 0 });

// SAFETY: all memory is the system's; a block goes back to it once, with its own layout.
unsafe impl GlobalAlloc for Quarantine {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is ours.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() < FROM || layout.align() > 16 {
            // SAFETY: the caller's promise is ours.
            return unsafe { System.dealloc(block, layout) };
        }
        // SAFETY: nobody uses the block any more, and it has that many bytes.
        unsafe { block.write_bytes(DEAD, layout.size()) };
        let mut kept = FREED.lock().unwrap();
        let place = kept.count % KEPT;
        kept.count += 1;
        let (oldest, size) = std::mem::replace(
            &mut kept.blocks[place],
            (block.expose_provenance(), layout.size()),
        );
        if oldest != 0 {
            kept.written += usize::from(!is_dead(oldest, size));
            let layout = Layout::from_size_align(size, 16).unwrap();
            // SAFETY: it came here by `dealloc`, and leaves once. The system does not look at the
            // alignment of blocks that are aligned to 16 or less.
            unsafe {
                System.dealloc(std::ptr::with_exposed_provenance_mut(oldest), layout);
            };
        }
    }
}

/// Whether all of a block is as it was left.
fn is_dead(block: usize, size: usize) -> bool {
    let block = std::ptr::with_exposed_provenance::<u8>(block);
    // SAFETY: it is kept, and nobody of ours writes to it.
    let bytes = unsafe { std::slice::from_raw_parts(block, size) };
    bytes.iter().all(|byte| *byte == DEAD)
}

/// How many blocks were written to after they were freed.
fn written_to() -> usize {
    let kept = FREED.lock().unwrap();
    let now =
        kept.blocks.iter().filter(|(block, size)| *block != 0 && !is_dead(*block, *size));
    kept.written + now.count()
}

fn pair(reactor: &Reactor<u32>) -> (TcpStream<u32>, net::TcpStream) {
    let listener = net::TcpListener::bind((net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ours = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    peer.set_nonblocking(true).unwrap();
    (reactor.adopt_stream(ours).unwrap(), peer)
}

/// M7.20: a storm. Streams are closed, and whole rings, while the kernel receives for them and
/// sends from them, and the peers go on sending.
#[test]
fn what_is_freed_is_not_written_to_though_the_kernel_was_busy_with_it() {
    let older = Settings { many: false, deferred: false };
    let newer = Settings::default();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for settings in [older, newer, older, newer] {
        let Ok(ring) = Uring::with(settings) else {
            eprintln!("SKIPPED: there is no ring here");
            return;
        };
        let reactor = Reactor::with_backend(Rc::new(ring));
        let mut peers = Vec::new();
        for round in 0..100 {
            storm(&reactor, round, &mut dice, &mut peers);
        }
        drop(reactor);
        for peer in &mut peers {
            let _ = peer.write(&[9; 5000]);
        }
    }
    assert_eq!(written_to(), 0);
}

/// Four streams, each closed at another moment.
fn storm(
    reactor: &Reactor<u32>,
    round: u32,
    dice: &mut Dice,
    peers: &mut Vec<net::TcpStream>,
) {
    let streams: Vec<_> = (0..4).map(|_| pair(reactor)).collect();
    for (stream, mut peer) in streams {
        let _ = reactor.wait_for(stream.key(), Direction::Read, round);
        let _ = stream.write(&vec![7; usize::try_from(dice.throw(100_000)).unwrap()]);
        if dice.throw(2) == 0 {
            reactor.select(Some(Duration::ZERO), &mut Vec::new()).unwrap();
        }
        if dice.throw(2) == 0 {
            drop(stream);
            let _ = peer.write(&[9; 5000]);
        } else {
            let _ = peer.write(&[9; 5000]);
            drop(stream);
        }
        peers.push(peer);
        if dice.throw(3) == 0 {
            peers.clear();
        }
    }
}
