//! Inner loops of convolutions, channels last, in f32: on rows of pixels (here; one generic body for AVX-512, AVX2 with FMA,
//! WebAssembly, and plain Rust, which is also what NEON is compiled from; which one runs is decided by what the processor has, once, by
//! [`Simd::best`]), on whole maps ([`maps`]), on blocks of sums ([`tile`]), which the maps and training are made of, on rows of video
//! frames ([`yuv`]), and between pixels ([`between`]).
//!
//! A crate of its own for two reasons: `unsafe` stays behind these checked functions (and, for [`tile`], in the kernels of
//! training), and debug builds of the rest of the library run them optimised (see `profile.dev.package` in the workspace's
//! `Cargo.toml`). For that, no inner loop here is generic: generic code is compiled by the crate that calls it.

#![deny(missing_docs)]

mod aligned;
pub mod between;
pub mod bf16;
pub mod maps;
pub mod pixels;
pub mod tile;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;
pub mod yuv;

pub use aligned::Aligned;

/// Channel counts are multiples of this: one AVX-512 register of f32.
pub const LANES: usize = 16;

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simd(Kind);

// Only `Simd::all` names a kind, after asking the processor: the safety of every call below rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm,
    // Not in modules that have the instructions above: they do not load elsewhere, and are fetched over networks.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    Portable,
}

impl Simd {
    /// What this machine has, best first.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                all.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self(Kind::Avx2));
            }
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        all.push(Self(Kind::Wasm));
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        all.push(Self(Kind::Portable));
        all
    }

    /// The best of them.
    pub fn best() -> Self {
        Self::all()[0]
    }
}

/// A convolution whose every output channel sees all inputs: the 3x3 stem (three rows) and the pointwise layers (one row).
#[derive(Debug)]
pub struct Dense {
    /// Consecutive values of a row that one output pixel sees.
    pub taps: usize,
    /// Values from one output pixel's first tap to the next one's.
    pub step: usize,
    /// `[rows x taps][channels]`.
    pub weights: Aligned,
    /// `[channels]`, a multiple of [`LANES`].
    pub bias: Aligned,
    /// Whether negative outputs become 0.
    pub relu: bool,
}

/// A depthwise 3x3 convolution.
#[derive(Debug)]
pub struct Depthwise {
    /// `[9][channels]`, row by row of the kernel.
    pub weights: Aligned,
    /// `[channels]`, a multiple of [`LANES`].
    pub bias: Aligned,
    /// Whether negative outputs become 0.
    pub relu: bool,
}

/// One output row `[pixels][channels]`: `out[x][c] = bias[c] + sum of rows[r][x * step + k] * weights[r * taps + k][c]`.
///
/// # Panics
/// If a slice is too short for the layer.
pub fn dense(simd: Simd, layer: &Dense, rows: &[&[f32]], out: &mut [f32]) {
    let channels = layer.bias.len();
    let pixels = out.len() / channels;
    assert!(channels.is_multiple_of(LANES) && out.len() == pixels * channels, "whole registers, whole pixels");
    // Checked products: one that wrapped around would let a short slice through.
    let weights = rows.len().checked_mul(layer.taps).and_then(|taps| taps.checked_mul(channels));
    assert_eq!(Some(layer.weights.len()), weights, "weights for every tap");
    let reach = pixels.saturating_sub(1).checked_mul(layer.step).and_then(|last| last.checked_add(layer.taps));
    assert!(pixels == 0 || reach.is_some_and(|reach| rows.iter().all(|row| row.len() >= reach)), "every tap stands in its row");
    // SAFETY: the lengths are checked above, and a `Simd` exists only for what the processor has.
    unsafe {
        match simd.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => x86::dense_avx512(layer, rows, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::dense_avx2(layer, rows, out),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Wasm => wasm::dense(layer, rows, out),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Kind::Portable => dense_row::<Eight, 2, 4>(layer, rows, out),
        }
    }
}

/// One output row `[pixels][channels]` from three input rows that are one pixel longer at both ends.
///
/// # Panics
/// If a slice does not have the layer's length.
pub fn depthwise(simd: Simd, layer: &Depthwise, rows: [&[f32]; 3], out: &mut [f32]) {
    let channels = layer.bias.len();
    let pixels = out.len() / channels;
    assert!(channels.is_multiple_of(LANES) && out.len() == pixels * channels, "whole registers, whole pixels");
    assert_eq!(layer.weights.len(), 9 * channels, "nine weights a channel");
    assert!(rows.iter().all(|row| row.len() == out.len() + 2 * channels), "rows have a border of one pixel");
    // SAFETY: the lengths are checked above, and a `Simd` exists only for what the processor has.
    unsafe {
        match simd.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => x86::depthwise_avx512(layer, rows, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::depthwise_avx2(layer, rows, out),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Wasm => wasm::depthwise(layer, rows, out),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Kind::Portable => depthwise_row::<Eight, 2>(layer, channels, &rows, out),
        }
    }
}

/// The greatest of each 2 x 2 pixels of two rows. All must be numbers.
///
/// # Panics
/// If the rows are not twice as long as `out`, or the channels not whole registers.
pub fn max_pool(simd: Simd, rows: [&[f32]; 2], channels: usize, out: &mut [f32]) {
    assert!(channels.is_multiple_of(LANES) && out.len().is_multiple_of(channels), "whole registers, whole pixels");
    assert!(rows.iter().all(|row| row.len() == 2 * out.len()), "rows are twice as long");
    // SAFETY: the lengths are checked above, and a `Simd` exists only for what the processor has.
    unsafe {
        match simd.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => x86::max_pool_avx512(rows, channels, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::max_pool_avx2(rows, channels, out),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Wasm => wasm::max_pool(rows, channels, out),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Kind::Portable => max_pool_row::<Eight>(rows, channels, out),
        }
    }
}

/// Bytes as f32; values past the last byte become 0.
pub fn widen(bytes: &[u8], out: &mut [f32]) {
    let (values, rest) = out.split_at_mut(bytes.len().min(out.len()));
    values.iter_mut().zip(bytes).for_each(|(value, byte)| *value = f32::from(*byte));
    rest.fill(0.0);
}

/// A row of a map plus a row of a map of half the size, whose every pixel counts for two (nearest neighbour).
///
/// # Panics
/// If `row` and `out` are not twice as long as `half`.
pub fn add_widened(row: &[f32], half: &[f32], channels: usize, out: &mut [f32]) {
    assert!(row.len() == 2 * half.len() && out.len() == row.len(), "rows are twice as long");
    let pairs = row.chunks_exact(2 * channels).zip(half.chunks_exact(channels));
    for (out, (two, one)) in out.chunks_exact_mut(2 * channels).zip(pairs) {
        for (out, two) in out.chunks_exact_mut(channels).zip(two.chunks_exact(channels)) {
            out.iter_mut().zip(two.iter().zip(one)).for_each(|(out, (a, b))| *out = a + b);
        }
    }
}

/// A register of f32.
///
/// Every function is unsafe for one reason at least: a type of the processor's registers may only be used where the processor
/// has the instructions that its functions are made of.
trait Lanes: Copy {
    /// Values in a register.
    const COUNT: usize;

    /// Loads `COUNT` values.
    ///
    /// # Safety
    /// `from` points to `COUNT` values that may be read; the processor has the type's instructions.
    unsafe fn load(from: *const f32) -> Self;

    /// Stores `COUNT` values.
    ///
    /// # Safety
    /// `to` points to room for `COUNT` values that nobody else uses; the processor has the type's instructions.
    unsafe fn store(self, to: *mut f32);

    /// The value in every place.
    ///
    /// # Safety
    /// The processor has the type's instructions.
    unsafe fn splat(value: f32) -> Self;

    /// `self * factor + sum`.
    ///
    /// # Safety
    /// The processor has the type's instructions.
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self;

    /// The greater of each two values.
    ///
    /// # Safety
    /// The processor has the type's instructions.
    unsafe fn max(self, other: Self) -> Self;
}

/// `V` registers of channels by `P` pixels are summed at a time.
///
/// # Safety
/// The lengths are those that [`dense`] checks, the channels a multiple of `V` registers, and the processor has the
/// instructions of `L`.
#[inline(always)]
unsafe fn dense_row<L: Lanes, const V: usize, const P: usize>(layer: &Dense, rows: &[&[f32]], out: &mut [f32]) {
    let channels = layer.bias.len();
    let pixels = out.len() / channels;
    let out = out.as_mut_ptr();
    let mut channel = 0;
    while channel < channels {
        let mut x = 0;
        while x + P <= pixels {
            // SAFETY: as the caller promises; pixels x..x + P exist.
            unsafe { dense_block::<L, V, P>(layer, rows, out, x, channel) };
            x += P;
        }
        if x < pixels && pixels >= P {
            // The last block overlaps the one before: the same values are written twice.
            // SAFETY: as the caller promises; there are at least P pixels.
            unsafe { dense_block::<L, V, P>(layer, rows, out, pixels - P, channel) };
        } else {
            while x < pixels {
                // SAFETY: as the caller promises; pixel x exists.
                unsafe { dense_block::<L, V, 1>(layer, rows, out, x, channel) };
                x += 1;
            }
        }
        channel += V * L::COUNT;
    }
}

/// Pixels x..x + P of `V` registers of channels from `channel` on.
///
/// # Safety
/// As for [`dense_row`]; these pixels and channels exist.
#[inline(always)]
unsafe fn dense_block<L: Lanes, const V: usize, const P: usize>(
    layer: &Dense,
    rows: &[&[f32]],
    out: *mut f32,
    x: usize,
    channel: usize,
) {
    let (channels, step) = (layer.bias.len(), layer.step);
    // SAFETY: `dense` has checked that pixels x.. have their taps in the rows and their places in `out`.
    unsafe {
        let zero = L::splat(0.0);
        let mut sums = [[zero; V]; P];
        for sums in &mut sums {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = L::load(layer.bias.as_ptr().add(channel + v * L::COUNT));
            }
        }
        let mut weights = layer.weights.as_ptr().add(channel);
        for row in rows {
            let input = row.as_ptr().add(x * step);
            for k in 0..layer.taps {
                let mut factors = [zero; V];
                for (v, factor) in factors.iter_mut().enumerate() {
                    *factor = L::load(weights.add(v * L::COUNT));
                }
                for (p, sums) in sums.iter_mut().enumerate() {
                    let value = L::splat(*input.add(p * step + k));
                    for (sum, factor) in sums.iter_mut().zip(&factors) {
                        *sum = value.mul_add(*factor, *sum);
                    }
                }
                weights = weights.add(channels);
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let sum = if layer.relu { sum.max(zero) } else { *sum };
                sum.store(out.add((x + p) * channels + channel + v * L::COUNT));
            }
        }
    }
}

/// One register of channels by `P` pixels at a time, all channels of some pixels before the next ones: what they lie in is then read
/// once into the fastest memory, however many registers a cache line makes.
///
/// `channels` are the layer's: who calls may know them as it is compiled.
///
/// # Safety
/// The lengths are those that [`depthwise`] checks, the channels are the layer's, and the processor has the instructions of `L`.
#[inline(always)]
unsafe fn depthwise_row<L: Lanes, const P: usize>(layer: &Depthwise, channels: usize, rows: &[&[f32]], out: &mut [f32]) {
    let pixels = out.len() / channels;
    let out = out.as_mut_ptr();
    let mut first = 0;
    while first < pixels {
        let end = pixels.min(first + 4 * P);
        let mut channel = 0;
        while channel < channels {
            let mut x = first;
            while x + P <= end {
                // SAFETY: as the caller promises; pixels x..x + P exist.
                unsafe { depthwise_block::<L, P>(layer, channels, rows, out, x, channel) };
                x += P;
            }
            while x < end {
                // SAFETY: as the caller promises; pixel x exists.
                unsafe { depthwise_block::<L, 1>(layer, channels, rows, out, x, channel) };
                x += 1;
            }
            channel += L::COUNT;
        }
        first = end;
    }
}

/// # Safety
/// The lengths are those that [`max_pool`] checks, and the processor has the instructions of `L`.
#[inline(always)]
unsafe fn max_pool_row<L: Lanes>(rows: [&[f32]; 2], channels: usize, out: &mut [f32]) {
    for first in (0..out.len()).step_by(channels) {
        for channel in (0..channels).step_by(L::COUNT) {
            // SAFETY: as the caller promises; the two rows have two pixels for each of `out`.
            unsafe {
                let [above, below] = rows.map(|row| {
                    let left = row.as_ptr().add(2 * first + channel);
                    L::load(left).max(L::load(left.add(channels)))
                });
                above.max(below).store(out.as_mut_ptr().add(first + channel));
            }
        }
    }
}

/// Pixels x..x + P of one register of channels from `channel` on.
///
/// # Safety
/// As for [`depthwise_row`]; these pixels and channels exist.
#[inline(always)]
unsafe fn depthwise_block<L: Lanes, const P: usize>(
    layer: &Depthwise,
    channels: usize,
    rows: &[&[f32]],
    out: *mut f32,
    x: usize,
    channel: usize,
) {
    // SAFETY: `depthwise` has checked that the rows reach one pixel over both ends of `out`.
    unsafe {
        let mut sums = [L::load(layer.bias.as_ptr().add(channel)); P];
        for (r, row) in rows.iter().enumerate() {
            let weights = layer.weights.as_ptr().add(3 * r * channels + channel);
            let factors = [L::load(weights), L::load(weights.add(channels)), L::load(weights.add(2 * channels))];
            let input = row.as_ptr().add(x * channels + channel);
            // Every input pixel is loaded once and goes to the up to three outputs that see it.
            for column in 0..P + 2 {
                let value = L::load(input.add(column * channels));
                for (k, factor) in factors.into_iter().enumerate() {
                    if column >= k && column - k < P {
                        sums[column - k] = value.mul_add(factor, sums[column - k]);
                    }
                }
            }
        }
        let zero = L::splat(0.0);
        for (p, sum) in sums.into_iter().enumerate() {
            let sum = if layer.relu { sum.max(zero) } else { sum };
            sum.store(out.add((x + p) * channels + channel));
        }
    }
}

/// Eight values in plain Rust: the twin that every machine runs, and that the others are compared with.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[derive(Clone, Copy)]
struct Eight([f32; 8]);

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
impl Lanes for Eight {
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller has eight values there; f32 has no stricter alignment than itself.
        Self(unsafe { from.cast::<[f32; 8]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller has room for eight values there; f32 has no stricter alignment than itself.
        unsafe { to.cast::<[f32; 8]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn mul_add(mut self, factor: Self, sum: Self) -> Self {
        for i in 0..8 {
            // A fused multiply-add is a slow library call where the processor has none.
            self.0[i] = if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                self.0[i].mul_add(factor.0[i], sum.0[i])
            } else {
                self.0[i] * factor.0[i] + sum.0[i]
            };
        }
        self
    }

    #[inline(always)]
    unsafe fn max(mut self, other: Self) -> Self {
        for i in 0..8 {
            self.0[i] = if self.0[i] > other.0[i] { self.0[i] } else { other.0[i] };
        }
        self
    }
}

#[cfg(test)]
mod tests;
