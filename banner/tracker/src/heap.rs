//! The module's allocator: free lists of blocks whose sizes are powers of two.
//!
//! In: requests of Rust's collections. Out: blocks of the module's own memory. Freed blocks are used again by requests
//! of the same size class, so a page that stays open for days does not grow (the
//! banner lives shorter and has a simpler one). It costs about 2 KB less than the standard
//! library's allocator. Invariant: a block is aligned to its class or to 16 bytes, whichever is smaller; nothing here
//! asks for more.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;

const PAGE_BYTES: usize = 64 * 1024;
const SMALLEST: usize = 16;
const CLASSES: usize = 28;

struct Heap(UnsafeCell<State>);

struct State {
    /// Per class the first free block, which holds the address of the next.
    free: [*mut u8; CLASSES],
    /// The part of the memory that was never handed out.
    fresh: usize,
    end: usize,
}

// SAFETY: the module runs on one thread; it is built without atomics and never shared with a worker.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(State { free: [null_mut(); CLASSES], fresh: 0, end: 0 }));

fn class(bytes: usize) -> usize {
    let size = if bytes < SMALLEST { SMALLEST } else { bytes };
    (size.next_power_of_two() / SMALLEST).trailing_zeros() as usize
}

// SAFETY: blocks of one class all have that class's size, a block is in at most one place (handed out or in its list),
// and nothing here panics or allocates.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class(layout.size());
        // SAFETY: one thread, and no reference outlives this function.
        let state = unsafe { &mut *self.0.get() };
        let Some(first) = state.free.get_mut(class) else { return null_mut() };
        if !first.is_null() {
            let block = *first;
            // SAFETY: a free block holds the address of the next free one.
            *first = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        let size = SMALLEST << class;
        if state.end - state.fresh < size {
            let pages = size.div_ceil(PAGE_BYTES);
            let before = core::arch::wasm32::memory_grow(0, pages);
            if before == usize::MAX {
                return null_mut();
            }
            // Memory that someone else grew in between is theirs: begin anew where this growth begins.
            if before * PAGE_BYTES != state.end {
                state.fresh = before * PAGE_BYTES;
            }
            state.end = (before + pages) * PAGE_BYTES;
        }
        let block = state.fresh as *mut u8;
        state.fresh += size;
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: one thread, and no reference outlives this function.
        let state = unsafe { &mut *self.0.get() };
        if let Some(first) = state.free.get_mut(class(layout.size())) {
            // SAFETY: every block has room for an address, and its owner has given it back.
            unsafe { block.cast::<*mut u8>().write(*first) };
            *first = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if class(layout.size()) == class(size) {
            return block;
        }
        // SAFETY: the caller promises a block of `layout` and a size that does not overflow.
        unsafe {
            let larger = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !larger.is_null() {
                larger
                    .copy_from_nonoverlapping(block, if size < layout.size() { size } else { layout.size() });
                self.dealloc(block, layout);
            }
            larger
        }
    }
}
