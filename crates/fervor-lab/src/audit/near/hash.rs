//! 64 bits of low frequencies, and what they become when a picture is cropped, shifted or mirrored.

use std::f32::consts::PI;

use super::SIDE;

/// Frequencies in each direction: 0 to 8.
const FREQUENCIES: usize = 9;
pub const BITS: usize = 64;
/// Thumbnails from which the medians are taken.
const FITTED: usize = 4096;

/// The part of a picture, as shares of its sides, that an altered copy may show; mirrored or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    pub x: usize,
    pub y: usize,
    pub mirrored: bool,
}

/// Where a copy may begin and end: all of the side, cropped by 5 % and 10 % at either end or both, shifted by 5 %.
pub const RANGES: [[f32; 2]; 9] =
    [[0.0, 1.0], [0.0, 0.95], [0.025, 0.975], [0.05, 1.0], [0.0, 0.9], [0.05, 0.95], [0.1, 1.0], [-0.05, 0.95], [0.05, 1.05]];

/// The alterations that a picture is looked up under. The first is none.
pub const VARIANTS: [Variant; 28] = {
    const fn plain(x: usize, y: usize) -> Variant {
        Variant { x, y, mirrored: false }
    }
    let mut all = [plain(0, 0); 28];
    let mut at = 1;
    // Crops by 5 % (ranges 1 to 3) and by 10 % (4 to 6) in both directions.
    let mut first = 1;
    while first <= 4 {
        let mut x = first;
        while x < first + 3 {
            let mut y = first;
            while y < first + 3 {
                all[at] = plain(x, y);
                at += 1;
                y += 1;
            }
            x += 1;
        }
        first += 3;
    }
    // Shifts.
    let shifts = [[7, 0], [8, 0], [0, 7], [0, 8]];
    let mut i = 0;
    while i < shifts.len() {
        all[at] = plain(shifts[i][0], shifts[i][1]);
        at += 1;
        i += 1;
    }
    let mirrored = [[0, 0], [2, 2], [5, 5], [7, 0], [8, 0]];
    let mut i = 0;
    while i < mirrored.len() {
        all[at] = Variant { x: mirrored[i][0], y: mirrored[i][1], mirrored: true };
        at += 1;
        i += 1;
    }
    assert!(at == all.len());
    all
};

/// The low frequencies of a picture under one alteration.
pub struct Signature {
    /// Whether each coefficient is above its bound. The low and the high frequencies are spread over all parts of the number.
    pub bits: u64,
    /// How far each is above or below, of unit length over all.
    pub margins: [f32; BITS],
}

/// Makes signatures. A bit says whether a coefficient of the discrete cosine transform, relative to the picture's contrast, is
/// above the median of this data set. All faces share the median face, so what is common to all has no say (the
/// perceptual hash of Zauner 2010 takes the median within a picture).
pub struct Hasher {
    /// For each of [`RANGES`]: the cosines of each frequency over the pixels that the range shows.
    bases: Vec<[[f32; SIDE]; FREQUENCIES]>,
    /// The (across, down) frequencies of each bit, low ones first.
    places: [(usize, usize); BITS],
    bounds: [f32; BITS],
}

impl Hasher {
    /// Takes the medians from a data set's thumbnails.
    pub fn fit(thumbnails: &[&[u8; SIDE * SIDE]]) -> Self {
        let mut places: Vec<(usize, usize)> =
            (0..FREQUENCIES).flat_map(|v| (0..FREQUENCIES).map(move |u| (u, v))).filter(|&place| place != (0, 0)).collect();
        places.sort_by_key(|&(u, v)| (u * u + v * v, v));
        // Every fourth to one quarter of the number.
        let places: [(usize, usize); BITS] = std::array::from_fn(|bit| places[bit % 16 * 4 + bit / 16]);
        let mut hasher = Self { bases: RANGES.iter().map(basis).collect(), places, bounds: [0.0; BITS] };
        let step = thumbnails.len().div_ceil(FITTED).max(1);
        let mut values: Vec<Vec<f32>> = vec![Vec::new(); BITS];
        for thumbnail in thumbnails.iter().step_by(step) {
            let coefficients = hasher.coefficients(&hasher.across(thumbnail, 0), 0);
            values.iter_mut().zip(coefficients).for_each(|(values, value)| values.push(value));
        }
        for (bit, values) in values.iter_mut().enumerate() {
            // Odd frequencies across change their sign in a mirror: their median over pictures and mirrored pictures is 0.
            if places[bit].0.is_multiple_of(2) && !values.is_empty() {
                values.sort_unstable_by(f32::total_cmp);
                hasher.bounds[bit] = values[values.len() / 2];
            }
        }
        hasher
    }

    /// The signature of a picture as it is.
    pub fn signature(&self, thumbnail: &[u8; SIDE * SIDE]) -> Signature {
        self.signed(&self.coefficients(&self.across(thumbnail, 0), 0), false)
    }

    /// The signatures that the picture's copies would have, for each of [`VARIANTS`].
    pub fn queries(&self, thumbnail: &[u8; SIDE * SIDE], mut ask: impl FnMut(usize, &Signature)) {
        // The sums across are shared by all variants with the same range across.
        let across: Vec<_> = (0..RANGES.len()).map(|x| self.across(thumbnail, x)).collect();
        for (index, variant) in VARIANTS.iter().enumerate() {
            let coefficients = self.coefficients(&across[variant.x], variant.y);
            ask(index, &self.signed(&coefficients, variant.mirrored));
        }
    }

    /// For each row of the thumbnail, each frequency across over the range `x`.
    fn across(&self, thumbnail: &[u8; SIDE * SIDE], x: usize) -> [[f32; FREQUENCIES]; SIDE] {
        let mut sums = [[0.0; FREQUENCIES]; SIDE];
        let mut row = [0.0_f32; SIDE];
        for (pixels, sums) in thumbnail.as_chunks::<SIDE>().0.iter().zip(&mut sums) {
            row.iter_mut().zip(pixels).for_each(|(value, &pixel)| *value = f32::from(pixel));
            for (sum, basis) in sums.iter_mut().zip(&self.bases[x]) {
                *sum = dot(&row, basis);
            }
        }
        sums
    }

    /// The coefficients at the places of the bits, of unit length.
    fn coefficients(&self, across: &[[f32; FREQUENCIES]; SIDE], y: usize) -> [f32; BITS] {
        let mut table = [[0.0_f32; FREQUENCIES]; FREQUENCIES];
        for (table, basis) in table.iter_mut().zip(&self.bases[y]) {
            for (weight, sums) in basis.iter().zip(across) {
                table.iter_mut().zip(sums).for_each(|(value, sum)| *value += weight * sum);
            }
        }
        let mut coefficients = self.places.map(|(u, v)| table[v][u]);
        let length = coefficients.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        coefficients.iter_mut().for_each(|value| *value /= length);
        coefficients
    }

    fn signed(&self, coefficients: &[f32; BITS], mirrored: bool) -> Signature {
        let mut signature = Signature { bits: 0, margins: [0.0; BITS] };
        let places = self.places.iter().zip(&self.bounds).zip(coefficients);
        for (bit, ((&(across, _), bound), &coefficient)) in places.enumerate() {
            let value = if mirrored && across % 2 == 1 { -coefficient } else { coefficient };
            signature.bits |= u64::from(value > *bound) << bit;
            signature.margins[bit] = value - bound;
        }
        let length = signature.margins.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        signature.margins.iter_mut().for_each(|value| *value /= length);
        signature
    }
}

fn dot(a: &[f32; SIDE], b: &[f32; SIDE]) -> f32 {
    // Eight sums at once, so that the compiler may keep them in one register.
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// Cosines of each frequency over a range of the side, as weights of the side's pixels: what stretching the range to the whole
/// side (bilinear) and then transforming would give, in one step. Beyond the edge its pixel is repeated.
fn basis(&[from, to]: &[f32; 2]) -> [[f32; SIDE]; FREQUENCIES] {
    let mut weights = [[0.0; SIDE]; FREQUENCIES];
    for step in 0..SIDE {
        let share = (step as f32 + 0.5) / SIDE as f32;
        let at = ((from + share * (to - from)) * SIDE as f32 - 0.5).clamp(0.0, (SIDE - 1) as f32);
        let (left, part) = (at as usize, at.fract());
        for (frequency, weights) in weights.iter_mut().enumerate() {
            let cosine = (PI * frequency as f32 * share).cos();
            weights[left] += (1.0 - part) * cosine;
            weights[(left + 1).min(SIDE - 1)] += part * cosine;
        }
    }
    weights
}
