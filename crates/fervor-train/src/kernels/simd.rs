//! Compiles a plain loop several times and picks the fastest copy at run time.

/// Wraps one function: its body is compiled for AVX-512, for AVX2 and for the build's own target,
/// and the call goes to the best that the processor has. All copies do the same sums in the same
/// order (no fused multiply-add), so they agree to the last bit.
macro_rules! vectorised {
    ($(#[$doc:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        #[allow(clippy::needless_range_loop)] // These loops become vector code; iterators hide it.
        $visibility fn $name($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn plain($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                /// # Safety
                /// The processor has these instructions.
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($argument: $type),*) $(-> $result)? {
                    plain($($argument),*)
                }
                /// # Safety
                /// The processor has these instructions.
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    plain($($argument),*)
                }
                match $crate::kernels::simd::level() {
                    // SAFETY: the processor has these instructions.
                    $crate::kernels::simd::Level::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: the processor has these instructions.
                    $crate::kernels::simd::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::kernels::simd::Level::Plain => {}
                }
            }
            plain($($argument),*)
        }
    };
}

pub(crate) use vectorised;

/// The instruction sets that loops are compiled for.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The build's own target.
    Plain,
    /// AVX2.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
}

/// The best that this processor has.
#[cfg(target_arch = "x86_64")]
pub fn level() -> Level {
    static LEVEL: std::sync::OnceLock<Level> = std::sync::OnceLock::new();
    *LEVEL.get_or_init(|| {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
        {
            Level::Avx512
        } else if is_x86_feature_detected!("avx2") {
            Level::Avx2
        } else {
            Level::Plain
        }
    })
}
