//! Runs the graphs that Fervor's own networks make, on the kernels of `fervor-simd`: chains and residual blocks of
//! convolutions, poolings and dense layers. A [`Plan`] is made for the input shape that the graph declares; graphs with
//! anything else in them have none, and stay with the general engine.

use std::sync::{Mutex, PoisonError};

use fervor_simd::maps::{self, Affine, Conv, Dense, Shape, quads};
use rayon::prelude::*;

use super::{Greatest, Output};
use crate::onnx::ModelProto;

mod builder;

use builder::Builder;

/// Pictures that go through the dense layers together.
const GROUP: usize = 16;

/// A graph as a list of layers with all weights packed.
pub struct Plan {
    input: [usize; 3],
    /// Layers on the maps of one picture.
    trunk: Vec<Step>,
    /// Layers on the rows of several.
    head: Vec<(Dense, [usize; 2])>,
    /// Buffers of maps.
    slots: Vec<Shape>,
    /// What convolutions read that could be whole numbers: names and slots.
    read: Vec<(String, usize)>,
    /// Rows of numbers, a row a picture.
    rows: Vec<Row>,
    output: usize,
    /// Buffers that no run is using.
    idle: Mutex<Vec<Arena>>,
}

/// A layer on maps; numbers name slots, and for `Mean` and `Flatten` a row.
enum Step {
    Load { affine: Affine, to: usize },
    Copy { from: usize, to: usize },
    Quantize { greatest: f32, from: usize, to: usize },
    Conv { conv: Box<Conv>, after: Option<Affine>, pooled: bool, from: usize, to: usize },
    Pool { kernel: usize, stride: usize, from: usize, to: usize },
    Mean { from: usize, row: usize },
    Flatten { from: usize, row: usize },
}

struct Row {
    name: String,
    len: usize,
    /// Whether the graph holds it as `[n, len]`: a mean is `[n, len, 1, 1]` until it is flattened.
    flat: bool,
    /// Height, width and channels that the numbers lie in; the graph has the channels first.
    maps: Option<[usize; 3]>,
}

impl Row {
    /// Where the graph's number `at` lies.
    fn place(&self, at: usize) -> usize {
        match self.maps {
            Some([height, width, channels]) => at % (height * width) * channels + at / (height * width),
            None => at,
        }
    }
}

struct Arena {
    slots: Vec<Vec<f32>>,
    rows: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

impl Plan {
    /// The plan of a graph, if all of it is known here; maps that `eight_bit` names are read in whole numbers.
    pub fn of(model: &ModelProto, eight_bit: Option<&Greatest>) -> Option<Self> {
        Builder::new(model.graph.as_ref()?, eight_bit)?.build()
    }

    /// Shows what convolutions read of each picture and could read in whole numbers, with the map's name.
    pub fn observe(&self, values: &[f32], tell: &mut dyn FnMut(&str, &[f32])) {
        let mut arena = self.arena();
        for picture in values.chunks_exact(self.input.iter().product()) {
            self.group(&mut arena, picture);
            self.read.iter().for_each(|(name, slot)| tell(name, &arena.slots[*slot]));
        }
    }

    /// `[channels, height, width]` of the pictures.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// The output for each of the pictures that lie in `values`, one after the other; on the present threads of rayon.
    pub fn run(&self, values: &[f32], parallel: bool) -> Output {
        self.run_to(self.output, values, parallel)
    }

    /// The value of this name, if it is one that the plan keeps: what a dense layer reads or gives.
    pub fn run_to_value(&self, name: &str, values: &[f32], parallel: bool) -> Option<Output> {
        let row = self.rows.iter().position(|row| row.flat && row.name == name)?;
        Some(self.run_to(row, values, parallel))
    }

    fn run_to(&self, row: usize, values: &[f32], parallel: bool) -> Output {
        let picture = self.input.iter().product::<usize>();
        let n = values.len() / picture;
        let wanted = &self.rows[row];
        let mut out = vec![0.0; n * wanted.len];
        let threads = if parallel { rayon::current_num_threads() } else { 1 };
        let group = n.div_ceil(threads).clamp(1, GROUP);
        let work = |(pictures, out): (&[f32], &mut [f32])| {
            let mut arena = self.arena();
            self.group(&mut arena, pictures);
            for (out, found) in out.chunks_exact_mut(wanted.len).zip(arena.rows[row].chunks_exact(wanted.len)) {
                out.iter_mut().enumerate().for_each(|(at, value)| *value = found[wanted.place(at)]);
            }
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(arena);
        };
        if threads > 1 && n > group {
            values.par_chunks(group * picture).zip(out.par_chunks_mut(group * wanted.len)).for_each(work);
        } else {
            values.chunks(group * picture).zip(out.chunks_mut(group * wanted.len)).for_each(work);
        }
        Output { shape: vec![n, wanted.len], values: out }
    }

    fn arena(&self) -> Arena {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_else(|| Arena {
            slots: self.slots.iter().map(|shape| vec![0.0; shape.len()]).collect(),
            rows: vec![Vec::new(); self.rows.len()],
            scratch: Vec::new(),
        })
    }

    /// Runs a group of pictures; their rows are in the arena then.
    fn group(&self, arena: &mut Arena, pictures: &[f32]) {
        let picture = self.input.iter().product::<usize>();
        let n = pictures.len() / picture;
        for (row, values) in self.rows.iter().zip(&mut arena.rows) {
            values.resize(n * row.len, 0.0);
        }
        for (i, picture) in pictures.chunks_exact(picture).enumerate() {
            for step in &self.trunk {
                self.step(step, arena, picture, i);
            }
        }
        for (layer, [from, to]) in &self.head {
            let mut out = std::mem::take(&mut arena.rows[*to]);
            layer.run(&arena.rows[*from], &mut out);
            arena.rows[*to] = out;
        }
    }

    fn step(&self, step: &Step, arena: &mut Arena, picture: &[f32], i: usize) {
        let (from, to) = match step {
            Step::Load { to, .. } => (None, *to),
            Step::Copy { from, to }
            | Step::Quantize { from, to, .. }
            | Step::Conv { from, to, .. }
            | Step::Pool { from, to, .. } => (Some(*from), *to),
            Step::Mean { from, row } | Step::Flatten { from, row } => {
                let len = self.rows[*row].len;
                let out = &mut arena.rows[*row][i * len..(i + 1) * len];
                match step {
                    Step::Mean { .. } => maps::mean(self.slots[*from], &arena.slots[*from], out),
                    _ => out.copy_from_slice(&arena.slots[*from]),
                }
                return;
            }
        };
        // The slot that is written leaves the arena meanwhile: no layer reads what it writes.
        let mut out = std::mem::take(&mut arena.slots[to]);
        let shape = self.slots[to];
        let source = from.map_or(&[][..], |from| &arena.slots[from]);
        match step {
            Step::Load { affine, .. } => maps::from_planes(picture, affine, shape, &mut out),
            Step::Quantize { greatest, from, .. } => quads::quantize(*greatest, self.slots[*from], source, shape, &mut out),
            Step::Copy { from, .. } => maps::copy(self.slots[*from], source, shape, &mut out),
            Step::Conv { conv, after, pooled: true, .. } => {
                conv.run_pooled(source, after.as_ref(), &mut arena.scratch, shape, &mut out);
            }
            Step::Conv { conv, after, .. } => {
                conv.run(source, &mut out);
                if let Some(after) = after {
                    maps::affine(after, shape, &mut out);
                }
            }
            Step::Pool { kernel, stride, from, .. } => {
                maps::max_pool(*kernel, *stride, self.slots[*from], source, shape, &mut out);
            }
            Step::Mean { .. } | Step::Flatten { .. } => unreachable!("done above"),
        }
        arena.slots[to] = out;
    }
}
