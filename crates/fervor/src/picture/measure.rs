//! Figures of 8-bit values: what quality flags, standardised chips and the audit are decided by.

/// Mean and standard deviation of values of which there is at least one.
pub fn mean_and_deviation(values: &[u8]) -> (f32, f32) {
    let (mut sum, mut squares) = (0_u64, 0_u64);
    for &value in values {
        sum += u64::from(value);
        squares += u64::from(value) * u64::from(value);
    }
    let n = values.len() as f64;
    let mean = sum as f64 / n;
    (mean as f32, (squares as f64 / n - mean * mean).max(0.0).sqrt() as f32)
}

/// Variance of the 4-neighbour Laplacian inside a picture of 3 pixels a side or more (Pech-Pacheco et al. 2000): low where
/// nothing is sharp.
pub fn laplacian_variance(gray: &[u8], width: usize, height: usize) -> f32 {
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for y in 1..height - 1 {
        let row = |y: usize| &gray[y * width..(y + 1) * width];
        let (above, here, below) = (row(y - 1), row(y), row(y + 1));
        for x in 1..width - 1 {
            let around = i32::from(here[x - 1]) + i32::from(here[x + 1]) + i32::from(above[x]) + i32::from(below[x]);
            let value = i64::from(around - 4 * i32::from(here[x]));
            sum += value;
            squares += value * value;
        }
    }
    let n = ((width - 2) * (height - 2)) as f64;
    let mean = sum as f64 / n;
    (squares as f64 / n - mean * mean) as f32
}
