//! Pictures a second of a whole training step (forward, backward, Adam), with Fervor's layers and with
//! Burn's own, turn by turn in one process: other work on the machine slows both alike.
//!
//! `cargo bench -p fervor-train --bench training [-- NAME... [--rounds N] [--batch N]]`

use std::time::Instant;

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor, TensorData, activation::relu, module::max_pool2d, ops::MaxPoolOptions},
};
use burn_nn::{self as nn, PaddingConfig2d, loss::CrossEntropyLossConfig};
use burn_optim::{AdamConfig, GradientsParams};
use fervor_train::layers;

/// One layer, ours or Burn's.
#[allow(clippy::large_enum_variant)] // A dozen of them.
#[derive(Module, Debug)]
enum Layer {
    Conv(Conv),
    Norm(Norm),
    Relu(bool),
    Pool(bool),
    Dropout(Dropout),
    GlobalPool(bool),
    Flatten(bool),
    Block(Block),
}

#[derive(Module, Debug)]
enum Conv {
    Ours(layers::Conv2d),
    Burn(nn::conv::Conv2d),
}

#[derive(Module, Debug)]
enum Norm {
    Ours(layers::BatchNorm),
    Burn(nn::BatchNorm),
}

#[derive(Module, Debug)]
enum Dropout {
    Ours(layers::Dropout),
    Burn(nn::Dropout),
}

#[derive(Module, Debug)]
enum Linear {
    Ours(layers::Linear),
    Burn(nn::Linear),
}

#[derive(Module, Debug)]
struct Block {
    first: Conv,
    first_norm: Norm,
    second: Conv,
    second_norm: Norm,
    shortcut: Option<(Conv, Norm)>,
}

impl Conv {
    fn forward(&self, x: Tensor<4>, positive: bool) -> Tensor<4> {
        match self {
            Self::Ours(conv) if positive => conv.forward_relu(x),
            Self::Ours(conv) => conv.forward(x),
            Self::Burn(conv) if positive => relu(conv.forward(x)),
            Self::Burn(conv) => conv.forward(x),
        }
    }
}

impl Norm {
    fn forward<const D: usize>(&self, x: Tensor<D>, positive: bool) -> Tensor<D> {
        match self {
            Self::Ours(norm) if positive => norm.forward_relu(x),
            Self::Ours(norm) => norm.forward(x),
            Self::Burn(norm) if positive => relu(norm.forward(x)),
            Self::Burn(norm) => norm.forward(x),
        }
    }

    fn forward_add_relu(&self, x: Tensor<4>, shortcut: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Ours(norm) => norm.forward_add_relu(x, shortcut),
            Self::Burn(norm) => relu(norm.forward(x) + shortcut),
        }
    }
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.first_norm.forward(self.first.forward(x.clone(), false), true);
        let y = self.second.forward(y, false);
        let shortcut = match &self.shortcut {
            Some((conv, norm)) => norm.forward(conv.forward(x, false), false),
            None => x,
        };
        self.second_norm.forward_add_relu(y, shortcut)
    }
}

/// A convolutional part and a fully connected one (with ReLU, batch norm and dropout between).
#[derive(Module, Debug)]
struct Net {
    ours: bool,
    features: Vec<Layer>,
    head: Vec<(Linear, Norm, Dropout)>,
    logits: Linear,
}

impl Net {
    fn forward(&self, mut x: Tensor<4>) -> Tensor<2> {
        let mut flat = None;
        let mut features = self.features.iter().peekable();
        while let Some(layer) = features.next() {
            let mut fused = || matches!(features.peek(), Some(Layer::Relu(_))).then(|| features.next()).is_some();
            x = match layer {
                Layer::Conv(conv) => conv.forward(x, fused()),
                Layer::Norm(norm) => norm.forward(x, fused()),
                Layer::Relu(_) => relu(x),
                Layer::Pool(_) if self.ours => layers::max_pool2(x),
                Layer::Pool(_) => max_pool2d(x, MaxPoolOptions::new([2, 2])),
                Layer::Dropout(Dropout::Ours(dropout)) => dropout.forward(x),
                Layer::Dropout(Dropout::Burn(dropout)) => dropout.forward(x),
                Layer::Block(block) => block.forward(x),
                Layer::GlobalPool(_) => {
                    flat = Some(if self.ours {
                        layers::global_average_pool(x)
                    } else {
                        let [n, c, h, w] = x.dims();
                        x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c])
                    });
                    break;
                }
                Layer::Flatten(_) => {
                    flat = Some(x.flatten(1, 3));
                    break;
                }
            };
        }
        let mut flat = flat.expect("a network ends its pictures with a flatten or a global pool");
        for (linear, norm, dropout) in &self.head {
            flat = norm.forward(relu(dense(linear, flat)), false);
            flat = match dropout {
                Dropout::Ours(dropout) => dropout.forward(flat),
                Dropout::Burn(dropout) => dropout.forward(flat),
            };
        }
        dense(&self.logits, flat)
    }
}

fn dense(linear: &Linear, x: Tensor<2>) -> Tensor<2> {
    match linear {
        Linear::Ours(linear) => linear.forward(x),
        Linear::Burn(linear) => linear.forward(x),
    }
}

/// Makes layers of one kind.
struct Maker {
    ours: bool,
    device: Device,
}

impl Maker {
    fn conv(&self, i: usize, o: usize, kernel: usize, stride: usize, padding: usize, bias: bool) -> Conv {
        if self.ours {
            let config = layers::Conv2dConfig { stride, padding, bias, ..layers::Conv2dConfig::new(i, o, kernel) };
            Conv::Ours(config.init(&self.device))
        } else {
            let config = nn::conv::Conv2dConfig::new([i, o], [kernel; 2]).with_stride([stride; 2]).with_bias(bias);
            let padding = PaddingConfig2d::Explicit(padding, padding, padding, padding);
            Conv::Burn(config.with_padding(padding).init(&self.device))
        }
    }

    fn norm(&self, channels: usize) -> Norm {
        if self.ours {
            Norm::Ours(layers::BatchNormConfig::new(channels).init(&self.device))
        } else {
            Norm::Burn(nn::BatchNormConfig::new(channels).init(&self.device))
        }
    }

    fn dropout(&self, rate: f64) -> Dropout {
        if self.ours { Dropout::Ours(layers::Dropout::new(rate)) } else { Dropout::Burn(nn::DropoutConfig::new(rate).init()) }
    }

    fn linear(&self, i: usize, o: usize) -> Linear {
        if self.ours {
            Linear::Ours(layers::LinearConfig::new(i, o).init(&self.device))
        } else {
            Linear::Burn(nn::LinearConfig::new(i, o).init(&self.device))
        }
    }

    fn block(&self, i: usize, o: usize, stride: usize) -> Layer {
        Layer::Block(Block {
            first: self.conv(i, o, 3, stride, 1, false),
            first_norm: self.norm(o),
            second: self.conv(o, o, 3, 1, 1, false),
            second_norm: self.norm(o),
            shortcut: (i != o || stride != 1).then(|| (self.conv(i, o, 1, stride, 0, false), self.norm(o))),
        })
    }

    /// The network of System B: 48 x 48 grey.
    fn system_b(&self) -> Net {
        use Layer::{Conv, Flatten, Pool, Relu};
        let mut features = vec![Conv(self.conv(1, 32, 3, 1, 0, true)), Relu(true)];
        for (i, o, kernel) in [(32, 64, 3), (64, 128, 5), (128, 512, 3), (512, 512, 3)] {
            features.extend([Conv(self.conv(i, o, kernel, 1, kernel / 2, true)), Relu(true), Layer::Norm(self.norm(o))]);
            features.extend([Pool(true), Layer::Dropout(self.dropout(0.25))]);
        }
        features.push(Flatten(true));
        let head = [(2048, 256), (256, 512)];
        let head = head.map(|(i, o)| (self.linear(i, o), self.norm(o), self.dropout(0.25))).into();
        Net { ours: self.ours, features, head, logits: self.linear(512, 7) }
    }

    /// The network of System A: 128 x 128 colour.
    fn system_a(&self) -> Net {
        use Layer::{Conv, Flatten, Pool, Relu};
        let mut features = Vec::new();
        for (i, o) in [(3, 32), (32, 64), (64, 128)] {
            features.extend([Conv(self.conv(i, o, 3, 1, 0, true)), Relu(true), Pool(true)]);
        }
        features.push(Flatten(true));
        let head = vec![(self.linear(128 * 14 * 14, 128), self.norm(128), self.dropout(0.5))];
        Net { ours: self.ours, features, head, logits: self.linear(128, 3) }
    }

    /// A compact residual network: 48 x 48 grey.
    fn residual(&self) -> Net {
        let mut features = vec![Layer::Conv(self.conv(1, 32, 3, 1, 1, false)), Layer::Norm(self.norm(32))];
        features.extend([Layer::Relu(true), Layer::Pool(true)]);
        for (i, o, stride) in [(32, 48, 1), (48, 48, 1), (48, 96, 2), (96, 96, 1), (96, 192, 2), (192, 192, 1)] {
            features.push(self.block(i, o, stride));
        }
        features.push(Layer::GlobalPool(true));
        Net { ours: self.ours, features, head: Vec::new(), logits: self.linear(192, 7) }
    }
}

/// Elapsed seconds and processor seconds (all threads, Linux only) of one step.
fn time(step: &mut impl FnMut()) -> [f64; 2] {
    let (start, used) = (Instant::now(), processor_seconds());
    step();
    [start.elapsed().as_secs_f64(), processor_seconds() - used]
}

/// What this process has used so far. Unlike elapsed time it hardly depends on what else runs.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn stepper(net: Net, x: Tensor<4>, y: Tensor<1, Int>) -> impl FnMut() {
    let mut optimizer = AdamConfig::new().init();
    let loss = CrossEntropyLossConfig::new().init(&x.device());
    let mut net = Some(net);
    move || {
        let current = net.take().expect("put back after each step");
        let loss = loss.forward(current.forward(x.clone()), y.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &current);
        net = Some(optimizer.step(1e-4, current, gradients));
        assert!(loss.into_data().iter::<f32>().all(f32::is_finite), "the loss must stay finite");
    }
}

fn main() {
    let mut names = Vec::new();
    let (mut rounds, mut batch) = (3, 64);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number after the option");
        match argument.as_str() {
            "--rounds" => rounds = number(),
            "--batch" => batch = number(),
            "--bench" => {}
            name => names.push(name.to_owned()),
        }
    }
    let device = Device::flex().autodiff();
    type Make = fn(&Maker) -> Net;
    let networks: [(&str, usize, usize, Make); 3] =
        [("system-b", 1, 48, Maker::system_b), ("residual", 1, 48, Maker::residual), ("system-a", 3, 128, Maker::system_a)];
    for (name, channels, side, make) in networks {
        if !names.is_empty() && !names.iter().any(|n| n == name) {
            continue;
        }
        let len = batch * channels * side * side;
        let pixels: Vec<f32> = (0..len).map(|i| ((i * 7919) % 256) as f32 / 255.0).collect();
        let x = Tensor::from_data(TensorData::new(pixels, [batch, channels, side, side]), &device);
        let y = Tensor::from_data(TensorData::new((0..batch as i64).map(|i| i % 3).collect(), [batch]), &device);
        let [mut ours, mut burns] =
            [true, false].map(|ours| stepper(make(&Maker { ours, device: device.clone() }), x.clone(), y.clone()));
        time(&mut ours);
        time(&mut burns);
        let (mut best, mut best_burn) = ([f64::INFINITY; 2], [f64::INFINITY; 2]);
        for _ in 0..rounds {
            for (best, step) in [(&mut best, &mut ours as &mut dyn FnMut()), (&mut best_burn, &mut burns as &mut dyn FnMut())] {
                let seconds = time(&mut || step());
                *best = [best[0].min(seconds[0]), best[1].min(seconds[1])];
            }
        }
        for (whose, best) in [("ours", best), ("Burn's", best_burn)] {
            let [speed, processor] = [batch as f64 / best[0], 1e3 * best[1] / batch as f64];
            println!("{name:10} {whose:6} {speed:7.1} pictures/s, {processor:6.2} processor ms a picture");
        }
        let [elapsed, processor] = [best_burn[0] / best[0], best_burn[1] / best[1]];
        println!("{name:10} {elapsed:.2} times as fast, {processor:.2} times by processor time");
    }
}
