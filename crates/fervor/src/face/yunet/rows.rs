//! Chains of layers that pass single rows on: a row goes through all layers while it is in the cache, and whole maps exist
//! only where the network needs them again.

use std::mem;
use std::ops::Range;

use fervor_simd::{Aligned, Dense, Depthwise, LANES, Simd, add_widened, dense, depthwise, max_pool};
use rayon::prelude::*;

use crate::face::shelf::{Lent, Shelf};

/// A band has at least so many output rows: bands compute some rows around them twice.
const LEAST_BAND: usize = 8;

/// One layer of a chain.
#[derive(Debug)]
pub enum Layer {
    /// A pointwise convolution, then a depthwise 3x3 one over its output with a border of zeros.
    Separable(Dense, Depthwise),
    /// The greatest of each 2 x 2 pixels.
    Pool,
}

impl Layer {
    fn out_channels(&self, channels: usize) -> usize {
        match self {
            Layer::Separable(pointwise, _) => pointwise.bias.len(),
            Layer::Pool => channels,
        }
    }

    /// The input rows that these output rows need; `height` is the input's.
    fn needed(&self, rows: Range<usize>, height: usize) -> Range<usize> {
        match self {
            Layer::Separable(..) => rows.start.saturating_sub(1)..(rows.end + 1).min(height),
            Layer::Pool => 2 * rows.start..2 * rows.end,
        }
    }
}

/// Rows of pixels, channels last.
#[derive(Debug)]
pub struct Map<'a> {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    /// `[height][width][channels]`.
    pub values: Lent<'a, Aligned>,
}

impl Map<'_> {
    /// One row.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.width * self.channels..][..self.width * self.channels]
    }
}

/// Width, height and channels of a chain's input.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
}

/// Gives a chain's input.
pub trait RowSource {
    /// The row of this number, from where it lies or made in this memory. The numbers go up by one.
    fn row<'m>(&'m mut self, y: usize, memory: &'m mut [f32]) -> &'m [f32];
}

/// The rows of a map.
pub struct Rows<'m>(pub &'m Map<'m>);

impl RowSource for Rows<'_> {
    fn row<'m>(&'m mut self, y: usize, _: &'m mut [f32]) -> &'m [f32] {
        self.0.row(y)
    }
}

/// The rows of a map plus a deeper one at twice its size (nearest neighbour).
pub struct Sums<'m> {
    pub deep: &'m Map<'m>,
    pub map: &'m Map<'m>,
}

impl RowSource for Sums<'_> {
    fn row<'m>(&'m mut self, y: usize, memory: &'m mut [f32]) -> &'m [f32] {
        add_widened(self.map.row(y), self.deep.row(y / 2), self.map.channels, memory);
        memory
    }
}

/// Layers one after the other, and where their memory comes from.
#[derive(Clone, Copy)]
pub struct Chain<'c, 'a> {
    pub simd: Simd,
    pub layers: &'c [Layer],
    pub shelf: &'a Shelf<Aligned>,
}

impl<'a> Chain<'_, 'a> {
    /// Runs over a whole input in up to `bands` bands beside each other; `source` makes each band's reader of the input.
    pub fn run<S: RowSource>(self, input: Shape, bands: usize, source: impl Fn() -> S + Sync) -> Map<'a> {
        let output = self.layers.iter().fold(input, |shape, layer| after(layer, shape));
        let Shape { width, height, channels } = output;
        let mut values = self.shelf.values(height * width * channels);
        let rows = height.div_ceil(bands).max(LEAST_BAND);
        let band = |(i, part): (usize, &mut [f32])| {
            let first = i * rows;
            self.run_band(input, source(), first..height.min(first + rows), part);
        };
        if rows >= height {
            band((0, &mut values));
        } else {
            values.par_chunks_mut(rows * width * channels).enumerate().for_each(band);
        }
        Map { width, height, channels, values }
    }

    /// Computes these output rows into `out`.
    fn run_band(self, input: Shape, mut source: impl RowSource, rows: Range<usize>, out: &mut [f32]) {
        // Each layer with its input's shape.
        let shapes = self.layers.iter().scan(input, |shape, layer| {
            let before = *shape;
            *shape = after(layer, before);
            Some((layer, before))
        });
        let shapes: Vec<(&Layer, Shape)> = shapes.collect();
        let row_len = input.width * input.channels;
        let all = shapes.iter().map(|(layer, shape)| Stage::values(layer, *shape)).sum::<usize>() + row_len;
        let mut memory = self.shelf.values(all);
        let mut free = &mut memory[..];
        let stages = shapes.iter().map(|(layer, shape)| Stage::new(self.simd, layer, *shape, &mut free));
        let mut stages: Vec<Stage> = stages.collect();
        let row = free;

        let needed = shapes.iter().rev().fold(rows.clone(), |rows, (layer, shape)| layer.needed(rows, shape.height));
        let row_len = out.len() / rows.len();
        stages.last_mut().expect("a chain has layers").out = Out::Band { first: rows.start, row_len, rows: out };
        for y in needed {
            push(&mut stages, y, source.row(y, row));
        }
    }
}

fn after(layer: &Layer, input: Shape) -> Shape {
    let channels = layer.out_channels(input.channels);
    match layer {
        Layer::Separable(..) => Shape { channels, ..input },
        Layer::Pool => Shape { width: input.width / 2, height: input.height / 2, channels },
    }
}

/// Gives row `y` to the first stage, and what comes out of it to the next.
fn push(stages: &mut [Stage], y: usize, row: &[f32]) {
    if let [first, rest @ ..] = stages {
        first.push(y, row, &mut |y, row| push(rest, y, row));
    }
}

/// A layer at work on a band of rows that come in order.
struct Stage<'a> {
    simd: Simd,
    layer: &'a Layer,
    /// Height of the input.
    height: usize,
    channels: usize,
    /// Number of the first row that came.
    first: Option<usize>,
    /// For separable layers the last three pointwise rows, by number modulo 3, each with a zero pixel at both ends, and
    /// a row of zeros; for pools the even row.
    kept: Vec<&'a mut [f32]>,
    out: Out<'a>,
}

/// Where the rows that come out of a stage are written.
enum Out<'a> {
    /// Each over the one before, which has been passed on.
    Row(&'a mut [f32]),
    /// Side by side, those from `first` on: the chain's output.
    Band { first: usize, row_len: usize, rows: &'a mut [f32] },
}

impl Out<'_> {
    /// The place of row `y`; none if nobody asked for it: at the map's edges a layer may know a row more.
    fn row(&mut self, y: usize) -> Option<&mut [f32]> {
        match self {
            Out::Row(row) => Some(row),
            Out::Band { first, row_len, rows } => rows.chunks_exact_mut(*row_len).nth(y.checked_sub(*first)?),
        }
    }
}

impl<'a> Stage<'a> {
    /// How many rows are kept, of how many values, and the values of a row that comes out.
    fn rows(layer: &Layer, Shape { width, channels, .. }: Shape) -> (usize, usize, usize) {
        let out_channels = layer.out_channels(channels);
        match layer {
            Layer::Separable(..) => (4, (width + 2) * out_channels, width * out_channels),
            Layer::Pool => (1, width * channels, width / 2 * channels),
        }
    }

    /// The values that a stage needs.
    fn values(layer: &Layer, input: Shape) -> usize {
        let (count, kept, out) = Self::rows(layer, input);
        count * lines(kept) + lines(out)
    }

    /// Takes its [`values`](Self::values) from `free`.
    fn new(simd: Simd, layer: &'a Layer, input: Shape, free: &mut &'a mut [f32]) -> Self {
        let (count, kept, out) = Self::rows(layer, input);
        let mut take = |len: usize| -> &'a mut [f32] {
            let (taken, rest) = mem::take(free).split_at_mut(lines(len));
            *free = rest;
            &mut taken[..len]
        };
        let (out, kept): (_, Vec<_>) = (take(out), (0..count).map(|_| take(kept)).collect());
        let channels = layer.out_channels(input.channels);
        let mut stage = Self { simd, layer, height: input.height, channels, first: None, kept, out: Out::Row(out) };
        if let Layer::Separable(..) = layer {
            stage.kept.iter_mut().for_each(|row| row.fill(0.0));
        }
        stage
    }

    /// Takes row `y` and passes on the rows that it completes.
    fn push(&mut self, y: usize, row: &[f32], next: &mut dyn FnMut(usize, &[f32])) {
        let first = *self.first.get_or_insert(y);
        match self.layer {
            Layer::Separable(pointwise, spatial) => {
                let kept = &mut self.kept[y % 3];
                let inner = self.channels..kept.len() - self.channels;
                dense(self.simd, pointwise, &[row], &mut kept[inner]);
                // A row at the band's edge, but not at the map's, lacks a neighbour: it was only needed as one.
                if y > first && (y == 1 || y >= first + 2) {
                    let above = if y == 1 { 3 } else { (y - 2) % 3 };
                    self.finish(spatial, y - 1, [above, (y - 1) % 3, y % 3], next);
                }
                if y + 1 == self.height && (y == 0 || y > first) {
                    let above = if y == 0 { 3 } else { (y - 1) % 3 };
                    self.finish(spatial, y, [above, y % 3, 3], next);
                }
            }
            Layer::Pool if y.is_multiple_of(2) => self.kept[0].copy_from_slice(row),
            Layer::Pool => {
                if let Some(out) = self.out.row(y / 2) {
                    max_pool(self.simd, [self.kept[0], row], self.channels, out);
                    next(y / 2, out);
                }
            }
        }
    }

    /// Row `y` out of these that are kept, passed on.
    fn finish(&mut self, spatial: &Depthwise, y: usize, rows: [usize; 3], next: &mut dyn FnMut(usize, &[f32])) {
        if let Some(out) = self.out.row(y) {
            depthwise(self.simd, spatial, rows.map(|i| &*self.kept[i]), out);
            next(y, out);
        }
    }
}

/// So many values in whole cache lines, so that the next ones begin at one, too.
fn lines(len: usize) -> usize {
    len.next_multiple_of(LANES)
}
