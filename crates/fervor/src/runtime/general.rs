//! The general engine (`rten`), which runs everything in ONNX. The only file that names it.

use std::sync::Arc;

use prost::Message;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

use super::Output;
use super::threads::{Lanes, Threads};
use crate::error::{Error, Reason, Remedy, Result};
use crate::onnx::ModelProto;

mod lengths;

/// A graph on the general engine.
pub struct General {
    model: Model,
    input: NodeId,
    outputs: Vec<NodeId>,
    threads: Threads<ThreadPool>,
}

impl General {
    /// # Errors
    /// `Model`: the engine cannot read it, or it has more than one input.
    pub fn load(onnx: Vec<u8>) -> Result<Self> {
        if !lengths::hold(&onnx) {
            return Err(Error::model("not an ONNX model: a length in it leaves the message that states it")
                .because(Reason::Damaged)
                .with_remedy(Remedy::CopyAgain));
        }
        // It knows no f16. Of a file that says more than our messages hold nothing is written anew.
        let whole = ModelProto::parse_stored(&onnx).ok().filter(|model| model.encoded_len() == onnx.len());
        let widened = whole.and_then(|mut model| model.widen().then(|| model.encode_to_vec()));
        let onnx = widened.unwrap_or(onnx);
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(onnx)
            .map_err(|e| Error::model("the network cannot be loaded").because(Reason::Unsupported).with_source(e.to_string()))?;
        let &[input] = model.input_ids() else {
            let inputs = model.input_ids().len();
            return Err(Error::model(format!("the network must have one input, it has {inputs}")).because(Reason::Unsupported));
        };
        let outputs = model.output_ids().to_vec();
        Ok(Self { model, input, outputs, threads: Threads::All })
    }

    pub fn set_threads(&mut self, threads: usize) {
        self.threads = Threads::Shared(Arc::new(ThreadPool::with_num_threads(threads.max(1))));
    }

    pub fn set_lanes(&mut self, lanes: usize) {
        self.threads = Threads::Lanes(Lanes::new(lanes, || ThreadPool::with_num_threads(1)));
    }

    /// All outputs in the graph's order.
    pub fn run(&self, shape: [usize; 4], values: &[f32]) -> Result<Vec<Output>> {
        self.run_to(&self.outputs, shape, values)
    }

    /// The value of this name; `None` where the engine has fused it away.
    pub fn run_to_value(&self, name: &str, shape: [usize; 4], values: &[f32]) -> Result<Option<Output>> {
        let Some(node) = self.model.find_node(name) else { return Ok(None) };
        Ok(self.run_to(&[node], shape, values)?.pop())
    }

    fn run_to(&self, outputs: &[NodeId], shape: [usize; 4], values: &[f32]) -> Result<Vec<Output>> {
        match &self.threads {
            Threads::All => self.run_on(None, outputs, shape, values),
            Threads::Shared(pool) => self.run_on(Some(Arc::clone(pool)), outputs, shape, values),
            Threads::Lanes(lanes) => {
                let lane = lanes.take();
                let run = || self.run_on(Some(Arc::clone(&lane.pool)), outputs, shape, values);
                match rayon::current_thread_index() {
                    None => run(),
                    // A worker that waits for another pool takes up more of its own pool's work: it would come here again and wait for
                    // the lane that it holds itself. A thread of no pool just waits.
                    Some(_) => std::thread::scope(|scope| {
                        let begun = std::thread::Builder::new().spawn_scoped(scope, run);
                        let thread =
                            begun.map_err(|e| Error::model("no thread can be started for the network").with_source(e))?;
                        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                    }),
                }
            }
        }
    }

    fn run_on(
        &self,
        pool: Option<Arc<ThreadPool>>,
        outputs: &[NodeId],
        shape: [usize; 4],
        values: &[f32],
    ) -> Result<Vec<Output>> {
        let view = NdTensorView::from_data(shape, values);
        let options = RunOptions::default().with_thread_pool(pool);
        let outputs = self
            .model
            .run(vec![(self.input, view.into())], outputs, Some(options))
            .map_err(|e| Error::model(format!("the network fails on input {shape:?}")).with_source(e.to_string()))?;
        outputs.into_iter().map(read_output).collect()
    }
}

fn read_output(value: Value) -> Result<Output> {
    let Value::FloatTensor(tensor) = value else {
        return Err(Error::model("the network's output is not f32").because(Reason::Unsupported));
    };
    Ok(Output { shape: tensor.shape().to_vec(), values: tensor.to_vec() })
}
