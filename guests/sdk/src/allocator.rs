//! Memory for one call.
//!
//! An instance ends with its call, so nothing has to be freed. What a usual call allocates fits an arena in
//! the module's own zeroed data; the host then never has to change the protection of a page, which costs it
//! a fifth of a verification's CPU time. What does not fit, such as the largest request, comes from the
//! standard allocator, which grows the memory.

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr,
};
use std::alloc::System;

use static_alloc::Bump;

/// Enough for a verification of a request of usual size. Stack, data and arena together must
/// stay within what the host keeps resident between calls.
const ARENA_BYTES: usize = 160 << 10;

static ARENA: Bump<[u8; ARENA_BYTES]> = Bump::uninit();

struct ArenaThenSystem;

#[global_allocator]
static ALLOCATOR: ArenaThenSystem = ArenaThenSystem;

fn is_in_arena(address: *const u8) -> bool {
    address.addr().wrapping_sub(ptr::from_ref(&ARENA).addr()) < size_of_val(&ARENA)
}

#[expect(unsafe_code, reason = "implementing an allocator is unsafe by its trait")]
// SAFETY: a block comes from `ARENA`, which hands out each byte once and lives as long as the program, or
// from `System`; `dealloc` tells them apart by address and gives back to `System` what came from it, with
// the layout that it came with. `realloc` and `alloc_zeroed` are the trait's own, made of these two.
unsafe impl GlobalAlloc for ArenaThenSystem {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match ARENA.alloc(layout) {
            Some(block) => block.as_ptr(),
            // SAFETY: the caller keeps the trait's promises on `layout`, which are the same.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !is_in_arena(block) {
            // SAFETY: not from the arena, so from `System`, with this layout.
            unsafe { System.dealloc(block, layout) }
        }
    }
}
