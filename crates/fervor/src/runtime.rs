//! Runs one ONNX graph: on our own kernels where they know all of it, else on the general engine, if this program holds it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Reason, Result};
use crate::onnx::ModelProto;

#[cfg_attr(not(feature = "general"), path = "runtime/absent.rs")]
mod general;
mod plan;
#[cfg(all(test, feature = "general"))]
mod tests;
mod threads;

use general::General;
use plan::Plan;
use threads::{Lanes, Threads, Workers};

/// A loaded graph with one f32 input `[n, c, h, w]`. Immutable and shared between threads.
pub struct Graph(Engine);

/// What runs a graph.
enum Engine {
    /// Our kernels.
    Own { plan: Box<Plan>, threads: Threads<Workers> },
    /// Everything in ONNX.
    General(Box<General>),
}

/// For maps that convolutions read in whole numbers, by name: the number that the greatest of those stands for.
pub(crate) type Greatest = BTreeMap<String, f32>;

/// One f32 output of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

impl Graph {
    /// Loads an ONNX model.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the engine cannot read it, or it has more than one input.
    pub fn load(onnx: Vec<u8>) -> Result<Self> {
        let plan = ModelProto::parse(&onnx).ok().and_then(|model| Plan::of(&model, None));
        plan.map_or_else(|| Self::load_general(onnx), |plan| Ok(Self::own(plan)))
    }

    /// Loads an ONNX model that is parsed already, from the same bytes; on our kernels with the steps of 8 bits, where there are any.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn load_parsed(model: ModelProto, onnx: &[u8], eight_bit: Option<&Greatest>) -> Result<Self> {
        Plan::of(&model, eight_bit).map_or_else(|| Self::load_general(onnx.to_vec()), |plan| Ok(Self::own(plan)))
    }

    /// Loads an ONNX model with the steps of 8 bits. `None`: our kernels do not know all of it.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): it cannot be read.
    pub(crate) fn load_eight_bit(onnx: &[u8], eight_bit: &Greatest) -> Result<Option<Self>> {
        Ok(Plan::of(&ModelProto::parse(onnx)?, Some(eight_bit)).map(Self::own))
    }

    /// Loads an ONNX model on the general engine whatever is in it: a second opinion on our kernels.
    ///
    /// # Errors
    /// As [`load`](Self::load), and [`Unsupported`](Reason::Unsupported) in a program built without that engine.
    pub fn load_general(onnx: Vec<u8>) -> Result<Self> {
        Ok(Self(Engine::General(Box::new(General::load(onnx)?))))
    }

    fn own(plan: Plan) -> Self {
        Self(Engine::Own { plan: Box::new(plan), threads: Threads::All })
    }

    /// Runs on this many threads from now on; without it, on the engine's own pool (all cores).
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self(match self.0 {
            Engine::Own { plan, .. } => Engine::Own { plan, threads: Threads::Shared(Arc::new(Workers::new(threads))) },
            Engine::General(mut general) => {
                general.set_threads(threads);
                Engine::General(general)
            }
        })
    }

    /// Runs up to `lanes` times at once from now on, each on one thread: for a service, whose requests are what runs in parallel.
    #[must_use]
    pub fn with_lanes(self, lanes: usize) -> Self {
        Self(match self.0 {
            // Our kernels run on the caller's own thread: a lane only counts.
            Engine::Own { plan, .. } => Engine::Own { plan, threads: Threads::Lanes(Lanes::new(lanes, Workers::caller)) },
            Engine::General(mut general) => {
                general.set_lanes(lanes);
                Engine::General(general)
            }
        })
    }

    /// Runs the graph on `values`, row-major of `shape` `[n, c, h, w]`; the outputs come in the graph's order.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the graph fails on this shape, or gives something other than f32.
    pub fn run(&self, shape: [usize; 4], values: &[f32]) -> Result<Vec<Output>> {
        match &self.0 {
            Engine::Own { plan, threads } => {
                fits(plan, shape, values)?;
                Ok(vec![on(threads, |parallel| plan.run(values, parallel))])
            }
            Engine::General(general) => general.run(shape, values),
        }
    }

    /// Runs pictures one by one and shows the numbers of each map that a convolution reads and could read in whole numbers, with the
    /// map's name; zeros around a map are with them. `false`: another engine than ours runs the graph.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn observe(&self, shape: [usize; 4], values: &[f32], tell: &mut dyn FnMut(&str, &[f32])) -> Result<bool> {
        let Engine::Own { plan, .. } = &self.0 else { return Ok(false) };
        fits(plan, shape, values)?;
        plan.observe(values, tell);
        Ok(true)
    }

    /// Runs the graph only as far as the value of this name. `None` where the engine knows no such value, having fused it away.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_to_value(&self, name: &str, shape: [usize; 4], values: &[f32]) -> Result<Option<Output>> {
        match &self.0 {
            Engine::Own { plan, threads } => {
                fits(plan, shape, values)?;
                Ok(on(threads, |parallel| plan.run_to_value(name, values, parallel)))
            }
            Engine::General(general) => general.run_to_value(name, shape, values),
        }
    }
}

/// Works where our kernels run; `work` hears whether it may use several threads.
fn on<R: Send>(threads: &Threads<Workers>, work: impl FnOnce(bool) -> R + Send) -> R {
    match threads {
        Threads::All => work(true),
        Threads::Shared(workers) => workers.run(|| work(true)),
        Threads::Lanes(lanes) => {
            let _lane = lanes.take();
            work(false)
        }
    }
}

fn fits(plan: &Plan, shape: [usize; 4], values: &[f32]) -> Result<()> {
    let [n, c, h, w] = shape;
    if [c, h, w] != plan.input() || values.len() != n * c * h * w {
        let takes = plan.input();
        return Err(
            Error::model(format!("the network fails on input {shape:?}: it takes {takes:?} a picture")).because(Reason::Mismatch)
        );
    }
    Ok(())
}
