//! Runs one ONNX graph: on our own kernels where they know all of it, else on the general engine. The only file that names
//! that engine.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use prost::Message;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

use crate::error::{Error, Reason, Result};
use crate::onnx::ModelProto;

mod plan;
#[cfg(test)]
mod tests;

use plan::Plan;

/// A loaded graph with one f32 input `[n, c, h, w]`. Immutable and shared between threads.
pub struct Graph {
    engine: Engine,
    threads: Threads,
}

/// What runs a graph.
enum Engine {
    /// Our kernels.
    Own(Box<Plan>),
    /// Everything in ONNX.
    General { model: Box<Model>, input: NodeId, outputs: Vec<NodeId> },
}

/// Where a graph runs.
enum Threads {
    /// On all cores: the general engine's pool, or rayon's.
    All,
    /// On a pool that all runs share.
    Shared(Arc<ThreadPool>),
    /// Each run on one of these, by itself.
    Lanes(Lanes),
}

/// Pools of one thread each, and those of them that are free.
struct Lanes {
    free: Mutex<Vec<Arc<ThreadPool>>>,
    returned: Condvar,
}

/// A lane on loan.
struct Lane<'a> {
    lanes: &'a Lanes,
    pool: Arc<ThreadPool>,
}

impl Lanes {
    /// A free lane, once there is one.
    fn take(&self) -> Lane<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(pool) = free.pop() {
                return Lane { lanes: self, pool };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.lanes.free.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.pool));
        self.lanes.returned.notify_one();
    }
}

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
        let plan = ModelProto::parse(&onnx).ok().and_then(|model| Plan::of(&model));
        match plan {
            Some(plan) => Ok(Self { engine: Engine::Own(Box::new(plan)), threads: Threads::All }),
            None => Self::load_general(onnx),
        }
    }

    /// Loads an ONNX model that is parsed already, from the same bytes.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn load_parsed(model: ModelProto, onnx: &[u8]) -> Result<Self> {
        match Plan::of(&model) {
            Some(plan) => Ok(Self { engine: Engine::Own(Box::new(plan)), threads: Threads::All }),
            None => Self::load_general(onnx.to_vec()),
        }
    }

    /// Loads an ONNX model on the general engine whatever is in it: a second opinion on our kernels.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_general(onnx: Vec<u8>) -> Result<Self> {
        // It knows no f16. Of a file that says more than our messages hold nothing is written anew.
        let whole = ModelProto::parse_stored(&onnx).ok().filter(|model| model.encoded_len() == onnx.len());
        let widened = whole.and_then(|mut model| model.widen().then(|| model.encode_to_vec()));
        let onnx = widened.unwrap_or(onnx);
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(onnx)
            .map_err(|e| Error::model("the network cannot be loaded").because(Reason::Unsupported).with_source(e.to_string()))?;
        let &[input] = model.input_ids() else {
            return Err(Error::model(format!("the network must have one input, it has {}", model.input_ids().len())));
        };
        let outputs = model.output_ids().to_vec();
        Ok(Self { engine: Engine::General { model: Box::new(model), input, outputs }, threads: Threads::All })
    }

    /// Runs on this many threads from now on; without it, on the engine's own pool (all cores).
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Threads::Shared(Arc::new(ThreadPool::with_num_threads(threads.max(1))));
        self
    }

    /// Runs up to `lanes` times at once from now on, each on one thread: for a service, whose requests are what runs in parallel.
    #[must_use]
    pub fn with_lanes(mut self, lanes: usize) -> Self {
        let free = (0..lanes.max(1)).map(|_| Arc::new(ThreadPool::with_num_threads(1))).collect();
        self.threads = Threads::Lanes(Lanes { free: Mutex::new(free), returned: Condvar::new() });
        self
    }

    /// Runs the graph on `values`, row-major of `shape` `[n, c, h, w]`; the outputs come in the graph's order.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the graph fails on this shape, or gives something other than f32.
    pub fn run(&self, shape: [usize; 4], values: &[f32]) -> Result<Vec<Output>> {
        match &self.engine {
            Engine::Own(plan) => {
                fits(plan, shape, values)?;
                Ok(vec![self.on_threads(|parallel| plan.run(values, parallel))])
            }
            Engine::General { outputs, .. } => self.run_general(outputs, shape, values),
        }
    }

    /// Runs the graph only as far as the value of this name. `None` where the engine knows no such value, having fused it away.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_to_value(&self, name: &str, shape: [usize; 4], values: &[f32]) -> Result<Option<Output>> {
        match &self.engine {
            Engine::Own(plan) => {
                fits(plan, shape, values)?;
                Ok(self.on_threads(|parallel| plan.run_to_value(name, values, parallel)))
            }
            Engine::General { model, .. } => {
                let Some(node) = model.find_node(name) else { return Ok(None) };
                Ok(self.run_general(&[node], shape, values)?.pop())
            }
        }
    }

    /// Works on this graph's threads; `work` hears whether it may use several.
    fn on_threads<R: Send>(&self, work: impl FnOnce(bool) -> R + Send) -> R {
        match &self.threads {
            Threads::All => work(true),
            Threads::Shared(pool) => pool.run(|| work(true)),
            Threads::Lanes(lanes) => {
                let _lane = lanes.take();
                work(false)
            }
        }
    }

    fn run_general(&self, outputs: &[NodeId], shape: [usize; 4], values: &[f32]) -> Result<Vec<Output>> {
        let Engine::General { model, input, .. } = &self.engine else { unreachable!("asked of the general engine only") };
        let view = NdTensorView::from_data(shape, values);
        let (lane, pool) = match &self.threads {
            Threads::All => (None, None),
            Threads::Shared(pool) => (None, Some(Arc::clone(pool))),
            Threads::Lanes(lanes) => {
                let lane = lanes.take();
                let pool = Arc::clone(&lane.pool);
                (Some(lane), Some(pool))
            }
        };
        let options = RunOptions::default().with_thread_pool(pool);
        let outputs = model
            .run(vec![(*input, view.into())], outputs, Some(options))
            .map_err(|e| Error::model(format!("the network fails on input {shape:?}")).with_source(e.to_string()))?;
        drop(lane);
        outputs.into_iter().map(read_output).collect()
    }
}

fn fits(plan: &Plan, shape: [usize; 4], values: &[f32]) -> Result<()> {
    let [n, c, h, w] = shape;
    if [c, h, w] != plan.input() || values.len() != n * c * h * w {
        let takes = plan.input();
        return Err(Error::model(format!("the network fails on input {shape:?}: it takes {takes:?} a picture")));
    }
    Ok(())
}

fn read_output(value: Value) -> Result<Output> {
    let Value::FloatTensor(tensor) = value else {
        return Err(Error::model("the network's output is not f32"));
    };
    Ok(Output { shape: tensor.shape().to_vec(), values: tensor.to_vec() })
}
