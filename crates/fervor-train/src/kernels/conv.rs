//! Convolution over channels-last pictures: forward, and the gradients of input and weights.

use fervor_simd::bf16;
use fervor_simd::tile::Sweep;
use rayon::prelude::*;

use super::{
    precision::Arithmetic,
    shared::{Shared, with_scratch},
};

/// Rows that make a task of the forward pass worth its fixed costs.
const TASK_ROWS: usize = 192;

/// Tasks that small pictures are spread over: enough to keep a common processor's cores busy.
const TASKS: usize = 16;

/// The shapes of one convolution: square stride and padding, no groups, no dilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Pictures.
    pub n: usize,
    /// Channels in.
    pub c: usize,
    /// Height in.
    pub h: usize,
    /// Width in.
    pub w: usize,
    /// Channels out.
    pub o: usize,
    /// Kernel height.
    pub kh: usize,
    /// Kernel width.
    pub kw: usize,
    /// Step of the kernel.
    pub stride: usize,
    /// Zeros on each side.
    pub padding: usize,
}

impl Geometry {
    /// Height out.
    pub fn oh(&self) -> usize {
        (self.h + 2 * self.padding - self.kh) / self.stride + 1
    }

    /// Width out.
    pub fn ow(&self) -> usize {
        (self.w + 2 * self.padding - self.kw) / self.stride + 1
    }

    fn taps(&self) -> usize {
        self.kh * self.kw
    }

    /// Whether the functions here can do it: the kernel must fit into the padded picture, and must
    /// be larger than the padding.
    pub fn is_supported(&self) -> bool {
        let padded = |side: usize| side + 2 * self.padding;
        self.padding < self.kh.min(self.kw) && padded(self.h) >= self.kh && padded(self.w) >= self.kw && self.stride > 0
    }
}

/// Convolves `x` (`[n, h, w, c]`) with `weight` (`[o, c, kh, kw]`), adds `bias` (`[o]`), takes the
/// positive part if `relu` is set. Returns `[n, oh, ow, o]`.
pub fn forward(arithmetic: &Arithmetic, g: &Geometry, x: &[f32], weight: &[f32], bias: Option<&[f32]>, relu: bool) -> Vec<f32> {
    let (oh, ow) = (g.oh(), g.ow());
    // The last window may end before the padding does, never after it.
    let frame = Frame::new(g.h, g.w, g.c, [g.padding; 4], arithmetic);
    let rows = (0..oh * ow)
        .map(|at| {
            let (y, x) = (at / ow, at % ow);
            (frame.offset((y * g.stride) as isize, (x * g.stride) as isize), (at * g.o) as isize)
        })
        .collect();
    let taps = (0..g.taps()).map(|t| frame.offset((t / g.kw) as isize, (t % g.kw) as isize)).collect();
    let panels = pack(arithmetic, weight, [g.o, g.taps(), g.c], |column, t, c| (column * g.c + c) * g.taps() + t);
    let phase = Phase { rows, taps, panels };
    let len = g.n * oh * ow * g.o;
    let output = Output { picture: oh * ow * g.o, columns: g.o, bias, relu };
    convolve(arithmetic, g.n, &frame, x, &[phase], &output, len)
}

/// The gradient of the input, `[n, h, w, c]`, from that of the output, `dy` (`[n, oh, ow, o]`).
///
/// With stride s, the pixels of the input fall into s x s phases; those of one phase meet the same
/// taps of the kernel, so each phase is a convolution of `dy` with stride 1.
pub fn input_gradient(arithmetic: &Arithmetic, g: &Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    // Input pixel i meets tap k at output (i + padding - k) / stride, when that is whole.
    let reach = |size: usize, out: usize, kernel: usize| {
        let first = g.padding as isize - (kernel as isize - 1);
        let before = (-first.div_euclid(g.stride as isize)).max(0);
        let last = (size as isize - 1 + g.padding as isize).div_euclid(g.stride as isize);
        (before as usize, (last - (out as isize - 1)).max(0) as usize)
    };
    let (oh, ow) = (g.oh(), g.ow());
    let ((top, bottom), (left, right)) = (reach(g.h, oh, g.kh), reach(g.w, ow, g.kw));
    let frame = Frame::new(oh, ow, g.o, [top, bottom, left, right], arithmetic);

    // Taps of one direction for the phase of pixels `phase, phase + stride, ...`.
    let meets = |phase: usize, kernel: usize| -> Vec<(usize, isize)> {
        (0..kernel)
            .filter_map(|k| {
                let at = phase as isize + g.padding as isize - k as isize;
                (at.rem_euclid(g.stride as isize) == 0).then(|| (k, at.div_euclid(g.stride as isize)))
            })
            .collect()
    };
    let mut phases = Vec::new();
    for py in 0..g.stride.min(g.h) {
        for px in 0..g.stride.min(g.w) {
            let (ys, xs) = (meets(py, g.kh), meets(px, g.kw));
            let chosen: Vec<usize> = ys.iter().flat_map(|&(ky, _)| xs.iter().map(move |&(kx, _)| ky * g.kw + kx)).collect();
            let taps = ys
                .iter()
                .flat_map(|&(_, dy)| xs.iter().map(move |&(_, dx)| (dy, dx)))
                .map(|(dy, dx)| frame.offset(top as isize + dy, left as isize + dx))
                .collect();
            let rows = (py..g.h)
                .step_by(g.stride)
                .flat_map(|y| (px..g.w).step_by(g.stride).map(move |x| (y, x)))
                .map(|(y, x)| {
                    let source = frame.offset((y / g.stride) as isize, (x / g.stride) as isize);
                    (source, ((y * g.w + x) * g.c) as isize)
                })
                .collect();
            let at = |column: usize, t: usize, o: usize| (o * g.c + column) * g.taps() + chosen[t];
            let panels = pack(arithmetic, weight, [g.c, chosen.len(), g.o], at);
            phases.push(Phase { rows, taps, panels });
        }
    }
    let output = Output { picture: g.h * g.w * g.c, columns: g.c, bias: None, relu: false };
    convolve(arithmetic, g.n, &frame, dy, &phases, &output, g.n * g.h * g.w * g.c)
}

/// A source picture with its border of zeros. The border's copy holds `words` numbers a pixel: its channels, or pairs of
/// them.
struct Frame {
    h: usize,
    w: usize,
    channels: usize,
    words: usize,
    pairs: bool,
    top: usize,
    left: usize,
    padded_h: usize,
    padded_w: usize,
}

impl Frame {
    /// `border`: top, bottom, left, right.
    fn new(h: usize, w: usize, channels: usize, border: [usize; 4], arithmetic: &Arithmetic) -> Self {
        let [top, bottom, left, right] = border;
        let (padded_h, padded_w) = (h + top + bottom, w + left + right);
        Self { h, w, channels, words: arithmetic.words(channels), pairs: arithmetic.pairs, top, left, padded_h, padded_w }
    }

    /// Whether the source can be read as it is.
    fn is_bare(&self) -> bool {
        !self.pairs && (self.padded_h, self.padded_w) == (self.h, self.w)
    }

    fn bare_len(&self) -> usize {
        self.h * self.w * self.channels
    }

    fn padded_len(&self) -> usize {
        self.padded_h * self.padded_w * self.words
    }

    /// Offset of a pixel, counted from the padded picture's corner.
    fn offset(&self, y: isize, x: isize) -> isize {
        (y * self.padded_w as isize + x) * self.words as isize
    }

    /// Copies one picture into a border of zeros.
    fn pad(&self, source: &[f32], padded: &mut [f32]) {
        let row = self.padded_w * self.words;
        let (left, inner) = (self.left * self.words, self.w * self.words);
        for (y, padded) in padded.chunks_exact_mut(row).enumerate() {
            if y < self.top || y >= self.top + self.h {
                padded.fill(0.0);
                continue;
            }
            let from = &source[(y - self.top) * self.w * self.channels..][..self.w * self.channels];
            padded[..left].fill(0.0);
            padded[left + inner..].fill(0.0);
            let padded = &mut padded[left..left + inner];
            if !self.pairs {
                padded.copy_from_slice(from);
            } else if self.channels.is_multiple_of(2) {
                bf16::pair_neighbours(from, padded);
            } else {
                for (from, padded) in from.chunks_exact(self.channels).zip(padded.chunks_exact_mut(self.words)) {
                    bf16::pair_neighbours(from, padded);
                }
            }
        }
    }
}

/// Output pixels that share their taps.
struct Phase {
    /// Per pixel of one picture: offset of its first source pixel, offset of its output.
    rows: Vec<(isize, isize)>,
    /// Offset of each tap in the source.
    taps: Vec<isize>,
    /// Weights: panels of `width` columns, each `[taps, words of a source pixel, width]`, zero-filled.
    panels: Vec<f32>,
}

struct Output<'a> {
    /// Length of one picture.
    picture: usize,
    /// Channels.
    columns: usize,
    bias: Option<&'a [f32]>,
    relu: bool,
}

/// Runs all phases over all pictures, a task a few pictures.
fn convolve(
    arithmetic: &Arithmetic,
    n: usize,
    frame: &Frame,
    source: &[f32],
    phases: &[Phase],
    output: &Output,
    len: usize,
) -> Vec<f32> {
    let pixels = phases.iter().map(|p| p.rows.len()).sum::<usize>().max(1);
    let group = TASK_ROWS.div_ceil(pixels).min(n.div_ceil(TASKS)).max(1);
    let stride = if frame.is_bare() { frame.bare_len() } else { frame.padded_len() };
    // Rows of a whole group of pictures, phase by phase.
    let grouped: Vec<Vec<(isize, isize)>> = phases
        .iter()
        .map(|phase| {
            (0..group as isize)
                .flat_map(|i| {
                    let (a, c) = (i * stride as isize, i * output.picture as isize);
                    phase.rows.iter().map(move |&(from, to)| (from + a, to + c))
                })
                .collect()
        })
        .collect();
    // The phases' rows are all pixels of the output: zeroing it first would be for nothing.
    let mut values = Vec::with_capacity(len);
    let out = Shared::unwritten(values.spare_capacity_mut());
    (0..n.div_ceil(group)).into_par_iter().for_each(|task| {
        let first = task * group;
        let pictures = group.min(n - first);
        let bare = &source[first * frame.bare_len()..(first + pictures) * frame.bare_len()];
        let run = |source: &[f32]| {
            for (phase, rows) in phases.iter().zip(&grouped) {
                let rows = &rows[..phase.rows.len() * pictures];
                // SAFETY: offsets were made from the geometry, so that they stay inside `source`
                // and inside the pictures of this task, which no other task writes.
                unsafe {
                    convolve_rows(
                        arithmetic,
                        frame.words,
                        source,
                        phase,
                        rows,
                        output,
                        out.pointer().add(first * output.picture),
                    );
                }
            }
        };
        if frame.is_bare() {
            run(bare);
        } else {
            with_scratch(pictures * stride, |padded| {
                for (source, padded) in bare.chunks_exact(frame.bare_len()).zip(padded.chunks_exact_mut(stride)) {
                    frame.pad(source, padded);
                }
                run(padded);
            });
        }
    });
    // SAFETY: the tasks have written all pictures, and each picture's phases all of its pixels.
    unsafe { values.set_len(len) };
    values
}

/// # Safety
/// The rows and taps must lie inside `source`, the outputs behind `out`, which nobody else may be
/// using.
unsafe fn convolve_rows(
    arithmetic: &Arithmetic,
    words: usize,
    source: &[f32],
    phase: &Phase,
    rows: &[(isize, isize)],
    output: &Output,
    out: *mut f32,
) {
    let sweep = Sweep {
        kernels: arithmetic.kernels,
        channels: words,
        taps: &phase.taps,
        panels: &phase.panels,
        columns: output.columns,
        scale: None,
        bias: output.bias,
        onto: false,
        relu: output.relu,
    };
    // SAFETY: promised by the caller; panels and bias were made for these taps and columns.
    unsafe { sweep.run(rows, source.as_ptr(), out) };
}

/// Panels over `columns` channels of the result, `[taps, words of a source pixel, width]` each; `at` says where the weight
/// of a column, a tap and a source channel is.
fn pack(
    arithmetic: &Arithmetic,
    weight: &[f32],
    [columns, taps, channels]: [usize; 3],
    at: impl Fn(usize, usize, usize) -> usize + Sync,
) -> Vec<f32> {
    let (width, words) = (arithmetic.kernels.width(), arithmetic.words(channels));
    let depth = taps * words;
    let mut panels = vec![0.0; columns.div_ceil(width) * width * depth];
    if depth == 0 {
        return panels;
    }
    panels.par_chunks_mut(width * depth).enumerate().for_each(|(p, panel)| {
        let first = p * width;
        let live = (columns - first).min(width);
        let width = arithmetic.kernels.tall(columns - first).width;
        for word in 0..words {
            for t in 0..taps {
                let row = &mut panel[(t * words + word) * width..][..live];
                for (j, value) in row.iter_mut().enumerate() {
                    let of = |channel: usize| weight[at(first + j, t, channel)];
                    *value = match arithmetic.pairs {
                        false => of(word),
                        true if 2 * word + 1 < channels => bf16::pair(of(2 * word), of(2 * word + 1)),
                        true => bf16::pair(of(2 * word), 0.0),
                    };
                }
            }
        }
    });
    panels
}
