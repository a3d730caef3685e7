//! YuNet-s from top to bottom: pixels to the heads of three levels.

use fervor_simd::{Aligned, Dense, Depthwise, Simd, dense, widen};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};
use crate::face::letterbox::Letterbox;
use crate::face::shelf::Shelf;
use crate::onnx::{GraphProto, ModelProto};

use super::rows::{Chain, Layer, Map, RowSource, Rows, Shape, Sums};

/// The network with its weights, as `tools/extract_yunet.py` writes it.
pub const ONNX: &[u8] = include_bytes!("../../../models/yunet-s/yunet-s.onnx");

/// Input pixels a cell of the three levels.
pub const STRIDES: [usize; 3] = [8, 16, 32];

/// The heads in the order of a cell's 16 values, with their counts: class and object logit, box, points.
const HEADS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// YuNet-s, ready to run.
pub struct Network {
    simd: Simd,
    threads: Threads,
    stem: Dense,
    to_8: Vec<Layer>,
    to_16: Vec<Layer>,
    to_32: Vec<Layer>,
    neck_16: Vec<Layer>,
    neck_32: Vec<Layer>,
    /// The neck of the finest level and its heads: no other level needs what is between.
    heads_8: Vec<Layer>,
    heads_16: Vec<Layer>,
    heads_32: Vec<Layer>,
}

enum Threads {
    /// The caller's rayon pool.
    Shared,
    One,
    Own(ThreadPool),
}

impl Network {
    /// Reads the weights out of [`ONNX`]. `threads`: `None` for the pool that the caller runs in.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): a tensor is not there, or of another size; or the threads cannot be started.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        Self::with_simd(threads, Simd::best())
    }

    /// The same on this instruction set.
    pub(super) fn with_simd(threads: Option<usize>, simd: Simd) -> Result<Self> {
        let model = ModelProto::parse(ONNX)?;
        let weights = Weights(model.graph.as_ref().ok_or_else(|| Error::model("the detector has no graph"))?);
        let separable = |layer: &str, inputs, outputs| weights.separable(layer, inputs, outputs);
        let threads = match threads {
            None => Threads::Shared,
            Some(0 | 1) => Threads::One,
            Some(count) => Threads::Own(
                ThreadPoolBuilder::new()
                    .num_threads(count)
                    .build()
                    .map_err(|e| Error::input(format!("{count} threads cannot be started")).with_source(e))?,
            ),
        };
        Ok(Self {
            simd,
            threads,
            stem: weights.stem()?,
            to_8: vec![
                separable("backbone__model0_dp", 16, 16)?,
                Layer::Pool,
                separable("backbone__model1_dp1", 16, 16)?,
                separable("backbone__model1_dp2", 16, 32)?,
                separable("backbone__model2_dp1", 32, 32)?,
                separable("backbone__model2_dp2", 32, 64)?,
                Layer::Pool,
                separable("backbone__model3_dp1", 64, 64)?,
                separable("backbone__model3_dp2", 64, 64)?,
            ],
            to_16: vec![Layer::Pool, separable("backbone__model4_dp1", 64, 64)?, separable("backbone__model4_dp2", 64, 64)?],
            to_32: vec![Layer::Pool, separable("backbone__model5_dp1", 64, 64)?, separable("backbone__model5_dp2", 64, 64)?],
            neck_16: vec![separable("neck__lateral_convs__1", 64, 64)?],
            neck_32: vec![separable("neck__lateral_convs__2", 64, 64)?],
            heads_8: vec![separable("neck__lateral_convs__0", 64, 64)?, weights.heads(0)?],
            heads_16: vec![weights.heads(1)?],
            heads_32: vec![weights.heads(2)?],
        })
    }

    /// The heads `[height / s][width / s][16]` of the [`STRIDES`] s, for a picture laid into the input; `rgb` are the
    /// resized picture's pixels. Maps come from the shelf.
    pub fn forward<'a>(&self, laid: &Letterbox, rgb: &[u8], shelf: &'a Shelf<Aligned>) -> [Map<'a>; 3] {
        match &self.threads {
            Threads::One => self.forward_in(1, laid, rgb, shelf),
            Threads::Shared => self.forward_in(rayon::current_num_threads(), laid, rgb, shelf),
            Threads::Own(pool) => pool.install(|| self.forward_in(pool.current_num_threads(), laid, rgb, shelf)),
        }
    }

    fn forward_in<'a>(&self, bands: usize, laid: &Letterbox, rgb: &[u8], shelf: &'a Shelf<Aligned>) -> [Map<'a>; 3] {
        let [width, height] = laid.outer;
        let stem = Shape { width: width / 2, height: height / 2, channels: 16 };
        let chain = |layers| Chain { simd: self.simd, layers, shelf };
        let over = |layers, map: &Map| chain(layers).run(shape(map), bands, || Rows(map));
        let merged = |layers, deep: &Map, map: &Map| chain(layers).run(shape(map), bands, || Sums { deep, map });

        let at_8 = chain(&self.to_8).run(stem, bands, || Stem::new(self, laid, rgb)); // [h/8, w/8, 64]
        let at_16 = over(&self.to_16, &at_8); // [h/16, w/16, 64]
        let at_32 = over(&self.to_32, &at_16); // [h/32, w/32, 64]
        let at_32 = over(&self.neck_32, &at_32);
        let at_16 = merged(&self.neck_16, &at_32, &at_16);
        [merged(&self.heads_8, &at_16, &at_8), over(&self.heads_16, &at_16), over(&self.heads_32, &at_32)]
    }
}

/// The stem's rows: 3x3, stride 2, over the pixels with a border of zeros, from RGB bytes to 16 channels.
struct Stem<'a> {
    network: &'a Network,
    rgb: &'a [u8],
    /// Width and height of the pixels.
    inner: [usize; 2],
    /// Three pixel rows as f32, by number modulo 3, each with a zero pixel before it.
    pixels: [Vec<f32>; 3],
    /// Their numbers, counted from one above the picture.
    held: [Option<usize>; 3],
}

impl<'a> Stem<'a> {
    fn new(network: &'a Network, laid: &Letterbox, rgb: &'a [u8]) -> Self {
        let pixels = std::array::from_fn(|_| vec![0.0; 3 * (laid.outer[0] + 1)]);
        Self { network, rgb, inner: laid.inner, pixels, held: [None; 3] }
    }
}

impl RowSource for Stem<'_> {
    fn row<'m>(&'m mut self, y: usize, memory: &'m mut [f32]) -> &'m [f32] {
        let [width, height] = self.inner;
        for row in 2 * y..2 * y + 3 {
            if self.held[row % 3].replace(row) == Some(row) {
                continue;
            }
            let source = row.checked_sub(1).filter(|row| *row < height);
            let bytes = source.map_or(&[][..], |row| &self.rgb[3 * width * row..][..3 * width]);
            widen(bytes, &mut self.pixels[row % 3][3..]);
        }
        let rows = [2 * y, 2 * y + 1, 2 * y + 2].map(|row| &self.pixels[row % 3][..]);
        dense(self.network.simd, &self.network.stem, &rows, memory);
        memory
    }
}

fn shape(map: &Map) -> Shape {
    Shape { width: map.width, height: map.height, channels: map.channels }
}

/// The tensors of the ONNX file, brought into the kernels' order: output channels last.
struct Weights<'a>(&'a GraphProto);

impl Weights<'_> {
    fn tensor(&self, name: &str, len: usize) -> Result<Vec<f32>> {
        let tensor = self.0.initializer.iter().find(|tensor| tensor.name == name);
        let values = tensor.and_then(|tensor| tensor.floats()).unwrap_or_default();
        if values.len() != len {
            return Err(Error::model(format!("the detector's tensor {name} must have {len} values, it has {}", values.len())));
        }
        Ok(values)
    }

    /// The stem takes blue, green, red in the file; here red comes first.
    fn stem(&self) -> Result<Dense> {
        let (outputs, name) = (16, "backbone__model0_pw");
        let weight = self.tensor(&format!("{name}_weight"), 27 * outputs)?; // [16][bgr][ky][kx]
        let mut weights = Aligned::new(27 * outputs); // [ky][kx][rgb][16]
        for (i, value) in weights.iter_mut().enumerate() {
            let (output, tap) = (i % outputs, i / outputs);
            let (place, channel) = (tap / 3, 2 - tap % 3);
            *value = weight[27 * output + 9 * channel + place];
        }
        let bias = self.tensor(&format!("{name}_bias"), outputs)?;
        Ok(Dense { taps: 9, step: 6, weights, bias: bias.into(), relu: true })
    }

    fn separable(&self, layer: &str, inputs: usize, outputs: usize) -> Result<Layer> {
        self.side_by_side(&[(layer.to_owned(), outputs)], inputs, true)
    }

    /// The four heads of a level, their channels side by side: together they fill one register.
    fn heads(&self, level: usize) -> Result<Layer> {
        self.side_by_side(&HEADS.map(|(head, outputs)| (format!("bbox_head__multi_level_{head}__{level}"), outputs)), 64, false)
    }

    fn side_by_side(&self, layers: &[(String, usize)], inputs: usize, relu: bool) -> Result<Layer> {
        let channels: usize = layers.iter().map(|(_, outputs)| outputs).sum();
        let (mut pointwise, mut pointwise_bias) = (Aligned::new(inputs * channels), Aligned::new(channels));
        let (mut spatial, mut spatial_bias) = (Aligned::new(9 * channels), Aligned::new(channels));
        let mut first = 0;
        for (layer, outputs) in layers {
            let tensor = |kind: &str, len| self.tensor(&format!("{layer}_{kind}"), len);
            let weight = tensor("pw_weight", outputs * inputs)?; // [outputs][inputs]
            let taps = tensor("dw_weight", outputs * 9)?; // [outputs][9]
            for output in 0..*outputs {
                for input in 0..inputs {
                    pointwise[input * channels + first + output] = weight[output * inputs + input];
                }
                for tap in 0..9 {
                    spatial[tap * channels + first + output] = taps[output * 9 + tap];
                }
            }
            pointwise_bias[first..first + outputs].copy_from_slice(&tensor("pw_bias", *outputs)?);
            spatial_bias[first..first + outputs].copy_from_slice(&tensor("dw_bias", *outputs)?);
            first += outputs;
        }
        let pointwise = Dense { taps: inputs, step: inputs, weights: pointwise, bias: pointwise_bias, relu: false };
        Ok(Layer::Separable(pointwise, Depthwise { weights: spatial, bias: spatial_bias, relu }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Graph;

    /// A picture that looks like nothing, laid so that it does not fill its input.
    fn noise(width: u32, height: u32, long_side: usize) -> (Letterbox, Vec<u8>) {
        let laid = Letterbox::new(width, height, long_side);
        let [inner_width, inner_height] = laid.inner;
        let mut state = 1_u32;
        let rgb = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        (laid, rgb.take(3 * inner_width * inner_height).collect())
    }

    /// The ONNX file's input: blue, green, red planes, black where the picture does not reach.
    fn planes(laid: &Letterbox, rgb: &[u8]) -> Vec<f32> {
        let ([inner_width, _], [width, height]) = (laid.inner, laid.outer);
        let mut planes = vec![0.0; 3 * height * width];
        for (i, value) in rgb.iter().enumerate() {
            let (pixel, channel) = (i / 3, 2 - i % 3);
            planes[(channel * height + pixel / inner_width) * width + pixel % inner_width] = f32::from(*value);
        }
        planes
    }

    fn apart(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    /// The engine runs the same file, layer by layer, with none of our code.
    #[test]
    fn the_heads_are_those_of_the_onnx_file() {
        let graph = Graph::load(ONNX.to_vec()).unwrap();
        let shelf = Shelf::default();
        for simd in Simd::all() {
            let network = Network::with_simd(Some(1), simd).unwrap();
            for (width, height, long_side) in [(150, 90, 150), (1, 1, 1), (33, 250, 250)] {
                let (laid, rgb) = noise(width, height, long_side);
                let expected = graph.run([1, 3, laid.outer[1], laid.outer[0]], &planes(&laid, &rgb)).unwrap();
                for (level, map) in network.forward(&laid, &rgb, &shelf).iter().enumerate() {
                    let mut first = 0;
                    for (head, (name, values)) in HEADS.into_iter().enumerate() {
                        let cells = map.values.as_chunks::<16>().0.iter().flat_map(|cell| &cell[first..first + values]);
                        let sigmoid = |v: &f32| if values == 1 { 1.0 / (1.0 + (-v).exp()) } else { *v };
                        let found: Vec<f32> = cells.map(sigmoid).collect();
                        let expected = &expected[3 * head + level].values;
                        let scale = expected.iter().fold(1.0_f32, |most, v| most.max(v.abs()));
                        let off = apart(&found, expected);
                        assert!(off <= 1e-4 * scale, "{simd:?}, {width} x {height}: {name} of level {level} is {off} off");
                        first += values;
                    }
                }
            }
        }
    }

    #[test]
    fn bands_beside_each_other_give_the_same_bits() {
        let (laid, rgb) = noise(400, 610, 610);
        let network = Network::with_simd(Some(1), Simd::best()).unwrap();
        let shelf = Shelf::default();
        let whole = network.forward_in(1, &laid, &rgb, &shelf);
        for bands in [2, 3, 7, 100] {
            let parts = network.forward_in(bands, &laid, &rgb, &shelf);
            assert!(whole.iter().zip(&parts).all(|(a, b)| a.values[..] == b.values[..]), "{bands} bands");
        }
    }
}
