//! Gradients of the kernels, as nodes of Burn's graph.

use std::sync::Arc;

use burn::backend::{
    Autodiff, Flex, TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use super::{
    conv::{self, Geometry},
    dropout::Mask,
    layout::{Picture, Rows, from_nhwc, like, owned},
    norm,
    ops::{FastOps, Maybe, geometry, precision},
    pool,
    precision::Arithmetic,
    weight_gradient,
};

type FlexTensor = FloatTensor<Flex>;

#[derive(Debug)]
struct ConvNode;

#[derive(Clone, Debug)]
struct ConvState {
    x: FlexTensor,
    weight: FlexTensor,
    /// The output, when a ReLU followed.
    y: Option<FlexTensor>,
    stride: usize,
    padding: usize,
    bf16: bool,
}

/// Gradient of the convolution's result before ReLU, and its sum over pixels if asked.
fn conv_output_gradient(g: &Geometry, y: Option<FlexTensor>, dy: FlexTensor, bias: bool) -> (Vec<f32>, Option<Vec<f32>>) {
    let mut dy = Picture::new(dy).into_values();
    let sum = match y {
        Some(y) => Some(norm::mask_and_sum_rows(Picture::new(y).values(), &mut dy, g.o)),
        None => bias.then(|| norm::sum_rows(&dy, g.o)),
    };
    (dy, sum)
}

impl ConvState {
    fn backward(self, dy: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let g = geometry(&self.x, &self.weight, self.stride, self.padding);
        let (dy, dbias) = conv_output_gradient(&g, self.y, dy, wanted[2]);
        let dx = wanted[0].then(|| {
            let dx = conv::input_gradient(&Arithmetic::new(precision(self.bf16), g.o), &g, &dy, Rows::new(self.weight).values());
            from_nhwc(dx, [g.n, g.h, g.w, g.c])
        });
        let dweight = wanted[1].then(|| {
            let x = Picture::new(self.x);
            let dweight = weight_gradient::weight_gradient(&Arithmetic::new(precision(self.bf16), g.c), &g, x.values(), &dy);
            owned(dweight, [g.o, g.c, g.kh, g.kw])
        });
        [dx, dweight, dbias.map(|sum| owned(sum, [g.o]))]
    }
}

/// Hands each wanted gradient to its parent.
macro_rules! register {
    ($grads:expr, $parents:expr, $made:expr) => {
        for (parent, gradient) in $parents.into_iter().zip($made) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                $grads.register::<Flex>(parent.id, gradient);
            }
        }
    };
}

impl Backward<Flex, 2> for ConvNode {
    type State = ConvState;

    fn backward(self, ops: Ops<ConvState, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let wanted = [ops.parents[0].is_some(), ops.parents[1].is_some(), false];
        let [dx, dweight, _] = ops.state.backward(dy, wanted);
        register!(grads, ops.parents, [dx, dweight]);
    }
}

impl Backward<Flex, 3> for ConvNode {
    type State = ConvState;

    fn backward(self, ops: Ops<ConvState, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let wanted = [0, 1, 2].map(|i| ops.parents[i].is_some());
        let made = ops.state.backward(dy, wanted);
        register!(grads, ops.parents, made);
    }
}

#[derive(Debug)]
struct NormNode;

#[derive(Clone, Debug)]
struct NormState {
    x: FlexTensor,
    /// The output, when a shortcut was added.
    y: Option<FlexTensor>,
    gamma: FlexTensor,
    beta: FlexTensor,
    mean: FlexTensor,
    variance: FlexTensor,
    epsilon: f32,
    relu: bool,
}

impl NormState {
    fn backward(self, dy: FlexTensor) -> [Option<FlexTensor>; 4] {
        let x = Picture::new(self.x);
        let y = self.y.map(Picture::new);
        let [gamma, beta, mean, variance] = [self.gamma, self.beta, self.mean, self.variance].map(Rows::new);
        let saved = norm::Saved {
            x: x.values(),
            y: y.as_ref().map(Picture::values),
            gamma: gamma.values(),
            beta: beta.values(),
            mean: mean.values(),
            variance: variance.values(),
            epsilon: self.epsilon,
            relu: self.relu,
        };
        let made = norm::backward(&saved, Picture::new(dy).into_values());
        let channels = made.dgamma.len();
        [
            Some(x.same_shape(made.dx)),
            Some(owned(made.dgamma, [channels])),
            Some(owned(made.dbeta, [channels])),
            made.dshortcut.map(|d| x.same_shape(d)),
        ]
    }
}

impl Backward<Flex, 3> for NormNode {
    type State = NormState;

    fn backward(self, ops: Ops<NormState, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let made = ops.state.backward(dy);
        register!(grads, ops.parents, made);
    }
}

impl Backward<Flex, 4> for NormNode {
    type State = NormState;

    fn backward(self, ops: Ops<NormState, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let made = ops.state.backward(dy);
        register!(grads, ops.parents, made);
    }
}

#[derive(Debug)]
struct MaxPoolNode;

#[derive(Clone, Debug)]
struct MaxPoolState {
    winners: Arc<Vec<u8>>,
    /// `[n, h, w, c]` of the input.
    shape: [usize; 4],
}

impl Backward<Flex, 1> for MaxPoolNode {
    type State = MaxPoolState;

    fn backward(self, ops: Ops<MaxPoolState, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Picture::new(grads.consume::<Flex>(&ops.node));
        let dx = pool::max_backward(&ops.state.winners, dy.values(), ops.state.shape);
        register!(grads, ops.parents, [Some(from_nhwc(dx, ops.state.shape))]);
    }
}

#[derive(Debug)]
struct MeanNode;

impl Backward<Flex, 1> for MeanNode {
    /// `[n, h, w, c]` of the input.
    type State = [usize; 4];

    fn backward(self, ops: Ops<[usize; 4], 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Rows::new(grads.consume::<Flex>(&ops.node));
        let [_, h, w, c] = ops.state;
        let dx = pool::mean_backward(dy.values(), h * w, c);
        register!(grads, ops.parents, [Some(from_nhwc(dx, ops.state))]);
    }
}

#[derive(Debug)]
struct DropoutNode;

impl Backward<Flex, 1> for DropoutNode {
    type State = Mask;

    fn backward(self, ops: Ops<Mask, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Picture::new(grads.consume::<Flex>(&ops.node));
        let dx = dy.map(|values| ops.state.apply(values));
        register!(grads, ops.parents, [Some(dx)]);
    }
}

/// Runs the inner operation and registers its node with the given inputs.
macro_rules! differentiable {
    ($node:ident, [$($input:expr),+], $strategy:ty, $run:expr, $state:expr) => {{
        let nodes = [$($input.node()),+];
        match $node.prepare::<$strategy>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let output = $run;
                let state = $state(&output);
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => {
                let output = $run;
                prepared.finish(output)
            }
        }
    }};
}

impl<C: CheckpointStrategy> FastOps for Autodiff<Flex, C> {
    fn fast_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        stride: usize,
        padding: usize,
        relu: bool,
        bf16: bool,
    ) -> FloatTensor<Self> {
        let bias = bias.into_option();
        let run = |bias: Option<FlexTensor>| {
            let (x, weight) = (x.primitive().clone(), weight.primitive().clone());
            Flex::fast_conv2d(x, weight, bias.into(), stride, padding, relu, bf16)
        };
        let state = |y: &FlexTensor| ConvState {
            x: x.primitive().clone(),
            weight: weight.primitive().clone(),
            y: relu.then(|| y.clone()),
            stride,
            padding,
            bf16,
        };
        match &bias {
            Some(bias) => differentiable!(ConvNode, [x, weight, bias], C, run(Some(bias.primitive().clone())), state),
            None => differentiable!(ConvNode, [x, weight], C, run(None), state),
        }
    }

    fn fast_batch_norm(
        x: FloatTensor<Self>,
        shortcut: Maybe<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let shortcut = shortcut.into_option();
        let (y, mean, variance) = Flex::fast_batch_norm(
            x.primitive().clone(),
            shortcut.as_ref().map(|s| s.primitive().clone()).into(),
            gamma.primitive().clone(),
            beta.primitive().clone(),
            epsilon,
            relu,
        );
        let state = |y: &FlexTensor| NormState {
            x: x.primitive().clone(),
            y: shortcut.is_some().then(|| y.clone()),
            gamma: gamma.primitive().clone(),
            beta: beta.primitive().clone(),
            mean: mean.clone(),
            variance: variance.clone(),
            epsilon: epsilon as f32,
            relu,
        };
        let y = match &shortcut {
            Some(shortcut) => {
                differentiable!(NormNode, [x, gamma, beta, shortcut], C, y.clone(), state)
            }
            None => differentiable!(NormNode, [x, gamma, beta], C, y.clone(), state),
        };
        (y, like::<C>(mean), like::<C>(variance))
    }
    fn fast_max_pool2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let picture = Picture::new(x.primitive().clone());
        let shape = picture.shape();
        let [n, h, w, c] = shape;
        let pool::Pooled { y, winners } = pool::max_forward(picture.values(), shape);
        let y = from_nhwc(y, [n, h / 2, w / 2, c]);
        let state = |_: &FlexTensor| MaxPoolState { winners: Arc::new(winners), shape };
        differentiable!(MaxPoolNode, [x], C, y, state)
    }

    fn fast_global_average_pool(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [n, c, h, w] = x.primitive().shape().dims();
        let run = || Flex::fast_global_average_pool(x.primitive().clone());
        differentiable!(MeanNode, [x], C, run(), |_: &FlexTensor| [n, h, w, c])
    }

    fn fast_dropout(x: FloatTensor<Self>, key: u64, rate: f64) -> FloatTensor<Self> {
        let run = || Flex::fast_dropout(x.primitive().clone(), key, rate);
        differentiable!(DropoutNode, [x], C, run(), |_: &FlexTensor| Mask { key, rate })
    }
}
