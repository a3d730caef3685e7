//! Our kernels against the general engine, on graphs like those of the networks.

use prost::Message;
use rayon::prelude::*;

use super::*;
use crate::onnx::GraphBuilder;

/// Values between -1 and 1, not the same for any two neighbours.
fn values(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i + seed) * 37 % 101) as f32 / 50.0 - 1.0).collect()
}

/// A convolution of small weights, so that sums stay near 1.
fn conv(b: &mut GraphBuilder, x: &str, [out, channels, k]: [usize; 3], stride: usize, padding: usize) -> String {
    let depth = channels * k * k;
    let weight: Vec<f32> = values(out * depth, out).iter().map(|w| w / (depth as f32).sqrt()).collect();
    b.conv(x, &weight, [out, channels, k, k], Some(&values(out, 3)), stride, padding)
}

fn dense(b: &mut GraphBuilder, x: &str, [out, depth]: [usize; 2]) -> String {
    let weight: Vec<f32> = values(out * depth, out).iter().map(|w| w / (depth as f32).sqrt()).collect();
    b.dense(x, &weight, [out, depth], &values(out, 5))
}

/// Stem, a widening residual block, a plain one, means, classifier.
fn residual() -> ModelProto {
    let mut b = GraphBuilder::new("residual", "pixels", [1, 20, 20]);
    let x = b.scale("pixels", 1.0 / 64.0, -2.0);
    let x = conv(&mut b, &x, [20, 1, 3], 1, 1);
    let x = b.relu(&x);
    let x = b.max_pool(&x, 2, 2);
    let shortcut = conv(&mut b, &x, [36, 20, 1], 1, 0);
    let y = conv(&mut b, &x, [36, 20, 3], 1, 1);
    let y = b.relu(&y);
    let y = conv(&mut b, &y, [36, 36, 3], 1, 1);
    let y = b.add(&y, &shortcut);
    let x = b.relu(&y);
    let y = conv(&mut b, &x, [36, 36, 3], 1, 1);
    let y = b.relu(&y);
    let y = conv(&mut b, &y, [36, 36, 3], 1, 1);
    let y = b.add(&y, &x);
    let x = b.relu(&y);
    let x = b.max_pool(&x, 2, 2);
    let x = b.global_average_pool(&x);
    let x = b.flatten(&x);
    let x = dense(&mut b, &x, [7, 36]);
    b.finish(&x, "logits", 7)
}

/// Colours, convolutions without padding, an affine map after a ReLU, odd sides, two dense layers.
fn chain() -> ModelProto {
    let mut b = GraphBuilder::new("chain", "pixels", [3, 31, 29]);
    let x = b.scale("pixels", 1.0 / 255.0, 0.0);
    let x = conv(&mut b, &x, [33, 3, 3], 1, 0);
    let x = b.relu(&x);
    let x = b.scale_channels(&x, &values(33, 1), &values(33, 2));
    let x = b.max_pool(&x, 2, 2);
    let x = conv(&mut b, &x, [16, 33, 5], 2, 2);
    let x = b.relu(&x);
    let x = b.max_pool(&x, 3, 2);
    let x = b.flatten(&x);
    let x = dense(&mut b, &x, [12, 16 * 3 * 3]);
    let x = b.relu(&x);
    let x = dense(&mut b, &x, [3, 12]);
    b.finish(&x, "logits", 3)
}

fn assert_close(found: &Output, expected: &Output) {
    assert_eq!(found.shape, expected.shape);
    for (a, b) in found.values.iter().zip(&expected.values) {
        assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{a} instead of {b}");
    }
}

#[test]
fn our_kernels_answer_as_the_general_engine_does() {
    for model in [residual(), chain()] {
        let bytes = model.encode_to_vec();
        let own = Graph::load(bytes.clone()).unwrap();
        let Engine::Own { plan, .. } = &own.0 else { panic!("the plan knows all of it") };
        let general = Graph::load_general(bytes).unwrap();
        let [c, h, w] = plan.input();
        for n in [1, 2, 5, 37] {
            let pixels: Vec<f32> = values(n * c * h * w, n).iter().map(|value| 127.5 + 127.5 * value).collect();
            let found = own.run([n, c, h, w], &pixels).unwrap();
            let expected = general.run([n, c, h, w], &pixels).unwrap();
            assert_close(&found[0], &expected[0]);
        }
    }
}

#[test]
fn what_the_last_dense_layer_reads_is_the_same_in_both_engines() {
    for model in [residual(), chain()] {
        let name = crate::onnx::last_dense_input(&model).unwrap().to_owned();
        let bytes = model.encode_to_vec();
        let (own, general) = (Graph::load(bytes.clone()).unwrap(), Graph::load_general(bytes).unwrap());
        let Engine::Own { plan, .. } = &own.0 else { panic!("the plan knows all of it") };
        let [c, h, w] = plan.input();
        let pixels = values(3 * c * h * w, 1);
        let found = own.run_to_value(&name, [3, c, h, w], &pixels).unwrap().expect("kept");
        if let Some(expected) = general.run_to_value(&name, [3, c, h, w], &pixels).unwrap() {
            assert_eq!(found.values.len(), expected.values.len());
            assert_close(&found, &Output { shape: found.shape.clone(), ..expected });
        }
        assert!(own.run_to_value("no such value", [3, c, h, w], &pixels).unwrap().is_none());
    }
}

#[test]
fn answers_are_the_same_to_the_last_bit_on_any_number_of_threads_and_in_any_group() {
    let bytes = residual().encode_to_vec();
    let pixels: Vec<f32> = values(33 * 400, 4).iter().map(|value| 127.5 + 127.5 * value).collect();
    let all = Graph::load(bytes.clone()).unwrap().run([33, 1, 20, 20], &pixels).unwrap();
    for graph in [Graph::load(bytes.clone()).unwrap().with_threads(1), Graph::load(bytes).unwrap().with_lanes(2)] {
        assert_eq!(graph.run([33, 1, 20, 20], &pixels).unwrap(), all);
        for (i, picture) in pixels.chunks_exact(400).enumerate() {
            assert_eq!(graph.run([1, 1, 20, 20], picture).unwrap()[0].values, all[0].values[i * 7..(i + 1) * 7]);
        }
    }
}

#[test]
fn workers_of_a_pool_that_share_a_lane_of_the_general_engine_all_come_to_an_answer() {
    let bytes = residual().encode_to_vec();
    let pixels: Vec<f32> = values(400, 4).iter().map(|value| 127.5 + 127.5 * value).collect();
    let graph = Graph::load_general(bytes).unwrap().with_lanes(1);
    let expected = graph.run([1, 1, 20, 20], &pixels).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let answers = pool.install(|| {
        let run = |_| graph.run([1, 1, 20, 20], &pixels).unwrap();
        (0..64).into_par_iter().map(run).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|answer| *answer == expected));
}

#[test]
fn graphs_that_the_plan_does_not_know_stay_with_the_general_engine() {
    let edit = |edit: &dyn Fn(&mut crate::onnx::GraphProto)| {
        let mut model = residual();
        edit(model.graph.as_mut().unwrap());
        Plan::of(&model, None).is_none()
    };
    assert!(!edit(&|_| {}), "the plan knows the graph as it is");
    let node = |graph: &mut crate::onnx::GraphProto, op: &str, change: &dyn Fn(&mut crate::onnx::NodeProto)| {
        change(graph.node.iter_mut().find(|node| node.op_type == op).unwrap());
    };
    assert!(edit(&|graph| node(graph, "Relu", &|node| node.op_type = "Sigmoid".into())), "another activation");
    assert!(edit(&|graph| node(graph, "Conv", &|node| node.attribute[1].ints = vec![1, 2])), "uneven strides");
    assert!(edit(&|graph| node(graph, "Conv", &|node| node.attribute[2].ints = vec![1, 1, 0, 0])), "uneven padding");
    assert!(edit(&|graph| node(graph, "MaxPool", &|node| node.attribute[0].name = "auto_pad".into())), "automatic padding");
    assert!(edit(&|graph| node(graph, "Gemm", &|node| node.attribute.clear())), "weights the other way round");
    assert!(edit(&|graph| graph.initializer.truncate(4)), "weights that are not there");
    assert!(edit(&|graph| node(graph, "Relu", &|node| node.domain = "mine".into())), "an operator of somebody else's");
    let dead = |graph: &mut crate::onnx::GraphProto| {
        let mut twice = graph.node[0].clone();
        twice.output[0] = "dead".into();
        graph.node.insert(0, twice);
    };
    assert!(edit(&dead), "an input that two nodes read");
    let unflattened = |graph: &mut crate::onnx::GraphProto| {
        let at = graph.node.iter().position(|node| node.op_type == "Flatten").unwrap();
        let flatten = graph.node.remove(at);
        graph.node[at].input[0].clone_from(&flatten.input[0]);
    };
    assert!(edit(&unflattened), "a dense layer that reads four dimensions");
    let named = |graph: &mut crate::onnx::GraphProto| {
        let shape = graph.input[0].kind.as_mut().unwrap().tensor_type.as_mut().unwrap().shape.as_mut().unwrap();
        shape.dim[2].dim_value = None;
    };
    assert!(edit(&named), "a side that is only named");
}

#[test]
fn an_input_of_another_shape_is_an_error() {
    let graph = Graph::load(residual().encode_to_vec()).unwrap();
    let e = graph.run([1, 1, 24, 24], &vec![0.0; 576]).unwrap_err();
    assert!(e.to_string().contains("[1, 1, 24, 24]"), "{e}");
}
