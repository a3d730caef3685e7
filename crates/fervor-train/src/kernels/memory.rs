//! Keeps freed memory instead of handing it back to the system.

/// Tells the allocator, once, to keep what is freed.
///
/// A training step frees and asks for the same tens of megabytes again and again. The GNU C library
/// maps and unmaps such pieces each time, and the system clears each page anew: measured at 20 to 45 %
/// of the time of a convolution with large pictures. On other systems this does nothing.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::{ffi::c_int, sync::Once};

        // From malloc.h.
        const TRIM_THRESHOLD: c_int = -1;
        const TOP_PAD: c_int = -2;
        const MMAP_MAX: c_int = -4;

        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }

        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: `mallopt` takes plain numbers and may be called at any time. If it refuses
            // one, things stay as slow as they were.
            unsafe {
                mallopt(MMAP_MAX, 0);
                mallopt(TRIM_THRESHOLD, c_int::MAX);
                mallopt(TOP_PAD, 64 << 20);
            }
        });
    }
}
