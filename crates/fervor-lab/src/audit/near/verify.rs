//! Whether two thumbnails show one picture: the one is laid over the other, then their fine structure is correlated.

use super::SIDE;
use super::hash::{RANGES, Variant};

/// Steps of the alignment.
const STEPS: usize = 6;
/// A copy shows at least this share of the other's side, and goes at most so far beyond it.
const LEAST_PART: f32 = 0.8;
const MOST_BEYOND: f32 = 0.12;
/// Blocks a side over which the correlation is taken, and how many of all the worst may be written over: a text, a watermark.
const BLOCKS: usize = 4;
const SPARED: usize = 5;
/// A block counts for no more than this many times the median one: the edge of a frame around a picture is no likeness.
const LOUDEST: f32 = 2.0;
/// Where most of a picture is empty, the median is taken to be this share of the strongest block.
const QUIETEST: f32 = 0.05;
/// Correlation before alignment under which no alignment helps.
const HOPELESS: f32 = 0.35;

type Thumbnail = [u8; SIDE * SIDE];

pub struct Verifier {
    similarity: f32,
}

/// Where the other picture's thumbnail lies in this one: pixel `i` of a side at `offset + scale * i`.
#[derive(Clone, Copy, Debug)]
struct Alignment {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

impl Verifier {
    /// Calls pictures copies from this correlation on.
    pub fn new(similarity: f32) -> Self {
        Self { similarity }
    }

    /// The similarity of `b` to `a` and the alteration, if `b` is a copy of `a` by one of the variants.
    pub fn compare(&self, a: &Thumbnail, b: &Thumbnail, variants: impl Iterator<Item = Variant>) -> Option<(f32, &'static str)> {
        let target: [f32; SIDE * SIDE] = std::array::from_fn(|i| f32::from(b[i]));
        let fine_target = fine(&target);
        let mut best: Option<(f32, &'static str)> = None;
        for variant in variants {
            let source: [f32; SIDE * SIDE] = std::array::from_fn(|i| {
                let (x, y) = (i % SIDE, i / SIDE);
                f32::from(a[y * SIDE + if variant.mirrored { SIDE - 1 - x } else { x }])
            });
            let mut alignment = Alignment::of(variant);
            if correlation(&fine(&alignment.draw(&source)), &fine_target) < HOPELESS {
                continue;
            }
            alignment = alignment.refined(&source, &target);
            let similarity = correlation(&fine(&alignment.draw(&source)), &fine_target);
            if similarity >= self.similarity && best.is_none_or(|(known, _)| known < similarity) {
                best = Some((similarity, alignment.words(variant.mirrored)));
            }
        }
        best
    }
}

impl Alignment {
    fn of(variant: Variant) -> Self {
        let ([from, to], [top, bottom]) = (RANGES[variant.x], RANGES[variant.y]);
        // A mirrored picture is mirrored before it is drawn, and its range with it.
        let (from, to) = if variant.mirrored { (1.0 - to, 1.0 - from) } else { (from, to) };
        let side = SIDE as f32;
        let offset = |from: f32, to: f32| from * side + 0.5 * (to - from) - 0.5;
        Self { x: offset(from, to), y: offset(top, bottom), width: to - from, height: bottom - top }
    }

    fn words(self, mirrored: bool) -> &'static str {
        let cropped = self.width.min(self.height) < 0.965 || self.width.max(self.height) > 1.035;
        match (mirrored, cropped) {
            (true, true) => "mirrored, cropped",
            (true, false) => "mirrored",
            (false, true) => "cropped",
            (false, false) => "altered",
        }
    }

    /// What of `source` lies under the target, bilinear, the edge repeated. Not by `fervor::picture::Bilinear`: without a turn
    /// whole rows are mixed at once, in arrays of a known length that the compiler makes vectors of, and this is done up to eight
    /// times for each pair of candidates.
    fn draw(self, source: &[f32; SIDE * SIDE]) -> [f32; SIDE * SIDE] {
        let place = |offset: f32, scale: f32, i: usize| {
            let at = (offset + scale * i as f32).clamp(0.0, (SIDE - 1) as f32 - 1e-3);
            (at as usize, at.fract())
        };
        let columns: [(usize, f32); SIDE] = std::array::from_fn(|i| place(self.x, self.width, i));
        let mut drawn = [0.0; SIDE * SIDE];
        for (y, row) in drawn.as_chunks_mut::<SIDE>().0.iter_mut().enumerate() {
            let (top, down) = place(self.y, self.height, y);
            let above: &[f32; SIDE] = source[top * SIDE..].first_chunk().expect("a whole row");
            let below: &[f32; SIDE] = source[(top + 1) * SIDE..].first_chunk().expect("a whole row");
            let mut line = [0.0; SIDE];
            for x in 0..SIDE {
                line[x] = above[x] + down * (below[x] - above[x]);
            }
            for (value, &(left, right)) in row.iter_mut().zip(&columns) {
                *value = line[left] + right * (line[left + 1] - line[left]);
            }
        }
        drawn
    }

    /// Gauss-Newton over place, size, gain and level (Lucas and Kanade 1981), with weights that spare what was written over.
    fn refined(mut self, source: &[f32; SIDE * SIDE], target: &[f32; SIDE * SIDE]) -> Self {
        let start = self;
        let [mut gain, mut level] = [1.0, 0.0];
        let mut scale = f32::INFINITY;
        for step in 0..STEPS {
            let drawn = self.draw(source);
            if step == 0 {
                [gain, level] = fit(&drawn, target);
            }
            let mut matrix = [[0.0_f32; 7]; 6];
            let mut residuals = 0.0;
            for y in 1..SIDE - 1 {
                for x in 1..SIDE - 1 {
                    let i = y * SIDE + x;
                    let residual = target[i] - gain * drawn[i] - level;
                    let weight = 1.0 / (1.0 + (residual / scale).powi(2));
                    residuals += residual.abs();
                    let slope_x = gain * (drawn[i + 1] - drawn[i - 1]) / (2.0 * self.width);
                    let slope_y = gain * (drawn[i + SIDE] - drawn[i - SIDE]) / (2.0 * self.height);
                    let terms = [slope_x, slope_y, slope_x * x as f32, slope_y * y as f32, drawn[i], 1.0, residual];
                    for (row, term) in matrix.iter_mut().zip(terms) {
                        let weighted = weight * term;
                        row.iter_mut().zip(terms).for_each(|(sum, other)| *sum += weighted * other);
                    }
                }
            }
            // Cauchy weights, at about the median residual from the second step on.
            scale = (1.5 * residuals / ((SIDE - 2) * (SIDE - 2)) as f32).max(2.0);
            let Some([dx, dy, dw, dh, dg, dl]) = solve(matrix) else { return start };
            self = Self { x: self.x + dx, y: self.y + dy, width: self.width + dw, height: self.height + dh };
            gain += dg;
            level += dl;
            if !self.is_plausible() {
                return start;
            }
            if dx.abs().max(dy.abs()) < 0.02 && dw.abs().max(dh.abs()) < 0.001 {
                break;
            }
        }
        self
    }

    fn is_plausible(self) -> bool {
        let side = SIDE as f32;
        let within = |offset: f32, scale: f32| {
            let beyond = MOST_BEYOND * side;
            (LEAST_PART..=1.0 / LEAST_PART).contains(&scale)
                && offset >= -beyond
                && offset + scale * (side - 1.0) <= side - 1.0 + beyond
        };
        within(self.x, self.width) && within(self.y, self.height)
    }
}

/// Gain and level that bring `drawn` nearest to `target`.
fn fit(drawn: &[f32; SIDE * SIDE], target: &[f32; SIDE * SIDE]) -> [f32; 2] {
    let n = (SIDE * SIDE) as f32;
    let mean = |values: &[f32; SIDE * SIDE]| values.iter().sum::<f32>() / n;
    let (a, b) = (mean(drawn), mean(target));
    let (mut both, mut own) = (0.0, 0.0);
    for (x, y) in drawn.iter().zip(target) {
        both += (x - a) * (y - b);
        own += (x - a) * (x - a);
    }
    let gain = if own > 0.0 { (both / own).clamp(0.2, 5.0) } else { 1.0 };
    [gain, b - gain * a]
}

/// Gaussian elimination with pivots; none where the matrix is singular.
fn solve(mut m: [[f32; 7]; 6]) -> Option<[f32; 6]> {
    // A trace of damping: a picture without slopes in one direction says nothing of it.
    for (i, row) in m.iter_mut().enumerate() {
        row[i] += 1e-4 * row[i] + 1e-6;
    }
    for column in 0..6 {
        let pivot = (column..6).max_by(|&a, &b| m[a][column].abs().total_cmp(&m[b][column].abs()))?;
        m.swap(column, pivot);
        if m[column][column].abs() <= 1e-9 || m[column][column].is_nan() {
            return None;
        }
        for row in column + 1..6 {
            let factor = m[row][column] / m[column][column];
            let pivot = m[column];
            m[row].iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    let mut solution = [0.0; 6];
    for row in (0..6).rev() {
        let known: f32 = (row + 1..6).map(|k| m[row][k] * solution[k]).sum();
        solution[row] = (m[row][6] - known) / m[row][row];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// A picture less its local mean (5 x 5): light and the shape that all faces share are gone, features stay.
fn fine(picture: &[f32; SIDE * SIDE]) -> [f32; SIDE * SIDE] {
    const REACH: usize = 2;
    let mut across = [0.0; SIDE * SIDE];
    for (row, sums) in picture.as_chunks::<SIDE>().0.iter().zip(across.as_chunks_mut::<SIDE>().0) {
        let mut padded = [0.0; SIDE + 2 * REACH];
        padded[REACH..REACH + SIDE].copy_from_slice(row);
        padded[..REACH].fill(row[0]);
        padded[REACH + SIDE..].fill(row[SIDE - 1]);
        for x in 0..SIDE {
            sums[x] = padded[x] + padded[x + 1] + padded[x + 2] + padded[x + 3] + padded[x + 4];
        }
    }
    let mut fine = [0.0; SIDE * SIDE];
    for y in 0..SIDE {
        let row = |offset: usize| (y + offset).saturating_sub(REACH).min(SIDE - 1) * SIDE;
        let rows: [usize; 5] = std::array::from_fn(row);
        for x in 0..SIDE {
            let sum: f32 = rows.iter().map(|row| across[row + x]).sum();
            fine[y * SIDE + x] = picture[y * SIDE + x] - sum / 25.0;
        }
    }
    fine
}

/// Correlation over the blocks that agree best: the worst [`SPARED`] of them have no say, as a text or a mark may stand there.
fn correlation(a: &[f32; SIDE * SIDE], b: &[f32; SIDE * SIDE]) -> f32 {
    const BLOCK: usize = SIDE / BLOCKS;
    // Of each block: the sums of a b, a a, b b.
    let mut sums = [[0.0_f32; 3]; BLOCKS * BLOCKS];
    for y in 0..SIDE {
        for block in 0..BLOCKS {
            let start = y * SIDE + block * BLOCK;
            let sums = &mut sums[y / BLOCK * BLOCKS + block];
            for (&a, &b) in a[start..start + BLOCK].iter().zip(&b[start..start + BLOCK]) {
                sums[0] += a * b;
                sums[1] += a * a;
                sums[2] += b * b;
            }
        }
    }
    let total = |sums: &[[f32; 3]]| sums.iter().fold([0.0; 3], |total, s| [total[0] + s[0], total[1] + s[1], total[2] + s[2]]);
    let all = total(&sums);
    if all[1] <= 0.0 || all[2] <= 0.0 {
        return 0.0;
    }
    let strengths = sums.map(|[_, own, other]| (own * other).sqrt());
    let mut sorted = strengths;
    sorted.sort_unstable_by(f32::total_cmp);
    let bound = LOUDEST * sorted[sorted.len() / 2].max(QUIETEST * sorted[sorted.len() - 1]);
    for (sums, strength) in sums.iter_mut().zip(strengths).filter(|(_, strength)| *strength > bound) {
        sums.iter_mut().for_each(|sum| *sum *= bound / strength);
    }
    // How much a block disagrees once both pictures have the same strength.
    let strength = (all[2] / all[1]).sqrt();
    let residual = |s: &[f32; 3]| strength * s[1] + s[2] / strength - 2.0 * s[0];
    sums.sort_by(|x, y| residual(x).total_cmp(&residual(y)));
    let [both, own, other] = total(&sums[..BLOCKS * BLOCKS - SPARED]);
    if own <= 0.0 || other <= 0.0 { 0.0 } else { both / (own * other).sqrt() }
}
