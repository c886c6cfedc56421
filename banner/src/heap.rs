//! The module's allocator: a pointer that moves up.
//!
//! What asks for memory is the table of JavaScript values, 512 bytes for 128 of them and twice as many when it grows; it
//! lives as long as the module. The standard library's allocator costs about 3 KB more.
//! Invariant: a block never overlaps another.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr::null_mut;

const PAGE_BYTES: usize = 64 * 1024;

struct Heap {
    /// Where the next block may begin, and where the module's memory ends.
    next: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: the module runs on one thread; it is built without atomics and never shared with a worker.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap { next: Cell::new(0), end: Cell::new(0) };

// SAFETY: blocks are handed out from memory that this module alone has grown, one after the other, aligned as asked.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next.get().next_multiple_of(layout.align());
        let end = start + layout.size();
        if end <= self.end.get() {
            self.next.set(end);
            return start as *mut u8;
        }
        let pages = layout.size() / PAGE_BYTES + 1;
        let before = core::arch::wasm32::memory_grow(0, pages);
        if before == usize::MAX {
            return null_mut();
        }
        // A page begins at a multiple of every alignment that is asked for.
        self.next.set(before * PAGE_BYTES + layout.size());
        self.end.set((before + pages) * PAGE_BYTES);
        (before * PAGE_BYTES) as *mut u8
    }

    /// Nothing comes back.
    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
